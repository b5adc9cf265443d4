import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AGGREGATE_FUNCTIONS, DEFAULT_CONFIGURATION } from '../../../historian/aggregates/aggregate.ts';
import { AGGREGATES } from '../../../historian/queries/bucket-page.ts';
import { Fault } from '../../core/fault.ts';
import { parseTable, type TableTexts } from './parameters.ts';

const MINUTE = { type: 'time', text: '1m', widthUs: 60e6 };
const DAY = { type: 'calendar', text: 'day' };
const standard = { configuration: DEFAULT_CONFIGURATION, stepped: undefined };
const long = { layout: 'long', timezone: undefined };

describe('a question that is more than samples, short aggregates and charts', () => {
  test.each<[TableTexts, unknown]>([
    [{}, undefined],
    [{ points: '100' }, undefined],
    [{ interval: '1m', aggregate: 'mean,max' }, undefined],
    [{ interval: '1m' }, undefined],
    [
      { interval: 'day', aggregate: 'mean' },
      { request: { type: 'aggregates', interval: DAY, aggregates: ['mean'], ...standard }, ...long },
    ],
    [
      { interval: '1m', aggregate: 'timeaverage2,count,Count,PERCENTGOOD' },
      {
        request: {
          type: 'aggregates',
          interval: MINUTE,
          aggregates: ['TimeAverage2', 'count', 'Count', 'PercentGood'],
          ...standard,
        },
        ...long,
      },
    ],
    [
      {
        interval: 'shift',
        aggregate: 'Average',
        timezone: 'Europe/Berlin',
        stepped: 'true',
        percentDataGood: '80',
        percentDataBad: '50.5',
      },
      {
        request: {
          type: 'aggregates',
          interval: { type: 'shift', text: 'shift' },
          aggregates: ['Average'],
          stepped: true,
          configuration: { ...DEFAULT_CONFIGURATION, percentDataGood: 80, percentDataBad: 50.5 },
        },
        layout: 'long',
        timezone: 'Europe/Berlin',
      },
    ],
    [
      { interval: '1m', aggregate: 'mean', layout: 'wide' },
      { request: { type: 'aggregates', interval: MINUTE, aggregates: ['mean'], ...standard }, ...long, layout: 'wide' },
    ],
    [
      { interval: 'month', aggregate: 'counted', rollover: '4294967296' },
      {
        request: { type: 'counted', interval: { type: 'calendar', text: 'month' }, rules: { rollover: 2 ** 32 } },
        ...long,
      },
    ],
    [
      { interval: '1m', aggregate: 'Counted' },
      { request: { type: 'counted', interval: MINUTE, rules: undefined }, ...long },
    ],
    [
      { at: ['1970-01-01T00:00:02Z', '1970-01-01T00:00:01Z', '1970-01-01T00:00:02Z'], method: 'previous' },
      {
        request: {
          type: 'values',
          times: { at: [1e6, 2e6] },
          method: 'previous',
          stepped: undefined,
          uncertainIsBad: true,
          slopedExtrapolation: false,
        },
        ...long,
      },
    ],
    [
      { every: 'day', stepped: 'false', treatUncertainAsBad: 'false' },
      {
        request: {
          type: 'values',
          times: { every: DAY },
          method: 'interpolated',
          stepped: false,
          uncertainIsBad: false,
          slopedExtrapolation: false,
        },
        ...long,
      },
    ],
    [
      { points: '50', shape: 'lttb' },
      { request: { type: 'shape', shape: 'lttb', points: 50 }, ...long },
    ],
    [{ layout: 'wide' }, { request: { type: 'samples' }, ...long, layout: 'wide' }],
  ])('%o', (texts, expected) => {
    expect(parseTable(texts)).toEqual(expected);
  });

  test.each<[TableTexts, string]>([
    [
      { interval: '1m', aggregate: 'TimeAverrage2' },
      'aggregate: "TimeAverrage2" is none, did you mean TimeAverage2? expected some of mean,min',
    ],
    [
      { interval: 'fortnight', aggregate: 'mean' },
      'interval: expected a time of at least 1ms such as 30s, 1m or 1h, minute, quarter-hour',
    ],
    [{ interval: '1m', aggregate: 'Average,average' }, 'aggregate: each once.'],
    [{ interval: '1m', aggregate: 'counted,mean' }, 'aggregate: counted stands alone.'],
    [{ interval: '1m', aggregate: 'counted', stepped: 'true' }, 'stepped: not with counted.'],
    [{ interval: '1m', aggregate: 'counted', rollover: '0' }, 'rollover: expected a number above 0 and up to 2^53'],
    [{ interval: '1m', aggregate: 'mean', stepped: 'true' }, 'stepped: only with an aggregate of OPC UA Part 13'],
    [{ interval: '1m', aggregate: 'Average', stepped: 'yes' }, 'stepped: expected true or false.'],
    [
      { interval: '1m', aggregate: 'Average', percentDataGood: '101' },
      'percentDataGood: expected a number from 0 to 100.',
    ],
    [
      { interval: '1m', aggregate: 'Average', percentDataGood: '0', percentDataBad: '80' },
      'percentDataGood: expected at least 20, which is 100 less percentDataBad.',
    ],
    [{ interval: '1m', aggregate: 'Average', timezone: 'Europe/Berlin' }, 'timezone: only beside a calendar unit'],
    [
      { interval: 'day', aggregate: 'mean', timezone: 'Mars/Olympus' },
      'timezone: "Mars/Olympus" is none; expected one such as Europe/Berlin.',
    ],
    [{ interval: '1m', aggregate: 'Average', rollover: '5' }, 'rollover: not with aggregates.'],
    [
      { interval: '1m', aggregate: 'Average', at: ['1970-01-01T00:00:02Z'] },
      'interval: not with at, every and method.',
    ],
    [{ method: 'next' }, 'at: expected times, or every=, beside method; not both.'],
    [{ every: '1m', method: 'nearest' }, 'method: expected interpolated or stepped or previous or next.'],
    [{ every: '1m', method: 'next', stepped: 'true' }, 'stepped: only with method=interpolated.'],
    [{ at: Array.from({ length: 1001 }, () => '1970-01-01T00:00:02Z') }, 'at: expected at most 1,000 times.'],
    [{ at: ['2026-03-01T00:00:00'] }, '"2026-03-01T00:00:00" has no zone.'],
    [{ shape: 'lttb' }, 'points: expected 3 to 10,000 beside shape.'],
    [{ points: '5', shape: 'm4' }, 'shape: expected minmax or lttb.'],
    [{ points: '5', layout: 'wide' }, 'layout: not with points alone: give shape=minmax or shape=lttb beside it.'],
    [{ timezone: 'Europe/Berlin' }, 'timezone: only beside interval and aggregate, or at or every.'],
    [{ layout: 'broad' }, 'layout: expected long or wide.'],
  ])('%o is refused', (texts, message) => {
    expect(() => parseTable(texts)).toThrow(message);
  });

  test('every aggregate of Part 13 is known in any case', () => {
    for (const name of AGGREGATE_FUNCTIONS)
      for (const aggregate of [name, name.toLowerCase().replace(/^count$/, 'COUNT'), name.toUpperCase()])
        expect(parseTable({ interval: 'day', aggregate })).toMatchObject({ request: { aggregates: [name] } });
  });

  test('any text is a question, none, or refused with the parameter that is wrong', () => {
    const names = [...AGGREGATES, ...AGGREGATE_FUNCTIONS, 'counted', 'Mean', '__proto__', 'constructor'];
    const word = fc.oneof(
      { weight: 1, arbitrary: fc.string() },
      {
        weight: 4,
        arbitrary: fc.constantFrom(
          '1m',
          'day',
          'shift',
          '0s',
          '5',
          '100',
          '-1',
          '1e3',
          'true',
          'false',
          'lttb',
          'wide',
          'long',
          'next',
          '',
        ),
      },
      { weight: 3, arbitrary: fc.array(fc.constantFrom(...names), { maxLength: 3 }).map((some) => some.join(',')) },
    );
    const text = fc.option(word, { nil: undefined, freq: 3 });
    const keys = [
      'interval',
      'aggregate',
      'points',
      'timezone',
      'layout',
      'every',
      'method',
      'shape',
      'stepped',
    ] as const;
    const more = [
      'treatUncertainAsBad',
      'percentDataGood',
      'percentDataBad',
      'useSlopedExtrapolation',
      'rollover',
      'correction',
    ] as const;
    const texts = fc.record(Object.fromEntries([...keys, ...more].map((key) => [key, text])));
    fc.assert(
      fc.property(texts, fc.option(fc.array(word, { maxLength: 3 }), { nil: undefined }), (given, at) => {
        expect(() => {
          try {
            parseTable({ ...given, at }, 'usage');
          } catch (error) {
            if (!(error instanceof Fault) || (error.code !== 'usage' && error.code !== 'time-invalid')) throw error;
          }
        }).not.toThrow();
      }),
      { numRuns: 3000 },
    );
  });
});
