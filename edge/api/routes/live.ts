import { z } from 'zod';
import { jsonSample } from '../sample-lines.ts';
import { defineRoute } from '../route.ts';
import type { LiveSample, Services } from '../services.ts';
import { tagMatcher } from '../tag-match.ts';

const TAGS = '1 to 1,000 tag paths or patterns';
const PATTERN = 'a path or pattern of at most 1,024 characters';
/** Shows that the connection lives where there is nothing to say. */
const PING_MS = 15_000;
/** Samples of one event at most. */
const EVENT_ITEMS = 1000;
/** A browser that lost the stream connects again after this; the dashboard has its own way. */
const RETRY_MS = 2000;

/** New samples as server-sent events. */
export const liveRoute = defineRoute({
  path: '/api/v1/live',
  operation: 'live',
  summary: 'Samples as they come, as server-sent events',
  query: z.strictObject({
    tag: z
      .array(z.string(PATTERN).min(1, PATTERN).max(1024, PATTERN), TAGS)
      .min(1, TAGS)
      .max(1000, TAGS)
      .describe('Path of a tag, or a pattern as `match` of the tag list; may be given several times.'),
  }),
  repeated: ['tag'],
  answers: [
    {
      status: 200,
      mediaType: 'text/event-stream',
      description:
        'Events `sample` with `{items: […]}`, first the last known of each tag; `ping` after 15 s of nothing.',
    },
  ],
  faults: ['not-ready', 'too-many-requests'],
  handle: ({ query: { tag }, services, signal }) => ({
    mediaType: 'text/event-stream; charset=utf-8',
    body: liveEvents(services, tag, signal),
  }),
});

/** The stream: what is known, then what comes. The subscription stands before what is known is asked for, so that nothing falls between. */
export async function* liveEvents(
  services: Pick<Services, 'live' | 'latest' | 'tags'>,
  patterns: readonly string[],
  signal: AbortSignal,
  pingMs: number = PING_MS,
): AsyncGenerator<string> {
  const ending = new AbortController();
  const updates = services.live(patterns, AbortSignal.any([signal, ending.signal]))[Symbol.asyncIterator]();
  let next = updates.next();
  // Somebody waits for it below, unless what is known fails first.
  next.catch(() => undefined);
  try {
    const known = lastKnown(services, patterns);
    const head = known.next();
    // A subscription that was refused is told before anything is sent.
    let part = await Promise.race([head, next.then(() => head)]);
    yield `retry: ${RETRY_MS}\n\n`;
    for (; part.done !== true; part = await known.next()) yield sampleEvent(part.value);
    for (;;) {
      const update = await within(next, pingMs);
      if (update === undefined) {
        yield 'event: ping\ndata: {}\n\n';
        continue;
      }
      if (update.done === true) return;
      for (let at = 0; at < update.value.length; at += EVENT_ITEMS)
        yield sampleEvent(update.value.slice(at, at + EVENT_ITEMS));
      next = updates.next();
      next.catch(() => undefined);
    }
  } finally {
    // First, since `return` waits for what is under way.
    ending.abort();
    await updates.return?.();
  }
}

/** The last sample of each tag that fits, in parts. */
async function* lastKnown(
  services: Pick<Services, 'latest' | 'tags'>,
  patterns: readonly string[],
): AsyncGenerator<LiveSample[]> {
  const tests = patterns.map(tagMatcher);
  const tags = Array.from(await services.tags(), ({ path }) => path).filter((path) => tests.some((fits) => fits(path)));
  if (tags.length === 0) return;
  let part: LiveSample[] = [];
  for await (const latest of services.latest(tags))
    for (const sample of latest.samples()) {
      part.push(sample);
      if (part.length < EVENT_ITEMS) continue;
      yield part;
      part = [];
    }
  if (part.length > 0) yield part;
}

function sampleEvent(items: readonly LiveSample[]): string {
  const texts = items.map((item) => jsonSample({ ...item, deviceTimeUs: null, serverTimeUs: null }));
  return `event: sample\ndata: {"items":[${texts.join(',')}]}\n\n`;
}

/** What a promise gives, or undefined if that takes longer. */
async function within<T>(promise: Promise<T>, limitMs: number): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), limitMs);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
