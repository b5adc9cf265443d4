import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Zone } from '../../connectors/payload/zone.ts';
import { type Ambiguous, ClockOrder, timeFormatProblem, TimeReader } from './times.ts';

function reader(format: string, zone?: string, ambiguous: Ambiguous = 'order'): TimeReader {
  return new TimeReader({ format, zone: zone === undefined ? undefined : Zone.named(zone), ambiguous });
}

const us = (iso: string): number => Date.parse(iso) * 1000;

describe('a time is read', () => {
  test.each([
    ['auto', '2026-03-01T12:00:00.123456Z', us('2026-03-01T12:00:00Z') + 123_456],
    ['auto', ' 2026-03-01 13:00+01:00 ', us('2026-03-01T12:00:00Z')],
    ['auto', '1772366400', us('2026-03-01T12:00:00Z')],
    ['auto', '1772366400123', us('2026-03-01T12:00:00.123Z')],
    ['auto', '1772366400123456789', us('2026-03-01T12:00:00.123Z') + 456],
    ['ms', '1000.5', 1_000_500],
    ['dd.MM.yyyy HH:mm:ss.fff z', '01.03.2026 13:00:00.5 +01:00', us('2026-03-01T12:00:00.500Z')],
    ['M/d/yyyy h:mm:ss a z', '3/1/2026 12:00:05 AM Z', us('2026-03-01T00:00:05Z')],
    ['dd-MMM-yy HH:mm:ss z', '01-Mar-26 12:00:00 Z', us('2026-03-01T12:00:00Z')],
    [`yyyyMMdd'T'HHmmss z`, '20260301T120000 Z', us('2026-03-01T12:00:00Z')],
  ])('%s: %j', (format, text, timeUs) => {
    expect(reader(format).read(text)).toEqual({ timeUs });
  });

  test.each([
    ['auto', '2026-03-01 12:00', 'no-zone'],
    ['auto', 'yesterday', 'bad-time'],
    ['auto', '', 'bad-time'],
    ['iso', '1772366400', 'bad-time'],
    ['s', '2026-03-01T12:00:00Z', 'bad-time'],
    ['dd.MM.yyyy', '31.02.2026', 'bad-time'],
    ['dd.MM.yyyy', '1.2.2026', 'bad-time'],
    ['M/d/yyyy h:mm a z', '3/1/2026 13:00 PM Z', 'bad-time'],
  ])('%s: %j is refused (%s)', (format, text, problem) => {
    expect(reader(format).read(text)).toMatchObject({ problem });
  });

  test.each([
    ['HH:mm:ss', 'names no year, month and day'],
    ['dd.MM.yyyy hh:mm', 'has `hh` without `a`, or `a` without `hh`'],
    ['yyyy-MM-dd yyyy', 'names a part twice'],
    ['yyyy-MM-dd HH:mm.fff', 'has a fraction without seconds'],
    ['dd.MM.yyyy HH:mm:ss', undefined],
  ])('format %s: %s', (format, problem) => {
    expect(timeFormatProblem(format)).toBe(problem);
  });
});

const berlin = (ambiguous: Ambiguous = 'order'): TimeReader => reader('yyyy-MM-dd HH:mm', 'Europe/Berlin', ambiguous);

/** What a list of clock times becomes, told apart by their order. */
function inOrder(texts: readonly string[], zone: string): number[] {
  const times = reader('yyyy-MM-dd HH:mm', zone);
  const order = new ClockOrder();
  return texts.map((text) => {
    const time = times.read(text);
    if ('problem' in time) throw new Error(time.problem);
    const timeUs = time.secondUs === undefined ? time.timeUs : order.choose(time.timeUs, time.secondUs);
    order.note(timeUs);
    return timeUs;
  });
}

describe('days of 23 and 25 hours', () => {
  test('a time that clocks skip is refused', () => {
    expect(berlin().read('2025-03-30 02:30')).toMatchObject({ problem: 'time-skipped' });
    expect(berlin().read('2025-03-30 01:59')).toEqual({ timeUs: us('2025-03-30T00:59Z') });
    expect(berlin().read('2025-03-30 03:00')).toEqual({ timeUs: us('2025-03-30T01:00Z') });
  });

  test('a time that clocks show twice is both, or refused', () => {
    const both = { timeUs: us('2025-10-26T00:30Z'), secondUs: us('2025-10-26T01:30Z') };
    expect(berlin().read('2025-10-26 02:30')).toEqual(both);
    expect(berlin('refuse').read('2025-10-26 02:30')).toMatchObject({ problem: 'time-ambiguous' });
    expect(berlin().read('2025-10-26 01:59')).toEqual({ timeUs: us('2025-10-25T23:59Z') });
    expect(berlin().read('2025-10-26 03:00')).toEqual({ timeUs: us('2025-10-26T02:00Z') });
  });

  const clocks = new Map(
    ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe'].map((timeZone) => {
      const options = {
        timeZone,
        hourCycle: 'h23',
        year: 'numeric',
        month: '2-digit',
        day: '2-digit',
        hour: '2-digit',
        minute: '2-digit',
      } as const;
      return [timeZone, new Intl.DateTimeFormat('sv-SE', options)] as const;
    }),
  );

  test('whatever a clock has written down in order is read as it was, over the end of summer time', () => {
    const steps = fc.array(fc.integer({ min: 1, max: 59 }), { minLength: 1, maxLength: 120 });
    const start = fc.record({ zone: fc.constantFrom(...clocks.keys()), minute: fc.integer({ min: -140, max: -61 }) });
    const ends = {
      'Europe/Berlin': '2025-10-26T01:00Z',
      'America/New_York': '2025-11-02T06:00Z',
      'Australia/Lord_Howe': '2025-04-05T15:00Z',
    };
    fc.assert(
      fc.property(start, steps, ({ zone, minute }, minutes) => {
        let ms = Date.parse(ends[zone as keyof typeof ends]) + minute * 60_000;
        const written = minutes.map((step) => (ms += step * (zone === 'Australia/Lord_Howe' ? 15_000 : 30_000)));
        // To whole minutes, each once: a clock that shows a minute twice in a row writes it down once.
        const times = [...new Set(written.map((each) => Math.floor(each / 60_000) * 60_000))];
        const texts = times.map((each) => clocks.get(zone)?.format(each) ?? '');
        expect(inOrder(texts, zone)).toEqual(times.map((each) => each * 1000));
      }),
      { numRuns: 300 },
    );
  });

  test('a list of whole hours has the hour twice', () => {
    const texts = ['2025-10-26 01:30', '2025-10-26 02:30', '2025-10-26 02:30', '2025-10-26 03:30'];
    const hours = ['2025-10-25T23:30Z', '2025-10-26T00:30Z', '2025-10-26T01:30Z', '2025-10-26T02:30Z'];
    expect(inOrder(texts, 'Europe/Berlin')).toEqual(hours.map(us));
  });

  test('the same time again stays the same where times follow each other closely', () => {
    const texts = ['2025-10-26 02:10', '2025-10-26 02:11', '2025-10-26 02:11', '2025-10-26 02:12'];
    const times = ['2025-10-26T00:10Z', '2025-10-26T00:11Z', '2025-10-26T00:11Z', '2025-10-26T00:12Z'];
    expect(inOrder(texts, 'Europe/Berlin')).toEqual(times.map(us));
  });
});

test('any text is a time or has a reason', () => {
  const times = [reader('auto', 'Europe/Berlin'), reader('dd.MM.yyyy HH:mm:ss.fff', 'America/New_York'), reader('ns')];
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom(...'0123456789-:. TZ+'.split('')), maxLength: 30 }),
  );
  fc.assert(
    fc.property(text, fc.constantFrom(...times), (given, each) => {
      const time = each.read(given);
      expect('problem' in time ? time.detail !== '' : Number.isFinite(time.timeUs)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});
