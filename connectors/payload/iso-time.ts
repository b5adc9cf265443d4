/** A time as ISO 8601 writes it: the clock's reading, and the zone where the text names one. */
export interface IsoTime {
  /** The reading taken as UTC, ms without the fraction of a second. */
  readonly wallMs: number;
  /** Fraction of the second, µs; what is finer is cut off. */
  readonly fractionUs: number;
  /** Distance of the clock from UTC, minutes, east positive; null where the text says nothing. */
  readonly offsetMinutes: number | null;
}

const ISO =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,18}))?)?(?: ?(?:([Zz])|([+-])(\d\d)(?::?(\d\d))?))?$/;
const DAY_MS = 86_400_000;
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Reads the extended format of ISO 8601 with date and time: `2026-03-01T12:00:00.123456Z`, `2026-03-01 12:00+01:00`. A second 60 is the first of the next minute (leap
 * seconds do not exist in Unix time). undefined if the text is none, or names a day or an hour that does not exist.
 */
export function parseIso(text: string): IsoTime | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, years, months, days, hours, minutes, seconds = '0', fraction = ''] = match;
  const [, , , , , , , , utc, sign, zoneHours, zoneMinutes = '0'] = match;
  const year = Number(years);
  const month = Number(months);
  const day = Number(days);
  if (day < 1 || day > daysIn(year, month)) return undefined;
  const hour = Number(hours);
  const minute = Number(minutes);
  const second = Number(seconds);
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const offsetMinutes = offsetOf(utc, sign, Number(zoneHours), Number(zoneMinutes));
  if (Number.isNaN(offsetMinutes)) return undefined;
  const wallMs = daysSinceEpoch(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000;
  return { wallMs, fractionUs: Number(fraction.slice(0, 6).padEnd(6, '0')), offsetMinutes };
}

function offsetOf(utc: string | undefined, sign: string | undefined, hours: number, minutes: number): number | null {
  if (utc !== undefined) return 0;
  if (sign === undefined) return null;
  if (hours > 23 || minutes > 59) return Number.NaN;
  return (sign === '-' ? -1 : 1) * (hours * 60 + minutes);
}

function daysIn(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && leap ? 29 : (DAYS_IN_MONTH[month - 1] ?? 0);
}

/** Days from 1970-01-01 in the Gregorian calendar; `Date.UTC` takes the years 0 to 99 for 1900 to 1999. */
function daysSinceEpoch(year: number, month: number, day: number): number {
  // Years begin in March, so that a leap day is the last of its year.
  const y = month > 2 ? year : year - 1;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + dayOfYear - 719_468;
}
