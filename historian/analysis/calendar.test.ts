import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runPython } from '../../test/services/python.ts';
import { requireService } from '../../test/services/require.ts';
import { CALENDAR_UNITS, type CalendarUnit, calendarBuckets, type TimeBuckets } from './calendar.ts';

const python = requireService('python');
const us = (text: string): number => Date.parse(text) * 1000;
const span = (from: string, to: string) => ({ fromUs: us(from), toUs: us(to) });
const HOUR_US = 3_600_000_000;

/** `label, hours` of each bucket. */
function table(buckets: TimeBuckets): string[] {
  return Array.from({ length: buckets.count }, (_, i) => {
    const hours = ((buckets.ends[i] ?? 0) - (buckets.starts[i] ?? 0)) / HOUR_US;
    return `${buckets.label(i)}, ${hours} h`;
  });
}

/** What zones of the world have done to their clocks. All of it is long ago, so it is in the time zone data of every machine. */
const zones = [
  'UTC',
  'Europe/Berlin',
  'Europe/London',
  'Europe/Dublin',
  'Europe/Lisbon',
  'Europe/Moscow',
  'Europe/Istanbul',
  'America/New_York',
  'America/St_Johns',
  'America/Sao_Paulo',
  'America/Havana',
  'America/Asuncion',
  'America/Caracas',
  'America/Recife',
  'America/Toronto',
  'Africa/Cairo',
  'Africa/Casablanca',
  'Asia/Amman',
  'Asia/Beirut',
  'Asia/Gaza',
  'Asia/Kathmandu',
  'Asia/Kolkata',
  'Asia/Pyongyang',
  'Asia/Tehran',
  'Asia/Tokyo',
  'Australia/Adelaide',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Chatham',
  'Pacific/Kiritimati',
  'Pacific/Kwajalein',
  'Atlantic/Azores',
];

interface Case {
  readonly zone: string;
  readonly unit: CalendarUnit;
  readonly from: number;
  readonly to: number;
}

/** The edges of calendar buckets, s. */
function edgesOf({ zone, unit, from, to }: Case): number[] {
  const { starts, ends } = calendarBuckets({ fromUs: from * 1e6, toUs: to * 1e6 }, unit, zone);
  return [...starts, ends.at(-1) ?? 0].map((edge) => edge / 1e6);
}

async function pythonEdges(cases: readonly Case[]): Promise<number[][]> {
  const input = cases.map((one) => JSON.stringify(one)).join('\n');
  const { stdout } = await runPython(join(import.meta.dirname, 'zoneinfo-edges.py'), [], input);
  return stdout
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as number[]);
}

const refused = (detail: string): Error =>
  expect.objectContaining({ code: 'request-invalid', detail: expect.stringContaining(detail) as string }) as Error;

describe('calendar buckets', () => {
  test('of days have 23 and 25 hours where the clock is changed', () => {
    const spring = calendarBuckets(span('2026-03-28T12:00Z', '2026-03-30T12:00Z'), 'day', 'Europe/Berlin');
    expect(table(spring)).toEqual(['2026-03-28, 24 h', '2026-03-29, 23 h', '2026-03-30, 24 h']);
    const autumn = calendarBuckets(span('2026-10-24T22:00Z', '2026-10-25T23:00Z'), 'day', 'Europe/Berlin');
    expect(table(autumn)).toEqual(['2026-10-25, 25 h']);
  });

  test('of hours show the left-out hour as none and the doubled one as two', () => {
    const spring = calendarBuckets(span('2026-03-29T00:00Z', '2026-03-29T02:00Z'), 'hour', 'Europe/Berlin');
    expect(table(spring)).toEqual(['2026-03-29T01:00+01:00, 1 h', '2026-03-29T03:00+02:00, 1 h']);
    const autumn = calendarBuckets(span('2026-10-25T00:30Z', '2026-10-25T01:30Z'), 'hour', 'Europe/Berlin');
    expect(table(autumn)).toEqual(['2026-10-25T02:00+02:00, 1 h', '2026-10-25T02:00+01:00, 1 h']);
  });

  test('keep to the clock of zones that are off by 30 and 45 minutes, and change by 30', () => {
    const kathmandu = calendarBuckets(span('2026-01-01T00:00Z', '2026-01-01T01:00Z'), 'hour', 'Asia/Kathmandu');
    expect(table(kathmandu)).toEqual(['2026-01-01T05:00+05:45, 1 h', '2026-01-01T06:00+05:45, 1 h']);
    const lordHowe = calendarBuckets(span('2025-10-04T15:00Z', '2025-10-04T16:30Z'), 'hour', 'Australia/Lord_Howe');
    expect(table(lordHowe)).toEqual([
      '2025-10-05T01:00+10:30, 1 h',
      '2025-10-05T02:30+11:00, 0.5 h',
      '2025-10-05T03:00+11:00, 1 h',
    ]);
  });

  test('of a day begin at 01:00 where midnight is left out, and a left-out day is none', () => {
    const cairo = calendarBuckets(span('2025-04-24T12:00Z', '2025-04-25T12:00Z'), 'day', 'Africa/Cairo');
    expect(new Date((cairo.starts[1] ?? 0) / 1000).toISOString()).toBe('2025-04-24T22:00:00.000Z');
    expect(table(cairo)).toEqual(['2025-04-24, 24 h', '2025-04-25, 23 h']);
    const apia = calendarBuckets(span('2011-12-29T12:00Z', '2011-12-31T00:00Z'), 'day', 'Pacific/Apia');
    expect(table(apia)).toEqual(['2011-12-29, 24 h', '2011-12-31, 24 h']);
  });

  test('have the names of weeks, months, quarters and years', () => {
    const around = span('2026-12-30T12:00Z', '2027-01-04T12:00Z');
    const labels = (unit: CalendarUnit): string[] =>
      table(calendarBuckets(around, unit, 'Europe/Berlin')).map((row) => row.split(',')[0] ?? '');
    expect(labels('week')).toEqual(['2026-W53', '2027-W01']);
    expect(labels('month')).toEqual(['2026-12', '2027-01']);
    expect(labels('quarter')).toEqual(['2026-Q4', '2027-Q1']);
    expect(labels('year')).toEqual(['2026', '2027']);
  });

  test('follow one another without a hole and cover the span', () => {
    const anyTime = fc.integer({ min: Date.UTC(1900, 0) / 1000, max: Date.UTC(2100, 0) / 1000 });
    const anyUnit = fc.constantFrom(...CALENDAR_UNITS);
    fc.assert(
      fc.property(fc.constantFrom(...zones), anyUnit, anyTime, fc.nat(1e6), (zone, unit, from, length) => {
        const { count, starts, ends } = calendarBuckets(
          { fromUs: from * 1e6 + 1, toUs: (from + length + 1) * 1e6 },
          unit,
          zone,
        );
        expect(starts[0]).toBeLessThanOrEqual(from * 1e6 + 1);
        expect(ends[0]).toBeGreaterThan(from * 1e6 + 1);
        expect(ends[count - 1]).toBeGreaterThanOrEqual((from + length + 1) * 1e6);
        expect(starts[count - 1]).toBeLessThan((from + length + 1) * 1e6);
        expect(starts.every((start, i) => start < (ends[i] ?? 0))).toBe(true);
        expect(starts.subarray(1).every((start, i) => start === ends[i])).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  test('are the same whichever part of a zone was asked for first', () => {
    const late: Case = {
      zone: 'Europe/Vienna',
      unit: 'day',
      from: Date.UTC(1990, 0) / 1000,
      to: Date.UTC(1991, 0) / 1000,
    };
    const early: Case = { ...late, from: Date.UTC(1914, 0) / 1000, to: Date.UTC(1950, 0) / 1000 };
    edgesOf(late);
    const backwards = edgesOf(early);
    // The same rules under another name, learned forwards.
    expect(edgesOf({ ...early, zone: 'europe/vienna' })).toEqual(backwards);
  });

  test('are at most 100,000, in a zone and at times that there are', () => {
    const century = span('1900-01-01T00:00Z', '2180-01-01T00:00Z');
    expect(() => calendarBuckets(century, 'day', 'UTC')).toThrow(refused('more than 100,000 calendar intervals (day)'));
    expect(() => calendarBuckets(century, 'minute', 'UTC')).toThrow(refused('more than 100,000'));
    expect(calendarBuckets(century, 'week', 'UTC').count).toBe(14_610);
    const exact = { fromUs: 0, toUs: 100_000 * HOUR_US };
    expect(calendarBuckets(exact, 'hour', 'Asia/Tokyo').count).toBe(100_000);
    expect(() => calendarBuckets({ ...exact, fromUs: -1 }, 'hour', 'Asia/Tokyo')).toThrow(refused('more than'));
    expect(() => calendarBuckets(exact, 'day', 'Mars/Crater')).toThrow(refused('no time zone "Mars/Crater"'));
    expect(() => calendarBuckets({ fromUs: -(2 ** 53), toUs: 0 }, 'year', 'UTC')).toThrow(refused('no calendar'));
    expect(calendarBuckets({ fromUs: 5, toUs: 5 }, 'day', 'UTC').count).toBe(0);
  });

  test('of 270 years of days come in well under 100 ms', () => {
    const years = span('1800-01-01T00:00Z', '2073-01-01T00:00Z');
    const count = calendarBuckets(years, 'day', 'Europe/Paris').count;
    // CPU time of the best of three: others may use the machine.
    const times = [1, 2, 3].map(() => {
      const before = process.cpuUsage();
      expect(calendarBuckets(years, 'day', 'Europe/Paris').count).toBe(count);
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    });
    expect(count).toBeGreaterThan(99_000);
    expect(Math.min(...times)).toBeLessThan(100);
  });
});

/** The 5th of June of a year. */
const june = (year: number): number => Date.UTC(year, 5, 5) / 1000;

describe.skipIf(!python.available)(`calendar buckets and Python's zoneinfo agree${python.reason}`, () => {
  test('about dates from 1900 to 2024 in many zones', async () => {
    const units = ['day', 'week', 'month', 'quarter', 'year'] as const;
    const cases = zones.flatMap((zone, i) => {
      const unit = units[1 + (i % 4)] ?? 'month';
      // Days of the years in which the zones did most, each in a third of the zones.
      const first = 1973 + (i % 3) * 17;
      return [
        { zone, unit: 'day' as const, from: june(first), to: june(first + 17) },
        { zone, unit, from: june(1900), to: june(2024) },
      ];
    });
    const expected = await pythonEdges(cases);
    for (const [i, one] of cases.entries()) expect(edgesOf(one), `${one.zone} ${one.unit}`).toEqual(expected[i]);
  });

  test('about hours, quarters and minutes around changes of the clock', async () => {
    const changes: [string, string][] = [
      ['Europe/Berlin', '2026-03-29T01:00Z'],
      ['Europe/Berlin', '2025-10-26T01:00Z'],
      ['Europe/Berlin', '1945-05-24T00:00Z'],
      ['Australia/Lord_Howe', '2024-10-05T15:30Z'],
      ['Australia/Lord_Howe', '2024-04-06T15:00Z'],
      ['America/St_Johns', '2010-11-07T02:31Z'],
      ['America/Sao_Paulo', '2018-11-04T03:00Z'],
      ['Asia/Pyongyang', '2018-05-04T15:00Z'],
      ['America/Caracas', '2016-05-01T07:00Z'],
      ['Pacific/Chatham', '2024-09-28T14:00Z'],
      ['Asia/Kathmandu', '1985-12-31T18:30Z'],
      ['Europe/Paris', '1911-03-10T23:50Z'],
    ];
    const cases = changes.flatMap(([zone, text]) => {
      const at = Date.parse(text) / 1000;
      return (['minute', 'quarter-hour', 'hour'] as const).map((unit) => ({
        zone,
        unit,
        from: at - 7199,
        to: at + 7201,
      }));
    });
    const expected = await pythonEdges(cases);
    for (const [i, one] of cases.entries()) expect(edgesOf(one), `${one.zone} ${one.unit}`).toEqual(expected[i]);
  });
});
