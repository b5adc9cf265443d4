import { readFileSync, writeFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../edge/core/byte-writer.ts';
import { realDisk } from '../../edge/core/disk.ts';
import { Fault } from '../../edge/core/fault.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { writeBlock } from './block.ts';
import { type IndexPiece, parseDirectory, parsePiece } from './block-index.ts';
import { type BlockList, seekIn } from './block-list.ts';
import { damagedParts } from './damaged-parts.ts';
import { StoredFile } from './file.ts';
import { type FileEntry, FileWriter } from './file-writer.ts';
import { TestFolder } from '../kit/history-kit.ts';
import { tries } from '../kit/tries.ts';
import { IndexCache } from './index-cache.ts';
import { IndexWriter } from './index-writer.ts';
import { INDEX_PIECE_BLOCKS } from '../limits.ts';
import { Points } from '../points/points.ts';
import { SeriesIndex } from './series-index.ts';

const BLOCKS = 2 * INDEX_PIECE_BLOCKS + 100;
const EVER = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;
/** From one sample to the next. */
const STEP_US = 7;

function numbered(from: number, count: number): Points {
  const points = new Points(count);
  points.count = count;
  points.kinds.fill(ValueKind.double);
  points.deviceTimes.fill(Number.NaN);
  points.serverTimes.fill(Number.NaN);
  for (let i = 0; i < count; i++) {
    points.times[i] = (from + i) * STEP_US;
    points.offsets[i] = from + i;
    points.slots[i] = (from + i) % 100;
  }
  return points;
}

/** A file of so many samples that they make more than two pieces. */
function written(folder: TestFolder): FileEntry {
  const writer = new FileWriter(realDisk, folder.file('0000000001.mrh'));
  writer.open();
  writer.beginSeries(new TextEncoder().encode('northmill/a'), 0);
  for (let block = 0; block < BLOCKS; block++) writer.add(numbered(block * 1000, 1000));
  return writer.finish(['samples'], { sinceMs: 1, writtenMs: 1, erased: 0 });
}

function opened(folder: TestFolder, entry: FileEntry): { file: StoredFile; list: BlockList } {
  const file = new StoredFile(realDisk, folder.path, entry);
  file.open(new SeriesIndex(), () => 0);
  const list = file.blocks(0, 0, ...EVER);
  if (list === undefined) throw new Error('no blocks');
  return { file, list };
}

describe('the index of many blocks', () => {
  test('is read in pieces: those that a question comes to', () => {
    using folder = new TestFolder();
    const { file, list } = opened(folder, written(folder));
    const counts = Array.from({ length: list.count }, (_, block) => list.samples(block));
    expect(counts.reduce((sum, each) => sum + each, 0)).toBe(BLOCKS * 1000);
    expect(list.count).toBeGreaterThan(2 * INDEX_PIECE_BLOCKS);
    for (const sample of [0, 1, 255_999, 256_000, 400_123, BLOCKS * 1000 - 1]) {
      const block = seekIn(list, sample * STEP_US);
      const points = list.load(block);
      if (points instanceof Fault) throw points;
      expect([...points.offsets.subarray(0, points.count)]).toContain(sample);
      expect(list.summary?.(block)?.summary).toMatchObject({ count: points.count, firstUs: points.times[0] });
    }
    expect(seekIn(list, BLOCKS * 1000 * STEP_US)).toBe(list.count);
    file.release();
  });

  test('with a damaged piece gives the blocks of the others, and says how many samples are missing', () => {
    using folder = new TestFolder();
    const entry = written(folder);
    const bytes = readFileSync(folder.file('0000000001.mrh'));
    // The index stands in front of the table, its last piece at the end of it.
    const tablePosition = Number(bytes.readBigUInt64LE(bytes.length - 24));
    bytes[tablePosition - 100] = (bytes[tablePosition - 100] ?? 0) ^ 4;
    writeFileSync(folder.file('0000000001.mrh'), bytes);
    const { file, list } = opened(folder, entry);
    let there = 0;
    let lost = 0;
    for (let block = 0; block < list.count; block++) {
      const points = list.load(block);
      if (points instanceof Fault) lost += list.samples(block);
      else there += points.count;
    }
    expect(there + lost).toBe(BLOCKS * 1000);
    expect(there).toBeGreaterThan(2 * INDEX_PIECE_BLOCKS * 700);
    const parts = [...damagedParts(file, 0, 'samples')];
    expect(parts).toMatchObject([{ samples: lost, firstUs: there * STEP_US, lastUs: (BLOCKS * 1000 - 1) * STEP_US }]);
    file.release();
  });

  test('changed anywhere is refused or read, in bounded time and memory', () => {
    const writer = new IndexWriter();
    const out = new ByteWriter();
    const blocks = INDEX_PIECE_BLOCKS + 20;
    for (let i = 0; i < blocks; i++) writer.add(writeBlock(new ByteWriter(), numbered(i * 3, 3), 0, 3));
    writer.write(out);
    const whole = out.take();
    const { samples, firstUs, lastUs } = writer;
    const place = { position: 1e6, length: whole.length, samples, firstUs, lastUs };
    const read = (index: Uint8Array): IndexPiece[] =>
      parseDirectory(index, place).map((facts) => parsePiece(index.subarray(facts.at, facts.at + facts.length), facts));
    expect(read(whole).map(({ entries }) => entries.count)).toEqual([INDEX_PIECE_BLOCKS, 20]);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
        const changed = whole.slice();
        changed[at] = (changed[at] ?? 0) ^ bits;
        expect(() => read(changed)).toThrow(Fault);
      }),
      { numRuns: tries(500) },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (index) => {
        expect(() => parseDirectory(index, { ...place, length: index.length })).toThrow(Fault);
      }),
    );
  });
});

test('pieces that are kept stay below their bound: the one that was not asked for the longest goes first', () => {
  const writer = new IndexWriter();
  const out = new ByteWriter();
  writer.add(writeBlock(new ByteWriter(), numbered(0, 3), 0, 3));
  writer.write(out);
  const index = out.take();
  const { samples, firstUs, lastUs } = writer;
  const [facts] = parseDirectory(index, { position: 1e6, length: index.length, samples, firstUs, lastUs });
  if (facts === undefined) throw new Error('no piece');
  const piece = parsePiece(index.subarray(facts.at), facts);
  const forgotten: number[] = [];
  const cache = new IndexCache(3 * (piece.entries.bytes + piece.positions.byteLength));
  const kept = [0, 1, 2, 3, 4].map((i) => ({ piece, forget: () => void forgotten.push(i) }));
  for (const each of kept.slice(0, 3)) cache.add(each);
  if (kept[0] !== undefined) cache.touch(kept[0]);
  for (const each of kept.slice(3)) cache.add(each);
  expect(forgotten).toEqual([1, 2]);
});
