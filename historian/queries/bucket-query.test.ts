import type { Numeric } from '../points/numeric.ts';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Flag } from '../../edge/core/flags.ts';
import { type Sample, ValueKind } from '../../edge/core/sample.ts';
import { isGood, StatusCode } from '../../edge/core/status-code.ts';
import { AGGREGATES, BucketPage, type BucketQuery } from './bucket-page.ts';
import { queryBuckets } from './bucket-query.ts';
import { bucketStart, type Grid, intervalGrid, pointsGrid } from './buckets.ts';
import { anySample, applyAll, batchOf, double, T0, type Tagged, TestFolder } from '../kit/history-kit.ts';
import type { NaiveHistorian } from '../kit/naive-historian.ts';
import type { HistoricSample } from '../points/points.ts';
import type { Store } from '../store/store.ts';
import { anyStep, openStore, TAGS, World } from '../kit/world-kit.ts';

type Row = readonly [timeUs: number, ...values: (Numeric | null)[]];
type GapRow = readonly [fromUs: number, toUs: number, reason: string];

interface Found {
  readonly raw: boolean;
  readonly rows: Row[];
  readonly gaps: GapRow[];
  readonly pages: number;
}

/** All pages of a question; a page ends when `expired` says so. */
function ask(store: Store, question: BucketQuery, expired: () => boolean = () => false): Found {
  const rows: Row[] = [];
  const gaps: GapRow[] = [];
  let { after } = question;
  for (let pages = 1; ; pages++) {
    const view = store.pin();
    try {
      const page = new BucketPage(structuredClone(queryBuckets(view, { ...question, after }, expired)));
      for (let row = 0; row < page.rows; row++)
        rows.push([page.times[row] ?? 0, ...question.aggregates.map((_, i) => page.value(row, i))]);
      gaps.push(...page.gaps.map(({ fromUs, toUs, reason }): GapRow => [fromUs, toUs, reason]));
      if (page.next === null) return { raw: page.raw, rows, gaps, pages };
      after = page.next;
    } finally {
      view.release();
    }
  }
}

const isValue = ({ kind, quality }: HistoricSample): boolean => kind !== ValueKind.null && isGood(quality);
const least = (a: Numeric, b: Numeric): Numeric => (b < a ? b : a);
const greatest = (a: Numeric, b: Numeric): Numeric => (b > a ? b : a);

function numericOf({ value }: HistoricSample): Numeric {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  return value as number;
}

/** [mean, min, max, count, first, last], naively: of several good samples at one time the last. */
function aggregatesOf(samples: readonly HistoricSample[]): (Numeric | null)[] {
  const good = samples.filter(isValue);
  const values = good.filter(({ timeUs }, i) => good[i + 1]?.timeUs !== timeUs).map(numericOf);
  const [first] = values;
  if (first === undefined) return [null, null, null, 0, null, null];
  const mean = values.reduce<number>((sum, value) => sum + Number(value) / values.length, 0);
  return [mean, values.reduce(least), values.reduce(greatest), values.length, first, values.at(-1) ?? first];
}

/** [atStart, lastUs] of a bucket, naively. */
function timesOf(samples: readonly HistoricSample[], startUs: number): (Numeric | null)[] {
  const good = samples.filter(isValue).filter(({ timeUs }, i, all) => all[i + 1]?.timeUs !== timeUs);
  const [first] = good;
  return [first?.timeUs === startUs ? numericOf(first) : null, good.at(-1)?.timeUs ?? null];
}

function begins(sample: HistoricSample): boolean {
  return !isValue(sample) && (sample.kind === ValueKind.null || (sample.flags & Flag.gap) !== 0);
}

/** From a sample without a value, or with the flag gap, to the next good value; naively. */
function outagesOf(before: HistoricSample | undefined, inside: readonly HistoricSample[], span: [number, number]) {
  const gaps: GapRow[] = [];
  let sinceUs = before !== undefined && begins(before) ? span[0] : undefined;
  const end = (timeUs: number): void => {
    if (sinceUs !== undefined && sinceUs < timeUs) gaps.push([sinceUs, timeUs, 'no-value']);
    sinceUs = undefined;
  };
  for (const sample of inside) {
    if (isValue(sample)) end(sample.timeUs);
    else if (begins(sample)) sinceUs ??= sample.timeUs;
  }
  end(span[1]);
  return gaps;
}

function naive(
  historian: NaiveHistorian,
  tag: string,
  [fromUs, toUs]: [number, number],
  grid: Grid,
): Pick<Found, 'rows' | 'gaps'> {
  const inside = historian.shown(tag, fromUs, toUs);
  const rows = Array.from({ length: grid.count }, (_, i): Row => {
    const start = bucketStart(grid, i);
    const end = bucketStart(grid, i + 1);
    return [start, ...aggregatesOf(inside.filter(({ timeUs }) => timeUs >= start && timeUs < end))];
  });
  const before = historian.shown(tag, Number.NEGATIVE_INFINITY, fromUs).at(-1);
  return { rows, gaps: outagesOf(before, inside, [fromUs, toUs]) };
}

/** Everything bit for bit, but the means, which are sums in another order: within 1e-12 of the greatest value. */
function expectSame(found: readonly Row[], expected: readonly Row[]): void {
  expect(found.map(([time, , ...rest]) => [time, ...rest])).toEqual(
    expected.map(([time, , ...rest]) => [time, ...rest]),
  );
  const wrong = expected.filter(([, mean, min, max], i) => {
    const given = found[i]?.[1] ?? null;
    if (mean === null || given === null) return mean !== given;
    const greatestValue = Math.max(Math.abs(Number(min)), Math.abs(Number(max)));
    // The naive mean rounds each of its parts, in steps of 5e-324 where values are that small.
    return Math.abs(Number(given) - Number(mean)) > greatestValue * 1e-12 + 1e-318;
  });
  expect(wrong).toEqual([]);
}

const NUMERIC: readonly number[] = [
  ValueKind.null,
  ValueKind.boolean,
  ValueKind.long,
  ValueKind.float,
  ValueKind.double,
  ValueKind.uint64,
];

const anyNumber: fc.Arbitrary<Sample> = anySample.map((sample) => {
  const quality = sample.quality % 3 === 0 ? sample.quality : 0;
  return NUMERIC.includes(sample.kind)
    ? { ...sample, quality }
    : { ...sample, quality, kind: ValueKind.double, value: 0.5 };
});

function at(timeUs: number, value: number): Tagged {
  return { tag: 'northmill/a', sample: { ...double('', 0, value).sample, timeUs } };
}

function more(second: number, kind: ValueKind, value: Sample['value']): Tagged {
  return double('northmill/a', second, 0, { kind, value });
}

describe('aggregates', () => {
  test('agree with a naive computation, whatever came late, was flushed, merged or replayed, and wherever a page ends', async () => {
    const question = fc.record({
      tag: fc.constantFrom(...TAGS),
      from: fc.integer({ min: -2000, max: 42_000 }),
      length: fc.integer({ min: 0, max: 45_000 }),
      width: fc.integer({ min: 200, max: 50_000 }),
      points: fc.integer({ min: 1, max: 40 }),
      ends: fc.infiniteStream(fc.boolean()),
    });
    let withOutages = 0;
    let severalPages = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyStep(anyNumber), { minLength: 20, maxLength: 60, size: 'max' }),
        fc.array(question, { minLength: 4, maxLength: 12 }),
        async (steps, questions) => {
          using folder = new TestFolder();
          const world = new World(folder);
          for (const step of steps) await world.take(step);
          for (const { tag, from, length, width, points, ends } of questions) {
            const span: [number, number] = [T0 + from, T0 + from + length];
            const [fromUs, toUs] = span;
            const expired = (): boolean => ends.next().value === true;
            for (const grid of [intervalGrid({ fromUs, toUs }, width), pointsGrid({ fromUs, toUs }, points)]) {
              const found = ask(world.store, { tag, fromUs, toUs, grid, aggregates: AGGREGATES }, expired);
              const expected = naive(world.naive, tag, span, grid);
              expectSame(found.rows, expected.rows);
              expect(found.gaps).toEqual(expected.gaps);
              const inside = world.naive.shown(tag, fromUs, toUs);
              const timed = { tag, fromUs, toUs, grid, aggregates: ['atStart', 'lastUs'] } as const;
              expect(ask(world.store, timed, expired).rows).toEqual(
                expected.rows.map(([start], i): Row => {
                  const end = bucketStart(grid, i + 1);
                  return [
                    start,
                    ...timesOf(
                      inside.filter(({ timeUs }) => timeUs >= start && timeUs < end),
                      start,
                    ),
                  ];
                }),
              );
              withOutages += Math.min(found.gaps.length, 1);
              severalPages += Math.min(found.pages - 1, 1);
            }
          }
          await world.store.close();
        },
      ),
      { numRuns: 40 },
    );
    expect(withOutages).toBeGreaterThan(50);
    expect(severalPages).toBeGreaterThan(50);
  });

  test('of times at both ends of what times can be', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    const last = Number.MAX_SAFE_INTEGER;
    await applyAll(store, [batchOf([at(-last, 1), at(-1, 2), at(0, 3), at(last, 4)], 0)]);
    const counted = (fromUs: number, toUs: number, grid: Grid) =>
      ask(store, { tag: 'northmill/a', fromUs, toUs, grid, aggregates: ['count', 'last'] }).rows;
    const tail = { fromUs: last - 2, toUs: last + 1 };
    expect(counted(tail.fromUs, tail.toUs, pointsGrid(tail, 2)).slice(1)).toEqual([[last - 1, 1, 4]]);
    const head = { fromUs: -last, toUs: 0 };
    expect(counted(head.fromUs, head.toUs, pointsGrid(head, 1)).slice(-1)).toEqual([[-last, 2, 2]]);
    const around = { fromUs: -1, toUs: 1 };
    expect(counted(around.fromUs, around.toUs, intervalGrid(around, 86_400_000_000))).toEqual([
      [-86_400_000_000, 1, 2],
      [0, 1, 3],
    ]);
    await store.close();
  });

  test('64-bit integers keep all their digits; sums beyond the doubles have a mean; booleans are 0 and 1', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    await applyAll(store, [
      batchOf(
        [
          more(0, ValueKind.uint64, 2n ** 64n - 1n),
          more(1, ValueKind.uint64, 7n),
          more(2, ValueKind.uint64, 2n ** 64n - 2n),
          more(10, ValueKind.double, Number.MAX_VALUE),
          more(11, ValueKind.double, Number.MAX_VALUE),
          more(20, ValueKind.boolean, true),
          more(21, ValueKind.boolean, false),
          more(22, ValueKind.boolean, false),
          more(23, ValueKind.boolean, true),
          more(30, ValueKind.long, -(2n ** 63n)),
          more(31, ValueKind.double, 0.5),
        ],
        0,
      ),
    ]);
    const span = { fromUs: T0, toUs: T0 + 40_000_000 };
    const { rows } = ask(store, {
      tag: 'northmill/a',
      ...span,
      grid: intervalGrid(span, 10e6),
      aggregates: AGGREGATES,
    });
    const max = 2n ** 64n - 1n;
    expect(rows.map(([, ...values]) => values)).toEqual([
      [(2 ** 65 + 4) / 3, 7, max, 3, max, max - 1n],
      [Number.MAX_VALUE, Number.MAX_VALUE, Number.MAX_VALUE, 2, Number.MAX_VALUE, Number.MAX_VALUE],
      [0.5, 0, 1, 4, 1, 1],
      [-(2 ** 62), -(2n ** 63n), 0.5, 2, -(2n ** 63n), 0.5],
    ]);
    await store.close();
  });

  test('only values of quality Good count; what is Uncertain or Bad with a value is no gap', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    const qualities = [StatusCode.Good, StatusCode.Uncertain, StatusCode.Bad, 0x00960000];
    await applyAll(store, [
      batchOf(
        qualities.map((quality, i) => double('northmill/a', i, i, { quality })),
        0,
      ),
    ]);
    const span = { fromUs: T0, toUs: T0 + 4e6 };
    const found = ask(store, { tag: 'northmill/a', ...span, grid: intervalGrid(span, 4e6), aggregates: AGGREGATES });
    expect([found.rows, found.gaps]).toEqual([[[T0, 1.5, 0, 3, 2, 0, 3]], []]);
    await store.close();
  });

  test('of texts, bytes and arrays are refused', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    const text = double('northmill/a', 0, 0, { kind: ValueKind.string, value: 'on' });
    await applyAll(store, [batchOf([text], 0)]);
    const span = { fromUs: T0, toUs: T0 + 1e6 };
    const question = { tag: 'northmill/a', ...span, grid: intervalGrid(span, 1e6), aggregates: AGGREGATES };
    for (const samplesUpTo of [0, 100])
      expect(() => ask(store, { ...question, samplesUpTo })).toThrow(
        expect.objectContaining({ code: 'aggregate-type' }),
      );
    await store.close();
  });

  test('of many buckets come in pages of 10,000, the empty ones too', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    const seconds = [5, 25_000, 61_000];
    await applyAll(store, [
      batchOf(
        seconds.map((second) => double('northmill/a', second, second)),
        0,
      ),
    ]);
    const span = { fromUs: T0, toUs: T0 + 100_000e6 };
    const grid = intervalGrid(span, 1e6);
    const { rows, pages } = ask(store, { tag: 'northmill/a', ...span, grid, aggregates: ['mean', 'count'] });
    expect([rows.length, pages]).toEqual([100_000, 10]);
    expect(rows.flatMap(([, mean], i) => (mean === null ? [] : [i]))).toEqual(seconds);
    expect(rows[61_000]).toEqual([T0 + 61_000e6, 61_000, 1]);
    expect(rows[61_001]).toEqual([T0 + 61_001e6, null, 0]);
    await store.close();
  });
});

describe('a chart', () => {
  const span = { fromUs: T0, toUs: T0 + 100e6 };
  const chart = (points: number): BucketQuery => ({
    tag: 'northmill/a',
    ...span,
    grid: pointsGrid(span, points),
    aggregates: ['min', 'max', 'first', 'last', 'count'],
    samplesUpTo: points,
  });

  test('has the samples themselves where there are no more than its points, else buckets', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    const doubles = Array.from({ length: 100 }, (_, i) => double('northmill/a', i, i));
    await applyAll(store, [batchOf(doubles.slice(0, 60), 0)]);
    await store.flush();
    await applyAll(store, [batchOf(doubles.slice(60), 60)]);
    const samples = ask(store, chart(100));
    expect([samples.raw, samples.rows.length, samples.rows[7]]).toEqual([true, 100, [T0 + 7e6, 7, 7, 7, 7, 1]]);
    const buckets = ask(store, chart(99));
    expect([buckets.raw, buckets.rows.length]).toEqual([false, 50]);
    expect(ask(store, chart(10)).rows[3]).toEqual([T0 + 30e6, 30, 39, 30, 39, 10]);
    await store.close();
  });

  test('shows an outage from the sample that begins it to the next good value, as samples and as buckets', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    const lost = { kind: ValueKind.null, value: null, quality: StatusCode.BadNoCommunication, flags: Flag.gap };
    const before = [double('northmill/a', -5, 0, lost)];
    const good = [10, 11, 12, 50, 51].map((second) => double('northmill/a', second, second));
    const outage = [13, 20].map((second) => double('northmill/a', second, 0, lost));
    await applyAll(store, [batchOf([...before, ...good, ...outage, double('northmill/a', 90, 0, lost)], 0)]);
    const gaps = [
      [T0, T0 + 10e6, 'no-value'],
      [T0 + 13e6, T0 + 50e6, 'no-value'],
      [T0 + 90e6, T0 + 100e6, 'no-value'],
    ];
    const samples = ask(store, chart(50));
    expect([samples.raw, samples.gaps]).toEqual([true, gaps]);
    expect(samples.rows.slice(2, 5)).toEqual([
      [T0 + 12e6, 12, 12, 12, 12, 1],
      [T0 + 13e6, null, null, null, null, 0],
      [T0 + 20e6, null, null, null, null, 0],
    ]);
    const buckets = ask(store, chart(5));
    expect([buckets.raw, buckets.gaps]).toEqual([false, gaps]);
    expect(buckets.rows).toEqual([
      [T0, 10, 12, 10, 12, 3],
      [T0 + 20e6, null, null, null, null, 0],
      [T0 + 40e6, 50, 51, 50, 51, 2],
      [T0 + 60e6, null, null, null, null, 0],
      [T0 + 80e6, null, null, null, null, 0],
    ]);
    await store.close();
  });

  test('tells of more than 1,000 outages by joining the last ones, and of what the log did not have', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    const lost = { kind: ValueKind.null, value: null, quality: StatusCode.BadNoCommunication, flags: Flag.gap };
    const samples = Array.from({ length: 3000 }, (_, i) => double('northmill/a', i / 50, i, i % 2 === 0 ? {} : lost));
    await applyAll(store, [batchOf(samples, 0)]);
    const { gaps } = ask(store, chart(100));
    expect([gaps.length, gaps[0], gaps.at(-1)?.[1]]).toEqual([
      1000,
      [T0 + 20_000, T0 + 40_000, 'no-value'],
      T0 + 100e6,
    ]);
    const fromMs = T0 / 1000 + 70_000;
    store.lose({ topic: 'samples', first: 3000, last: 3007, reason: 'unread', fromMs, toMs: fromMs + 99 });
    const late = { ...chart(10), fromUs: T0 + 65e6, grid: pointsGrid({ fromUs: T0 + 65e6, toUs: span.toUs }, 10) };
    expect(ask(store, late).gaps).toEqual([
      [T0 + 65e6, T0 + 100e6, 'no-value'],
      [fromMs * 1000, fromMs * 1000 + 100_000, 'unread'],
    ]);
    await store.close();
  });
});
