import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AGGREGATE_FUNCTIONS,
  type AggregateColumn,
  type AggregateFunction,
  type AggregateRequest,
  DEFAULT_CONFIGURATION,
} from './aggregate.ts';
import { type BlockSummary, summarize } from './block-summary.ts';
import { AggregateCalculator } from './calculator.ts';
import { DRAFT_RESULTS } from './draft-results.ts';
import { processingIntervals } from './intervals-kit.ts';
import { NaiveHistorian } from './naive-kit.ts';
import type { Series } from './table-kit.ts';

const CODES = [0, 0, 0, 0, 0x00960000, 0x40000000, 0x40900000, 0x80000000, 0x80310000, 0x809b0000];

/** Samples with few values, many of equal time, not all Good, some without a number. */
const series: fc.Arbitrary<Series> = fc
  .array(
    fc.record({
      gap: fc.constantFrom(0, 1, 2, 3, 5, 8, 40),
      value: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: -3, max: 3 }) },
        { weight: 2, arbitrary: fc.double({ min: -1e6, max: 1e6, noNaN: true }) },
        { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY) },
      ),
      code: fc.constantFrom(...CODES),
    }),
    { maxLength: 40 },
  )
  .map((samples) => {
    let timeUs = 10;
    return {
      times: Float64Array.from(samples, ({ gap }) => (timeUs += gap)),
      values: Float64Array.from(samples, ({ value }) => value),
      codes: Uint32Array.from(samples, ({ code }) => code),
    };
  });

/** Intervals of unequal length, in either direction, and every way to take the samples. */
const request: fc.Arbitrary<AggregateRequest> = fc.record({
  intervals: fc.record({
    edges: fc
      .tuple(
        fc.integer({ min: 0, max: 60 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 12 }),
      )
      .map(([start, lengths]) => {
        let edge = start;
        return Float64Array.from([0, ...lengths], (length) => (edge += length));
      }),
    backwards: fc.boolean(),
    cut: fc.constant(null),
  }),
  aggregates: fc.subarray([...AGGREGATE_FUNCTIONS], { minLength: 1 }),
  stepped: fc.boolean(),
  configuration: fc.record({
    treatUncertainAsBad: fc.boolean(),
    percentDataBad: fc.constantFrom(20, 50, 100),
    percentDataGood: fc.constantFrom(50, 80, 100),
    useSlopedExtrapolation: fc.boolean(),
  }),
  resolutionUs: fc.constantFrom(1, 2),
});

function count({ intervals }: AggregateRequest): number {
  return intervals.edges.length - 1;
}

function calculate(asked: AggregateRequest, { times, values, codes }: Series, dataEndUs?: number): AggregateColumn[] {
  const calculator = new AggregateCalculator(asked);
  calculator.add(times, values, codes);
  calculator.finish(dataEndUs);
  return calculator.results(0, count(asked));
}

/** Where two columns differ, by more than the last digits of values; null: nowhere. */
function difference(actual: AggregateColumn | undefined, expected: AggregateColumn | undefined): unknown {
  for (const [i, value] of (expected?.values ?? []).entries()) {
    const own = actual?.values[i] ?? 0;
    const near = Object.is(own, value) || Math.abs(own - value) <= 1e-6 * Math.max(1, Math.abs(value));
    const same = actual?.times[i] === expected?.times[i] && actual?.qualities[i] === expected?.qualities[i];
    if (!near || !same) return { interval: i, actual: rowOf(actual, i), expected: rowOf(expected, i) };
  }
  return null;
}

function rowOf(column: AggregateColumn | undefined, i: number): unknown {
  return [column?.times[i], column?.values[i], column?.qualities[i]?.toString(16)];
}

describe('against the naive historian', () => {
  test.each(AGGREGATE_FUNCTIONS)('%s is what the standard says, sample by sample', (name: AggregateFunction) => {
    fc.assert(
      fc.property(request, series, fc.option(fc.integer({ min: 0, max: 400 })), (asked, samples, dataEndUs) => {
        const single = { ...asked, aggregates: [name] };
        const [column] = calculate(single, samples, dataEndUs ?? undefined);
        const naive = new NaiveHistorian(single, samples, dataEndUs ?? undefined);
        const expected = Array.from({ length: count(single) }, (_, interval) => naive.result(name, interval));
        const columnOfNaive = {
          times: Float64Array.from(expected, ({ timeUs }) => timeUs),
          values: Float64Array.from(expected, ({ value }) => value),
          qualities: Uint32Array.from(expected, ({ code }) => code),
        };
        expect(difference(column, columnOfNaive)).toBe(null);
      }),
      { numRuns: 150 },
    );
  });
});

describe('pieces', () => {
  test('of any size give the same, to the last bit, and through states that cross threads', () => {
    fc.assert(
      fc.property(
        request,
        series,
        fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 20 }),
        fc.constantFrom('1.05' as const, 'draft' as const),
        (asked, { times, values, codes }, sizes, edition) => {
          const known = asked.aggregates.filter((name) => edition === '1.05' || DRAFT_RESULTS[name] !== undefined);
          const whole = { ...asked, aggregates: known, edition };
          let calculator = new AggregateCalculator(whole);
          const columns: AggregateColumn[][] = [];
          let done = 0;
          let at = 0;
          for (const size of sizes) {
            const end = Math.min(times.length, at + size);
            calculator.add(times, values, codes, at, end);
            at = end;
            columns.push(calculator.results(done, calculator.settled));
            done = calculator.settled;
            calculator = AggregateCalculator.resume(whole, structuredClone(calculator.state()));
          }
          calculator.add(times, values, codes, at);
          calculator.finish();
          columns.push(calculator.results(done, count(whole)));
          const expected = calculate(whole, { times, values, codes });
          for (const [i, column] of expected.entries()) {
            expect(columns.flatMap((part) => [...(part[i]?.times ?? [])])).toEqual([...column.times]);
            expect(columns.flatMap((part) => [...(part[i]?.values ?? [])])).toEqual([...column.values]);
            expect(columns.flatMap((part) => [...(part[i]?.qualities ?? [])])).toEqual([...column.qualities]);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('settle intervals that no later sample changes, and no others', () => {
    const intervals = processingIntervals(0, 30, 10);
    const aggregates = ['Count', 'TimeAverage2', 'TimeAverage'] as const;
    const calculator = new AggregateCalculator({ ...requestFor(aggregates), intervals });
    const at = (timeUs: number, code: number): void =>
      calculator.add(Float64Array.of(timeUs), Float64Array.of(1), Uint32Array.of(code));
    at(0, 0);
    at(9, 0);
    expect(calculator.settled).toBe(0);
    at(10, 0x80000000);
    at(11, 0x80000000);
    expect(calculator.settled).toBe(0);
    at(12, 0);
    at(21, 0);
    at(22, 0);
    expect(calculator.settled).toBe(2);
    calculator.finish();
    expect(calculator.settled).toBe(3);
  });

  test('in the wrong order are an error of the program', () => {
    const calculator = new AggregateCalculator(requestFor(['Count']));
    const twice = Uint32Array.of(0, 0);
    expect(() => calculator.add(Float64Array.of(5, 4), Float64Array.of(1, 1), twice)).toThrow('order of time');
  });
});

function requestFor(aggregates: readonly AggregateFunction[]): AggregateRequest {
  const intervals = processingIntervals(0, 100, 10);
  return { intervals, aggregates, stepped: false, configuration: DEFAULT_CONFIGURATION };
}

function ask(name: AggregateFunction, of: Series, more: Partial<AggregateRequest> = {}): AggregateColumn {
  const [column] = calculate({ ...requestFor([name]), ...more }, of);
  if (column === undefined) throw new Error('no column');
  return column;
}

function seriesOf(...rows: [timeUs: number, value: number, code: number][]): Series {
  return {
    times: Float64Array.from(rows, ([timeUs]) => timeUs),
    values: Float64Array.from(rows, ([, value]) => value),
    codes: Uint32Array.from(rows, ([, , code]) => code),
  };
}

describe('results', () => {
  test('say in their InfoType that info bits hold, and keep what a raw value says besides', () => {
    const limitHigh = 0x00000600;
    const column = ask('Start', seriesOf([0, 1, limitHigh], [10, 2, 0x80310000], [100, 3, 0]));
    expect([...column.qualities.subarray(0, 3)]).toEqual([0x00000600, 0x80310400, 0x809b0000]);
    expect(ask('Average', seriesOf([0, 1, 0], [100, 3, 0])).qualities[0]).toBe(0x00000401);
  });

  test('take the last good value of a time, and say that there was extra data', () => {
    const several = seriesOf([0, 1, 0], [0, 2, 0], [0, 3, 0x40000000], [100, 5, 0]);
    expect(ask('Start', several)).toMatchObject({ values: { 0: 2 }, qualities: { 0: 0x00000408 } });
    expect(ask('Count', several).values[0]).toBe(1);
  });

  test('go on until a time up to which the last value is known to have lasted', () => {
    const asked = { ...requestFor(['DurationGood', 'PercentGood', 'EndBound']), stepped: true };
    const columns = calculate(asked, seriesOf([0, 7, 0], [5, 8, 0]), 45);
    expect(columns.map(({ values }) => [...values.subarray(0, 6)])).toEqual([
      [0.01, 0.01, 0.01, 0.01, 0.005, Number.NaN],
      [100, 100, 100, 100, 100, Number.NaN],
      [8, 8, 8, 8, Number.NaN, Number.NaN],
    ]);
  });

  test('are no data everywhere if there are no samples', () => {
    for (const name of AGGREGATE_FUNCTIONS) {
      const { qualities, values } = ask(name, seriesOf());
      expect([...qualities]).toEqual(Array(10).fill(0x809b0000));
      expect([...values]).toEqual(Array(10).fill(Number.NaN));
    }
  });

  test('of an aggregate that the draft does not have are refused', () => {
    expect(() => ask('Minimum2', seriesOf(), { edition: 'draft' })).toThrow('no Minimum2');
  });
});

/** What a block in a file keeps of its samples: which of them are the least and the greatest, and what lies between the first and the last, only where all are the same. */
function kept(summary: BlockSummary): BlockSummary {
  const { goodCount, goodUs, min, max, plain } = summary;
  const isConstant = goodCount > 0 && min === max;
  return {
    ...summary,
    extremes: isConstant && plain ? summary.extremes : null,
    nonZeroUs: goodCount === 0 || min > 0 || max < 0 ? goodUs : isConstant ? 0 : null,
    transitions: goodCount === 0 || isConstant ? 0 : null,
  };
}

describe('summaries of blocks', () => {
  const never = /Deviation|Variance/;
  /** These need to know of each sample that is not good. */
  const ofGoodAlone = /Deviation|Variance|Interpolative|TimeAverage$|Total$|Start|End|Worst/;

  test.each(AGGREGATE_FUNCTIONS)(
    'stand for the samples of blocks inside an interval wherever they are taken: %s',
    (name) => {
      const counts = { whole: 0, mixed: 0 };
      fc.assert(
        fc.property(request, series, fc.integer({ min: 1, max: 6 }), fc.boolean(), (asked, samples, size, isKept) => {
          const { useSlopedExtrapolation } = asked.configuration;
          // The default is what most ask for, and lets most summaries do.
          const configuration = useSlopedExtrapolation ? asked.configuration : DEFAULT_CONFIGURATION;
          const single = { ...asked, aggregates: [name], configuration };
          const { times, values, codes } = distinctTimes(samples);
          const calculator = new AggregateCalculator(single);
          for (let at = 0; at < times.length; at += size) {
            const end = Math.min(times.length, at + size);
            const whole = summarize(times, values, codes, at, end);
            const summary = isKept ? kept(whole) : whole;
            if (!calculator.addSummary(summary)) calculator.add(times, values, codes, at, end);
            else if (summary.goodCount < summary.count) counts.mixed++;
            else counts.whole++;
          }
          calculator.finish();
          const [expected] = calculate(single, { times, values, codes });
          const [column] = calculator.results(0, count(single));
          expect(difference(column, expected)).toBe(null);
        }),
        { numRuns: 600 },
      );
      expect([counts.whole > 10, counts.mixed > 10]).toEqual([!never.test(name), !ofGoodAlone.test(name)]);
    },
  );

  test('are taken where they can stand for the samples, and refused where not', () => {
    const times = Float64Array.of(11, 15, 18);
    const values = Float64Array.of(1, 3, 2);
    const codes = new Uint32Array(3);
    const summary = summarize(times, values, codes, 0, 3);
    const calculator = new AggregateCalculator(requestFor(['Average', 'TimeAverage', 'Minimum2']));
    calculator.add(Float64Array.of(2), Float64Array.of(5), Uint32Array.of(0));
    expect(calculator.addSummary({ ...summary, lastUs: 20 })).toBe(false);
    expect(calculator.addSummary({ ...summary, firstUs: 2 })).toBe(false);
    expect(calculator.addSummary(summary)).toBe(true);
    expect(calculator.addSummary(summary)).toBe(false);
    expect(new AggregateCalculator(requestFor(['VarianceSample'])).addSummary(summary)).toBe(false);
  });

  test('that do not say everything answer what does not ask for it', () => {
    const times = Float64Array.of(11, 15, 18);
    const asks = (name: AggregateFunction, summary: BlockSummary, configuration = DEFAULT_CONFIGURATION): boolean =>
      new AggregateCalculator({ ...requestFor([name]), configuration }).addSummary(summary);
    const varying = kept(summarize(times, Float64Array.of(1, 3, 2), new Uint32Array(3), 0, 3));
    const state = kept(summarize(times, Float64Array.of(1, 1, 1), new Uint32Array(3), 0, 3));
    const mixed = kept(summarize(times, Float64Array.of(1, 3, 2), Uint32Array.of(0, 0x80000000, 0), 0, 3));
    const bad = kept(summarize(times, Float64Array.of(1, 3, 2), new Uint32Array(3).fill(0x80000000), 0, 3));
    const names = ['Count', 'PercentGood', 'TimeAverage2', 'TimeAverage', 'Minimum', 'DurationInStateNonZero'] as const;
    expect([varying, state, mixed].map((each) => names.filter((name) => asks(name, each)))).toEqual([
      ['Count', 'PercentGood', 'TimeAverage2', 'TimeAverage', 'DurationInStateNonZero'],
      [...names],
      ['Count', 'PercentGood', 'TimeAverage2', 'DurationInStateNonZero'],
    ]);
    // Half of it good would be Good: whether what is not good is Bad decides.
    const half = { ...DEFAULT_CONFIGURATION, percentDataGood: 50, percentDataBad: 50 };
    const useful = { ...DEFAULT_CONFIGURATION, treatUncertainAsBad: false };
    expect([half, useful].map((each) => names.filter((name) => asks(name, mixed, each)))).toEqual([
      ['PercentGood', 'DurationInStateNonZero'],
      ['Count', 'PercentGood'],
    ]);
    // Whether the data begin with it nobody knows.
    expect(names.filter((name) => asks(name, bad))).toEqual([]);
    const behind = new AggregateCalculator(requestFor(['PercentGood']));
    behind.add(Float64Array.of(2), Float64Array.of(5), Uint32Array.of(0));
    expect(behind.addSummary(bad)).toBe(true);
  });
});

/** Without samples that repeat a time: blocks with such ones are no use. */
function distinctTimes({ times, values, codes }: Series): Series {
  const rows = [...times.keys()].filter((i) => times[i] !== times[i - 1]);
  return {
    times: Float64Array.from(rows, (i) => times[i] ?? 0),
    values: Float64Array.from(rows, (i) => values[i] ?? 0),
    codes: Uint32Array.from(rows, (i) => codes[i] ?? 0),
  };
}
