import { z } from 'zod';
import { PRIORITIES } from '../alarms/alarm.ts';
import { isSegment } from '../core/tag-path.ts';

/** Form of `alarms` and `models`. */

const TAG = 'a tag path below the site, such as pressing/press1/temperature';
const ASSET = 'the path of an asset below the site, such as pressing/press1';
const SIGNAL = 'a tag below the asset, such as temperature';
const NUMBER = 'a number in the unit of the tag';
const DEADBAND = 'a number of at least 0 in the unit of the tag';
const LIMITS = 'a mapping with `name`, `on` and `high`, `low` or both';
const ON_DELAY = 'a time of at most 1d, such as 3s';
const RETURN = '`latched` or `normal`';
const SIGNALS = 'a list of 2 to 64 signals';
const WINDOW = 'a whole number from 8 to 512';
const HOP = 'a whole number from 1 to 512';
const HOLD = 'a time from 1s to 1d, such as 15m';
const HISTORY = 'a time from 5m to 30d, such as 1h';

const DAY_MS = 86_400_000;
const FIVE_MINUTES_MS = 300_000;

/** Parts of the schema that others share. */
interface SharedParts {
  readonly name: z.ZodType<string, string>;
  /** A time in ms, written like `30s`. */
  readonly duration: (expected: string) => z.ZodType<number, string>;
}

const pathOf = (expected: string): z.ZodType<string, string> =>
  z
    .string(expected)
    .min(1, expected)
    .refine((path) => path.split('/').every(isSegment), expected);

const priority = z
  .enum(PRIORITIES, `one of ${PRIORITIES.join(', ')}`)
  .describe('How soon somebody must act; alarms are shown and sorted by it.');

const onReturn = z
  .enum(['latched', 'normal'], RETURN)
  .describe(
    '`latched`: an alarm that went away before anybody saw it stays until somebody acknowledges it. `normal`: it is gone.',
  );

/** One limit alarm. */
export function alarmSchema({ name, duration }: SharedParts) {
  return (
    z
      .strictObject({
        name: name.describe('Name of the alarm, unique; it is also its id.'),
        on: pathOf(TAG).describe('Tag that it watches, below the site.'),
        high: z.number(NUMBER).optional().describe('The alarm stands while the value is above this.'),
        low: z.number(NUMBER).optional().describe('The alarm stands while the value is below this.'),
        deadband: z
          .number(DEADBAND)
          .min(0, DEADBAND)
          .default(0)
          .describe('So far back inside the limit the value must come before the alarm returns.'),
        onDelay: duration(ON_DELAY)
          .refine((ms) => ms <= DAY_MS, ON_DELAY)
          .prefault('0s')
          .describe('So long the value must stay beyond the limit before the alarm is raised.'),
        priority: priority.default('medium'),
        onReturn: onReturn.default('latched'),
      })
      .refine(({ high, low }) => high !== undefined || low !== undefined, LIMITS)
      .refine(({ high = Infinity, low = -Infinity }) => low < high, '`low` below `high`')
      // Else an alarm could never return.
      .refine(({ high = Infinity, low = -Infinity, deadband }) => low + deadband < high, {
        path: ['deadband'],
        error: 'less than the distance between `low` and `high`',
      })
      .describe('An alarm on a limit of one tag.')
  );
}

/** One model. */
export function modelSchema({ name, duration }: SharedParts) {
  return z
    .strictObject({
      name: name.describe('Name of the model, unique. Its score is the tag `<asset>/<name>-score`.'),
      asset: pathOf(ASSET).describe('Asset that it watches.'),
      signals: z
        .array(pathOf(SIGNAL), SIGNALS)
        .min(2, SIGNALS)
        .max(64, SIGNALS)
        .refine((signals) => new Set(signals).size === signals.length, 'each signal once')
        .describe('Tags of the asset that it looks at together, from whatever connectors they come.'),
      kind: z
        .literal('autoencoder', '`autoencoder`')
        .describe('`autoencoder`: learns what is normal, and says what is not.'),
      window: z.int(WINDOW).min(8, WINDOW).max(512, WINDOW).default(32).describe('Seconds that it looks at together.'),
      hop: z.int(HOP).min(1, HOP).max(512, HOP).default(4).describe('Seconds from one look to the next.'),
      hold: duration(HOLD)
        .refine((ms) => ms >= 1000 && ms <= DAY_MS, HOLD)
        .prefault('10s')
        .describe(
          'So long the last good value of a signal stands without a new one; after that, and from a lost connection on, the signal is missing and the model does not look. Longer than the longest interval at which the sources report: OPC UA servers report only changes.',
        ),
      train: z
        .strictObject(
          {
            minimum: duration(HISTORY)
              .refine((ms) => ms >= FIVE_MINUTES_MS && ms <= 30 * DAY_MS, HISTORY)
              .prefault('1h')
              .describe('So much history there must be before it learns.'),
          },
          'a mapping with `minimum`',
        )
        .prefault({})
        .describe('How it learns.'),
      priority: priority.default('high'),
      onReturn: onReturn.default('normal'),
    })
    .describe(
      'A model of the normal behaviour of an asset, learned from its own history; raises an alarm with reasons.',
    );
}
