import { z } from 'zod';
import { AGGREGATES } from '../../../historian/bucket-page.ts';
import { Fault } from '../../core/fault.ts';
import { bucketsText } from '../buckets-text.ts';
import { GAPS_TRAILER, HISTORY_MEDIA_TYPES, type HistoryFormat, historyText } from '../history-text.ts';
import { negotiate } from '../negotiate.ts';
import { type Answer, type Call, defineRoute, type Route } from '../route.ts';
import { parseReduction } from '../reduction.ts';
import { historyAnswerShape } from '../shapes.ts';
import { Slots } from '../slots.ts';
import { parseSpan } from '../time-text.ts';

/** Each reads files and holds a page in memory. */
const MAX_STREAMS = 16;
const TAGS = '1 to 1,000 tag paths';
const INTERVAL = 'a time such as 1m';
const TIME = 'a time with a zone, such as 2026-03-01T12:00:00Z';

const query = z.strictObject({
  tag: z
    .array(z.string(TAGS).min(1, TAGS), TAGS)
    .min(1, TAGS)
    .max(1000, TAGS)
    .describe('Path of a tag; may be given several times.'),
  from: z.string(TIME).optional().describe('First time. ISO 8601 with a zone. Left out: from the beginning.'),
  to: z.string(TIME).optional().describe('First time that is no longer wanted. Left out: to the end.'),
  interval: z
    .string(INTERVAL)
    .optional()
    .describe('Aggregates of each interval instead of samples, such as `1m`: `250ms`, `30s`, `1m`, `1h`, `1d`.'),
  aggregate: z
    .string('names')
    .optional()
    .describe(`Beside interval: some of ${AGGREGATES.map((name) => `\`${name}\``).join(', ')}, with commas between.`),
  points: z
    .string('1 to 10,000')
    .optional()
    .describe(
      'For a chart of so many points (1 to 10,000): the samples, or min, max, first, last and count of as many buckets.',
    ),
});

const formats: Readonly<Record<string, HistoryFormat>> = { 'application/json': 'json', 'text/csv': 'csv' };

/** Samples of some tags between two times, streamed. */
export function historyRoute(): Route {
  const slots = new Slots(MAX_STREAMS, 'history answers');
  return defineRoute({
    path: '/api/v1/history',
    operation: 'history',
    summary:
      'Samples of tags with from <= time < to, their aggregates, or what a chart shows; as JSON or CSV by Accept',
    query,
    repeated: ['tag'],
    answers: [
      {
        status: 200,
        mediaType: 'application/json',
        description: 'Samples, aggregates or chart points, tag by tag.',
        schema: historyAnswerShape,
      },
      {
        status: 200,
        mediaType: 'text/csv',
        description: 'Header `time,value,quality`, with aggregates `time,mean,max`, of several tags `tag,` before it.',
      },
    ],
    faults: ['time-invalid', 'aggregate-type', 'tag-unknown', 'not-ready', 'too-many-requests'],
    handle: (call) => answer(call, slots),
  });
}

function answer(call: Call<z.output<typeof query>, unknown>, slots: Slots): Answer {
  const { accept, services, signal } = call;
  const { tag: tags, from, to } = call.query;
  const format = formats[negotiate(accept, Object.keys(formats)) ?? ''];
  if (format === undefined) {
    throw new Fault('not-acceptable', `${accept}: this version gives ${Object.keys(formats).join(' and ')}.`);
  }
  const asked = { tags, ...parseSpan(from, to), signal };
  const reduction = parseReduction(call.query);
  const release = slots.take();
  let gaps = 0;
  const onEnd = (count: number): void => void (gaps = count);
  const manyTags = tags.length > 1;
  const text =
    reduction === undefined
      ? historyText(format, manyTags, services.history(asked), onEnd)
      : bucketsText(format, manyTags, reduction, services.buckets({ ...asked, reduction }), onEnd);
  const body = held(release, text);
  return { mediaType: HISTORY_MEDIA_TYPES[format], body, trailer: { name: GAPS_TRAILER, value: () => String(gaps) } };
}

/** Gives the slot back when the last piece was taken, or nobody wants more. */
async function* held(release: () => void, pieces: AsyncIterable<string>): AsyncGenerator<string> {
  try {
    yield* pieces;
  } finally {
    release();
  }
}
