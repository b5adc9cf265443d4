import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AGGREGATES } from '../../historian/queries/bucket-page.ts';
import { Fault } from '../core/fault.ts';
import { parseReduction, type ReductionTexts } from './reduction.ts';

/** Whether it is refused as it should be, or a reduction within its bounds. */
function isFair(texts: ReductionTexts): boolean {
  try {
    const reduction = parseReduction(texts);
    const size = reduction?.type === 'points' ? reduction.points : (reduction?.widthUs ?? 1);
    return Number.isSafeInteger(size) && size > 0;
  } catch (error) {
    return error instanceof Fault && error.code === 'request-invalid';
  }
}

describe('what a history is reduced to', () => {
  test('is nothing where nothing was said', () => {
    expect(parseReduction({})).toBeUndefined();
  });

  test('is an interval and its aggregates in the order in which they were asked for', () => {
    const units = { ms: 1000, s: 1e6, m: 60e6, h: 3600e6, d: 86_400e6 } as const;
    const unit = fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[]));
    const names = fc.shuffledSubarray([...AGGREGATES], { minLength: 1 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), unit, names, (amount, name, aggregates) => {
        const interval = `${amount}${name}`;
        const widthUs = amount * units[name];
        const reduction = { type: 'interval', interval, widthUs, aggregates };
        expect(parseReduction({ interval, aggregate: aggregates.join(',') })).toEqual(reduction);
      }),
    );
  });

  test('is 1 to 10,000 points', () => {
    for (const points of [1, 42, 10_000])
      expect(parseReduction({ points: `${points}` })).toEqual({ type: 'points', points });
  });

  test.each<[ReductionTexts, string]>([
    [
      { interval: '1m' },
      'aggregate: missing, expected some of mean,min,max,count,first,last or of OPC UA Part 13 beside interval.',
    ],
    [
      { aggregate: 'mean' },
      'interval: missing, expected a time such as 1m, or day, week, month, shift, beside aggregate.',
    ],
    [{ interval: '0s', aggregate: 'mean' }, 'interval: expected a time of at least 1ms'],
    [{ interval: '1.5ms', aggregate: 'mean' }, 'interval: expected a time of at least 1ms'],
    [{ interval: '9007199254740991ms', aggregate: 'mean' }, 'interval: expected'],
    [{ interval: '1 m', aggregate: 'mean' }, 'interval: expected'],
    [
      { interval: '1m', aggregate: 'mean,mean' },
      'aggregate: expected some of mean,min,max,count,first,last, each once',
    ],
    [{ interval: '1m', aggregate: 'Mean' }, 'aggregate: expected'],
    [{ interval: '1m', aggregate: '' }, 'aggregate: expected'],
    [{ points: '0' }, 'points: expected 1 to 10,000.'],
    [{ points: '10001' }, 'points: expected'],
    [{ points: '1e3' }, 'points: expected'],
    [{ points: '10', interval: '1m' }, 'points: not together with interval and aggregate'],
    [{ points: '10', aggregate: 'mean' }, 'points: not together'],
  ])('%o is refused', (texts, message) => {
    expect(() => parseReduction(texts)).toThrow(message);
    expect(() => parseReduction(texts, 'usage')).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  test('any text is a reduction within its bounds, or refused', () => {
    const text = fc.option(
      fc.oneof(
        fc.string(),
        fc.constantFrom('1m', '5', 'mean', 'mean,max', '1e9d', '__proto__'),
        fc.stringMatching(/^\d{1,17}(ms|s|m|h|d)?$/),
      ),
      { nil: undefined },
    );
    fc.assert(
      fc.property(text, text, text, (interval, aggregate, points) => {
        expect(isFair({ interval, aggregate, points })).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
