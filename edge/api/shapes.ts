import { z } from 'zod';
import { AGGREGATES } from '../../historian/queries/bucket-page.ts';
import { TAG_CLASSES } from '../core/topics.ts';

/* Schemas of the JSON answers: for the OpenAPI document, and for tests that compare answers with it. */

export const time = z.string().describe('ISO 8601 in UTC with microseconds, such as 2020-03-17T10:14:33.000000Z.');
export const count = z.int().nonnegative();
const offset = z.int().nonnegative();

export const healthShape = z.object({
  status: z.literal('ok'),
  pid: z.int(),
  version: z.string(),
  uptimeSeconds: z.number().nonnegative(),
});

export const readinessShape = z.object({
  ready: z.boolean(),
  parts: z.array(z.object({ name: z.string(), ready: z.boolean(), detail: z.string().nullable() })),
});

export const statusShape = z.object({
  site: z.string().describe('First level of every tag path.'),
  timezone: z.string().describe("Of the site's clock, such as Europe/Berlin."),
  version: z.string(),
  time: time.describe("The gateway's clock."),
  demo: z.boolean().describe('The plant is simulated and has faults to switch on.'),
  ...readinessShape.shape,
});

export const tagsShape = z.object({
  items: z.array(
    z.object({
      path: z.string(),
      id: z.int().positive(),
      type: z.string().nullable().describe('Null: not learned yet.'),
      unit: z.string().nullable(),
      class: z.enum(TAG_CLASSES).describe('Says in which topic of the log its samples lie.'),
      connector: z.string(),
      kind: z.string().describe('Kind of the connector, as in the configuration.'),
    }),
  ),
  next: z.string().nullable().describe('Give it as `after` for the next page; null on the last one.'),
});

const sampleShape = z.object({
  tag: z.string(),
  time: time.describe('Effective time: of the device, or of arrival where its clock is suspect.'),
  value: z
    .unknown()
    .describe('null, boolean, number (64-bit integers with all digits), text, base64 of bytes, or an array as object.'),
  quality: z.int().min(0).max(0xffffffff).describe('OPC UA StatusCode.'),
  flags: z.array(z.string()).optional(),
  deviceTime: time.optional().describe('Time of the device where it is not the effective time.'),
  serverTime: time.optional(),
});

export const historyShape = z.object({
  items: z.array(sampleShape),
  gaps: z
    .array(
      z.object({
        tag: z.string(),
        from: time,
        to: time,
        reason: z.string(),
        samples: count.nullable().describe('Samples of the tag that are missing; null: not known.'),
        detail: z.string(),
      }),
    )
    .describe('Spans in which samples may be missing.'),
});

export const gapsShape = historyShape.shape.gaps;
const aggregated = z.union([z.number(), z.null()]).describe('Null: no good value. 64-bit integers have all digits.');

export const aggregatesShape = z.object({
  items: z.array(
    z.object({
      tag: z.string(),
      interval: z.string(),
      aggregates: z.array(z.enum(AGGREGATES)),
      partial: z.array(time).describe('Where intervals begin of which the span has only a part: the first, the last.'),
      rows: z.array(z.tuple([time], aggregated)).describe('Begin of the interval, then the aggregates in their order.'),
    }),
  ),
  gaps: gapsShape,
});

export const chartShape = z.object({
  items: z.array(
    z.object({
      tag: z.string(),
      raw: z.boolean().describe('The points are samples: there are no more than were asked for.'),
      bucketSeconds: z.number().positive().nullable().describe('Width of a bucket; null: raw.'),
      partial: z.array(time).describe('Where buckets begin of which the span has only a part: the first, the last.'),
      points: z
        .array(z.tuple([time, aggregated, aggregated, aggregated, aggregated, count]))
        .describe('Begin of the bucket (raw: time of the sample), min, max, first, last, count.'),
    }),
  ),
  gaps: gapsShape,
});

/** An answer in SQL. */
export const sqlAnswerShape = z.object({
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
  rows: z.array(z.array(z.unknown())),
  gaps: count,
  more: z.boolean(),
});

const totals = {
  received: count,
  logged: count,
  generated: count,
  quarantined: count,
  duplicate: count,
  filtered: count,
  refused: count,
  lost: count,
  inFlight: count,
  stored: count,
  lag: count,
};

export const ledgerShape = z.object({
  total: z.object(totals),
  balanced: z.boolean(),
  items: z.array(z.object({ tag: z.string(), connector: z.string(), ...totals })),
});

export const connectorsShape = z.object({
  items: z.array(
    z.object({
      name: z.string(),
      kind: z.string(),
      state: z.enum(['up', 'starting', 'down']),
      address: z.string(),
      detail: z.string().nullable(),
      sources: count,
      received: count,
    }),
  ),
});

export const linksShape = z.object({
  items: z.array(
    z.object({
      name: z.string(),
      state: z.string(),
      detail: z.string().nullable(),
      brokers: z.array(z.string()),
      topics: z.array(
        z.object({
          topic: z.string(),
          destination: z.string(),
          state: z.string(),
          detail: z.string().nullable(),
          warnings: z
            .array(z.string())
            .describe('Settings of the destination that lose or delay data sooner or later.'),
          end: offset,
          mirrored: offset.nullable().describe('Null before the destination was asked.'),
          lag: count.nullable(),
        }),
      ),
    }),
  ),
});

export const questdbShape = z.object({
  address: z.string(),
  table: z.string(),
  state: z
    .enum(['stopped', 'starting', 'following', 'waiting', 'unreadable'])
    .describe(
      '`waiting`: something stands in the way; it is tried again by itself. `unreadable`: rows go in, questions are refused.',
    ),
  detail: z.string().nullable().describe('Why it waits or cannot be asked, and what to do.'),
  lagRecords: count.describe('Durable records that are not known to be in the table, of all topics.'),
  rows: count.describe('Rows sent since the start, also those that were sent again.'),
  refused: count.describe('Rows that QuestDB could not take since the start.'),
  topics: z.array(
    z.object({ topic: z.string(), end: offset, confirmed: offset.describe('The table has everything before it.') }),
  ),
});

/** At the rate of the last ten minutes. */
const seconds = z.number().nonnegative().nullable();
const rate = z.number().describe('Bytes a second over the last ten minutes.');

const clockShape = z.object({
  confirmed: z.boolean().describe('False: nothing is deleted by its age.'),
  aheadSeconds: z.number().describe('While it is not: by how much it is ahead of what was expected; negative: behind.'),
});

export const forecastShape = z.object({
  items: z.array(
    z.union([
      z.object({
        name: z.literal('disk'),
        freeBytes: count,
        fullInSeconds: seconds.describe(
          'At the rate of the last ten minutes; null: no end in sight, or not known yet.',
        ),
      }),
      z.object({
        name: z.literal('log'),
        bytes: count,
        budgetBytes: count,
        limitBytes: count.describe(
          'So much it may take now: less than its budget where too little of the disk is free.',
        ),
        bytesPerSecond: rate,
        fullInSeconds: seconds.describe('Until its oldest data goes; null: no end in sight, or not known yet.'),
        lastsSeconds: seconds.describe('How far back it reaches once it is full.'),
        clock: clockShape,
        topics: z.array(
          z.object({
            topic: z.string(),
            bytes: count,
            bytesPerSecond: rate,
            oldest: time.nullable().describe('When its oldest record came; null: it has none.'),
            retentionSeconds: z.number().nullable().describe('Null: as long as the budget lasts.'),
          }),
        ),
      }),
      z.object({
        name: z.string().regex(/^(?:link\/|historian\/questdb$)/),
        waitingBytes: count.describe('Of the log, that the link has not had.'),
        losesInSeconds: seconds.describe('Until data goes that it has not had, if it is down from now on.'),
      }),
    ]),
  ),
});

export const confirmedClockShape = z.object({ clock: clockShape });

export const verifyProgressShape = z.object({
  type: z.literal('progress'),
  topic: z.string(),
  compared: count,
  total: count,
});

export const verifyResultShape = z.object({
  type: z.literal('result'),
  equal: z.boolean(),
  topics: z.array(
    z.object({
      topic: z.string(),
      destination: z.string(),
      compared: count,
      different: count,
      missing: count,
      extra: count,
      from: count,
      unknown: count,
      erased: count.describe('Records that were erased in the log and have their values there still.'),
      examples: z.array(z.string()),
    }),
  ),
});

export const logTopicsShape = z.object({
  items: z.array(z.object({ topic: z.string(), start: offset, end: offset, segments: count, bytes: count })),
});

export const eventsShape = z.object({
  items: z.array(z.object({ offset, key: z.string(), value: z.record(z.string(), z.unknown()) })),
});

const path = z.string().describe('Absolute path.');
/** Null: there is none. */
const measure = z.number().nullable();

const alarmShape = z.object({
  id: z.string(),
  name: z.string(),
  tag: path,
  asset: path,
  kind: z.enum(['limit', 'model']),
  state: z.enum(['UNACK', 'ACKED', 'RTNUN', 'SHLVD', 'DSUPR', 'OOSRV']),
  priority: z.enum(['low', 'medium', 'high', 'urgent']),
  since: time,
  shelvedUntil: time.nullable(),
  message: z.string(),
  value: measure,
  limit: measure,
  reasons: z
    .array(z.object({ signal: path, expected: measure, seen: measure, share: measure.describe('0 to 1.') }))
    .describe('The greatest share first.'),
});

export const alarmsShape = z.object({ items: z.array(alarmShape) });

export const alarmActionShape = z.object({
  alarm: alarmShape.nullable().describe('The alarm behind the action; null: it is gone (NORM).'),
});

export const modelsShape = z.object({
  items: z.array(
    z.object({
      name: z.string(),
      asset: path,
      kind: z.string(),
      state: z.enum(['learning', 'candidate', 'shadow', 'active', 'retired', 'failed']),
      version: z.string().nullable(),
      detail: z.string().nullable(),
      progress: z.object({ phase: z.enum(['collecting', 'training']), done: z.number().min(0).max(1) }).nullable(),
      signals: z.array(path),
      trainedFrom: time.nullable(),
      trainedTo: time.nullable(),
      backend: z.string().nullable(),
      score: measure,
      threshold: measure.describe('Beyond it a score is abnormal.'),
    }),
  ),
});

const demoFaultShape = z.object({
  name: z.string(),
  description: z.string(),
  asset: path,
  signals: z.array(path).describe('The signals that show it first.'),
  active: z.boolean(),
  since: time.nullable(),
});

export const demoFaultsShape = z.object({ items: z.array(demoFaultShape) });

export const problemShape = z.object({
  type: z.string().describe('Stable: `urn:millrace:error:` and the code.'),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  todo: z.string().describe('What can be done about it.'),
});
