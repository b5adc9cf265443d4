import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decimalsFor,
  formatBytes,
  formatClock,
  formatMoment,
  formatNumber,
  formatSpan,
  formatUnit,
  formatValue,
  plural,
} from './format.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('digits', () => {
  test.each([
    [0, 1],
    [0.0123, 4],
    [0.853, 3],
    [1.82, 2],
    [9.99, 2],
    [10, 1],
    [-48.3, 1],
    [118.4, 1],
    [1482, 0],
    [148_213, 0],
    [1e-12, 6],
    [Number.NaN, 1],
    [Infinity, 1],
  ])('readings up to %d have %d decimals', (largest, decimals) => {
    expect(decimalsFor(largest)).toBe(decimals);
  });

  test('larger readings never have more decimals', () => {
    const size = fc.double({ min: 1e-9, max: 1e15, noNaN: true });
    fc.assert(
      fc.property(size, size, (a, b) => {
        expect(decimalsFor(Math.max(a, b))).toBeLessThanOrEqual(decimalsFor(Math.min(a, b)));
      }),
    );
  });
});

describe('numbers', () => {
  test.each([
    [118.44, 1, '118.4'],
    [148_213, 0, '148\u202f213'],
    [1_234_567.891, 2, '1\u202f234\u202f567.89'],
    [-12.5, 1, '\u221212.5'],
    [-0.001, 1, '0.0'],
    [1.5e15, 0, '1.50e15'],
    [Number.NaN, 1, '–'],
    [Infinity, 1, '–'],
  ])('%d with %d decimals is %s', (value, decimals, text) => {
    expect(formatNumber(value, decimals)).toBe(text);
  });

  test('a text reads as the number again, within its decimals', () => {
    const value = fc.double({ min: -1e11, max: 1e11, noNaN: true });
    fc.assert(
      fc.property(value, fc.integer({ min: 0, max: 6 }), (number, decimals) => {
        const read = Number(formatNumber(number, decimals).replaceAll('\u202f', '').replace('\u2212', '-'));
        expect(Math.abs(read - number)).toBeLessThanOrEqual(0.5001 * 10 ** -decimals + Math.abs(number) * 1e-15);
      }),
    );
  });
});

test.each([
  [true, 'on'],
  [false, 'off'],
  [null, '–'],
  [undefined, '–'],
  ['Automatic', 'Automatic'],
  ['x'.repeat(50), `${'x'.repeat(39)}…`],
  [{ shape: [3, 4], d: [] }, '[3×4]'],
  [{ other: 1 }, '–'],
])('the value %o is shown as %s', (value, text) => {
  expect(formatValue(value, 1)).toBe(text);
});

test.each([
  [null, ''],
  ['1', ''],
  ['Cel', '°C'],
  ['m3/h', 'm³/h'],
  ['m/s2', 'm/s²'],
  ['1/min', 'min⁻¹'],
  ['mm/s', 'mm/s'],
  ['kW.h', 'kW·h'],
])('the unit %s is written %s', (unit, sign) => {
  expect(formatUnit(unit)).toBe(sign);
});

test.each([
  [-5, '0 s'],
  [59_999, '59 s'],
  [MINUTE, '1 min'],
  [HOUR - 1, '59 min'],
  [41 * HOUR, '41 h'],
  [48 * HOUR, '2 d'],
  [Infinity, '–'],
])('a span of %d ms is %s', (ms, text) => {
  expect(formatSpan(ms)).toBe(text);
});

test('a moment of another day has its date', () => {
  const noon = new Date(2026, 2, 1, 12, 3, 4).getTime();
  expect(formatClock(noon)).toBe('12:03:04');
  expect(formatMoment(noon, noon + HOUR)).toBe('12:03:04');
  expect(formatMoment(noon, noon + 24 * HOUR)).toBe('2026-03-01 12:03:04');
});

test('bytes and counts', () => {
  expect([0, 999, 1500, 20e9, 3e15].map(formatBytes)).toEqual(['0 B', '999 B', '1.5 kB', '20 GB', '3\u202f000 TB']);
  expect([plural(1, 'tag'), plural(2, 'tag'), plural(10_048, 'tag'), plural(0, 'entry', 'entries')]).toEqual([
    '1 tag',
    '2 tags',
    '10\u202f048 tags',
    '0 entries',
  ]);
});
