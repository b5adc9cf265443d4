import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Covered } from './covered.ts';

const SPACE = 60;

/** Every offset of the space that is covered. */
function offsets(covered: Covered): number[] {
  return Array.from({ length: SPACE }, (_, offset) => offset).filter((offset) => covered.has(offset));
}

/** Parts of the space, in any order, without overlap: as workers report them. */
const parts = fc.uniqueArray(fc.integer({ min: 1, max: SPACE - 1 }), { maxLength: 20 }).chain((cuts) => {
  const bounds = [0, ...cuts.toSorted((a, b) => a - b), SPACE];
  const all = bounds.slice(1).map((end, i): [number, number] => [bounds[i] ?? 0, end - 1]);
  return fc.shuffledSubarray(all);
});

test('as a set of offsets: whatever was added is covered and nothing else, in any order', () => {
  fc.assert(
    fc.property(parts, (ranges) => {
      const covered = new Covered();
      const model = new Set<number>();
      for (const [first, last] of ranges) {
        covered.add(first, last);
        for (let offset = first; offset <= last; offset++) model.add(offset);
        expect(offsets(covered)).toEqual([...model].toSorted((a, b) => a - b));
        const firstHole = Array.from({ length: SPACE }, (_, offset) => offset).find((offset) => !model.has(offset));
        expect(covered.prefix).toBe(firstHole ?? SPACE);
      }
    }),
  );
});

test('there are never more ranges than holes, so a hole that stays does not make it grow', () => {
  fc.assert(
    fc.property(parts, (ranges) => {
      const covered = new Covered();
      for (const [first, last] of ranges) covered.add(first, last);
      const beyond = covered.beyond();
      let before = covered.prefix;
      for (const [first, last] of beyond) {
        expect(first).toBeGreaterThan(before);
        expect(last).toBeGreaterThanOrEqual(first);
        before = last + 1;
      }
    }),
  );
  const covered = new Covered();
  for (let offset = 1; offset < 10_000; offset++) covered.add(offset, offset);
  expect(covered.beyond()).toEqual([[1, 9999]]);
  covered.add(0, 0);
  expect([covered.prefix, covered.beyond()]).toEqual([10_000, []]);
});

test('made again of prefix and ranges it is the same', () => {
  fc.assert(
    fc.property(parts, (ranges) => {
      const covered = new Covered();
      for (const [first, last] of ranges) covered.add(first, last);
      expect(offsets(new Covered(covered.prefix, covered.beyond()))).toEqual(offsets(covered));
    }),
  );
});

test('limited to an end, nothing behind it is covered', () => {
  fc.assert(
    fc.property(parts, fc.nat({ max: SPACE }), (ranges, end) => {
      const covered = new Covered();
      for (const [first, last] of ranges) covered.add(first, last);
      const below = offsets(covered).filter((offset) => offset < end);
      covered.limit(end);
      expect(offsets(covered)).toEqual(below);
    }),
  );
});
