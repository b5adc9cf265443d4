import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readTime, unitOf } from './device-time.ts';
import type { TimeFormat } from './mapping-config.ts';
import { Zone } from './zone.ts';

const zone = (name: string): Zone => {
  const found = Zone.named(name);
  if (found === undefined) throw new Error(`no zone ${name}`);
  return found;
};
const us = (iso: string): number => Date.parse(iso) * 1000;

describe('times as text', () => {
  test.each([
    ['2020-03-17T10:14:33Z', 1584440073000000],
    ['2020-03-17T10:14:33.000001Z', 1584440073000001],
    ['2020-03-17T10:14:33.123456789Z', 1584440073123456],
    ['2020-03-17 11:14:33,5+01:00', 1584440073500000],
    ['2020-03-17t10:14:33z', 1584440073000000],
    ['2020-03-17T15:44+0530', 1584440040000000],
    ['2020-03-17T00:14:33-10', 1584440073000000],
    ['1969-12-31T23:59:59.999999Z', -1],
    ['2016-12-31T23:59:60Z', us('2017-01-01T00:00:00Z')],
    ['0001-01-01T00:00:00Z', us('0001-01-01T00:00:00Z')],
    ['9999-12-31T23:59:59.999999Z', us('9999-12-31T23:59:59.999Z') + 999],
  ])('%s', (text, expected) => {
    expect(readTime(text, 'auto', undefined)).toBe(expected);
  });

  test.each([
    '',
    'now',
    '2020-03-17',
    '2020-02-30T00:00:00Z',
    '2021-02-29T00:00:00Z',
    '2020-13-01T00:00:00Z',
    '2020-03-17T24:00:00Z',
    '2020-03-17T10:14:61Z',
    '2020-03-17T10:14:33+24:00',
    '20200317T101433Z',
    '1584440073',
  ])('%j cannot be read', (text) => {
    expect(readTime(text, 'auto', undefined)).toMatchObject({ reason: 'bad-time' });
  });

  test('without a zone it needs the mapping to name one', () => {
    expect(readTime('2026-07-01T12:00:00', 'iso', undefined)).toMatchObject({ reason: 'no-zone' });
    expect(readTime('2026-07-01T12:00:00.25', 'iso', zone('Europe/Berlin'))).toBe(us('2026-07-01T10:00:00.250Z'));
    expect(readTime('2026-07-01T12:00:00Z', 'iso', zone('Europe/Berlin'))).toBe(us('2026-07-01T12:00:00Z'));
  });

  test('agrees with Date.parse to the millisecond', () => {
    const date = fc.date({
      min: new Date('0000-01-01T00:00:00Z'),
      max: new Date('9999-12-31T23:59:59.999Z'),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(date, fc.integer({ min: -1439, max: 1439 }), (at, offset) => {
        const sign = offset < 0 ? '-' : '+';
        const size = Math.abs(offset);
        const text = `${at.toISOString().slice(0, -1)}${sign}${two(Math.floor(size / 60))}:${two(size % 60)}`;
        expect(readTime(text, 'iso', undefined)).toBe((at.getTime() - offset * 60_000) * 1000);
      }),
    );
  });
});

describe('zones', () => {
  test.each([
    // Clocks go back at 01:00Z: 02:30 is read twice, the first is meant.
    ['Europe/Berlin', '2026-10-25T02:30:00', '2026-10-25T00:30:00Z'],
    ['Europe/Berlin', '2026-10-25T01:59:59', '2026-10-24T23:59:59Z'],
    ['Europe/Berlin', '2026-10-25T03:00:00', '2026-10-25T02:00:00Z'],
    // Clocks go forward at 01:00Z: 02:30 does not exist and lies half an hour behind the jump.
    ['Europe/Berlin', '2026-03-29T02:30:00', '2026-03-29T01:30:00Z'],
    ['Europe/Berlin', '2026-03-29T01:59:59', '2026-03-29T00:59:59Z'],
    ['Europe/Berlin', '2026-03-29T03:00:00', '2026-03-29T01:00:00Z'],
    ['America/New_York', '2026-11-01T01:30:00', '2026-11-01T05:30:00Z'],
    ['America/New_York', '2026-03-08T02:30:00', '2026-03-08T07:30:00Z'],
    // Half an hour of summer time.
    ['Australia/Lord_Howe', '2026-04-05T01:45:00', '2026-04-04T14:45:00Z'],
    ['Asia/Kathmandu', '2026-01-01T00:00:00', '2025-12-31T18:15:00Z'],
    ['America/Caracas', '2016-05-01T02:45:00', '2016-05-01T07:15:00Z'],
    // Samoa left out 2011-12-30.
    ['Pacific/Apia', '2011-12-31T00:00:00', '2011-12-30T10:00:00Z'],
    ['UTC', '2026-01-01T00:00:00', '2026-01-01T00:00:00Z'],
  ])('%s %s', (name, local, expected) => {
    expect(readTime(local, 'iso', zone(name))).toBe(us(expected));
  });

  test('there is no zone Europe/Berlim', () => {
    expect(Zone.named('Europe/Berlim')).toBeUndefined();
  });

  const names = [
    'Europe/Berlin',
    'America/New_York',
    'Asia/Kolkata',
    'Australia/Lord_Howe',
    'America/Sao_Paulo',
    'Africa/Casablanca',
  ];
  const zones = new Map(names.map((name) => [name, zone(name)]));

  test('a clock that shows an instant gives that instant back, or the other one with the same reading', () => {
    const instant = fc.integer({ min: Date.parse('1975-01-01T00:00:00Z'), max: Date.parse('2035-01-01T00:00:00Z') });
    fc.assert(
      fc.property(fc.constantFrom(...names), instant, (name, at) => {
        const seconds = Math.floor(at / 1000) * 1000;
        const found = zones.get(name)?.toUtc(Date.parse(`${reading(name, seconds)}Z`)) ?? Number.NaN;
        expect(reading(name, found)).toBe(reading(name, seconds));
        expect(found).toBeLessThanOrEqual(seconds);
      }),
    );
  });
});

function two(n: number): string {
  return String(n).padStart(2, '0');
}

function reading(timeZone: string, at: number): string {
  return new Date(at).toLocaleString('sv-SE', { timeZone }).replace(' ', 'T');
}

describe('times as numbers', () => {
  test.each<[number | bigint | string, TimeFormat, number]>([
    [1584440073, 's', 1584440073000000],
    [1584440073.123456, 's', 1584440073123456],
    [1584440073123, 'ms', 1584440073123000],
    [1584440073123.456, 'ms', 1584440073123456],
    [1584440073123456, 'us', 1584440073123456],
    [1584440073123456789n, 'ns', 1584440073123456],
    [-1n, 'ns', -1],
    ['1584440073123456789', 'ns', 1584440073123456],
    ['1584440073.5', 's', 1584440073500000],
    [1584440073, 'auto', 1584440073000000],
    [1584440073123, 'auto', 1584440073123000],
    [1584440073123456, 'auto', 1584440073123456],
    [1584440073123456789n, 'auto', 1584440073123456],
    [0, 'auto', 0],
    [1e300, 's', 1e306],
  ])('%s as %s', (value, format, expected) => {
    expect(readTime(value, format, undefined)).toBe(expected);
  });

  test('the unit goes by the magnitude', () => {
    const values = [0, 1e11 - 1, 1e11, 1e14 - 1, 1e14, 1e17 - 16, 1e17, -1e11];
    expect(values.map(unitOf)).toEqual(['s', 's', 'ms', 'ms', 'us', 'us', 'ns', 'ms']);
  });

  test.each<[Parameters<typeof readTime>[0], TimeFormat]>([
    [undefined, 'auto'],
    [null, 'auto'],
    [true, 'auto'],
    [[], 'auto'],
    [{}, 's'],
    [Number.NaN, 's'],
    [Infinity, 'auto'],
    [1e308, 's'],
    [1584440073, 'iso'],
    ['2020-03-17T10:14:33Z', 's'],
    ['1e3', 's'],
  ])('%j as %s is none', (value, format) => {
    expect(readTime(value, format, undefined)).toMatchObject({ reason: 'bad-time' });
  });

  test('microseconds in fractional seconds are exact until 2100', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_102_444_800_000_000 }), (timeUs) => {
        const text = `${Math.floor(timeUs / 1e6)}.${String(timeUs % 1e6).padStart(6, '0')}`;
        expect(readTime(Number(text), 's', undefined)).toBe(timeUs);
        expect(readTime(text, 's', undefined)).toBe(timeUs);
      }),
    );
  });
});
