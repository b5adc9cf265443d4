import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../edge/core/byte-writer.ts';
import { realDisk } from '../../edge/core/disk.ts';
import { Flag } from '../../edge/core/flags.ts';
import { type Sample, ValueKind } from '../../edge/core/sample.ts';
import { writeBlock } from '../files/block.ts';
import { type BlockList, seekIn } from '../files/block-list.ts';
import { AGGREGATES, BucketPage, type BucketQuery } from './bucket-page.ts';
import { queryBuckets } from './bucket-query.ts';
import { type Grid, intervalGrid } from './buckets.ts';
import { StoredFile } from '../files/file.ts';
import { FileWriter } from '../files/file-writer.ts';
import { applyAll, batchOf, double, T0, type Tagged, TestFolder } from '../kit/history-kit.ts';
import { LastSamples } from '../files/last-samples.ts';
import { Memtable } from '../memory/memtable.ts';
import { mergeFiles } from '../store/merge.ts';
import { Points } from '../points/points.ts';
import { queryPage } from './query.ts';
import { SeriesIndex } from '../files/series-index.ts';
import { SeriesTotals } from '../files/series-totals.ts';
import { View } from '../reading/view.ts';
import { openStore } from '../kit/world-kit.ts';

const TAG = 'northmill/a';
const SECOND = 1_000_000;
const MINUTE = 60 * SECOND;

/** A view of which blocks are read and counted; without summaries all of them are. */
function watched(view: View, summaries: boolean): { view: View; loads: () => number } {
  let loaded = 0;
  const watch = (list: BlockList): BlockList => ({
    topic: list.topic,
    count: list.count,
    first: (block) => list.first(block),
    last: (block) => list.last(block),
    samples: (block) => list.samples(block),
    seek: (timeUs) => seekIn(list, timeUs),
    load: (block) => (loaded++, list.load(block)),
    ...(summaries ? { summary: (block) => list.summary?.(block) } : {}),
  });
  const blocks: View['blocks'] = (...range) => view.blocks(...range).map(watch);
  return { view: Object.create(view, { blocks: { value: blocks } }) as View, loads: () => loaded };
}

interface Answer {
  readonly rows: readonly (readonly unknown[])[];
  readonly means: readonly number[];
  readonly gaps: readonly unknown[];
  readonly loads: number;
}

function answer(whole: View, query: BucketQuery, summaries: boolean, expired: () => boolean = () => false): Answer {
  const { view, loads } = watched(whole, summaries);
  const rows: unknown[][] = [];
  const means: number[] = [];
  const gaps: unknown[] = [];
  for (let { after } = query; ;) {
    const page = new BucketPage(queryBuckets(view, { ...query, after }, expired));
    for (let row = 0; row < page.rows; row++) {
      rows.push([page.times[row], ...query.aggregates.slice(1).map((_, i) => page.value(row, i + 1))]);
      means.push(Number(page.value(row, 0) ?? Number.NaN));
    }
    gaps.push(...page.gaps);
    if (page.next === null) return { rows, means, gaps, loads: loads() };
    after = page.next;
  }
}

/** The same to the last bit, but the means: sums of decimal numbers are exact in summaries, and rounded where samples are added. */
function expectSame(found: Answer, wanted: Answer): void {
  expect(found.rows).toEqual(wanted.rows);
  expect(found.gaps).toEqual(wanted.gaps);
  for (const [i, mean] of found.means.entries()) {
    const [, min, max] = wanted.rows[i] ?? [];
    const scale = Math.max(Math.abs(Number(min ?? 0)), Math.abs(Number(max ?? 0)));
    const wrong = Math.abs(mean - (wanted.means[i] ?? Number.NaN)) > scale * 1e-12;
    expect(wrong, `mean ${mean} in bucket ${i}`).toBe(false);
  }
}

type SomeValue = Pick<Sample, 'kind' | 'value'>;

const decimal = fc
  .integer({ min: -9999, max: 9999 })
  .map((k): SomeValue => ({ kind: ValueKind.double, value: k / 100 }));
const real = fc.double({ noNaN: true }).map((value): SomeValue => ({ kind: ValueKind.double, value }));
const zero = fc.constantFrom<SomeValue>({ kind: ValueKind.double, value: -0 }, { kind: ValueKind.double, value: 0 });
const bool = fc.boolean().map((value): SomeValue => ({ kind: ValueKind.boolean, value }));
const long = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n).map((value): SomeValue => ({ kind: ValueKind.long, value }));
const none = fc.constant<SomeValue>({ kind: ValueKind.null, value: null });

/** Samples one behind the other, mostly of one kind. */
const stretch = fc.record({
  values: fc.oneof(
    ...[decimal, decimal, real, zero, bool, long, none, fc.oneof(decimal, bool, long, none)].map((value) =>
      fc.array(value, { minLength: 1, maxLength: 40 }),
    ),
  ),
  stepUs: fc.constantFrom(0, 250_000, SECOND, SECOND),
  lateUs: fc.constantFrom(0, 0, 0, 0, 0, 0, 30 * SECOND),
  flags: fc.constantFrom(0, 0, 0, 0, Flag.correction, Flag.gap),
  quality: fc.constantFrom(0, 0, 0, 0, 0, 0x40000000, 0x80000000),
});

describe('the summaries of blocks', () => {
  test('answer as their samples do: late, corrected, erased, at equal times, in several files, wherever a page ends', async () => {
    let spared = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(stretch, { minLength: 8, maxLength: 20 }),
        fc.array(fc.record({ from: fc.nat(200), length: fc.nat(400), width: fc.integer({ min: 5, max: 200 }) }), {
          minLength: 4,
          maxLength: 8,
        }),
        fc.option(fc.record({ from: fc.nat(300), length: fc.integer({ min: 1, max: 30 }) })),
        fc.infiniteStream(fc.boolean()),
        async (stretches, questions, erased, ends) => {
          using folder = new TestFolder();
          const store = openStore(folder);
          let timeUs = T0;
          let offset = 0;
          for (const { values, stepUs, lateUs, flags, quality } of stretches) {
            const samples = values.map((value): Tagged => {
              timeUs += stepUs;
              const sample = { ...value, timeUs: timeUs - lateUs, quality, flags, serverTimeUs: null };
              return { tag: TAG, sample };
            });
            await applyAll(store, [batchOf(samples, offset)]);
            offset += samples.length;
            await store.flush();
          }
          if (erased !== null) {
            const fromUs = T0 + erased.from * SECOND;
            store.erase({ tags: { paths: [TAG] }, fromUs, toUs: fromUs + erased.length * SECOND });
          }
          const view = store.pin();
          for (const { from, length, width } of questions) {
            const span = { fromUs: T0 + from * SECOND, toUs: T0 + (from + length) * SECOND };
            const grid = intervalGrid(span, width * SECOND);
            const query = { tag: TAG, ...span, grid, aggregates: AGGREGATES };
            const wanted = answer(view, query, false);
            const found = answer(view, query, true, () => ends.next().value === true);
            expectSame(found, wanted);
            spared += Math.sign(wanted.loads - answer(view, query, true).loads);
            const timed = { ...query, aggregates: [...AGGREGATES, 'atStart', 'lastUs'] as const };
            expectSame(
              answer(view, timed, true, () => ends.next().value === true),
              answer(view, timed, false),
            );
          }
          view.release();
          await store.close();
        },
      ),
      { numRuns: 60 },
    );
    expect(spared).toBeGreaterThan(30);
  });

  test('of whole quarters of an hour answer without a look into a block', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    const fromUs = Math.ceil(T0 / (60 * MINUTE)) * 60 * MINUTE;
    const start = (fromUs - T0) / SECOND;
    const samples = Array.from({ length: 4 * 3600 }, (_, i) => double(TAG, start + i, (i % 700) / 100));
    await applyAll(store, [batchOf(samples, 0)]);
    await store.flush();
    const view = store.pin();
    const span = { fromUs, toUs: fromUs + 4 * 60 * MINUTE };
    const charted = (width: number) =>
      answer(view, { tag: TAG, ...span, grid: intervalGrid(span, width), aggregates: AGGREGATES }, true);
    const quarters = charted(15 * MINUTE);
    // The last block has what was left when the file ended.
    expect([quarters.rows.length, quarters.loads]).toEqual([16, 0]);
    expect(quarters.rows[1]).toEqual([fromUs + 15 * MINUTE, 0, 6.99, 900, 2, 3.99]);
    expect(charted(20 * MINUTE).loads).toBeGreaterThan(0);
    view.release();
    await store.close();
  });
});

/** A file whose first blocks have expired but for their summaries: one for each quarter of an hour, of samples a second apart with the values 0, 1, 2… */
function rolledUp(folder: TestFolder, name: string, quarters: number, from = 0): StoredFile {
  const writer = new FileWriter(realDisk, folder.file(name));
  writer.open();
  writer.beginSeries(new TextEncoder().encode(TAG), 0);
  const points = numbered(from, 900 * quarters + 100);
  for (let quarter = 0; quarter < quarters; quarter++)
    writer.addExpired(writeBlock(new ByteWriter(), points, quarter * 900, (quarter + 1) * 900));
  writer.add(points, 900 * quarters);
  const entry = writer.finish(['samples'], { sinceMs: 1, writtenMs: 1, erased: 0 });
  return new StoredFile(realDisk, folder.path, entry);
}

const START = Math.ceil(T0 / (60 * MINUTE)) * 60 * MINUTE;

function numbered(from: number, count: number): Points {
  const points = new Points(count);
  points.count = count;
  points.kinds.fill(ValueKind.double);
  points.deviceTimes.fill(Number.NaN);
  points.serverTimes.fill(Number.NaN);
  for (let i = 0; i < count; i++) {
    points.times[i] = START + (from + i) * SECOND;
    points.offsets[i] = from + i;
    points.slots[i] = from + i;
  }
  return points;
}

function viewOf(files: readonly StoredFile[], series: SeriesIndex): View {
  const totals = new SeriesTotals();
  for (const file of files) totals.addFile(file);
  return new View({
    series,
    totals,
    last: new LastSamples(),
    topics: ['samples'],
    files,
    damagedFiles: [],
    memtable: new Memtable(1 << 20),
    lost: [],
    unreadable: [],
    hiding: { erasures: [], expired: [] },
  });
}

function asked(view: View, grid: Grid, toUs: number): Answer {
  return answer(view, { tag: TAG, fromUs: START, toUs, grid, aggregates: AGGREGATES }, true);
}

function opened(folder: TestFolder): { view: View; file: StoredFile; series: SeriesIndex } {
  const file = rolledUp(folder, '0000000001.mrh', 2);
  const series = new SeriesIndex();
  file.open(series, () => 0);
  return { view: viewOf([file], series), file, series };
}

describe('blocks of which only the summary is left', () => {
  const toUs = START + 2000 * SECOND;
  const hour = { originUs: START, widthUs: 60 * MINUTE, count: 1 };

  test('answer for buckets that they fit into, and are a gap in others and among samples', () => {
    using folder = new TestFolder();
    const { view, file } = opened(folder);
    expect(asked(view, hour, toUs)).toMatchObject({
      rows: [[START, 0, 1899, 1900, 0, 1899]],
      means: [949.5],
      gaps: [],
    });
    const tens = asked(view, { originUs: START, widthUs: 10 * MINUTE, count: 4 }, toUs);
    expect(tens.rows.map(([, , , count]) => count)).toEqual([0, 0, 0, 100]);
    const expired = [0, 900].map((from) => {
      const fromUs = START + from * SECOND;
      return { fromUs, toUs: fromUs + 899 * SECOND + 1, reason: 'expired', samples: 900 };
    });
    expect(tens.gaps).toMatchObject(expired);
    // A chart with room for all samples, too.
    const chart = { tag: TAG, fromUs: START, toUs, grid: hour, aggregates: AGGREGATES, samplesUpTo: 10_000 };
    expect(answer(view, chart, true).rows).toEqual([[START, 0, 1899, 1900, 0, 1899]]);
    const page = queryPage(view, { tag: TAG, fromUs: START, toUs });
    expect([page.points.count, page.points.slots[0]]).toEqual([100, 1800]);
    expect(page.gaps).toMatchObject(expired);
    view.release();
    file.release();
  });

  test('come once, wherever a page ends', () => {
    using folder = new TestFolder();
    const { view, file } = opened(folder);
    const quarters = intervalGrid({ fromUs: START, toUs }, 15 * MINUTE);
    for (const grid of [hour, quarters, { originUs: START, widthUs: 10 * MINUTE, count: 4 }]) {
      const query = { tag: TAG, fromUs: START, toUs, grid, aggregates: AGGREGATES };
      const { rows, means, gaps } = answer(view, query, true);
      expect(answer(view, query, true, () => true)).toMatchObject({ rows, means, gaps });
    }
    view.release();
    file.release();
  });

  test('are merged with what has come late into their time, and both count', async () => {
    using folder = new TestFolder();
    const series = new SeriesIndex();
    const files = [rolledUp(folder, '0000000001.mrh', 2), rolledUp(folder, '0000000002.mrh', 0, 400)];
    for (const file of files) file.open(series, () => 0);
    const before = viewOf(files, series);
    const wanted = asked(before, hour, toUs);
    expect(wanted.rows).toEqual([[START, 0, 1899, 2000, 0, 1899]]);
    before.release();
    const writer = new FileWriter(realDisk, folder.file('0000000003.mrh'));
    writer.open();
    const job = { inputs: files, writer, series, topics: ['samples'], hidden: () => [], expired: [], erased: 0 };
    const entry = await mergeFiles({ ...job, breathe: () => Promise.resolve() });
    const merged = new StoredFile(realDisk, folder.path, entry);
    merged.open(series, () => 0);
    const after = viewOf([merged], series);
    expect(entry.samples).toBe(2000);
    expect(asked(after, hour, toUs)).toMatchObject({ rows: wanted.rows, gaps: [] });
    expect(queryPage(after, { tag: TAG, fromUs: START, toUs }).points.count).toBe(200);
    after.release();
    for (const file of [...files, merged]) file.release();
  });
});
