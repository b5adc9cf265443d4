import { expect, test } from 'vitest';

import { Windows } from './windows.ts';

function collect(window: number, hop: number): { maker: Windows; windows: [number, number[]][] } {
  const windows: [number, number[]][] = [];
  const maker = new Windows({ columns: 2, window, hop }, (endUs, values) => windows.push([endUs, [...values]]));
  return { maker, windows };
}

test('a window ends at each second that the hop divides, its rows in order of time', () => {
  const { maker, windows } = collect(3, 2);
  for (let second = 0; second < 7; second++) maker.row(second, Float64Array.of(second, -second));
  expect(windows).toEqual([
    [4e6, [1, -1, 2, -2, 3, -3]],
    [6e6, [3, -3, 4, -4, 5, -5]],
  ]);
});

test('windows that hold a row without a signal are counted, and so is the signal', () => {
  const { maker, windows } = collect(3, 1);
  for (let second = 0; second < 8; second++) maker.row(second, Float64Array.of(1, second === 3 ? Number.NaN : 2));
  expect(windows.map(([endUs]) => endUs / 1e6)).toEqual([3, 7, 8]);
  expect(maker.usable).toBe(3);
  expect(maker.unusable).toBe(3);
  expect([...maker.missing]).toEqual([0, 1]);
});

test('seconds that are skipped break a window', () => {
  const { maker, windows } = collect(3, 1);
  for (let second = 0; second < 3; second++) maker.row(second, Float64Array.of(1, 2));
  maker.skip(3, 100);
  for (let second = 100; second < 103; second++) maker.row(second, Float64Array.of(1, 2));
  expect(windows.map(([endUs]) => endUs / 1e6)).toEqual([3, 103]);
  expect(maker.unusable).toBe(97 + 2);
});
