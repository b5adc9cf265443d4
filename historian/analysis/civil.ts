/** Dates of the Gregorian calendar as days since 1970-01-01, and back. */

export const DAY_S = 86_400;

/** A date of the Gregorian calendar; months and days from 1. */
export interface CivilDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/** Days since 1970-01-01. `month` may lie outside of 1 to 12. */
export function dayNumber(year: number, month: number, day: number): number {
  // Date.UTC takes years below 100 for 1900 and later; times here are not before 1684.
  return Date.UTC(year, month - 1, day) / (DAY_S * 1000);
}

/** The opposite of `dayNumber`. */
export function civilDate(day: number): CivilDate {
  const date = new Date(day * DAY_S * 1000);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

/** Day of the week after ISO 8601: Monday is 1, Sunday 7. 1970-01-01 was a Thursday. */
export function isoWeekday(day: number): number {
  return ((((day + 3) % 7) + 7) % 7) + 1;
}

/** `2026-03-29`. */
export function dateText(day: number): string {
  const { year, month, day: dayOfMonth } = civilDate(day);
  return `${padded(year, 4)}-${padded(month, 2)}-${padded(dayOfMonth, 2)}`;
}

/** `2026-W13` after ISO 8601: the week belongs to the year of its Thursday. */
export function weekText(day: number): string {
  const thursday = day - isoWeekday(day) + 4;
  const { year } = civilDate(thursday);
  const week = Math.floor((thursday - dayNumber(year, 1, 1)) / 7) + 1;
  return `${padded(year, 4)}-W${padded(week, 2)}`;
}

/** A number with zeros before it. */
export function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}
