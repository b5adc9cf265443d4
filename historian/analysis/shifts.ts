import { z } from 'zod';
import { Fault } from '../../edge/core/fault.ts';
import type { Span } from '../queries/buckets.ts';
import { MAX_BUCKETS } from '../limits.ts';
import { checkSpan, type TimeBuckets } from './calendar.ts';
import { DAY_S, dateText, isoWeekday } from './civil.ts';
import { Zone } from './zone.ts';

const NAME = 'a name of 1 to 64 characters, such as early';
const CLOCK = 'a time of the local clock from 00:00 to 23:59, such as 06:00';
const END = 'a time of the local clock from 00:01 to 24:00, such as 14:00';
const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const DAYS = `a list of ${WEEKDAYS.join(', ')}`;
const SHIFTS = 'a list of 1 to 32 shifts';

const shiftSchema = z.strictObject(
  {
    name: z.string(NAME).min(1, NAME).max(64, NAME).describe('What reports call it; several may have the same name.'),
    from: z
      .string(CLOCK)
      .regex(/^([01]\d|2[0-3]):[0-5]\d$/, CLOCK)
      .describe('When it begins, on the clock of the site.'),
    to: z
      .string(END)
      .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, END)
      .describe('When it ends. Not later than `from`: on the next day.'),
    days: z
      .array(z.enum(WEEKDAYS, `one of ${WEEKDAYS.join(', ')}`), DAYS)
      .min(1, DAYS)
      .optional()
      .describe('Days on which it begins; every day if left out.'),
  },
  'a mapping with `name`, `from` and `to`',
);

/** The shifts of a site: named intervals of the local day that do not overlap. */
export const shiftsSchema = z
  .array(shiftSchema, SHIFTS)
  .min(1, SHIFTS)
  .max(32, SHIFTS)
  .superRefine((shifts, context) => {
    const found = overlap(shifts);
    if (found !== undefined) context.addIssue({ code: 'custom', message: found, input: shifts });
  });

/** One shift as it is written. */
export type Shift = z.infer<typeof shiftSchema>;

/** What calendars give, and the shift of each bucket. */
export interface ShiftBuckets extends TimeBuckets {
  /** Numbers in the list of shifts. */
  readonly shifts: Uint8Array;
}

/** A shift in numbers. */
interface Plan {
  readonly shift: number;
  readonly name: string;
  /** s on the local clock since the midnight of the day on which it begins. */
  readonly fromS: number;
  readonly toS: number;
  /** Bit 1 to 7: Monday to Sunday. */
  readonly days: number;
}

/**
 * The whole shifts that have a part of the span, in order of time. A shift begins and ends at the first instant at which the clock shows its time or a later one: a night shift has an hour
 * less or more where the clock is changed in it, one that lies in a left-out hour is missing. The time between shifts belongs to none. Throws `request-invalid` for shifts that overlap,
 * more than 100,000 buckets, times that cannot be, and a zone that there is not.
 */
export function shiftBuckets(span: Span, shifts: readonly Shift[], timezone: string): ShiftBuckets {
  const zone = Zone.of(timezone);
  const found = overlap(shifts);
  if (found !== undefined) throw new Fault('request-invalid', `Shifts: ${found}.`);
  const plans = shifts.map(planOf).toSorted((a, b) => a.fromS - b.fromS);
  const out = new ShiftList(plans);
  const { fromUs, toUs } = span;
  if (toUs <= fromUs) return out.buckets();
  checkSpan(span);
  const fromS = Math.floor(fromUs / 1e6);
  const toS = Math.ceil(toUs / 1e6);
  const clock = zone.clock(fromS - 4 * DAY_S, toS + 4 * DAY_S);
  // Beginnings and ends are asked for in their own order, each never back in time.
  const ends = clock.fromStart();
  // Two days back: a shift may have begun yesterday, and the local date may be a day behind.
  const firstDay = Math.floor((fromS + clock.offsetAt(fromS)) / DAY_S) - 2;
  const starts = clock.fromStart();
  for (let day = firstDay; ; day++) {
    for (const plan of plans) {
      if (((plan.days >> isoWeekday(day)) & 1) === 0) continue;
      const start = starts.firstAt(day * DAY_S + plan.fromS);
      const end = ends.firstAt(day * DAY_S + plan.toS);
      if (start < toS && end > fromS && start < end) out.push(plan, day, start, end);
    }
    if (starts.firstAt((day + 1) * DAY_S) >= toS) return out.buckets();
  }
}

function planOf({ name, from, to, days }: Shift, shift: number): Plan {
  const fromS = clockSeconds(from);
  const endS = clockSeconds(to);
  let bits = 0;
  for (const day of days ?? WEEKDAYS) bits |= 1 << (WEEKDAYS.indexOf(day) + 1);
  return { shift, name, fromS, toS: endS <= fromS ? endS + DAY_S : endS, days: bits };
}

function clockSeconds(text: string): number {
  return Number(text.slice(0, 2)) * 3600 + Number(text.slice(3)) * 60;
}

/** Says which two shifts overlap, if two do: a sample belongs to one shift at most. */
function overlap(shifts: readonly Shift[]): string | undefined {
  const week = shifts
    .map(planOf)
    .flatMap((plan) =>
      WEEKDAYS.flatMap((_, day) =>
        ((plan.days >> (day + 1)) & 1) === 0
          ? []
          : [{ name: plan.name, from: day * DAY_S + plan.fromS, to: day * DAY_S + plan.toS }],
      ),
    )
    .toSorted((a, b) => a.from - b.from);
  const [first] = week;
  if (first === undefined) return undefined;
  // Sunday night goes on into Monday.
  const round = [...week, { ...first, from: first.from + 7 * DAY_S }];
  for (const [i, next] of round.entries()) {
    const before = round[i - 1];
    if (before !== undefined && next.from < before.to) return `${before.name} and ${next.name} overlap`;
  }
  return undefined;
}

/** Collects buckets. */
class ShiftList {
  private readonly plans: readonly Plan[];
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];
  private readonly days: number[] = [];
  private readonly shifts: number[] = [];

  constructor(plans: readonly Plan[]) {
    this.plans = plans;
  }

  push(plan: Plan, day: number, startS: number, endS: number): void {
    if (this.starts.length === MAX_BUCKETS) {
      const most = MAX_BUCKETS.toLocaleString('en');
      throw new Fault('request-invalid', `The span has more than ${most} shifts of a tag.`);
    }
    this.starts.push(startS * 1e6);
    this.ends.push(endS * 1e6);
    this.days.push(day);
    this.shifts.push(plan.shift);
  }

  /** `early 2026-03-29`: the date on which it begins. */
  buckets(): ShiftBuckets {
    const names = new Map(this.plans.map(({ shift, name }) => [shift, name]));
    const { days, shifts } = this;
    return {
      count: this.starts.length,
      starts: Float64Array.from(this.starts),
      ends: Float64Array.from(this.ends),
      shifts: Uint8Array.from(shifts),
      label: (bucket) => `${names.get(shifts[bucket] ?? 0) ?? ''} ${dateText(days[bucket] ?? 0)}`,
    };
  }
}
