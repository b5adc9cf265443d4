import { z } from 'zod';
import { problemShape } from './shapes.ts';

/* Shapes of the answers about the historian's files and erasures. */

const time = z.string().describe('ISO 8601 in UTC with microseconds.');
const count = z.int().nonnegative();
const offset = z.int().nonnegative();

/** A step of long work; what fails on the way is a problem document instead. */
export const workProgressShape = z.union([
  z.object({
    type: z.literal('progress'),
    place: z.string().describe('What is worked on, such as `historian`.'),
    done: count,
    total: count,
    unit: z.string().describe('What is counted, such as `files`.'),
  }),
  problemShape,
]);

export const tierShape = z.object({
  location: z.string().describe('A folder, or `s3://…`.'),
  days: count.describe('Each is a file.'),
  samples: count,
  bytes: count,
  covered: time
    .nullable()
    .describe('Everything before this time that had come by then is there; null: nothing is known.'),
  updated: time.nullable().describe('When something was put there or taken out last; null: never.'),
  lagSeconds: z
    .number()
    .nonnegative()
    .nullable()
    .describe('By how long days that are old enough are not there yet; null: not known.'),
  written: count.describe('Days written since its keeper began.'),
  failures: count.describe('What failed since its keeper began, and is tried again.'),
  detail: z.string().nullable().describe('What it does, or what keeps it from that.'),
});

export const historianShape = z.object({
  folder: z.string(),
  files: count,
  fileBytes: count,
  memorySamples: count,
  memoryBytes: count,
  series: count,
  points: count.describe('Samples that it has taken over, ever.'),
  lagSamples: count,
  lostRecords: count.describe('Records of the log that could not be had or could not be read, ever.'),
  damaged: z.array(z.string()).describe('Files that are damaged as a whole or in part.'),
  repairedSamples: count.describe('Samples that were written anew out of the log since the start.'),
  erasing: count.describe('Erasures that are not out of all files yet.'),
  erasures: count.describe('Erasures that are not done in all places yet.'),
  expires: z.boolean().describe('False: the clock is in doubt, and nothing expires.'),
  topics: z.array(
    z.object({
      topic: z.string(),
      retentionSeconds: z.number().positive().nullable().describe('How long samples are kept; null: for ever.'),
      expiredBefore: time.nullable().describe('What is older has expired, unless it came late; null: nothing has.'),
    }),
  ),
  tier: tierShape.nullable().describe('The cold tier; null: none is configured, or nothing is known of it yet.'),
});

export const rebuiltShape = z.object({
  type: z.literal('result'),
  topics: z.array(
    z.object({
      topic: z.string(),
      first: offset.describe('First and last log offset that was read again.'),
      last: offset,
      samples: count.describe('Samples that were written anew.'),
      kept: count.describe('Samples from before that span, or from holes in it, that stay as they were.'),
    }),
  ),
});

export const erasurePreviewShape = z.object({
  type: z.literal('preview'),
  tagCount: count,
  samples: count.describe('Samples that the historian has of it, in files and memory.'),
  uncounted: z
    .array(z.string())
    .describe('Other places that have copies, such as `log` and `tier`: erased too, and not counted.'),
  unreadable: count.describe('Of them in blocks that are damaged.'),
  tags: z
    .array(z.object({ tag: z.string(), samples: count }))
    .describe('Those that have samples there, at most 1,000.'),
});

const erasure = {
  id: z.string(),
  by: z.string(),
  reason: z.string(),
  at: time.describe('When it was ordered.'),
  from: time,
  to: time,
  tags: z.array(z.string()),
  prefix: z.boolean().describe('All tags at and below these paths.'),
  tagCount: count,
  samples: count.describe('Samples that the historian had of it.'),
  upTo: z.record(z.string(), offset).describe('By topic: records below this log offset are meant.'),
  done: z.boolean(),
  event: offset.nullable().describe('Log offset of the event `erased` in topic `events`; null: not there yet.'),
  places: z.array(
    z.object({
      name: z.string(),
      done: time.nullable(),
      detail: z.string().nullable().describe('Why it is not done there; it is tried again.'),
    }),
  ),
  unopened: z.array(z.string()).describe('Files that cannot be opened, and may still hold something of it.'),
  unread: z
    .array(z.string())
    .describe('Parts of segments of the log that cannot be read, and may still hold something of it.'),
  log: z
    .array(z.object({ topic: z.string(), start: offset, upTo: offset, retentionSeconds: z.number().nullable() }))
    .describe('Topics whose segments may still hold such records, while it is not done in the log.'),
  quarantine: z
    .object({ records: count, retentionSeconds: z.number().nullable() })
    .nullable()
    .describe('Messages that were refused: kept as they came, since what is in them cannot be told by tag.'),
  links: z
    .array(z.object({ name: z.string(), told: z.boolean() }))
    .describe('Links that mirror such topics; `told`: they carry the event too.'),
};

export const erasureShape = z.object({ type: z.literal('result'), ...erasure });
export const erasuresShape = z.object({ items: z.array(z.object(erasure)) });
