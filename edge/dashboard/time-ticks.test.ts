import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { SiteClock } from './site-clock.ts';
import { TICK_STEPS_MS, tickLabels, timeTicks } from './time-ticks.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const berlin = new SiteClock();
berlin.use('Europe/Berlin');

function labels(from: string, to: string, stepMs: number): string[] {
  return tickLabels(timeTicks(Date.parse(from), Date.parse(to), stepMs, berlin), stepMs, berlin);
}

test('hours of a day have its date once, and again behind midnight', () => {
  expect(labels('2026-03-01T20:30:00Z', '2026-03-01T23:30:00Z', HOUR)).toEqual([
    '22:00\n1 Mar 2026',
    '23:00',
    '00:00\n2 Mar 2026',
  ]);
});

test('the day that has 25 hours shows one of them twice, the one that has 23 leaves one out', () => {
  expect(labels('2026-10-24T23:30:00Z', '2026-10-25T02:30:00Z', HOUR)).toEqual([
    '02:00\n25 Oct 2026',
    '02:00',
    '03:00',
  ]);
  expect(labels('2026-03-28T23:30:00Z', '2026-03-29T02:30:00Z', HOUR)).toEqual([
    '01:00\n29 Mar 2026',
    '03:00',
    '04:00',
  ]);
});

test('quarters of a day and days begin at the same hours of the clock on both sides of summer time', () => {
  expect(labels('2026-03-28T22:00:00Z', '2026-03-29T22:00:00Z', 6 * HOUR)).toEqual([
    '00:00\n29 Mar 2026',
    '06:00',
    '12:00',
    '18:00',
    '00:00\n30 Mar 2026',
  ]);
  expect(labels('2026-03-27T12:00:00Z', '2026-03-30T12:00:00Z', DAY)).toEqual(['28 Mar\n2026', '29 Mar', '30 Mar']);
});

test('weeks begin on Mondays, months and years on their first day', () => {
  expect(labels('2025-12-25T00:00:00Z', '2026-01-14T00:00:00Z', 7 * DAY)).toEqual([
    '29 Dec\n2025',
    '5 Jan\n2026',
    '12 Jan',
  ]);
  expect(labels('2025-11-15T00:00:00Z', '2026-02-15T00:00:00Z', 30 * DAY)).toEqual(['Dec\n2025', 'Jan\n2026', 'Feb']);
  expect(labels('2025-11-15T00:00:00Z', '2026-08-15T00:00:00Z', 90 * DAY)).toEqual(['Jan\n2026', 'Apr', 'Jul']);
  expect(labels('2023-11-15T00:00:00Z', '2026-08-15T00:00:00Z', 365 * DAY)).toEqual(['2024', '2025', '2026']);
});

test('seconds and their parts are told where lines are so close', () => {
  expect(labels('2026-03-01T11:00:00.1Z', '2026-03-01T11:00:00.5Z', 200)).toEqual([
    '12:00:00.2\n1 Mar 2026',
    '12:00:00.4',
  ]);
  expect(labels('2026-03-01T11:00:04Z', '2026-03-01T11:00:12Z', 5000)).toEqual(['12:00:05\n1 Mar 2026', '12:00:10']);
});

test('lines of any span and step lie within it, in order, and not much further apart than the step', () => {
  const spans = fc.record({
    fromMs: fc.integer({ min: 0, max: 4e12 }),
    steps: fc.integer({ min: 2, max: 12 }),
    stepMs: fc.constantFrom(...TICK_STEPS_MS),
    zone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns', 'Australia/Lord_Howe', 'Asia/Kathmandu'),
  });
  fc.assert(
    fc.property(spans, ({ fromMs, steps, stepMs, zone }) => {
      const clock = new SiteClock();
      clock.use(zone);
      const toMs = fromMs + steps * stepMs;
      const times = timeTicks(fromMs, toMs, stepMs, clock);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(times.every((ms) => ms >= fromMs && ms <= toMs)).toBe(true);
      const ends = [fromMs, ...times, toMs];
      for (const [i, ms] of ends.entries()) {
        const before = ends[i - 1] ?? ms;
        // Months of 31 days, leap years, and the hour of summer time.
        expect(ms - before).toBeLessThanOrEqual(stepMs * 1.1 + HOUR);
      }
      expect(tickLabels(times, stepMs, clock)).toHaveLength(times.length);
    }),
  );
});
