import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TimeOrder } from './time-order.ts';

/** Rows 0, 1, 2 … in the order of these times. */
function sorted(order: TimeOrder, times: readonly number[]): number[] {
  order.begin(times.length);
  // As they lie in memory: in chunks, each number beside others.
  const numbers = Float64Array.from(times.flatMap((time) => [time, -1]));
  for (let at = 0; at < times.length; at += 7) order.take(at, Math.min(7, times.length - at), numbers, at * 2, 2);
  return [...order.finish().subarray(0, times.length)];
}

/** The same by the sort of the language, which leaves equal ones as they are. */
function expected(times: readonly number[]): number[] {
  return [...times.keys()].toSorted((a, b) => (times[a] ?? 0) - (times[b] ?? 0));
}

describe('rows by time', () => {
  test('equal ones stay in their order, whatever the disorder, also with memory that was used before', () => {
    const order = new TimeOrder();
    const few = fc.array(fc.nat(5), { maxLength: 300 });
    const any = fc.array(fc.maxSafeInteger(), { maxLength: 300 });
    fc.assert(
      fc.property(fc.oneof(few, any), (times) => {
        expect(sorted(order, times)).toEqual(expected(times));
      }),
      { numRuns: 1000 },
    );
  });

  test('of a tenth that is late, of a first one that is far ahead, of all backwards', () => {
    const order = new TimeOrder();
    const count = 5000;
    const inOrder = Array.from({ length: count }, (_, i) => i);
    for (const times of [
      inOrder,
      inOrder.map((i) => (i % 10 === 3 ? i - ((i * 7919) % 3600) : i)),
      [1e9, ...inOrder],
      inOrder.toReversed(),
      inOrder.map((i) => (i * 7919) % count),
    ])
      expect(sorted(order, times)).toEqual(expected(times));
  });
});
