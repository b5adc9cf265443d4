import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_TIME_US } from '../core/sample.ts';
import { formatTime, parseSpan, parseTime } from './time-text.ts';

test.each([
  [0, '1970-01-01T00:00:00.000000Z'],
  [1_584_440_073_000_000, '2020-03-17T10:14:33.000000Z'],
  [1_584_440_073_000_001, '2020-03-17T10:14:33.000001Z'],
  [-1, '1969-12-31T23:59:59.999999Z'],
  [4_070_908_800_000_000, '2099-01-01T00:00:00.000000Z'],
  [951_782_400_000_000, '2000-02-29T00:00:00.000000Z'],
])('%d µs is %s', (us, text) => {
  expect(formatTime(us)).toBe(text);
  expect(parseTime(text)).toBe(us);
});

test.each([
  ['2020-03-17T11:14:33+01:00', '2020-03-17T10:14:33.000000Z'],
  ['2020-03-17T11:14:33 01:00', '2020-03-17T10:14:33.000000Z'],
  ['2020-03-17t05:44:33-04:30', '2020-03-17T10:14:33.000000Z'],
  ['2020-03-17 10:14Z', '2020-03-17T10:14:00.000000Z'],
  ['2020-03-17T10:14:33,5z', '2020-03-17T10:14:33.500000Z'],
  ['2020-03-17T10:14:33.000000001Z', '2020-03-17T10:14:33.000001Z'],
  ['2020-03-17T10:14:33.999999999Z', '2020-03-17T10:14:34.000000Z'],
  ['2020-03-17T12:14:33+02', '2020-03-17T10:14:33.000000Z'],
])('%s is %s', (text, utc) => {
  expect(formatTime(parseTime(text))).toBe(utc);
});

test.each(['2020-03-17T10:14:33', '2020-03-17 10:14', '2020-03-17', '2020-03-17T10:14:33.5'])(
  '%s has no zone',
  (text) => {
    expect(() => parseTime(text)).toThrow('has no zone');
  },
);

test.each([
  '',
  'now',
  '1584440073',
  '2020-02-30T00:00:00Z',
  '2019-02-29T00:00:00Z',
  '2020-13-01T00:00:00Z',
  '2020-01-01T24:00:00Z',
  '2020-01-01T00:60:00Z',
  '2020-01-01T00:00:60Z',
  '2020-01-01T00:00:00+24:00',
  '9999-01-01T00:00:00Z',
  '0001-01-01T00:00:00Z',
])('%j is no time', (text) => {
  expect(() => parseTime(text)).toThrow(expect.objectContaining({ code: 'time-invalid' }));
});

test('a span that is left open contains every time that a sample can have', () => {
  const { fromUs, toUs } = parseSpan(undefined, undefined);
  expect([fromUs <= -MAX_TIME_US, MAX_TIME_US < toUs]).toEqual([true, true]);
  expect(parseSpan('1970-01-01T00:00:01Z', '1970-01-01T00:00:02Z')).toEqual({ fromUs: 1_000_000, toUs: 2_000_000 });
  expect(() => parseSpan(undefined, '2020-03-17')).toThrow('has no zone');
  expect(() => parseSpan('2020-03-18T00:00:00Z', '2020-03-17T23:00:00-02:00')).not.toThrow();
  expect(() => parseSpan('2020-03-18T00:00:00Z', '2020-03-18T01:00:00+02:00')).toThrow(
    'from: 2020-03-18T00:00:00Z is later than to: 2020-03-18T01:00:00+02:00.',
  );
});

test('every time comes back as it was', () => {
  const us = fc.integer({ min: -9_000_000_000_000_000, max: 9_000_000_000_000_000 });
  fc.assert(
    fc.property(us, (timeUs) => {
      expect(parseTime(formatTime(timeUs))).toBe(timeUs);
    }),
  );
});

test('any text is a time or time-invalid', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9T:.Z+ -]{0,40}$/)), (text) => {
      let code: unknown;
      try {
        code = Number.isSafeInteger(parseTime(text)) ? 'time-invalid' : 'not a time';
      } catch (error) {
        code = (error as { code: unknown }).code;
      }
      expect(code).toBe('time-invalid');
    }),
  );
});
