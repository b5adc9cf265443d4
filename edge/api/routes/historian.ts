import { z } from 'zod';
import type { TierReport } from '../care-services.ts';
import { historianShape, rebuiltShape, type tierShape, workProgressShape } from '../care-shapes.ts';
import { defineRoute, json, type Route } from '../route.ts';
import type { Services } from '../services.ts';
import { Slots } from '../slots.ts';
import { formatTimeOrNull } from '../time-text.ts';
import { LINES, workAnswer } from '../work-lines.ts';

function tierItem({ coveredUs, updatedUs, ...tier }: TierReport): z.output<typeof tierShape> {
  return { ...tier, covered: formatTimeOrNull(coveredUs), updated: formatTimeOrNull(updatedUs) };
}

/** The historian's files, and filling them again. */
export function historianRoutes(): Route[] {
  const slots = new Slots(1, 'rebuild');
  return [
    defineRoute({
      path: '/api/v1/historian',
      operation: 'historian',
      summary: "The historian's files, how long samples are kept, and what has expired",
      answers: [{ status: 200, mediaType: 'application/json', description: 'State.', schema: historianShape }],
      faults: ['not-ready'],
      async handle({ services }) {
        const { topics, tier, ...rest } = await services.historian();
        const items = topics.map(({ expiredBeforeUs, ...topic }) => {
          return { ...topic, expiredBefore: formatTimeOrNull(expiredBeforeUs) };
        });
        return json({ ...rest, topics: items, tier: tier === null ? null : tierItem(tier) });
      },
    }),
    defineRoute({
      method: 'POST',
      path: '/api/v1/historian/rebuild',
      operation: 'rebuildHistorian',
      summary: 'Fills the historian again from what the log covers, beside the old files, then swaps',
      answers: [
        {
          status: 200,
          mediaType: 'application/json',
          description: 'What was read again, and what stays as it was.',
          schema: rebuiltShape,
        },
        {
          status: 200,
          mediaType: LINES,
          description: 'A line of JSON for each step: progress, last the result.',
          schema: z.union([workProgressShape, rebuiltShape]),
        },
      ],
      faults: ['not-ready', 'historian-write-failed', 'too-many-requests'],
      handle({ accept, services, signal }) {
        const release = slots.take();
        return workAnswer(stepsOf(services, signal), accept, release);
      },
    }),
  ];
}

async function* stepsOf(services: Services, signal: AbortSignal): AsyncGenerator {
  for await (const step of services.rebuildHistorian(signal))
    yield 'place' in step ? { type: 'progress', ...step } : { type: 'result', topics: step };
}
