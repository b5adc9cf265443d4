import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seeded } from '../../edge/core/kit/crash-disk.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { AGGREGATE_FUNCTIONS, type AggregateFunction, DEFAULT_CONFIGURATION } from '../aggregates/aggregate.ts';
import { processingIntervals } from '../aggregates/intervals-kit.ts';
import type { CounterRules } from '../analysis/counter-rules.ts';
import type { Tagged } from '../kit/history-kit.ts';
import { at, DAY0, HOUR_US, MINUTE_US, RollupWorld, TAG, walk } from '../kit/rollups-kit.ts';
import type { AnalysisPage } from './analysis-query.ts';
import type { Asked } from './asked.ts';
import { queryAnalysis } from './query-analysis.ts';

const BAD = 0x80310000;
const UNCERTAIN = 0x40900000;
const SPAN = { fromUs: DAY0 + HOUR_US, toUs: DAY0 + 3 * HOUR_US };
/** When the samples of the first day have become minutes, and hours. */
const [MINUTES, HOURS] = [11.5, 21.5];

function ask({ store }: RollupWorld, asked: Asked, span = SPAN): AnalysisPage {
  const view = store.pin();
  try {
    return queryAnalysis(view, { tag: TAG, ...span, asked }, () => false);
  } finally {
    view.release();
  }
}

/** One aggregate of Part 13, of hours. */
function askFunction(
  world: RollupWorld,
  name: AggregateFunction,
  stepped: boolean,
  treatUncertainAsBad = true,
): AnalysisPage {
  const intervals = processingIntervals(SPAN.fromUs, SPAN.toUs, HOUR_US);
  const configuration = { ...DEFAULT_CONFIGURATION, treatUncertainAsBad };
  return ask(world, { what: 'aggregates', intervals, aggregates: [name], stepped, configuration });
}

/** Values, StatusCodes and times, without the digits that depend on the order of additions. */
function rowsOf({ columns }: AnalysisPage): unknown {
  return columns.map(({ values, qualities, times }) =>
    Array.from(values, (value, i) => [Number(value.toPrecision(10)), qualities?.[i], times?.[i]]),
  );
}

const counter = (wide: number, buckets = 2, rules: CounterRules = { rollover: 1000, correction: 0 }): Asked => {
  const starts = Float64Array.from({ length: buckets }, (_, i) => SPAN.fromUs + i * wide);
  return { what: 'totals', starts, ends: starts.map((start) => start + wide), rules, replacements: [] };
};

const above = (limit: number): Asked => {
  const condition = { when: 'above', limit, deadband: 0.5, for: 0, bridge: 0 } as const;
  return { what: 'frames', uncertainIsBad: true, condition };
};

/** Readings of a counter, one a second for four hours. */
function readings(count: (i: number) => number): Tagged[] {
  return Array.from({ length: 14_400 }, (_, i) => at(i, count(i)));
}

/** Four hours of a tag, a sample about every `gap` seconds. */
const anySignal = fc.record({
  seed: fc.integer(),
  kind: fc.constantFrom('walk', 'state', 'boolean', 'constant'),
  gapS: fc.constantFrom(1, 4, 15),
  badShare: fc.constantFrom(0, 0, 50, 500),
  badCode: fc.constantFrom(BAD, UNCERTAIN),
  good: fc.constantFrom(0, 0, 0x00960000),
  treatUncertainAsBad: fc.boolean(),
});

function samplesOf({ seed, kind, gapS, badShare, badCode, good }: Parameters<typeof checkSignal>[0]): Tagged[] {
  const random = seeded(seed);
  let value = 20;
  return Array.from({ length: Math.floor(14_400 / gapS) }, (_, i) => {
    if (kind === 'walk') value += (random(9) - 4) / 8;
    else if (kind !== 'constant' && random(200) === 0) value = value === 0 ? 1 : 0;
    const quality = badShare > 0 && random(1000) < badShare ? badCode : good;
    const boolean = { kind: ValueKind.boolean, value: value !== 0 } as const;
    return at(i * gapS, value, { quality, ...(kind === 'boolean' ? boolean : {}) });
  });
}

/** These look at the next usable sample, or at the StatusCode of one at the very end. */
const OF_WHAT_COMES: ReadonlySet<string> = new Set(['Interpolative', 'TimeAverage', 'Total', 'EndBound']);
const LEFT = 'Only a roll-up is left';
const answered = new Map<AggregateFunction, number>();

async function checkSignal(signal: {
  readonly seed: number;
  readonly kind: string;
  readonly gapS: number;
  readonly badShare: number;
  readonly badCode: number;
  readonly good: number;
  readonly treatUncertainAsBad: boolean;
}): Promise<void> {
  using world = new RollupWorld();
  await world.day(0, samplesOf(signal));
  const stepped = signal.kind !== 'walk';
  const askAll = (): AnalysisPage[] =>
    AGGREGATE_FUNCTIONS.map((name) => askFunction(world, name, stepped, signal.treatUncertainAsBad));
  const before = askAll();
  for (const day of [MINUTES, HOURS]) {
    await world.expire(day);
    for (const [i, page] of askAll().entries()) {
      const name = AGGREGATE_FUNCTIONS[i] ?? 'Count';
      const was = before[i] ?? page;
      const [gap] = page.gaps;
      const isSilent = gap === undefined;
      // What comes behind the span and cannot be told of it has told no gap in the span: the StatusCode says that something is missing.
      const isSure =
        !OF_WHAT_COMES.has(name) || page.columns[0]?.qualities?.every((code) => code >>> 30 === 0) === true;
      expect([name, rowsOf(isSilent && isSure ? page : was)]).toEqual([name, rowsOf(was)]);
      expect([gap?.reason ?? 'expired', gap?.detail ?? LEFT]).toEqual(['expired', expect.stringContaining(LEFT)]);
      if (isSilent && signal.badShare > 0) answered.set(name, (answered.get(name) ?? 0) + 1);
    }
  }
  await world.store.close();
}

describe('aggregates of Part 13 over roll-ups', () => {
  test('of any signal are what they were over the samples, or a gap says what is left', async () => {
    await fc.assert(fc.asyncProperty(anySignal, checkSignal), { numRuns: 40 });
    for (const name of ['Count', 'PercentGood', 'DurationBad', 'TimeAverage2', 'Average', 'Range', 'Delta'] as const)
      expect([name, answered.get(name) ?? 0]).toEqual([name, expect.toSatisfy((times: number) => times > 2)]);
  }, 120_000);

  test('a minute with one bad sample has those that ask how many or how long, and says what it cannot say', async () => {
    using world = new RollupWorld();
    const samples = walk(4 * 3600).map((each, i) =>
      i === 5400 ? { ...each, sample: { ...each.sample, quality: BAD } } : each,
    );
    await world.day(0, samples);
    const answer = (name: AggregateFunction): unknown => askFunction(world, name, false).columns[0]?.values[0];
    const names = ['Count', 'DurationGood', 'DurationBad', 'PercentGood', 'TimeAverage2'] as const;
    const before = names.map(answer);
    expect(before.slice(0, 4)).toEqual([3599, 3_599_000, 1000, expect.closeTo(99.972, 3)]);
    await world.expire(MINUTES);
    for (const [i, name] of names.entries()) expect(answer(name)).toBeCloseTo(Number(before[i]), 9);
    const gap = { reason: 'expired', fromUs: DAY0 + 5400e6, toUs: DAY0 + 5459e6 + 1, samples: 60 };
    expect(askFunction(world, 'TimeAverage', false).gaps).toEqual([
      {
        ...gap,
        detail:
          'Only a roll-up is left of samples that are not all Good, which does not say TimeAverage: of whole minutes (UTC) there are mean, min, max, count, first, last.',
      },
    ]);
    expect(askFunction(world, 'Maximum', false).gaps).toHaveLength(120);
    await world.store.close();
  });

  test('running hours and starts of a pump stand as long as days are kept', async () => {
    using world = new RollupWorld();
    const samples = Array.from({ length: 4 * 3600 }, (_, i) =>
      at(i, 0, { kind: ValueKind.boolean, value: i % 3600 >= 900 && i % 3600 < 2700 }),
    );
    await world.day(0, samples);
    await world.expire(MINUTES);
    expect(rowsOf(askFunction(world, 'NumberOfTransitions', true))).toEqual([
      [
        [2, 0x401, undefined],
        [2, 0x401, undefined],
      ],
    ]);
    await world.expire(HOURS);
    expect(rowsOf(askFunction(world, 'DurationInStateNonZero', true))).toEqual([
      [
        [1_800_000, 0x401, undefined],
        [1_800_000, 0x401, undefined],
      ],
    ]);
    expect(askFunction(world, 'NumberOfTransitions', true).gaps[0]?.detail).toBe(
      'Only a roll-up is left, which does not say NumberOfTransitions: of whole hours (UTC) there are mean, min, max, count, first, last.',
    );
    await world.store.close();
  });
});

describe('totals of a counter over roll-ups', () => {
  test('are what they were where it only went up, and counted on from around what else happened', async () => {
    using world = new RollupWorld();
    // It goes through its end at 01:23:12.
    await world.day(
      0,
      readings((i) => (i / 16 + 688) % 1000),
    );
    const before = ask(world, counter(HOUR_US));
    const fine = ask(world, counter(MINUTE_US, 120));
    expect(before.columns[0]?.values).toEqual(Float64Array.of(225, 225));
    await world.expire(MINUTES);
    const after = ask(world, counter(HOUR_US));
    expect(after.columns[0]).toEqual(before.columns[0]);
    expect(after.events).toMatchObject([{ kind: 'rollover', amount: expect.any(Number) as number }]);
    expect(after.gaps).toMatchObject([
      {
        reason: 'expired',
        samples: 60,
        detail:
          'Only a roll-up is left, of minutes, in which the counter did not only go up: it was counted on from the readings around it.',
      },
    ]);
    // Beside the minute with the rollover, whose time is shared evenly, all are as they were.
    const [was, is] = [fine, ask(world, counter(MINUTE_US, 120))].map((page) => [...(page.columns[0]?.values ?? [])]);
    expect(is?.filter((total, i) => Math.abs(total - (was?.[i] ?? 0)) > 1e-9).length).toBeLessThan(3);
    expect(is?.reduce((sum, total) => sum + total, 0)).toBeCloseTo(450, 9);
    // Half minutes have no answer.
    expect(ask(world, counter(MINUTE_US / 2, 240)).gaps.length).toBeGreaterThan(100);
    await world.store.close();
  });
});

describe('event frames over roll-ups', () => {
  test('are found where there are samples, and a gap names each minute in which the condition may have been met', async () => {
    using world = new RollupWorld();
    // A bad value is not one above the limit.
    const samples = Array.from({ length: 4 * 3600 }, (_, i) =>
      at(i, i === 5430 ? 90 : 20 + (i % 7), i === 6001 ? { quality: BAD } : {}),
    );
    await world.day(0, samples);
    expect(ask(world, above(80)).frames).toHaveLength(1);
    await world.expire(MINUTES);
    expect(ask(world, above(100))).toMatchObject({ frames: [], gaps: [] });
    expect(ask(world, above(80))).toMatchObject({
      frames: [],
      gaps: [
        {
          fromUs: DAY0 + 5400e6,
          samples: 60,
          detail:
            'Only a roll-up is left, in which the condition may have been met: min and max of whole minutes (UTC) have an answer.',
        },
      ],
    });
    const bad = { what: 'frames', uncertainIsBad: true, condition: { when: 'bad', for: 0 } } as const;
    expect(ask(world, bad).gaps).toMatchObject([{ fromUs: DAY0 + 6000e6, samples: 60 }]);
    await world.store.close();
  });

  test('a chart of samples has a gap that says what a chart of roll-ups is', async () => {
    using world = new RollupWorld();
    await world.day(0, walk(7200));
    await world.expire(MINUTES);
    const grid = { originUs: SPAN.fromUs, widthUs: HOUR_US, count: 1 };
    expect(ask(world, { what: 'shape', shape: 'minmax', grid }).gaps[0]?.detail).toBe(
      'Only a roll-up is left: a chart without `shape` has the least and greatest values of whole minutes (UTC).',
    );
    await world.store.close();
  });
});
