import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatBytes, formatDuration, parseBytes, parseDuration } from './quantities.ts';

test.each([
  ['512MiB', 536_870_912],
  ['20GiB', 21_474_836_480],
  ['1TiB', 1_099_511_627_776],
  ['4KiB', 4096],
  ['7B', 7],
  ['1kB', 1000],
  ['1.5MB', 1_500_000],
  ['2GB', 2_000_000_000],
  ['1TB', 1_000_000_000_000],
])('%s is %d bytes', (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes);
});

test.each([
  ['250ms', 250],
  ['30s', 30_000],
  ['1.1s', 1100],
  ['5m', 300_000],
  ['2h', 7_200_000],
  ['14d', 1_209_600_000],
])('%s is %d ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(['', '5', 'GiB', '5 GiB', '-1GiB', '1e3B', '0x10B', '1gib', '1.5B', '99999999999999TiB', '1.GiB', '5M'])(
  '%j is no size',
  (text) => {
    expect(parseBytes(text)).toBeUndefined();
  },
);

test.each(['', '5', 's', '5 s', '-1s', '5min', '0.1ms', '1.5.5s', '12:30', '999999999999999d'])(
  '%j is no time',
  (text) => {
    expect(parseDuration(text)).toBeUndefined();
  },
);

test('a size is read exactly, whatever its digits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 9_000_000 }), fc.integer({ min: 0, max: 999 }), (whole, thousandths) => {
      const text = `${whole}.${String(thousandths).padStart(3, '0')}kB`;
      expect(parseBytes(text)).toBe(whole * 1000 + thousandths);
    }),
  );
});

test('sizes and times are shown in their largest unit', () => {
  expect([20 * 2 ** 30, 1.5 * 2 ** 20, 512, 0].map(formatBytes)).toEqual(['20GiB', '1.5MiB', '512B', '0B']);
  expect([14 * 86_400_000, 5_400_000, 250].map(formatDuration)).toEqual(['14d', '1.5h', '250ms']);
});
