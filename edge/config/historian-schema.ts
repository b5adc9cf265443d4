import { z } from 'zod';
import { HISTORY_TOPICS } from '../core/topics.ts';
import { countersSchema } from './counters-schema.ts';
import { questdbSchema } from './questdb-schema.ts';
import { rollupsSchema, tooShort } from './rollups-schema.ts';
import { tierSchema } from './tier-schema.ts';

/** Form of `historian`. */

const RETENTION = 'a time of at least 1m, such as 400d, or forever';
const MIN_RETENTION_MS = 60_000;

/** Parts of the schema that others share. */
interface SharedParts {
  /** A time in ms, written like `30s`. */
  readonly duration: (expected: string) => z.ZodType<number, string>;
}

/** The schema of what is kept, for how long, and where else. Times in ms; `forever` is Infinity. */
export function historianSchema({ duration }: SharedParts) {
  const kept = z.union(
    [
      z.literal('forever', RETENTION).transform(() => Number.POSITIVE_INFINITY),
      duration(RETENTION).refine((ms) => ms >= MIN_RETENTION_MS, RETENTION),
    ],
    RETENTION,
  );
  const topic = z.strictObject(
    { retention: kept.optional().describe('How long samples of the topic are kept. Left out: as all others.') },
    'a mapping with `retention`',
  );
  return z
    .strictObject(
      {
        retention: kept
          .prefault('400d')
          .describe(
            'How long samples are kept, counted from their time or their arrival, whichever is later. `forever`: as long as the disk lasts. Nothing goes while the clock is in doubt.',
          ),
        topics: z
          .strictObject(
            Object.fromEntries(HISTORY_TOPICS.map((name) => [name, topic.optional().describe('How long it is kept.')])),
            'a mapping of topics of samples',
          )
          .prefault({})
          .describe(
            'Other times for the classes of tags: `samples` (standard), `samples.critical`, `samples.bulk`, and `derived`.',
          ),
        rollups: rollupsSchema(kept)
          .prefault({})
          .describe(
            'What is kept beyond the samples: count, mean, least, greatest, first and last value and the integral of whole minutes, then hours, then days (UTC), for aggregates and charts. `none`: samples just go. A class that is kept longer keeps its roll-ups at least as long.',
          ),
        counters: countersSchema,
        tier: tierSchema(duration)
          .optional()
          .describe(
            'A cold tier: days as Parquet files with an Iceberg table over them, kept beyond the retention and read as if they were here.',
          ),
        questdb: questdbSchema
          .optional()
          .describe('A QuestDB that is filled from the log too, for more than one gateway; docs/questdb.md says when.'),
      },
      'a mapping with `retention`, `topics`, `rollups`, `counters`, `tier` and `questdb`',
    )
    .superRefine(({ rollups, retention }, context) => {
      const wrong = tooShort(rollups, retention);
      if (wrong === undefined) return;
      const message = `a time at least as long as ${wrong.of}`;
      context.addIssue({ code: 'custom', message, path: ['rollups', wrong.level], params: { wrong: 'is too short' } });
    })
    .prefault({})
    .describe('The historian: every sample of the log in files of its own, for years.');
}
