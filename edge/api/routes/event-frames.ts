import { z } from 'zod';
import { framesText } from '../analysis/frames.ts';
import { parseFrames } from '../analysis/frames-request.ts';
import { tagsAndSpan } from '../analysis/parameter-shape.ts';
import { Fault } from '../../core/fault.ts';
import { GAPS_TRAILER, HISTORY_MEDIA_TYPES, type HistoryFormat } from '../history-text.ts';
import { negotiate } from '../negotiate.ts';
import { type Answer, type Call, defineRoute, type Route } from '../route.ts';
import { framesShape } from '../analysis/shapes.ts';
import { holding, Slots } from '../slots.ts';
import { parseSpan } from '../time-text.ts';

/** Each reads files and holds a page in memory. */
const MAX_SEARCHES = 8;

const text = (expected: string, meaning: string) => z.string(expected).optional().describe(meaning);

const query = z.strictObject({
  ...tagsAndSpan,
  above: text('a number', 'The value is above it. One of the conditions must be given.'),
  below: text('a number', 'The value is below it.'),
  outside: text('two numbers', 'The value is below the first or above the second, such as `10,80`.'),
  inside: text('two numbers', 'The value is from the first to the second, such as `10,80`.'),
  equals: text('a number, true or false', 'The value is that: a state.'),
  quality: text('bad or not-good', 'The quality is that, or there is no value; texts have it too.'),
  for: text('a time such as 5m', 'Only what lasts longer. Left out: however short it is.'),
  deadband: text('a number', 'So far back behind the limit the value must come before it ends. Left out: 0.'),
  bridge: text(
    'a time such as 30s',
    'Gaps up to this length do not end it if it goes on behind them. Left out: each does.',
  ),
  stale: text('a time such as 30s', 'A value that is older is none. Left out: a value holds until the next one.'),
  treatUncertainAsBad: text('true or false', 'Uncertain values are none. Left out: `true`.'),
});

const formats: Readonly<Record<string, HistoryFormat>> = { 'application/json': 'json', 'text/csv': 'csv' };

/** Stretches of time in which a condition was met. */
export function eventFramesRoute(): Route {
  const slots = new Slots(MAX_SEARCHES, 'searches for event frames');
  return defineRoute({
    path: '/api/v1/event-frames',
    operation: 'eventFrames',
    summary:
      'When tags were above, below or in a state, for how long, and what their values were then; as JSON or CSV by Accept',
    query,
    repeated: ['tag'],
    answers: [
      { status: 200, mediaType: 'application/json', description: 'Event frames, tag by tag.', schema: framesShape },
      {
        status: 200,
        mediaType: 'text/csv',
        description: 'Header `start,end,start_is,…`, of several tags `tag,` before it.',
      },
    ],
    faults: ['time-invalid', 'aggregate-type', 'tag-unknown', 'not-ready', 'too-many-requests'],
    handle: (call) => answer(call, slots),
  });
}

function answer(call: Call<z.output<typeof query>, unknown>, slots: Slots): Answer {
  const { accept, services, signal } = call;
  const { tag: tags, from, to, ...texts } = call.query;
  const format = formats[negotiate(accept, Object.keys(formats)) ?? ''];
  if (format === undefined)
    throw new Fault('not-acceptable', `${accept}: this version gives ${Object.keys(formats).join(' and ')}.`);
  const asked = { tags, ...parseSpan(from, to), ...parseFrames(texts), signal };
  const release = slots.take();
  let gaps = 0;
  const onEnd = (count: number): void => void (gaps = count);
  const body = holding(release, () => framesText(format, tags.length > 1, services.frames(asked), onEnd));
  return { mediaType: HISTORY_MEDIA_TYPES[format], body, trailer: { name: GAPS_TRAILER, value: () => String(gaps) } };
}
