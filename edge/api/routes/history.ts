import { z } from 'zod';
import { ARROW_MEDIA_TYPE } from '../../../historian/arrow/stream.ts';
import { Fault } from '../../core/fault.ts';
import { historyParameters, tagsAndSpan } from '../analysis/parameter-shape.ts';
import { historyAnswer, type HistorySource, parseWish, spanOf } from '../history-answer.ts';
import { type AnswerFormat, GAPS_TRAILER, HISTORY_MEDIA_TYPES } from '../history-text.ts';
import { SOURCES } from '../history-source.ts';
import { negotiate } from '../negotiate.ts';
import { type Answer, type Call, defineRoute, type Route } from '../route.ts';
import type { Services } from '../services.ts';
import { historyAnswerShape } from '../analysis/shapes.ts';
import { holding, Slots } from '../slots.ts';

/** Each reads files and holds a page in memory. */
const MAX_STREAMS = 16;

const query = z.strictObject({
  ...tagsAndSpan,
  source: z
    .enum(SOURCES, '`historian` or `questdb`')
    .optional()
    .describe(
      'Which store answers: the embedded `historian`, or the `questdb` of the configuration, with the same answers.',
    ),
  ...historyParameters,
});

const formats: Readonly<Record<string, AnswerFormat>> = {
  'application/json': 'json',
  'text/csv': 'csv',
  [ARROW_MEDIA_TYPE]: 'arrow',
};

/** Samples of some tags between two times, streamed. */
export function historyRoute(): Route {
  const slots = new Slots(MAX_STREAMS, 'history answers');
  return defineRoute({
    path: '/api/v1/history',
    operation: 'history',
    summary:
      'Samples of tags with from <= time < to, their aggregates, values at times, what counters counted, or what a chart shows; as JSON, CSV or Arrow by Accept',
    query,
    repeated: ['tag', 'at'],
    answers: [
      {
        status: 200,
        mediaType: 'application/json',
        description: 'Samples, aggregates, values or chart points, tag by tag.',
        schema: historyAnswerShape,
      },
      {
        status: 200,
        mediaType: 'text/csv',
        description:
          'Header `time,value,quality`, with aggregates `time,mean,max` or `time,Average,Average_quality`, of several tags `tag,` before it.',
      },
      { status: 200, mediaType: ARROW_MEDIA_TYPE, description: 'An Arrow IPC stream, for programs that compute.' },
    ],
    faults: ['time-invalid', 'aggregate-type', 'tag-unknown', 'not-ready', 'too-many-requests', 'questdb-unreachable'],
    handle: (call) => answer(call, slots),
  });
}

function answer(call: Call<z.output<typeof query>, unknown>, slots: Slots): Answer {
  const { accept, services, signal } = call;
  const { tag: tags, from, to, source, ...texts } = call.query;
  const format = formats[negotiate(accept, Object.keys(formats)) ?? ''];
  if (format === undefined) {
    throw new Fault('not-acceptable', `${accept}: this version gives ${Object.keys(formats).join(', ')}.`);
  }
  const wish = parseWish(texts);
  const asked = { tags, ...spanOf(wish, from, to), signal };
  const release = slots.take();
  let gaps = 0;
  const onEnd = (count: number): void => void (gaps = count);
  const pieces =
    source === 'questdb'
      ? () => fromQuestdb(services, (store) => historyAnswer(format, store, asked, wish, onEnd))
      : () => historyAnswer(format, services, asked, wish, onEnd);
  const body = holding(release, pieces);
  return { mediaType: HISTORY_MEDIA_TYPES[format], body, trailer: { name: GAPS_TRAILER, value: () => String(gaps) } };
}

/** The same out of QuestDB. */
async function* fromQuestdb(
  services: Services,
  pieces: (store: HistorySource) => AsyncIterable<string | Uint8Array>,
): AsyncGenerator<string | Uint8Array> {
  yield* pieces(await services.fromQuestdb());
}
