import { z } from 'zod';
import { counterSchema } from '../../historian/analysis/counter-rules.ts';

const MATCH = 'a tag path below the site, with * and ** as in lists of tags, such as utilities/**/energy';
const COUNTERS = 'a list of counters';
const REPLACED = 'a list of replacements, such as { at: 2026-03-01T10:00:00+01:00, last: 12345.6, first: 0 }';
const AT = 'a time with its zone, such as 2026-03-01T10:00:00+01:00';
const READING = 'what the device showed, in the unit of the tag';

const replacementSchema = z
  .strictObject(
    {
      at: z.iso
        .datetime({ offset: true, error: AT })
        .transform((text) => Date.parse(text) * 1000)
        .describe('When: readings from then on are of the new device.'),
      last: z.number(READING).optional().describe('What the old device showed last. Beside `first`.'),
      first: z.number(READING).optional().describe('What the new device showed first. Beside `last`.'),
    },
    '`at`, and `last` and `first` where they are known',
  )
  .superRefine(({ last, first }, context) => {
    if ((last === undefined) === (first === undefined)) return;
    const [given, other] = last === undefined ? ['first', 'last'] : ['last', 'first'];
    const message = 'both readings, or none if they are not known';
    context.addIssue({
      code: 'custom',
      message,
      path: [given],
      params: { wrong: `stands there without \`${other}\`` },
    });
  })
  .describe('A device that was replaced.');

/** The schema of `historian.counters`: which tags count, and how. Times in µs. */
export const countersSchema = z
  .array(
    counterSchema
      .safeExtend({
        match: z
          .string(MATCH)
          .min(1, MATCH)
          .max(255, MATCH)
          .describe(
            'Tags: a path below the site; `*` is any text within a level, `**` any number of levels. The first one that fits holds.',
          ),
        replaced: z
          .array(replacementSchema, REPLACED)
          .max(1000, 'at most 1,000 replacements')
          .optional()
          .describe(
            'When the device of this one tag was replaced, in order of time. With both readings what was counted is right across it; without them nothing is counted across it, and the total says so. Not entered, a replacement is guessed from the readings.',
          ),
      })
      .superRefine(({ match, rollover = Number.POSITIVE_INFINITY, replaced = [] }, context) => {
        const issue = (place: readonly (string | number)[], message: string, wrong: string): void =>
          context.addIssue({ code: 'custom', message, path: [...place], params: { wrong } });
        if (replaced.length > 0 && match.includes('*'))
          issue(['match'], 'the path of one tag beside `replaced`', 'may be several tags');
        for (const [i, { at, last = 0, first = 0 }] of replaced.entries()) {
          const before = replaced[i - 1];
          if (before !== undefined && at <= before.at)
            issue(['replaced', i, 'at'], 'replacements in order of time', 'is not later than the one before');
          for (const [key, value] of Object.entries({ last, first }))
            if (value >= rollover)
              issue(['replaced', i, key], `a number below \`rollover\`, ${rollover}`, 'is too large');
        }
      }),
    COUNTERS,
  )
  .max(1000, 'at most 1,000 counters')
  .prefault([])
  .describe('Tags that count, for `aggregate=counted`: totals right over rollovers, resets and replaced devices.');
