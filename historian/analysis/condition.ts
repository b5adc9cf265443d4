import { z } from 'zod';

const CONDITION = 'a mapping with `when`';
const WHEN = 'one of above, below, outside, inside, equals, bad, not-good';
const NUMBER = 'a number in the unit of the tag';
const DEADBAND = 'a number of at least 0 in the unit of the tag';
const STATE = 'a number, true or false';
const FOR = 'a time of at most 366d, such as 5m';
const GAP = 'a time of at most 366d, such as 30s';

const YEAR_MS = 366 * 86_400_000;

/** Parts of the schema that others share. */
interface SharedParts {
  /** A time in ms, written like `30s`. */
  readonly duration: (expected: string) => z.ZodType<number, string>;
}

/** What an event-frame search looks for: a condition over one tag. Times are written as in the configuration, and are ms when they are read. */
export function conditionSchema({ duration }: SharedParts) {
  const time = (expected: string) => duration(expected).refine((ms) => ms <= YEAR_MS, expected);
  const number = z.number(NUMBER);
  const deadband = z
    .number(DEADBAND)
    .min(0, DEADBAND)
    .default(0)
    .describe('So far back behind the limit the value must come before the frame ends (hysteresis).');
  const common = {
    for: time(FOR).prefault('0s').describe('Only frames that are longer.'),
    stale: time(GAP)
      .refine((ms) => ms > 0, GAP)
      .optional()
      .describe('A value that is older is none: a gap begins. Left out: a value holds until the next one.'),
  };
  const ofValues = {
    ...common,
    bridge: time(GAP)
      .prefault('0s')
      .describe(
        'Gaps up to this length do not end a frame, if the condition is still met behind them. Left out: each does.',
      ),
  };
  const range = { low: number, high: number, deadband, ...ofValues };
  const above = { when: z.literal('above'), limit: number.describe('The value is above it.'), deadband, ...ofValues };
  const below = { when: z.literal('below'), limit: number.describe('The value is below it.'), deadband, ...ofValues };
  const outside = z
    .strictObject({ when: z.literal('outside'), ...range })
    .refine(({ low, high }) => low < high, { path: ['low'], error: 'less than `high`' })
    // Else a frame could never end.
    .refine(({ low, high, deadband: band }) => low + band <= high - band, {
      path: ['deadband'],
      error: 'at most half of the distance between `low` and `high`',
    });
  const inside = z
    .strictObject({ when: z.literal('inside'), ...range })
    .refine(({ low, high }) => low <= high, { path: ['low'], error: 'at most `high`' });
  const state = z.union([number, z.boolean()], STATE).transform(Number);
  return z
    .discriminatedUnion(
      'when',
      [
        z.strictObject(above),
        z.strictObject(below),
        outside,
        inside,
        z.strictObject({
          when: z.literal('equals'),
          state: state.describe('Number of the state; booleans are 0 and 1.'),
          ...ofValues,
        }),
        z.strictObject({ when: z.literal('bad'), ...common }),
        z.strictObject({ when: z.literal('not-good'), ...common }),
      ],
      { error: (issue: z.core.$ZodRawIssue) => (issue.code === 'invalid_type' ? CONDITION : WHEN) },
    )
    .describe('A condition over one tag. `bad`: bad quality or no value; `not-good`: uncertain too.');
}

/** A condition as it is read. */
export type Condition = z.infer<ReturnType<typeof conditionSchema>>;
