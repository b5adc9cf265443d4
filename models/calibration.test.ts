import { expect, test } from 'vitest';

import { calibrate } from './calibration.ts';
import { Random } from './random.ts';

const count = 1000;

function limitOf(values: Float64Array, untied = 0): number {
  return calibrate({ columns: 1, values, heldOutFrom: 800, untied: [untied] }).limits[0] ?? 0;
}

function noise(memory: number): Float64Array {
  const random = new Random(7);
  let value = 0;
  const keep = Math.exp(-1 / memory);
  return Float64Array.from(
    { length: count },
    () => (value = keep * value + Math.sqrt(1 - keep * keep) * random.gauss()),
  );
}

test('the limit of white noise lies well beyond what was seen', () => {
  const values = noise(0.01);
  const limit = limitOf(values);
  const most = Math.max(...values.map(Math.abs));
  expect(limit / most).toBeGreaterThan(2);
  expect(limit / most).toBeLessThan(3);
});

test('a residual that goes its own slow ways gets a wider limit', () => {
  const { memory } = calibrate({ columns: 1, values: noise(60), heldOutFrom: 800, untied: [0] });
  expect(memory[0]).toBeGreaterThan(30);
  const slow = noise(60);
  expect(limitOf(slow) / Math.max(...slow.map(Math.abs))).toBeGreaterThan(3);
});

test('two wild windows of a thousand do not blind the model', () => {
  const values = noise(0.01);
  values[100] = 500;
  values[101] = 500;
  expect(limitOf(values)).toBeLessThan(20);
});

test('a signal of which the others say nothing is judged by its own range', () => {
  expect(limitOf(new Float64Array(count).fill(0.01), 1)).toBe(5);
});
