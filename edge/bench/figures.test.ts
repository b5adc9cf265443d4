import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Figures, median, quantile } from './figures.ts';

test('a figure is the median of its runs, under the name of its bench, in the order in which figures came first', () => {
  const figures = new Figures('log');
  for (const [rate, p50] of [
    [5, 0.3],
    [1, 0.1],
    [9, 0.2],
  ] as const) {
    figures.note('millrace', 'append.records_per_s', 'samples/s', rate);
    figures.note('rival', 'append.records_per_s', 'samples/s', rate * 2);
    figures.note('disk', 'write.ms_p50', 'ms', p50);
  }
  expect(figures.soFar('millrace', 'append.records_per_s')).toBe(5);
  expect(figures.results()).toEqual([
    { name: 'log.append.records_per_s', system: 'millrace', value: 5, unit: 'samples/s' },
    { name: 'log.append.records_per_s', system: 'rival', value: 10, unit: 'samples/s' },
    { name: 'log.write.ms_p50', system: 'disk', value: 0.2, unit: 'ms' },
  ]);
});

test('times of a run, in any order, become two figures', () => {
  const figures = new Figures('log');
  figures.noteTimes(
    'disk',
    'write.ms',
    'ms',
    Float64Array.from({ length: 200 }, (_, i) => 200 - i),
  );
  expect(figures.results().map(({ name, value }) => [name, value])).toEqual([
    ['log.write.ms_p50', 100],
    ['log.write.ms_p99', 198],
  ]);
});

test('a figure of nothing is not a number', () => {
  const figures = new Figures('log');
  figures.noteTimes('disk', 'write.ms', 'ms', new Float64Array());
  expect(figures.results().map(({ value }) => value)).toEqual([Number.NaN, Number.NaN]);
  expect(figures.soFar('disk', 'absent')).toBeNaN();
  expect(median([])).toBeNaN();
});

const numbers = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }), { minLength: 1 });

test('half of all lie on either side of the median', () => {
  const property = fc.property(numbers, (values) => {
    const middle = median(values);
    const half = values.length / 2;
    return (
      values.filter((each) => each <= middle).length >= half && values.filter((each) => each >= middle).length >= half
    );
  });
  expect(() => fc.assert(property)).not.toThrow();
});

test('a quantile is one of the values; its share of all is not above it, and fewer are below', () => {
  const property = fc.property(numbers, fc.constantFrom(0.01, 0.5, 0.9, 0.99, 1), (values, share) => {
    const found = quantile(Float64Array.from(values).toSorted(), share);
    const wanted = values.length * share;
    return (
      values.includes(found) &&
      values.filter((each) => each <= found).length >= wanted &&
      values.filter((each) => each < found).length < wanted
    );
  });
  expect(() => fc.assert(property)).not.toThrow();
});
