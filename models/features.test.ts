import { expect, test } from 'vitest';

import { blocksInto, learnFeatures } from './features.ts';
import { Rows } from './history.ts';

function rowsOf(count: number, valueOf: (second: number) => number): Rows {
  const rows = new Rows(1, 0);
  for (let second = 0; second < count; second++) rows.row(second, Float64Array.of(valueOf(second)));
  return rows;
}

test('the scale is that of the middle 90 %: wild values do not count', () => {
  const { mean, scale } = learnFeatures(
    rowsOf(1001, (second) => (second === 500 ? 1e6 : second / 1000)),
    32,
  );
  expect(mean[0]).toBeGreaterThan(100);
  expect(scale[0]).toBeCloseTo(0.9 / 3.2897, 2);
});

test('a signal that hardly leaves one value has at least the scale of its quantisation', () => {
  const { scale } = learnFeatures(
    rowsOf(1000, (second) => (second % 50 === 0 ? 20.5 : 20)),
    32,
  );
  expect(scale[0]).toBe(0.5);
});

test('a signal that stands still has a scale of a thousandth of its value', () => {
  const { scale } = learnFeatures(
    rowsOf(100, () => 2600),
    32,
  );
  expect(scale[0]).toBe(2.6);
});

test.each([
  [32, 4],
  [64, 8],
  [16, 2],
  [12, 1],
  [20, 2],
  [7, 1],
])('a window of %i rows has blocks of %i', (window, block) => {
  expect(
    learnFeatures(
      rowsOf(50, (second) => second),
      window,
    ).block,
  ).toBe(block);
});

test('blocks are means in scales, signal by signal', () => {
  const features = { mean: [10, 100], scale: [2, 50], block: 2, tail: 1 };
  const into = new Float32Array(4);
  blocksInto(into, Float64Array.of(10, 100, 14, 150, 6, 0, 6, 100), features);
  expect([...into]).toEqual([1, 0.5, -2, -1]);
});
