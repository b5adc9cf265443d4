import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatClock, formatDateTime, formatMoment } from './format.ts';
import { SiteClock, siteClock, wallMs } from './site-clock.ts';

function clockOf(zone: string): SiteClock {
  const clock = new SiteClock();
  clock.use(zone);
  return clock;
}

test('shows the time of its zone, with summer time', () => {
  const clock = clockOf('Europe/Berlin');
  expect(clock.at(Date.parse('2026-01-01T23:30:05Z'))).toEqual({
    year: 2026,
    month: 1,
    day: 2,
    hour: 0,
    minute: 30,
    second: 5,
  });
  expect(clock.at(Date.parse('2026-07-01T22:00:00Z'))).toMatchObject({ month: 7, day: 2, hour: 0 });
  expect(clock.offsetMs(Date.parse('2026-07-01T22:00:00.999Z'))).toBe(7_200_000);
});

test('what it shows twice are two times, what it skips lies as far behind the jump', () => {
  const clock = clockOf('Europe/Berlin');
  const times = (shown: string) => clock.instantsOf(Date.parse(shown)).map((ms) => new Date(ms).toISOString());
  expect(times('2026-10-25T02:30:00Z')).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-25T01:30:00.000Z']);
  expect(times('2026-03-29T02:30:00Z')).toEqual(['2026-03-29T01:30:00.000Z']);
  expect(times('2026-06-01T00:00:00Z')).toEqual(['2026-05-31T22:00:00.000Z']);
});

test('any time is among those at which the clock shows what it shows then', () => {
  const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/St_Johns', 'Pacific/Apia', 'Asia/Kathmandu');
  const times = fc.integer({ min: 0, max: 4_000_000_000 }).map((s) => s * 1000);
  fc.assert(
    fc.property(zones, times, (zone, ms) => {
      const clock = clockOf(zone);
      expect(clock.instantsOf(wallMs(clock.at(ms)))).toContain(ms);
    }),
  );
});

test('a zone that the browser does not know leaves it as it is', () => {
  const clock = clockOf('Europe/Berlin');
  expect([clock.use('Mars/Crater'), clock.zone]).toEqual([false, 'Europe/Berlin']);
  expect([clock.use('UTC'), clock.zone]).toEqual([true, 'UTC']);
});

test('the texts of the page are of the clock of the site; of two times that look alike each says which it is', () => {
  siteClock.use('Europe/Berlin');
  const ms = Date.parse('2026-03-01T23:03:04Z');
  expect([formatClock(ms), formatMoment(ms, ms), formatMoment(ms, ms - 3_600_000)]).toEqual([
    '00:03:04',
    '00:03:04',
    '2026-03-02 00:03:04',
  ]);
  expect(formatDateTime(ms)).toBe('2026-03-02 00:03:04');
  expect(formatDateTime(Date.parse('2026-10-25T00:30:00.5Z'))).toBe('2026-10-25 02:30:00 +02:00');
  expect(formatDateTime(Date.parse('2026-10-25T01:30:00Z'))).toBe('2026-10-25 02:30:00 +01:00');
});
