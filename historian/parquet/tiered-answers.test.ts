import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Flag } from '../../edge/core/flags.ts';
import { type Sample, ValueKind } from '../../edge/core/sample.ts';
import { AGGREGATE_FUNCTIONS, DEFAULT_CONFIGURATION } from '../aggregates/aggregate.ts';
import { lineOf, type Tagged } from '../kit/history-kit.ts';
import { tries } from '../kit/tries.ts';
import { DAY0, historyOf, TierWorld } from '../kit/tier-kit.ts';
import { AGGREGATES } from '../queries/bucket-page.ts';
import { intervalGrid, pointsGrid, type Span } from '../queries/buckets.ts';
import type { History } from '../questions/history.ts';
import { analysisPagesOf } from '../questions/analysis-query.ts';
import type { Asked } from '../questions/asked.ts';
import type { Gap } from '../reading/gap.ts';

const A = 'northmill/a';
const SECOND = 1e6;
const DAY = 86_400 * SECOND;
const DAYS = 5;

/** A stretch of samples of one tag: dense ones become roll-ups, sparse ones stay. */
const anyRun = fc.record({
  tag: fc.constantFrom(A, A, A, 'northmill/b', 'northmill/whole', 'northmill/state'),
  startS: fc.integer({ min: 0, max: DAYS * 86_400 - 1 }),
  stepMs: fc.constantFrom(1000, 1000, 1001, 1730, 60_000, 600_000),
  count: fc.integer({ min: 1, max: 200 }),
  seed: fc.nat(1000),
  /** One of so many samples is strange. */
  strange: fc.constantFrom(7, 40, 1000),
});
type Run = typeof anyRun extends fc.Arbitrary<infer R> ? R : never;

/** The samples of a run; `corrections`: which of them (one of so many) replace what stands there. */
function samplesOf({ tag, startS, stepMs, count, seed, strange }: Run, corrections = 0): Tagged[] {
  const random = (i: number, n: number): number => ((i + 1) * 7919 + seed * 104_729 + ((i * i) % 31)) % n;
  return Array.from({ length: count }, (_, i): Tagged => {
    const isStrange = random(i, strange) === 0;
    // Some at the time of the one before.
    const step = isStrange && random(i, 3) === 0 && i > 0 ? i - 1 : i;
    const quality = isStrange ? ([0, 0x40900000, 0x80310000, 0x80000000][random(i, 4)] ?? 0) : 0;
    const flags = corrections > 0 && random(i, corrections) === 0 ? Flag.correction : 0;
    const timeUs = DAY0 + startS * SECOND + step * stepMs * 1000;
    const sample: Sample = {
      ...valueOf(tag, random(i, 41) - 20, isStrange && random(i, 2) === 0),
      timeUs,
      quality,
      flags,
      serverTimeUs: null,
    };
    return { tag, sample };
  });
}

function valueOf(tag: string, value: number, isNull: boolean): Pick<Sample, 'kind' | 'value'> {
  if (isNull) return { kind: ValueKind.null, value: null };
  if (tag.endsWith('whole')) return { kind: ValueKind.long, value: value === 20 ? 2n ** 60n + 1n : value };
  if (tag.endsWith('state')) return { kind: ValueKind.boolean, value: value > 0 };
  return { kind: ValueKind.double, value: value / 4 };
}

const anyTime = fc.oneof(
  fc.integer({ min: -10, max: DAYS * 1440 + 2000 }).map((minute) => DAY0 + minute * 60 * SECOND),
  fc.integer({ min: 0, max: DAYS * 86_400 }).map((second) => DAY0 + second * SECOND),
  fc.integer({ min: 0, max: DAYS * 24 }).map((hour) => DAY0 + hour * 3600 * SECOND),
);
const anySpan = fc
  .tuple(anyTime, anyTime)
  .map(([a, b]): Span => ({ fromUs: Math.min(a, b), toUs: Math.max(a, b) + SECOND }));

const sorted = (times: readonly number[]): Float64Array => Float64Array.from(new Set(times)).toSorted();
const anyTimes = fc
  .array(anyTime, { minLength: 2, maxLength: 12 })
  .map(sorted)
  .filter((times) => times.length > 1);

const anyAsked: fc.Arbitrary<Asked> = fc.oneof(
  fc
    .record({
      edges: fc
        .oneof(
          anyTimes,
          anySpan.map(({ fromUs, toUs }) =>
            sorted(
              Array.from({ length: 30 }, (_, i) => Math.floor((fromUs + ((toUs - fromUs) * i) / 30) / 60e6) * 60e6),
            ),
          ),
        )
        .filter((edges) => edges.length > 1),
      functions: fc.oneof(
        fc.shuffledSubarray([...AGGREGATE_FUNCTIONS]),
        fc.constant(['Average', 'TimeAverage2', 'Count', 'PercentGood', 'Range', 'End'] as const),
      ),
      short: fc.shuffledSubarray([...AGGREGATES]),
      stepped: fc.boolean(),
      treatUncertainAsBad: fc.boolean(),
      useSlopedExtrapolation: fc.boolean(),
    })
    .map(({ edges, functions, short, stepped, ...configuration }): Asked => {
      const intervals = { edges, backwards: false, cut: null };
      return {
        what: 'aggregates',
        intervals,
        aggregates: [...short, ...functions],
        stepped,
        configuration: { ...DEFAULT_CONFIGURATION, ...configuration },
      };
    })
    .filter((asked) => asked.what === 'aggregates' && asked.aggregates.length > 0),
  fc
    .record({
      times: anyTimes,
      rule: fc.constantFrom('interpolated', 'simple', 'previous-good', 'next-good', 'exact'),
      stepped: fc.boolean(),
      uncertainIsBad: fc.boolean(),
      slopedExtrapolation: fc.boolean(),
    })
    .map(({ times, ...options }): Asked => ({ what: 'values', times, options })),
  fc
    .record({ shape: fc.constantFrom('minmax', 'lttb'), span: anySpan, count: fc.integer({ min: 1, max: 300 }) })
    .map(({ shape, span, count }): Asked => ({ what: 'shape', shape, grid: pointsGrid(span, count) })),
  fc
    .record({
      limit: fc.integer({ min: -5, max: 5 }),
      deadband: fc.nat(2),
      for: fc.nat(10_000),
      bridge: fc.nat(10_000),
      when: fc.constantFrom('above', 'below', 'bad'),
    })
    .map(({ when, limit, deadband, bridge, for: longer }): Asked => {
      if (when === 'bad') return { what: 'frames', uncertainIsBad: true, condition: { when, for: longer } };
      return { what: 'frames', uncertainIsBad: true, condition: { when, limit, deadband, bridge, for: longer } };
    }),
  anyTimes.map((times): Asked => ({
    what: 'totals',
    starts: times.slice(0, -1),
    ends: times.slice(1),
    rules: { correction: 0, rollover: 100 },
    replacements: [],
  })),
);

function spanOf(asked: Asked, span: Span): Span {
  if (asked.what === 'aggregates') return ends(asked.intervals.edges);
  if (asked.what === 'values') return { fromUs: asked.times[0] ?? 0, toUs: (asked.times.at(-1) ?? 0) + 1 };
  if (asked.what === 'totals') return { fromUs: asked.starts[0] ?? 0, toUs: asked.ends.at(-1) ?? 0 };
  if (asked.what === 'frames') return span;
  const { originUs, widthUs, count } = asked.grid;
  return { fromUs: originUs, toUs: originUs + widthUs * count };
}

const ends = (edges: Float64Array): Span => ({ fromUs: edges[0] ?? 0, toUs: edges.at(-1) ?? 0 });

/** Gaps that touch as one, in order: where an answer is cut into pages does not matter. */
function joined(gaps: readonly Gap[]): unknown[] {
  const found: { reason: string; fromUs: number; toUs: number }[] = [];
  for (const { reason, fromUs, toUs } of gaps.toSorted((a, b) => a.fromUs - b.fromUs)) {
    const last = found.at(-1);
    if (last !== undefined && last.reason === reason && fromUs <= last.toUs) last.toUs = Math.max(last.toUs, toUs);
    else found.push({ reason, fromUs, toUs });
  }
  return found;
}

async function raw(history: History, tag: string, span: Span, limit: number): Promise<unknown> {
  const lines: string[] = [];
  const gaps: Gap[] = [];
  for (let after: Awaited<ReturnType<History['page']>>['next'] | undefined; after !== null;) {
    const page = await history.page({ tag, ...span, limit, after });
    lines.push(...[...page.samples()].map(lineOf));
    gaps.push(...page.gaps);
    after = page.next;
  }
  return { lines, gaps: joined(gaps) };
}

async function buckets(
  history: History,
  tag: string,
  span: Span,
  widthUs: number,
  samplesUpTo: number,
): Promise<unknown> {
  const rows: unknown[] = [];
  const gaps: Gap[] = [];
  let isRaw = false;
  const grid = samplesUpTo > 0 ? pointsGrid(span, samplesUpTo) : intervalGrid(span, widthUs);
  for await (const page of history.buckets({ tag, ...span, grid, aggregates: [...AGGREGATES], samplesUpTo })) {
    for (let row = 0; row < page.rows; row++)
      rows.push([page.times[row], ...AGGREGATES.map((_, i) => page.value(row, i))]);
    gaps.push(...page.gaps);
    isRaw ||= page.raw;
  }
  return { rows, gaps: joined(gaps), isRaw };
}

async function analysis(history: History, tag: string, span: Span, asked: Asked): Promise<unknown> {
  const found = {
    times: [] as number[],
    columns: [] as unknown[][],
    frames: [] as unknown[],
    events: [] as unknown[],
    impossible: [] as unknown[],
  };
  const gaps: Gap[] = [];
  let pages = 0;
  for await (const page of analysisPagesOf(history, { tag, ...span, asked })) {
    expect(pages++).toBeLessThan(5000);
    gaps.push(...page.gaps);
    found.times.push(...page.times);
    found.frames.push(...page.frames);
    found.events.push(...page.events);
    found.impossible.push(...page.impossible);
    for (const [i, { values, qualities, times, large }] of page.columns.entries())
      (found.columns[i] ??= []).push(
        ...Array.from(values, (value, row) => [value, qualities?.[row], times?.[row], large?.get(row)]),
      );
  }
  return { ...found, columns: found.columns.filter((column) => column.length > 0), gaps: joined(gaps) };
}

async function latestOf(history: History): Promise<unknown> {
  const found: string[] = [];
  for await (const part of history.latest(null))
    for (const sample of part.samples()) found.push(`${sample.tag} ${lineOf(sample)}`);
  return found.toSorted();
}

/** Where two answers differ first; undefined: nowhere, but for sums of doubles, which are added in another order where there are roll-ups. */
function difference(found: unknown, expected: unknown, path: string): string | undefined {
  if (typeof found === 'number' && typeof expected === 'number') {
    // Beyond 2^53 every double is whole, also a mean.
    const areWhole = Number.isSafeInteger(found) && Number.isSafeInteger(expected);
    const isNear = !areWhole && Math.abs(found - expected) <= 1e-9 * Math.max(1, Math.abs(found));
    return isNear || Object.is(found, expected) ? undefined : `${path}: ${found}, not ${expected}`;
  }
  if (typeof found !== 'object' || typeof expected !== 'object' || found === null || expected === null)
    return Object.is(found, expected) ? undefined : `${path}: ${String(found)}, not ${String(expected)}`;
  const [ours, theirs] = [found as Record<string, unknown>, expected as Record<string, unknown>];
  for (const key of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    const unlike = difference(ours[key], theirs[key], `${path}.${key}`);
    if (unlike !== undefined) return unlike;
  }
  return undefined;
}

function same(found: unknown, expected: unknown, what: string): void {
  expect(difference(found, expected, what)).toBe(undefined);
}

/** Pages end after so many blocks. */
function cutter(blocks: number): () => () => boolean {
  return () => {
    let left = blocks;
    return () => left-- <= 0;
  };
}

const anyQuestion = fc.record({
  what: fc.constantFrom('raw', 'buckets', 'chart', 'analysis', 'analysis', 'analysis'),
  tag: fc.constantFrom(A, A, A, 'northmill/b', 'northmill/whole', 'northmill/state'),
  span: anySpan,
  limit: fc.constantFrom(1, 7, 500, 10_000),
  widthUs: fc.constantFrom(60e6, 3600e6, 86_400e6, 90e6, 1800e6, 7 * 3600e6),
  points: fc.constantFrom(10, 100, 2000),
  asked: anyAsked,
});

const anyWorld = fc.record({
  rollups: fc.constantFrom([], [100, 200, 300], [4, 200, 300]),
  runs: fc.array(anyRun, { minLength: 4, maxLength: 25, size: 'max' }),
  late: fc.array(
    anyRun.map((run) => ({ ...run, count: Math.min(run.count, 20) })),
    { maxLength: 3 },
  ),
  corrections: fc.constantFrom(0, 0, 3),
  tierAgain: fc.boolean(),
  erase: fc.option(fc.record({ span: anySpan, files: fc.boolean() }), { nil: undefined }),
  keptDays: fc.constantFrom(6.2, 7.5, 8.3, 5.5),
  cut: fc.constantFrom(1, 3, 1000),
  questions: fc.array(anyQuestion, { minLength: 40, maxLength: 40 }),
});

const EVER_SPAN = { fromUs: DAY0 - DAY, toUs: DAY0 + 30 * DAY };

describe('a store with a cold tier behind it gives the answers of one that has everything', () => {
  test(
    'whatever is asked, whatever came late, was corrected or erased, with roll-ups and without',
    async () => {
      const gone: number[] = [];
      await fc.assert(
        fc.asyncProperty(
          anyWorld,
          async ({ rollups, runs, late, corrections, tierAgain, erase, keptDays, cut, questions }) => {
            await using world = new TierWorld(rollups);
            const samples = runs.flatMap((run) => samplesOf(run)).toSorted((a, b) => a.sample.timeUs - b.sample.timeUs);
            for (let day = 0; day <= DAYS; day++) {
              world.at(day + 1);
              await world.take(samples.filter(({ sample }) => Math.floor((sample.timeUs - DAY0) / DAY) === day));
            }
            world.at(10);
            await world.tier(1);
            await world.expire(keptDays);
            // All of them lie in the tier, and the store has given up most.
            expect(world.table.days.length).toBeGreaterThan(0);
            const held = (await raw(historyOf(world.store), A, EVER_SPAN, 10_000)) as { gaps: unknown[] };
            if (samples.some(({ tag, sample }) => tag === A && sample.timeUs < DAY0 + DAY)) gone.push(held.gaps.length);
            await world.take(late.flatMap((run) => samplesOf(run, corrections)));
            if (tierAgain) await world.tier(1);
            if (erase !== undefined)
              await world.erase([A, 'northmill/state'], erase.span.fromUs, erase.span.toUs, erase.files);
            const whole = historyOf(world.whole, cutter(cut));
            const tiered = world.tiered(cutter(cut));
            for (const { what, tag, span, limit, widthUs, points, asked } of questions) {
              const ask = (history: History): Promise<unknown> => {
                if (what === 'raw') return raw(history, tag, span, limit);
                if (what === 'buckets') return buckets(history, tag, span, widthUs, 0);
                if (what === 'chart') return buckets(history, tag, span, 0, points);
                return analysis(history, tag, spanOf(asked, span), asked);
              };
              same(await ask(tiered), await ask(whole), `${what} ${tag} ${JSON.stringify(span)}`);
            }
            same(await latestOf(tiered), await latestOf(whole), 'latest');
          },
        ),
        { numRuns: tries(12), endOnFailure: true },
      );
      // Of the first day the store has nothing any more.
      expect(gone.length).toBeGreaterThan(0);
      expect(Math.min(...gone)).toBe(1);
    },
    tries(300_000),
  );
});
