import { readFileSync, writeFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Disk, realDisk } from '../../edge/core/disk.ts';
import { Fault } from '../../edge/core/fault.ts';
import { systemError } from '../../edge/core/kit/traced-disk.ts';
import { type Sample, ValueKind } from '../../edge/core/sample.ts';
import { StoredFile } from './file.ts';
import { type FileEntry, FileWriter } from './file-writer.ts';
import { anySample, lineOf, TestFolder } from '../kit/history-kit.ts';
import { Points } from '../points/points.ts';
import { putSample } from '../points/put-sample.ts';
import { SeriesIndex } from './series-index.ts';

const NAME = '0000000001.mrh';

/** Samples with plain numbers. */
const numbers: fc.Arbitrary<Sample> = fc
  .record({ timeUs: fc.nat(1e9), value: fc.double({ noNaN: true, min: -100, max: 100 }) })
  .map((some) => ({ ...some, kind: ValueKind.double, quality: 0, flags: 0, serverTimeUs: null }));

/** Writes series of so many samples each and returns the entry and what stands in it. */
function write(
  folder: TestFolder,
  counts: readonly number[],
  kind: fc.Arbitrary<Sample> = anySample,
): { entry: FileEntry; lines: string[] } {
  const writer = new FileWriter(realDisk, folder.file(NAME));
  writer.open();
  const lines: string[] = [];
  const samples = fc.sample(kind, { numRuns: counts.reduce((sum, count) => sum + count, 0), seed: 1 });
  for (const [i, count] of counts.entries()) {
    const points = new Points(count);
    const ours = samples.splice(0, count).toSorted((a, b) => a.timeUs - b.timeUs);
    for (const [offset, sample] of ours.entries()) putSample(points, sample.timeUs, offset, sample, Number.NaN);
    writer.beginSeries(new TextEncoder().encode(`northmill/${i}`), 0);
    for (let at = 0; at < count; at += 300) writer.add(points, at, Math.min(at + 300, count));
    for (let k = 0; k < count; k++) lines.push(`${i} ${lineOf(points.sample(k, ['samples']))}`);
  }
  return { entry: writer.finish(['samples'], { sinceMs: 1, writtenMs: 1, erased: 0 }), lines };
}

/** What a file holds: lines, and samples that cannot be read. Throws the Fault of a file that cannot be opened. */
function read(folder: TestFolder, entry: FileEntry, disk: Disk = realDisk): { lines: string[]; missing: number } {
  const file = new StoredFile(disk, folder.path, entry);
  const series = new SeriesIndex();
  file.open(series, () => 0);
  const lines: string[] = [];
  let missing = 0;
  try {
    for (const id of file.series) {
      const list = file.blocks(id, 0, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
      for (let block = 0; block < (list?.count ?? 0); block++) {
        const points = list?.load(block);
        if (points === undefined) continue;
        if (points instanceof Fault) missing += list?.samples(block) ?? 0;
        else
          for (let i = 0; i < points.count; i++)
            lines.push(`${series.tag(id).slice(10)} ${lineOf(points.sample(i, ['samples']))}`);
      }
    }
  } finally {
    file.release();
  }
  return { lines, missing };
}

/** A disk of which each read is looked at first. */
function readingWith(look: (into: Uint8Array, position: number) => void): Disk {
  return {
    ...realDisk,
    read: (fd, into, position) => {
      look(into, position);
      return realDisk.read(fd, into, position);
    },
  };
}

/** The same, or undefined if the file is refused as damaged. */
function attempt(folder: TestFolder, entry: FileEntry): ReturnType<typeof read> | undefined {
  try {
    return read(folder, entry);
  } catch (error) {
    if (error instanceof Fault && error.code === 'historian-damaged') return undefined;
    throw error;
  }
}

describe('a file', () => {
  test('gives back what was written, series by series, over many blocks', () => {
    using folder = new TestFolder();
    const { entry, lines } = write(folder, [2500, 1, 1000, 999]);
    expect(entry).toMatchObject({ name: NAME, samples: 4500, bytes: readFileSync(folder.file(NAME)).length });
    expect(read(folder, entry)).toEqual({ lines, missing: 0 });
  });

  test('blocks end early where values are large, so that each stays within its bound', () => {
    using folder = new TestFolder();
    const writer = new FileWriter(realDisk, folder.file(NAME));
    writer.open();
    const points = new Points(8);
    for (let i = 0; i < 8; i++) {
      const value = new Uint8Array(500_000).map((_, k) => (k * 7919 * (i + 1)) >> 3);
      const sample = { timeUs: i, kind: ValueKind.bytes, value, quality: 0, flags: 0, serverTimeUs: null };
      putSample(points, i, i, sample, Number.NaN);
    }
    writer.beginSeries(new TextEncoder().encode('northmill/0'), 0);
    writer.add(points);
    const found = read(folder, writer.finish(['samples'], { sinceMs: 1, writtenMs: 1, erased: 0 }));
    expect(found.missing).toBe(0);
    expect(found.lines).toEqual(Array.from({ length: 8 }, (_, i) => `0 ${lineOf(points.sample(i, ['samples']))}`));
  });

  test('with any byte changed gives what is right of it, counts what is missing, or is refused as a whole', () => {
    using folder = new TestFolder();
    const { entry, lines } = write(folder, [20, 3, 11]);
    const whole = readFileSync(folder.file(NAME));
    const known = new Set(lines);
    const outcomes = { refused: 0, gaps: 0, untouched: 0 };
    for (let at = 0; at < whole.length; at++) {
      const changed = Uint8Array.from(whole);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      writeFileSync(folder.file(NAME), changed);
      const found = attempt(folder, entry);
      if (found === undefined) {
        outcomes.refused++;
        continue;
      }
      expect(found.lines.filter((line) => !known.has(line))).toEqual([]);
      expect(found.lines.length + found.missing).toBe(lines.length);
      if (found.missing > 0) outcomes.gaps++;
      else outcomes.untouched++;
    }
    // The three zero bytes of the header are not looked at, every other byte is covered by a checksum.
    expect(outcomes.untouched).toBe(3);
    expect(outcomes.refused).toBeGreaterThan(50);
    expect(outcomes.gaps).toBeGreaterThan(500);
  });

  test('gives a short series in one read: its blocks and its index', () => {
    using folder = new TestFolder();
    const { entry, lines } = write(folder, [2500, 1, 40], numbers);
    const reads: [from: number, to: number][] = [];
    const disk = readingWith((into, position) => void reads.push([position, position + into.length]));
    expect(read(folder, entry, disk)).toEqual({ lines, missing: 0 });
    const [header, trailer, table, ...series] = reads;
    const [tableAt = 0, tableEnd = 0] = table ?? [];
    expect([header, trailer]).toEqual([
      [0, 8],
      [tableEnd, entry.bytes],
    ]);
    expect(series).toHaveLength(3);
    // One behind the other, from the header to the table.
    expect(series.map(([from]) => from)).toEqual([8, ...series.slice(0, 2).map(([, to]) => to)]);
    expect(series.at(-1)?.[1]).toBe(tableAt);
  });

  test('lacks a block that the disk cannot read, and no other', () => {
    using folder = new TestFolder();
    const { entry, lines } = write(folder, [2500, 40], numbers);
    const bad = 100;
    const disk = readingWith((into, position) => {
      if (position <= bad && position + into.length > bad) throw systemError('EIO');
    });
    const found = read(folder, entry, disk);
    expect(found.missing).toBeGreaterThanOrEqual(700);
    expect(found.missing).toBeLessThanOrEqual(1000);
    expect(found.lines).toEqual(lines.slice(found.missing));
  });

  test('that is cut off, longer, missing or something else is refused', () => {
    using folder = new TestFolder();
    const { entry } = write(folder, [5]);
    const whole = readFileSync(folder.file(NAME));
    const refused = (content: Uint8Array, named = entry): void => {
      writeFileSync(folder.file(NAME), content);
      expect(() => read(folder, named)).toThrow(Fault);
    };
    for (let length = 0; length < whole.length; length++) {
      refused(whole.subarray(0, length));
      refused(whole.subarray(0, length), { ...entry, bytes: length });
    }
    refused(Buffer.concat([whole, Buffer.alloc(1)]));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => refused(bytes, { ...entry, bytes: bytes.length })),
    );
    expect(() => read(folder, { ...entry, name: '0000000002.mrh' })).toThrow('is missing');
  });
});
