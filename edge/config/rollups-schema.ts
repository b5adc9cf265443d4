import { z } from 'zod';

/** Form of `historian.rollups`. */

const ROLLUPS = 'a mapping with `minute`, `hour` and `day`, or none';
const DAY_MS = 86_400_000;

/** How long roll-ups of minutes, hours and days are kept where it is not said, ms; never shorter than what they are made of. */
const DEFAULTS = { minute: 1100 * DAY_MS, hour: 3650 * DAY_MS, day: Number.POSITIVE_INFINITY };
const LEVELS = ['minute', 'hour', 'day'] as const;

/** What the configuration says of roll-ups: times in ms, `forever` is Infinity. */
export type RollupsConfig = 'none' | Partial<Record<(typeof LEVELS)[number], number | undefined>>;

/** The schema of roll-ups. `kept`: a time or forever. */
export function rollupsSchema(kept: z.ZodType<number, string>) {
  const level = (what: string, made: string): z.ZodOptional<z.ZodType<number, string>> =>
    kept
      .optional()
      .describe(`How long roll-ups of whole ${what} are kept: at least as long as ${made}. ${leftOut(what)}`);
  return z.union(
    [
      z.literal('none', ROLLUPS),
      z.strictObject(
        {
          minute: level('minutes', 'samples'),
          hour: level('hours', 'those of minutes'),
          day: level('days', 'those of hours'),
        },
        ROLLUPS,
      ),
    ],
    ROLLUPS,
  );
}

function leftOut(what: string): string {
  return what === 'days'
    ? 'Left out: for ever.'
    : `Left out: ${what === 'minutes' ? '1100d' : '3650d'}, or as long as that.`;
}

/** How long roll-ups of minutes, hours and days are kept, ms; none: samples just go. */
export function rollupTimes(rollups: RollupsConfig, retentionMs: number): readonly number[] {
  if (rollups === 'none') return [];
  let least = retentionMs;
  return LEVELS.map((level) => (least = rollups[level] ?? Math.max(least, DEFAULTS[level])));
}

/** What is kept shorter than what it is made of: its key, and what that is. */
export function tooShort(rollups: RollupsConfig, retentionMs: number): { level: string; of: string } | undefined {
  const times = [retentionMs, ...rollupTimes(rollups, retentionMs)];
  const names = ['the retention of the samples', '`minute`', '`hour`'];
  const at = times.findIndex((ms, i) => ms < (times[i - 1] ?? 0));
  return at < 0 ? undefined : { level: LEVELS[at - 1] ?? '', of: names[at - 1] ?? '' };
}
