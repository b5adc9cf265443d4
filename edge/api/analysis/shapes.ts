import { z } from 'zod';
import { aggregatesShape, chartShape, count, gapsShape, historyShape, time } from '../shapes.ts';

/* Schemas of the JSON answers of this folder. */

const cell = z
  .unknown()
  .describe('A number (64-bit integers with all digits), text, time, StatusCode or null, by its column.');

export const tableShape = z.object({
  items: z.array(
    z.object({
      tag: z.string(),
      interval: z.string().optional(),
      timezone: z.string().optional().describe('Whose clock divides the span.'),
      aggregates: z.array(z.string()).optional(),
      partial: z.array(time).optional().describe('Where intervals begin of which the span has only a part.'),
      method: z.string().optional(),
      shape: z.string().optional(),
      columns: z
        .array(z.string())
        .describe(
          'What stands in a row. `…_quality` is the StatusCode of the result before it, `…_time` when the value was.',
        ),
      rows: z.array(z.array(cell)),
      events: z.array(z.record(z.string(), z.unknown())).optional().describe('What happened to a counter.'),
      moreEvents: count.optional().describe('Events beyond the first 10,000.'),
    }),
  ),
  gaps: gapsShape,
});

export const wideShape = z.object({
  columns: z.array(z.string()).describe('`time`, then a column for each tag.'),
  rows: z.array(z.array(cell)),
  gaps: gapsShape,
});

const frameBound = z
  .enum(['condition', 'gap', 'open'])
  .describe(
    '`condition`: from one sample to the next; `gap`: nothing is known beyond; `open`: it goes on beyond the span.',
  );
const frameValue = z.number().nullable();

export const framesShape = z.object({
  items: z.array(
    z.object({
      tag: z.string(),
      start: time,
      end: time,
      startIs: frameBound,
      endIs: frameBound,
      certain: z.boolean().describe('False: it is longer than was asked for only if it goes on beyond the span.'),
      seconds: z.number().nonnegative(),
      samples: count,
      min: frameValue,
      max: frameValue,
      mean: frameValue.describe('Over the time in which there was a value.'),
      gapSeconds: z.number().nonnegative().describe('Of the gaps that were bridged.'),
      quality: z.int().nonnegative().describe('StatusCode of the sample with which it began.'),
    }),
  ),
  gaps: gapsShape,
});

/** Samples; with `interval` and `aggregate` aggregates; with `points` a chart; else a table, or a wide one. */
export const historyAnswerShape = z.union([historyShape, aggregatesShape, chartShape, tableShape, wideShape]);
