import type { SiteClock, WallTime } from './site-clock.ts';
import { wallMs } from './site-clock.ts';

/* Where the time axis has its lines, and what stands there. Pure. */

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const MONTH_MS = 30 * DAY_MS;
const YEAR_MS = 365 * DAY_MS;
/** A Monday. */
const FIRST_MONDAY_MS = 4 * DAY_MS;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const IN_MS: readonly (readonly [unitMs: number, counts: readonly number[]])[] = [
  [SECOND_MS, [0.2, 0.5, 1, 2, 5, 10, 15, 30]],
  [MINUTE_MS, [1, 2, 5, 10, 15, 30]],
  [HOUR_MS, [1, 2, 3, 6, 12]],
  [DAY_MS, [1, 2, 7]],
  [MONTH_MS, [1, 3]],
  [YEAR_MS, [1]],
];
/** How far apart lines may be, ms: a month, a quarter and a year stand for those of the calendar. */
export const TICK_STEPS_MS: readonly number[] = IN_MS.flatMap(([unit, counts]) => counts.map((count) => unit * count));

/** Times of the lines in a span: full minutes, hours, days (at midnight), weeks (on Mondays), months and years of the clock, also where its day has 23 or 25 hours. */
export function timeTicks(fromMs: number, toMs: number, stepMs: number, clock: SiteClock): number[] {
  if (stepMs <= HOUR_MS) {
    const offset = clock.offsetMs(fromMs);
    const first = Math.ceil((fromMs + offset) / stepMs) * stepMs - offset;
    const count = Math.max(0, Math.floor((toMs - first) / stepMs) + 1);
    return Array.from({ length: count }, (_, i) => first + i * stepMs);
  }
  const shown = stepMs >= MONTH_MS ? shownMonths : shownSteps;
  const times = shown(clock.at(fromMs), clock.at(toMs), stepMs).flatMap((ms) => clock.instantsOf(ms).slice(0, 1));
  return [...new Set(times)].filter((ms) => ms >= fromMs && ms <= toMs);
}

function shownSteps(from: WallTime, to: WallTime, stepMs: number): number[] {
  const origin = stepMs === 7 * DAY_MS ? FIRST_MONDAY_MS : 0;
  const first = Math.floor((wallMs(from) - origin) / stepMs) * stepMs + origin;
  const count = Math.floor((wallMs(to) - first) / stepMs) + 1;
  return Array.from({ length: count }, (_, i) => first + i * stepMs);
}

function shownMonths(from: WallTime, to: WallTime, stepMs: number): number[] {
  const step = stepMs >= YEAR_MS ? 12 : stepMs / MONTH_MS;
  const first = Math.floor((from.year * 12 + from.month - 1) / step) * step;
  const last = to.year * 12 + to.month - 1;
  // Months beyond the twelfth are those of the years behind.
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, i) =>
    Date.UTC(1970, first - 1970 * 12 + i * step),
  );
}

/** What stands at the lines: the time of day, or the day; below it the date, or the year, at the first one and where it is another. */
export function tickLabels(times: readonly number[], stepMs: number, clock: SiteClock): string[] {
  let before = '';
  return times.map((ms) => {
    const at = clock.at(ms);
    const [label, below] =
      stepMs < DAY_MS ? [timeOfDay(at, ms, stepMs), dayOf(at)] : [dateOf(at, stepMs), yearOf(at, stepMs)];
    const isOther = below !== before;
    before = below;
    return isOther ? `${label}\n${below}` : label;
  });
}

function timeOfDay({ hour, minute, second }: WallTime, ms: number, stepMs: number): string {
  const minutes = `${two(hour)}:${two(minute)}`;
  if (stepMs >= MINUTE_MS) return minutes;
  const seconds = `${minutes}:${two(second)}`;
  return stepMs >= SECOND_MS ? seconds : `${seconds}.${Math.floor((ms % 1000) / 100)}`;
}

function dayOf({ year, month, day }: WallTime): string {
  return `${day} ${MONTHS[month - 1]} ${year}`;
}

function dateOf({ year, month, day }: WallTime, stepMs: number): string {
  if (stepMs >= YEAR_MS) return String(year);
  return stepMs >= MONTH_MS ? `${MONTHS[month - 1]}` : `${day} ${MONTHS[month - 1]}`;
}

function yearOf({ year }: WallTime, stepMs: number): string {
  return stepMs >= YEAR_MS ? '' : String(year);
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
