import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, nearest } from './nearest.ts';

test.each([
  ['conectors', 'connectors'],
  ['Links', 'links'],
  ['htpt', 'http'],
  ['clocks', 'clock'],
])('%s was meant to be %s', (typed, meant) => {
  expect(nearest(typed, ['version', 'site', 'data', 'http', 'log', 'clock', 'connectors', 'links'])).toBe(meant);
});

test('there is no nearest of none', () => {
  expect(nearest('x', [])).toBeUndefined();
});

test('the distance is 0 only for equal texts, symmetric, and at most the longer length', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
      const distance = editDistance(a, b);
      expect(distance === 0).toBe(a === b);
      expect(editDistance(b, a)).toBe(distance);
      expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
    }),
  );
});
