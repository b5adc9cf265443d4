import { z } from 'zod';

/* Schemas of the JSON answers: for the OpenAPI document, and for tests that compare answers with it. */

const time = z.string().describe('ISO 8601 in UTC with microseconds, such as 2020-03-17T10:14:33.000000Z.');
const count = z.int().nonnegative();
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

export const tagsShape = z.object({
  items: z.array(
    z.object({
      path: z.string(),
      id: z.int().positive(),
      type: z.string().nullable().describe('Null: not learned yet.'),
      unit: z.string().nullable(),
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

export const samplesShape = z.object({ items: z.array(sampleShape) });

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

export const forecastShape = z.object({
  items: z.array(
    z.object({
      name: z.literal('disk'),
      freeBytes: count,
      fullInSeconds: z
        .number()
        .nonnegative()
        .nullable()
        .describe('At the rate of the last ten minutes; null: it does not fill.'),
    }),
  ),
});

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

export const problemShape = z.object({
  type: z.string().describe('Stable: `urn:millrace:error:` and the code.'),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  todo: z.string().describe('What can be done about it.'),
});
