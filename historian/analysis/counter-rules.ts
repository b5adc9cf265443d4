import { z } from 'zod';

const ROLLOVER = 'a number above 0 and up to 2^53, such as 4294967296';
const RATE = 'a number above 0 in the unit of the tag a second';
const CORRECTION = 'a number of at least 0 in the unit of the tag';

/** What is known of a counter. Whatever is left out makes more of its steps back ambiguous. */
export const counterSchema = z
  .strictObject(
    {
      rollover: z
        .number(ROLLOVER)
        .positive(ROLLOVER)
        .max(2 ** 53, ROLLOVER)
        .optional()
        .describe(
          'It begins again from 0 before this number: 65536 for 16 bits, 4294967296 for 32 bits, 1000000 for six digits.',
        ),
      maxPerSecond: z
        .number(RATE)
        .positive(RATE)
        .optional()
        .describe('It never counts faster. With it a rollover, a reset and another device can be told apart.'),
      correction: z
        .number(CORRECTION)
        .min(0, CORRECTION)
        .default(0)
        .describe('A step back that is not larger sets the reading right: it is counted as negative.'),
    },
    'a mapping',
  )
  .describe('A tag that counts: totals are the differences of its readings.');

/** A replacement of the device that somebody has entered. */
export interface Replacement {
  /** µs: readings from here on are of the new device. */
  readonly timeUs: number;
  /** What the old device showed last, and the new one first; null: nobody knows. */
  readonly readings: { readonly last: number; readonly first: number } | null;
}

/** How a counter counts, as a configuration says it. */
export type CounterRules = z.infer<typeof counterSchema>;

/** How one counter counts, and when its device was replaced. */
export interface KnownCounter extends CounterRules {
  /** In order of time; left out: never. */
  readonly replacements?: readonly Replacement[];
}

/**
 * What happened between two good readings.
 * - `count`: it went up
 * - `rollover`: it went through its end
 * - `reset`: it began again from 0; what it counted between the last reading and the reset is lost
 * - `correction`: a small step back
 * - `replacement`: the readings have nothing to do with each other (another device, or a wrong reading): what was counted is not known
 * - `known-replacement`: the device was replaced, and somebody has entered the readings of both
 */
export type StepKind = 'count' | 'rollover' | 'reset' | 'correction' | 'replacement' | 'known-replacement';

/** How a step is read. */
export interface Reading {
  readonly kind: StepKind;
  /** What is counted. */
  readonly amount: number;
  /** There is another reading of it that cannot be ruled out. */
  readonly ambiguous: boolean;
  /** What that one would count; null: nobody knows. */
  readonly other: number | null;
}

/** A rollover is sure if it takes no more than this share of the whole range: a reset just as near to the end would be a rare coincidence. */
const SURE_SHARE = 0.1;
/** Without `maxPerSecond` a step back is read as a rollover if it takes no more than this share: then it is the shorter way. */
const LIKELY_SHARE = 0.5;

/** The most that can be counted in this time. */
function mostIn({ maxPerSecond }: CounterRules, elapsedUs: number): number {
  return maxPerSecond === undefined ? Number.POSITIVE_INFINITY : (maxPerSecond * elapsedUs) / 1e6;
}

/** Whether there was time for whole turns that nobody saw. Without a rate nobody can tell. */
function hidesTurns(rules: CounterRules, elapsedUs: number): boolean {
  const { rollover, maxPerSecond } = rules;
  return rollover !== undefined && maxPerSecond !== undefined && mostIn(rules, elapsedUs) >= rollover;
}

/** Whether a step can only be read as counting: nearly all are like that. */
export function isPlain(rules: CounterRules, up: number, elapsedUs: number): boolean {
  return up >= 0 && up <= mostIn(rules, elapsedUs) && !hidesTurns(rules, elapsedUs);
}

/**
 * Reads a step from one good reading to the next (README.md, "Counters", gives the reasons). In this order, the first that is possible: up; a correction; a rollover; a reset; a
 * replacement. What could be read otherwise is ambiguous.
 */
export function readStep(rules: CounterRules, before: number, after: number, elapsedUs: number): Reading {
  const { rollover, maxPerSecond, correction } = rules;
  const most = mostIn(rules, elapsedUs);
  const turns = hidesTurns(rules, elapsedUs);
  const up = after - before;
  if (up >= 0) {
    if (up > most) return { kind: 'replacement', amount: 0, ambiguous: true, other: up };
    return { kind: 'count', amount: up, ambiguous: turns, other: turns ? up + (rollover ?? 0) : null };
  }
  if (-up <= correction) return { kind: 'correction', amount: up, ambiguous: false, other: null };
  if (rollover !== undefined && before < rollover && after >= 0) {
    const way = rollover + up;
    if (way <= (maxPerSecond === undefined ? rollover * LIKELY_SHARE : most)) {
      const isSure = way <= rollover * SURE_SHARE && !turns;
      const other = turns ? way + rollover : after;
      return { kind: 'rollover', amount: way, ambiguous: !isSure, other: isSure ? null : other };
    }
  }
  if (after < 0 || after > most) return { kind: 'replacement', amount: 0, ambiguous: true, other: null };
  const isSure = after === 0 || maxPerSecond !== undefined;
  return { kind: 'reset', amount: after, ambiguous: !isSure, other: isSure ? null : 0 };
}

/** A reading and when it was. */
interface TimedReading {
  readonly timeUs: number;
  readonly value: number;
}

/** What one device has counted, up to its last reading. */
interface DevicePart extends Reading {
  readonly timeUs: number;
}

/** A step over devices as a whole, and of each of them; no parts: what each has counted is not known. */
interface ReadDevices {
  readonly whole: Reading;
  readonly parts: readonly DevicePart[];
}

function unknownDevices(other: number | null): ReadDevices {
  return { whole: { kind: 'replacement', amount: 0, ambiguous: true, other }, parts: [] };
}

/**
 * A step over replacements that were entered: what they say is read like any readings, each device by itself. `parts`: what each device has counted, as long as it was there. If a device
 * went back, or too fast for the time from `before` to `after`, what was entered is wrong, and it is one step of which nobody knows what was counted; so it is if nobody knows the readings.
 */
export function readReplacements(
  rules: CounterRules,
  before: TimedReading,
  replacements: readonly Replacement[],
  after: TimedReading,
): ReadDevices {
  const elapsedUs = after.timeUs - before.timeUs;
  const parts: DevicePart[] = [];
  let difference = 0;
  let from = before.value;
  const countTo = (timeUs: number, to: number): void => {
    // When exactly it was replaced is known no better than that it was between the two readings.
    parts.push({ ...readStep(rules, from, to, elapsedUs), timeUs });
    difference += to - from;
  };
  for (const { timeUs, readings } of replacements) {
    if (readings === null) return unknownDevices(null);
    countTo(timeUs, readings.last);
    from = readings.first;
  }
  countTo(after.timeUs, after.value);
  if (parts.some(({ kind }) => kind === 'reset' || kind === 'replacement')) return unknownDevices(difference);
  const amount = parts.reduce((sum, part) => sum + part.amount, 0);
  const ambiguous = parts.some((part) => part.ambiguous);
  return { whole: { kind: 'known-replacement', amount, ambiguous, other: null }, parts };
}
