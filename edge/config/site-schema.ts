import { z } from 'zod';
import { isSegment } from '../core/tag-path.ts';

const SITE = 'a name that can be the first level of a tag, such as northmill';
const TIMEZONE = 'a time zone of the IANA list, such as Europe/Berlin';
const SHIFTS = 'a file with a list of shifts, such as shifts.yaml';

const name = z.string(SITE).max(64, SITE).refine(isSegment, SITE);

function isTimezone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** The schema of `site`: a name, or a mapping. `shifts` is still a path. */
export const siteSchema = z
  .union(
    [
      name,
      z.strictObject({
        name: name.describe('Name of the site.'),
        timezone: z
          .string(TIMEZONE)
          .max(64, TIMEZONE)
          .refine(isTimezone, TIMEZONE)
          .default('UTC')
          .describe('Clock of the site: days, weeks and months of reports, and shifts, begin by it.'),
        shifts: z
          .string(SHIFTS)
          .min(1, SHIFTS)
          .max(4096, SHIFTS)
          .optional()
          .describe('File with the shifts of the site. A relative path counts from the folder of this file.'),
      }),
    ],
    SITE,
  )
  .transform((site) => (typeof site === 'string' ? { name: site, timezone: 'UTC' } : site))
  .describe(
    'First level of every tag path, and fixed after the first start: a gateway refuses the data of another site.',
  );
