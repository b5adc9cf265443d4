import { z } from 'zod';
import { Fault } from '../../core/fault.ts';
import { defineRoute, json, type Route } from '../route.ts';
import type { ErasePreview, EraseProgress } from '../../erasures/keeper.ts';
import type { ErasureView } from '../care-services.ts';
import type { Services } from '../services.ts';
import { erasurePreviewShape, erasureShape, erasuresShape, workProgressShape } from '../care-shapes.ts';
import { Slots } from '../slots.ts';
import { formatTime, formatTimeOrNull, parseTime } from '../time-text.ts';
import { LINES, workAnswer } from '../work-lines.ts';

const MAX_ERASURES = 4;
const BY = 'a name of at most 100 characters';
const REASON = 'a text of 1 to 1,000 characters';
const TAGS = 'a list of 1 to 5,000 tag paths';
const TIME = 'a time with a zone';

const body = z.strictObject({
  tags: z.array(z.string(TAGS).min(1, TAGS), TAGS).min(1, TAGS).max(5000, TAGS).describe('Absolute paths.'),
  prefix: z.boolean('true or false').optional().describe('All tags at and below these paths.'),
  from: z.string(TIME).describe('First time, ISO 8601 with a zone.'),
  to: z.string(TIME).describe('First time that is not meant any more.'),
  reason: z.string(REASON).min(1, REASON).max(1000, REASON).describe('Why; it goes on record.'),
  by: z.string(BY).min(1, BY).max(100, BY).optional().describe('Who does it; `operator` if it is not given.'),
  dryRun: z.boolean('true or false').optional().describe('Only count what would be erased.'),
});

/** Erasures: what was ordered, and a new one. */
export function erasureRoutes(): Route[] {
  const slots = new Slots(MAX_ERASURES, 'erasures');
  return [
    defineRoute({
      path: '/api/v1/erasures',
      operation: 'erasures',
      summary: 'What was ordered to be erased, and where that is not done yet',
      answers: [
        { status: 200, mediaType: 'application/json', description: 'The newest first.', schema: erasuresShape },
      ],
      handle: async ({ services }) => json({ items: (await services.erasures()).map(erasureItem) }),
    }),
    defineRoute({
      method: 'POST',
      path: '/api/v1/erasures',
      operation: 'erase',
      summary: 'Removes the samples of tags and a span for ever, or counts them (`dryRun`)',
      body,
      answers: [
        {
          status: 200,
          mediaType: 'application/json',
          description: 'What was done; with `dryRun` what there is.',
          schema: z.union([erasureShape, erasurePreviewShape]),
        },
        {
          status: 200,
          mediaType: LINES,
          description: 'A line of JSON for each step: progress, last one of the answers above.',
          schema: z.union([workProgressShape, erasureShape, erasurePreviewShape]),
        },
      ],
      faults: ['time-invalid', 'tag-unknown', 'erase-refused', 'not-ready', 'too-many-requests'],
      handle({ body: asked, accept, services, signal }) {
        const release = slots.take();
        return workAnswer(stepsOf(asked, services, signal), accept, release);
      },
    }),
  ];
}

async function* stepsOf(asked: z.output<typeof body>, services: Services, signal: AbortSignal): AsyncGenerator {
  const { tags, prefix = false, reason, by = 'operator', dryRun = false } = asked;
  const fromUs = parseTime(asked.from);
  const toUs = parseTime(asked.to);
  if (fromUs >= toUs) throw new Fault('request-invalid', 'The span is empty: from is not before to.');
  const order = { tags, prefix, fromUs, toUs, reason, by };
  const steps = dryRun ? services.previewErasure(order, signal) : services.erase(order, signal);
  for await (const step of steps) yield stepItem(step);
}

function stepItem(step: EraseProgress | ErasePreview | ErasureView): unknown {
  if ('place' in step) return { type: 'progress', ...step };
  return 'id' in step ? erasureResult(step) : { type: 'preview', ...step };
}

/** What was done, as the route gives it. */
export function erasureResult(view: ErasureView): z.output<typeof erasureShape> {
  return { type: 'result', ...erasureItem(view) };
}

/** An erasure of the list. */
export function erasureItem({
  atUs,
  fromUs,
  toUs,
  places,
  problems,
  event,
  ...rest
}: ErasureView): Omit<z.output<typeof erasureShape>, 'type'> {
  const { id, by, reason, tags, prefix, tagCount, samples, upTo, done, unopened, unread, outlook } = rest;
  const at = { at: formatTime(atUs), from: formatTime(fromUs), to: formatTime(toUs) };
  const where = places.map(({ name, doneUs }) => {
    return { name, done: formatTimeOrNull(doneUs), detail: problems[name] ?? null };
  });
  const what = { tags, prefix, tagCount, samples, upTo };
  const { log, quarantine, links } = outlook;
  const left = { unopened: [...unopened], unread: [...unread], log: [...log], quarantine, links: [...links] };
  return { id, by, reason, ...at, ...what, done, event, places: where, ...left };
}
