import { Fault } from '../../edge/core/fault.ts';
import { MAX_TIME_US } from '../../edge/core/sample.ts';
import type { Span } from '../queries/buckets.ts';
import { MAX_BUCKETS } from '../limits.ts';
import { civilDate, DAY_S, dateText, dayNumber, isoWeekday, padded, weekText } from './civil.ts';
import { Zone, type ZoneClock } from './zone.ts';

/** Units of a calendar, from the shortest to the longest. */
export const CALENDAR_UNITS = ['minute', 'quarter-hour', 'hour', 'day', 'week', 'month', 'quarter', 'year'] as const;
/** Name of one of them. */
export type CalendarUnit = (typeof CALENDAR_UNITS)[number];

/** Spans of time that do not overlap, in order. Bucket i has `starts[i]` ≤ time < `ends[i]`, in µs. */
export interface TimeBuckets {
  readonly count: number;
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  /** What a person calls it. */
  label(bucket: number): string;
}

/** Units that are a fixed number of seconds on the local clock. */
const clockUnits: Readonly<Partial<Record<CalendarUnit, number>>> = { minute: 60, 'quarter-hour': 900, hour: 3600 };

/** Length of the unit where no clock is changed, at its longest; s. Over a span of many the changes cancel out. */
const longest: Readonly<Record<CalendarUnit, number>> = {
  minute: 60,
  'quarter-hour': 900,
  hour: 3600,
  day: DAY_S,
  week: 7 * DAY_S,
  month: 31 * DAY_S,
  quarter: 92 * DAY_S,
  year: 366 * DAY_S,
};

/** Days looked at beyond the span: no change of a clock was more than a day. */
const MARGIN_S = 2 * DAY_S;

/**
 * The whole calendar buckets that have a part of the span, on the local clock of an IANA time zone; the first begins at or before `fromUs`, the last ends at or behind `toUs`.
 *
 * A day (week, month, quarter, year) begins at the first instant at which the clock shows its first midnight or a later time: it has 23 or 25 hours where the clock is changed, begins
 * at 01:00 where midnight is left out, and is missing where the zone left out a whole day. Hours, quarters of an hour and minutes begin where the clock shows a multiple of them, and
 * at each change of the clock: an hour that comes twice is two buckets, told apart by the offset in their labels.
 *
 * Throws `request-invalid` for more than 100,000 buckets, times that cannot be, and a zone that there is not.
 */
export function calendarBuckets(span: Span, unit: CalendarUnit, timezone: string): TimeBuckets {
  const zone = Zone.of(timezone);
  const { fromUs, toUs } = span;
  if (toUs <= fromUs) return new CalendarBuckets(new Float64Array(1), unit, zone);
  checkSpan(span);
  const fromS = Math.floor(fromUs / 1e6);
  const toS = Math.ceil(toUs / 1e6);
  // Refused before anything is computed; those that are just too many are counted.
  if ((toS - fromS) / longest[unit] > MAX_BUCKETS + 2) throw tooMany(unit);
  const reach = longest[unit] * 2 + MARGIN_S;
  const clock = zone.clock(fromS - reach, toS + reach);
  const width = clockUnits[unit];
  const edges = width === undefined ? dateEdges(clock, unit, fromS, toS) : clockEdges(clock, width, fromS, toS);
  if (edges.length - 1 > MAX_BUCKETS) throw tooMany(unit);
  const edgesUs = new Float64Array(edges.length);
  for (let i = 0; i < edges.length; i++) edgesUs[i] = (edges[i] ?? 0) * 1e6;
  return new CalendarBuckets(edgesUs, unit, zone);
}

/** Throws `request-invalid` if a calendar cannot be laid over the span: its last bucket would end behind all times. */
export function checkSpan({ fromUs, toUs }: Span): void {
  const limitUs = MAX_TIME_US - 3 * 366 * DAY_S * 1e6;
  if (!(fromUs >= -limitUs && toUs <= limitUs))
    throw new Fault('request-invalid', 'The span begins or ends where there is no calendar (before 1688, after 2252).');
}

function tooMany(unit: CalendarUnit): Fault {
  const most = MAX_BUCKETS.toLocaleString('en');
  return new Fault('request-invalid', `The span has more than ${most} calendar intervals (${unit}) of a tag.`);
}

/** Where the clock shows a multiple of `width`, and where it is changed. */
function clockEdges(clock: ZoneClock, width: number, fromS: number, toS: number): number[] {
  const offset = clock.offsetAt(fromS);
  const first = Math.floor((fromS + offset) / width) * width - offset;
  const edges = [Math.max(first, clock.start)];
  for (let at = edges[0] ?? 0; at < toS;) {
    const here = clock.offsetAt(at);
    const next = (Math.floor((at + here) / width) + 1) * width - here;
    at = Math.min(next, clock.end);
    edges.push(at);
  }
  return edges;
}

/** Where the first day of each unit begins. */
function dateEdges(clock: ZoneClock, unit: CalendarUnit, fromS: number, toS: number): number[] {
  const localDay = Math.floor((fromS + clock.offsetAt(fromS)) / DAY_S);
  // Where the clock went back over midnight, the local date is one that is already over: begin a unit earlier and leave out what ends before the span.
  let day = unitStart(unitStart(localDay, unit) - 1, unit);
  const again = clock.fromStart();
  const edges: number[] = [];
  for (let at = again.firstAt(day * DAY_S); ;) {
    if (at <= fromS) edges.length = 0;
    // A day that the zone left out has no time in it.
    if (at !== edges.at(-1)) edges.push(at);
    if (at >= toS) return edges;
    day = nextStart(day, unit);
    at = again.firstAt(day * DAY_S);
  }
}

/** First day of the unit that has this day. */
function unitStart(day: number, unit: CalendarUnit): number {
  if (unit === 'day') return day;
  if (unit === 'week') return day - isoWeekday(day) + 1;
  const { year, month } = civilDate(day);
  if (unit === 'month') return dayNumber(year, month, 1);
  return unit === 'quarter' ? dayNumber(year, month - ((month - 1) % 3), 1) : dayNumber(year, 1, 1);
}

/** First day of the unit behind the one that begins with this day. */
function nextStart(day: number, unit: CalendarUnit): number {
  if (unit === 'day') return day + 1;
  if (unit === 'week') return day + 7;
  const { year, month } = civilDate(day);
  return dayNumber(year, month + (unit === 'year' ? 12 : unit === 'quarter' ? 3 : 1), 1);
}

class CalendarBuckets implements TimeBuckets {
  readonly count: number;
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  private readonly unit: CalendarUnit;
  private readonly zone: Zone;

  constructor(edges: Float64Array, unit: CalendarUnit, zone: Zone) {
    this.count = edges.length - 1;
    this.starts = edges.subarray(0, this.count);
    this.ends = edges.subarray(1);
    this.unit = unit;
    this.zone = zone;
  }

  /** `2026`, `2026-Q1`, `2026-03`, `2026-W13`, `2026-03-29`, `2026-03-29T02:00+01:00`. */
  label(bucket: number): string {
    const timeS = (this.starts[bucket] ?? 0) / 1e6;
    const offset = this.zone.clock(timeS, timeS).offsetAt(timeS);
    const local = timeS + offset;
    const day = Math.floor(local / DAY_S);
    const { year, month } = civilDate(day);
    switch (this.unit) {
      case 'year':
        return padded(year, 4);
      case 'quarter':
        return `${padded(year, 4)}-Q${Math.ceil(month / 3)}`;
      case 'month':
        return dateText(day).slice(0, 7);
      case 'week':
        return weekText(day);
      case 'day':
        return dateText(day);
      case 'hour':
      case 'quarter-hour':
      case 'minute':
        return `${dateText(day)}T${clockText(local - day * DAY_S)}${offsetText(offset)}`;
    }
  }
}

/** `02:00`, with seconds where there are some: a clock may be changed in the middle of a minute. */
function clockText(timeS: number): string {
  const seconds = timeS % 60;
  const text = `${padded(Math.floor(timeS / 3600), 2)}:${padded(Math.floor(timeS / 60) % 60, 2)}`;
  return seconds === 0 ? text : `${text}:${padded(seconds, 2)}`;
}

function offsetText(offsetS: number): string {
  return `${offsetS < 0 ? '-' : '+'}${clockText(Math.abs(offsetS))}`;
}
