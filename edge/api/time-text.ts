import { Fault } from '../core/fault.ts';
import { MAX_TIME_US } from '../core/sample.ts';

export const DAY_US = 86_400_000_000;
const TIME = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:([Zz])|([+ -])(\d\d):?(\d\d)?)$/;

let day = Number.NaN;
let date = '';

/** A time in µs as ISO 8601 in UTC with six digits: `2020-03-17T10:14:33.000000Z`. */
export function formatTime(timeUs: number): string {
  const days = Math.floor(timeUs / DAY_US);
  // Neighbours are nearly always of the same day.
  if (days !== day) {
    date = dateText(days);
    day = days;
  }
  const us = timeUs - days * DAY_US;
  const seconds = Math.floor(us / 1_000_000);
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return `${date}${clock}.${String(us % 1_000_000).padStart(6, '0')}Z`;
}

/** The same; null stays null. */
export function formatTimeOrNull(timeUs: number | null): string | null {
  return timeUs === null ? null : formatTime(timeUs);
}

/** What times of a day begin with, counted from 1970-01-01: `2020-03-17T`. */
export function dateText(days: number): string {
  return new Date(days * 86_400_000).toISOString().slice(0, -'00:00:00.000Z'.length);
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

/**
 * A time with a zone (ISO 8601, RFC 3339) in µs since the epoch. Nanoseconds are rounded up, which changes nothing for `from <= time < to`.
 * A blank before the offset is a `+` that lost its escape in a URL. Throws `time-invalid`.
 */
export function parseTime(text: string): number {
  const match = TIME.exec(text);
  if (match === null) {
    const zoneless = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?)?$/i.test(text);
    throw new Fault('time-invalid', `${JSON.stringify(text.slice(0, 60))}${zoneless ? ' has no zone.' : '.'}`);
  }
  const [, year, month, dayOfMonth, hour, minute, second = '0', fraction = '', utc, sign, zoneHour, zoneMinute] = match;
  const fields = [year, month, dayOfMonth, hour, minute, second].map(Number);
  const [y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0] = fields;
  const at = new Date(0);
  at.setUTCFullYear(y, mo - 1, d);
  at.setUTCHours(h, mi, s);
  const real = [at.getUTCFullYear(), at.getUTCMonth() + 1, at.getUTCDate(), at.getUTCHours(), at.getUTCMinutes()];
  if (real.some((field, i) => field !== fields[i]) || s > 59)
    throw new Fault('time-invalid', `${text} does not exist.`);
  const offset = utc === undefined ? zoneOffset(text, sign, zoneHour, zoneMinute) : 0;
  const us = Math.ceil(Number(fraction.padEnd(9, '0')) / 1000);
  const timeUs = (at.getTime() - offset) * 1000 + us;
  if (Math.abs(timeUs) > MAX_TIME_US) throw new Fault('time-invalid', `${text} is out of range.`);
  return timeUs;
}

/** The span of a history query as effective times, `fromUs` <= time < `toUs`; what is left out is open. Throws `time-invalid`, and `code` where it ends before it begins: nothing at all must not pass for an answer. */
export function parseSpan(
  from: string | undefined,
  to: string | undefined,
  code: 'request-invalid' | 'usage' = 'request-invalid',
): { fromUs: number; toUs: number } {
  const fromUs = from === undefined ? -MAX_TIME_US : parseTime(from);
  const toUs = to === undefined ? MAX_TIME_US + 1 : parseTime(to);
  if (fromUs > toUs) throw new Fault(code, `from: ${from} is later than to: ${to}.`);
  return { fromUs, toUs };
}

/** Milliseconds that the zone is ahead of UTC. */
function zoneOffset(text: string, sign = '', hours = '', minutes = '0'): number {
  if (Number(hours) > 23 || Number(minutes) > 59) throw new Fault('time-invalid', `${text} has no such zone.`);
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}
