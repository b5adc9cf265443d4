import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dayNumber, isoWeekday } from './civil.ts';
import { type Shift, type ShiftBuckets, shiftBuckets, shiftsSchema } from './shifts.ts';

const us = (text: string): number => Date.parse(text) * 1000;
const span = (from: string, to: string) => ({ fromUs: us(from), toUs: us(to) });
const HOUR_US = 3_600_000_000;

const three: Shift[] = [
  { name: 'early', from: '06:00', to: '14:00' },
  { name: 'late', from: '14:00', to: '22:00' },
  { name: 'night', from: '22:00', to: '06:00' },
];

function table(buckets: ShiftBuckets): string[] {
  return Array.from({ length: buckets.count }, (_, i) => {
    const [start = 0, end = 0] = [buckets.starts[i], buckets.ends[i]];
    return `${buckets.label(i)}, ${new Date(start / 1000).toISOString().slice(0, 16)}, ${(end - start) / HOUR_US} h`;
  });
}

/** Night shifts alone. */
const nights = (from: string, to: string): string[] =>
  table(shiftBuckets(span(from, to), three.slice(2), 'Europe/Berlin'));

/** What is wrong with a shift. */
const issues = (shift: unknown): string[] =>
  (shiftsSchema.safeParse([shift]).error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);

describe('shifts', () => {
  test('are intervals of the local day, and go on over midnight', () => {
    const day = shiftBuckets(span('2026-01-10T23:00Z', '2026-01-11T13:00Z'), three, 'Europe/Berlin');
    expect(table(day)).toEqual(['night 2026-01-10, 2026-01-10T21:00, 8 h', 'early 2026-01-11, 2026-01-11T05:00, 8 h']);
    expect([...day.shifts]).toEqual([2, 0]);
  });

  test('of the night have an hour less or more where the clock is changed', () => {
    expect(nights('2026-03-29T00:00Z', '2026-03-29T01:00Z')).toEqual(['night 2026-03-28, 2026-03-28T21:00, 7 h']);
    expect(nights('2026-10-25T00:00Z', '2026-10-25T01:00Z')).toEqual(['night 2026-10-24, 2026-10-24T20:00, 9 h']);
  });

  test('may be of chosen days only, and leave time that belongs to none', () => {
    const week: Shift[] = [{ name: 'day', from: '08:00', to: '16:30', days: ['mon', 'sat'] }];
    expect(table(shiftBuckets(span('2026-01-05T00:00Z', '2026-01-12T00:00Z'), week, 'UTC'))).toEqual([
      'day 2026-01-05, 2026-01-05T08:00, 8.5 h',
      'day 2026-01-10, 2026-01-10T08:00, 8.5 h',
    ]);
  });

  test('that lie in a left-out hour are missing', () => {
    const small: Shift[] = [{ name: 'check', from: '02:00', to: '03:00' }];
    const around = span('2026-03-28T00:00Z', '2026-03-31T00:00Z');
    expect(table(shiftBuckets(around, small, 'Europe/Berlin')).map((row) => row.slice(0, 16))).toEqual([
      'check 2026-03-28',
      'check 2026-03-30',
    ]);
  });

  test('that overlap are refused, also from Sunday into Monday', () => {
    const long: Shift[] = [{ name: 'late', from: '14:00', to: '22:30' }];
    const [, , night] = three;
    const both = [...long, ...(night === undefined ? [] : [night])];
    expect(() => shiftBuckets(span('2026-01-01T00:00Z', '2026-01-02T00:00Z'), both, 'UTC')).toThrow(
      'late and night overlap',
    );
    const sunday: Shift[] = [
      { name: 'a', from: '22:00', to: '06:00', days: ['sun'] },
      { name: 'b', from: '05:00', to: '08:00', days: ['mon'] },
    ];
    expect(shiftsSchema.safeParse(sunday).error?.issues.map(({ message }) => message)).toEqual(['a and b overlap']);
    expect(shiftsSchema.safeParse([{ name: 'all', from: '00:00', to: '24:00' }]).success).toBe(true);
    expect(shiftsSchema.safeParse([{ name: 'all', from: '06:00', to: '06:00' }]).success).toBe(true);
  });

  test('that cannot be are refused with what was expected', () => {
    expect(issues({ name: 'x', from: '6:00', to: '14:00' })).toEqual([
      '0.from: a time of the local clock from 00:00 to 23:59, such as 06:00',
    ]);
    expect(issues({ name: 'x', from: '06:00', to: '24:30' })).toEqual([
      '0.to: a time of the local clock from 00:01 to 24:00, such as 14:00',
    ]);
    expect(issues({ name: 'x', from: '06:00', to: '14:00', days: ['sunday'] })).toEqual([
      '0.days.0: one of mon, tue, wed, thu, fri, sat, sun',
    ]);
    expect(issues('early')).toEqual(['0: a mapping with `name`, `from` and `to`']);
  });

  test('are the same whatever part of the time is asked for, and follow the local clock', () => {
    const zones = ['UTC', 'Europe/Berlin', 'Australia/Lord_Howe', 'Africa/Cairo', 'America/St_Johns', 'Pacific/Apia'];
    const from = Date.UTC(2009, 0) / 1000;
    const whole = new Map(
      zones.map((zone) => [zone, shiftBuckets({ fromUs: from * 1e6, toUs: (from + 4e8) * 1e6 }, three, zone)]),
    );
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.integer({ min: 1e6, max: 3e8 }), fc.nat(1e6), (zone, at, length) => {
        const part = shiftBuckets({ fromUs: (from + at) * 1e6, toUs: (from + at + length + 1) * 1e6 }, three, zone);
        const all = whole.get(zone);
        const first = all?.starts.indexOf(part.starts[0] ?? Number.NaN) ?? -1;
        expect(first).toBeGreaterThanOrEqual(0);
        expect(all?.starts.slice(first, first + part.count)).toEqual(part.starts);
        // Three shifts around the clock leave no time out.
        expect(part.ends.subarray(0, part.count - 1)).toEqual(part.starts.subarray(1));
        expect(part.starts[0]).toBeLessThanOrEqual((from + at) * 1e6);
        expect(part.ends.at(-1)).toBeGreaterThanOrEqual((from + at + length + 1) * 1e6);
      }),
    );
  });
});

test('days of the week are those of ISO 8601', () => {
  expect(isoWeekday(dayNumber(2026, 1, 5))).toBe(1);
  expect(isoWeekday(dayNumber(1969, 12, 28))).toBe(7);
});
