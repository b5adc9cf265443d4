import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { selectNth } from './select.ts';

const anyNumber = fc.oneof(fc.double({ noNaN: true }), fc.integer({ min: -3, max: 3 }));

test('the number at a place is the one that sorting puts there, and all numbers are kept', () => {
  fc.assert(
    fc.property(fc.array(anyNumber, { minLength: 1, maxLength: 70 }), fc.nat(), fc.nat(5), (numbers, place, behind) => {
      const values = Float64Array.from([...numbers, ...Array.from({ length: behind }, () => -1e9)]);
      const n = place % numbers.length;
      const sorted = Float64Array.from(numbers).toSorted();
      expect(selectNth(values, numbers.length, n) + 0).toBe((sorted[n] ?? 0) + 0);
      expect(values.subarray(0, numbers.length).toSorted()).toEqual(sorted);
    }),
    { numRuns: 2000 },
  );
});
