import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutOf } from './cut.ts';
import { BLOCK_POINTS, LEAST_BLOCK_POINTS } from '../limits.ts';
import { CHART_WIDTHS_US, ROUND_US } from './widths.ts';

const MINUTE_US = 60_000_000;
const DAY_US = 1440 * MINUTE_US;

/** 1,000 samples so far apart. */
function times(fromUs: number, everyUs: number): Float64Array {
  return Float64Array.from({ length: BLOCK_POINTS }, (_, i) => fromUs + i * everyUs);
}

test('widths of charts are in order, and each divides a day or is whole days', () => {
  expect(CHART_WIDTHS_US.toSorted((a, b) => a - b)).toEqual(CHART_WIDTHS_US);
  expect(CHART_WIDTHS_US.filter((width) => DAY_US % width !== 0 && width % DAY_US !== 0)).toEqual([]);
  expect(ROUND_US.filter((width) => !CHART_WIDTHS_US.includes(width))).toEqual([]);
});

test.each([
  ['a second', 1_000_000, 900, 15 * MINUTE_US],
  ['100 ms', 100_000, 900, MINUTE_US / 2],
  ['a minute', MINUTE_US, 720, 720 * MINUTE_US],
  ['an hour', 60 * MINUTE_US, 840, 7 * DAY_US],
])('blocks of samples %s apart begin and end at round instants', (_, everyUs, samples, roundUs) => {
  const fromUs = 7 * DAY_US * 2800;
  expect(cutOf(times(fromUs, everyUs), BLOCK_POINTS, fromUs + BLOCK_POINTS * everyUs)).toBe(samples);
  expect((samples * everyUs) % roundUs).toBe(0);
});

test.each([1, 60, 300, 301, 599, 777])(
  'blocks that begin %i s behind a quarter of an hour come to quarters of an hour',
  (seconds) => {
    let fromUs = 7 * DAY_US * 2800 + seconds * 1_000_000;
    for (let block = 0; block < 4; block++) {
      const cut = cutOf(times(fromUs, 1_000_000), BLOCK_POINTS, fromUs + BLOCK_POINTS * 1_000_000);
      fromUs += cut * 1_000_000;
      expect(block > 0 ? cut : 900).toBe(900);
      expect(fromUs % (15 * MINUTE_US)).toBe(0);
    }
  },
);

test('a block has at least 700 samples, unless a round span behind it has as many; no sample at the instant at which it ends or behind it', () => {
  const anyTimes = fc.tuple(
    fc.maxSafeInteger().map((each) => Math.trunc(each / 4)),
    fc.array(fc.constantFrom(0, 1, 7, 1000, 999_983, 1_000_000, 3_600_000_000), { minLength: 1, maxLength: 20 }),
  );
  fc.assert(
    fc.property(anyTimes, ([fromUs, steps]) => {
      let time = fromUs;
      const next = (_: unknown, i: number): number => (time += steps[i % steps.length] ?? 0);
      const all = Float64Array.from({ length: BLOCK_POINTS + 1 }, next);
      const nextUs = all[BLOCK_POINTS] ?? 0;
      const cut = cutOf(all.subarray(0, BLOCK_POINTS), BLOCK_POINTS, nextUs);
      expect(cut).toBeGreaterThanOrEqual(1);
      expect(cut).toBeLessThanOrEqual(BLOCK_POINTS);
      const rows = BLOCK_POINTS / (nextUs - (all[0] ?? 0));
      const isShort = ROUND_US.some((width) => width * rows >= LEAST_BLOCK_POINTS && width * rows <= BLOCK_POINTS);
      expect(cut >= LEAST_BLOCK_POINTS || isShort).toBe(true);
      const [before = 0, behind = 0] = [all[cut - 1], all[cut]];
      const ends = ROUND_US.some((width) => Math.floor(before / width) < Math.floor(behind / width));
      expect(cut === BLOCK_POINTS || ends).toBe(true);
    }),
  );
});
