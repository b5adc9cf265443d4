import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Disk, realDisk } from '../../edge/core/disk.ts';
import { Fault } from '../../edge/core/fault.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { StoredFile } from '../files/file.ts';
import { type FileEntry, FileWriter } from '../files/file-writer.ts';
import { lineOf, TestFolder } from '../kit/history-kit.ts';
import { Points } from '../points/points.ts';
import type { HiddenSpan } from '../reading/hidden.ts';
import type { DamagedBlock } from '../reading/scan.ts';
import { SeriesIndex } from '../files/series-index.ts';
import { type MergeJob, mergeFiles } from './merge.ts';

const SECOND_US = 1_000_000;
const QUARTER_US = 900 * SECOND_US;
/** Begins a quarter of an hour. */
const START_US = 1_584_440_100_000_000;
const EVER = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;
const FACTS = { sinceMs: 1, writtenMs: 1, erased: 0 };

/** Sample by sample what each kind of tag has; numbers without order, the same again and again. */
const noise = (i: number): number => ((Math.imul(i + 1, 0x9e3779b1) >>> 0) / 2 ** 32) * 2 - 1;
const SIGNALS: readonly { readonly kind: ValueKind; readonly value: (i: number) => number }[] = [
  { kind: ValueKind.boolean, value: (i) => Math.floor(i / 600) % 2 },
  { kind: ValueKind.double, value: (i) => Math.round(5000 + noise(i) * 300) / 100 },
  { kind: ValueKind.double, value: (i) => 50 + noise(i) },
  { kind: ValueKind.float, value: (i) => Math.fround(50 + noise(i)) },
  { kind: ValueKind.long, value: (i) => Math.round(noise(i) * 1e6) },
];

const keyOf = (tag: number): Uint8Array => new TextEncoder().encode(`northmill/${tag}`);

/** Samples `from` to `to` of a tag, a second apart with some jitter; a few are not good. */
function samples(tag: number, from: number, to: number): Points {
  const points = new Points(to - from);
  points.count = to - from;
  const { kind, value } = SIGNALS[tag] ?? { kind: ValueKind.null, value: () => 0 };
  for (let i = from; i < to; i++) {
    const row = i - from;
    points.times[row] = START_US + i * SECOND_US + Math.floor((noise(i * 7) + 1) * 20) * 1000;
    points.offsets[row] = i * SIGNALS.length + tag;
    points.qualities[row] = i % 2500 === 1200 ? 0x8000_0000 : 0;
    if (kind === ValueKind.boolean || kind === ValueKind.long) points.putLong(row, value(i));
    else points.slots[row] = value(i);
  }
  points.kinds.fill(kind);
  points.deviceTimes.fill(Number.NaN);
  points.serverTimes.fill(Number.NaN);
  return points;
}

/** Writes a file of samples `from` to `to` of each tag. */
function write(folder: TestFolder, number: number, from: number, to: number): FileEntry {
  const writer = new FileWriter(realDisk, folder.file(`${String(number).padStart(10, '0')}.mrh`));
  writer.open();
  for (let tag = 0; tag < SIGNALS.length; tag++) {
    writer.beginSeries(keyOf(tag), 0);
    writer.add(samples(tag, from, to));
  }
  return writer.finish(['samples'], FACTS);
}

/** Files of a historian of these tags. */
class Files implements Disposable {
  readonly folder = new TestFolder();
  readonly series = new SeriesIndex();
  readonly inputs: StoredFile[] = [];

  /** Files that end behind so many samples each. */
  write(...ends: readonly number[]): this {
    for (const [i, end] of ends.entries()) this.inputs.push(this.open(write(this.folder, i, ends[i - 1] ?? 0, end)));
    return this;
  }

  open(entry: FileEntry, disk: Disk = realDisk): StoredFile {
    const file = new StoredFile(disk, this.folder.path, entry);
    file.open(this.series, () => 0);
    return file;
  }

  /** All inputs as one file, of this number. */
  async merge(more: Partial<MergeJob> = {}, number = 99): Promise<StoredFile> {
    const writer = new FileWriter(realDisk, this.folder.file(`00000000${number}.mrh`));
    writer.open();
    const { inputs, series } = this;
    const job = { inputs, writer, series, topics: ['samples'], hidden: () => [], expired: [], erased: 0 };
    return this.open(await mergeFiles({ ...job, breathe: () => Promise.resolve(), ...more }));
  }

  [Symbol.dispose](): void {
    for (const input of this.inputs) input.release();
    this.folder[Symbol.dispose]();
  }
}

/** The samples of a tag in a file. */
function linesOf(file: StoredFile, tag: number): string[] {
  const lines: string[] = [];
  const list = file.blocks(tag, 0, ...EVER);
  for (let block = 0; block < (list?.count ?? 0); block++) {
    const points = list?.load(block);
    if (points === undefined || points instanceof Fault) throw points ?? new Error('no block');
    for (let i = 0; i < points.count; i++) lines.push(lineOf(points.sample(i, ['samples'])));
  }
  return lines;
}

/** The same of what was written, but for some. */
function expected(tag: number, to: number, isLeft: (i: number) => boolean = () => true): string[] {
  const points = samples(tag, 0, to);
  return Array.from({ length: to }, (_, i) => i)
    .filter(isLeft)
    .map((i) => lineOf(points.sample(i, ['samples'])));
}

describe('a merge', () => {
  afterEach(() => vi.restoreAllMocks());

  test('copies the blocks that nothing lies in or beside: the file is, byte for byte, the one that all samples together make', async () => {
    const copied = vi.spyOn(FileWriter.prototype, 'addBlock');
    using files = new Files().write(5000, 5300, 9999, 12_345);
    const merged = await files.merge();
    using alone = new TestFolder();
    write(alone, 99, 0, 12_345);
    const bytes = readFileSync(alone.file('0000000099.mrh'));
    expect(readFileSync(merged.path).equals(bytes)).toBe(true);
    // Quarters of an hour, but for those in which a file ends or begins, and for the end of each file.
    const quarters = copied.mock.calls.map(([{ summary }]) => Math.floor((summary.firstUs - START_US) / QUARTER_US));
    expect(quarters).toEqual(SIGNALS.flatMap(() => [0, 1, 2, 3, 4, 7, 8, 9, 12]));
    merged.release();
  });

  test('of a block that is damaged is refused, or leaves it out and says so', async () => {
    using files = new Files().write(5000, 7000);
    const [first] = files.inputs;
    const bytes = readFileSync(first?.path ?? '');
    // In the second block of the tag of noise.
    const at = Math.floor(bytes.length * 0.4);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(first?.path ?? '', bytes);
    await expect(files.merge({}, 98)).rejects.toMatchObject({ code: 'historian-damaged' });
    const left: { series: number; damage: DamagedBlock }[] = [];
    const merged = await files.merge({ onDamage: (series, damage) => left.push({ series, damage }) });
    expect(left).toMatchObject([{ damage: { fault: { code: 'historian-damaged' } } }]);
    const { series = 0, damage } = left[0] ?? {};
    const isLeft = (i: number): boolean => {
      const timeUs = samples(series, i, i + 1).times[0] ?? 0;
      return timeUs < (damage?.firstUs ?? 0) || timeUs > (damage?.lastUs ?? 0);
    };
    for (let tag = 0; tag < SIGNALS.length; tag++)
      expect(linesOf(merged, tag)).toEqual(expected(tag, 7000, tag === series ? isLeft : undefined));
    merged.release();
  });

  test('without the end of a series knows the last sample of the block that was copied last', async () => {
    const copied = vi.spyOn(FileWriter.prototype, 'addBlock');
    using files = new Files().write(5000);
    const fromUs = START_US + 3600 * SECOND_US;
    const span: HiddenSpan = { fromUs, toUs: Infinity, from: 0, below: Infinity, reason: 'erased' };
    const merged = await files.merge({ hidden: () => [span] });
    expect(copied.mock.calls.length).toBe(4 * SIGNALS.length);
    const last = merged.takeLast();
    for (let tag = 0; tag < SIGNALS.length; tag++) {
      const lines = linesOf(merged, tag);
      expect(lines).toEqual(expected(tag, 3600));
      expect(lineOf(last.points.sample(tag, ['samples']))).toBe(lines.at(-1));
      expect(merged.gone(tag).samples).toBe(1400);
    }
    merged.release();
  });

  test('keeps nothing of the indexes that it reads, and leaves what questions have read', async () => {
    using files = new Files().write(5000, 7000);
    let reads = 0;
    const disk: Disk = { ...realDisk, read: (...read) => ((reads += 1), realDisk.read(...read)) };
    const [first, second] = files.inputs.map(({ entry }) => files.open(entry, disk));
    const readsOf = (file: StoredFile | undefined): number => {
      const before = reads;
      file?.blocks(0, 0, ...EVER);
      return reads - before;
    };
    expect([readsOf(first), readsOf(first)]).toEqual([1, 0]);
    const inputs = [first, second].filter((file) => file !== undefined);
    (await files.merge({ inputs })).release();
    expect([readsOf(first), readsOf(second), readsOf(second)]).toEqual([0, 1, 0]);
    for (const file of inputs) file.release();
  });
});
