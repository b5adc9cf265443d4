import { z } from 'zod';
import { assert } from '../../core/fault.ts';
import { negotiate } from '../negotiate.ts';
import { type Answer, defineRoute, json, type Route } from '../route.ts';
import type { VerifyResult, VerifyStep } from '../services.ts';
import { linksShape, verifyProgressShape, verifyResultShape } from '../shapes.ts';
import { Slots } from '../slots.ts';

/** Each reads a topic from both ends. */
const MAX_VERIFICATIONS = 2;
const LINES = 'application/x-ndjson';

/** Links and what can be done with them. */
export function linkRoutes(): Route[] {
  const slots = new Slots(MAX_VERIFICATIONS, 'verifications');
  return [
    defineRoute({
      path: '/api/v1/links',
      operation: 'links',
      summary: 'Links, their state and how far they lag',
      answers: [{ status: 200, mediaType: 'application/json', description: 'Links.', schema: linksShape }],
      handle: async ({ services }) => json({ items: await services.links() }),
    }),
    defineRoute({
      method: 'POST',
      path: '/api/v1/links/{name}/verify',
      operation: 'verifyLink',
      summary: 'Compares both ends of a link record by record',
      params: z.object({ name: z.string('the name of a link').describe('Name of the link.') }),
      answers: [
        { status: 200, mediaType: 'application/json', description: 'The result.', schema: verifyResultShape },
        {
          status: 200,
          mediaType: LINES,
          description: 'A line of JSON for each step: progress, last the result.',
          schema: z.union([verifyProgressShape, verifyResultShape]),
        },
      ],
      faults: ['link-unknown', 'kafka-unreachable', 'kafka-refused', 'kafka-protocol', 'too-many-requests'],
      async handle({ params: { name }, accept, services, signal }): Promise<Answer> {
        const release = slots.take();
        const steps = services.verifyLink(name, signal);
        if (negotiate(accept, ['application/json', LINES]) === LINES) {
          return { mediaType: `${LINES}; charset=utf-8`, body: lines(release, steps) };
        }
        try {
          return json(await resultOf(steps));
        } finally {
          release();
        }
      },
    }),
  ];
}

async function* lines(release: () => void, steps: AsyncIterable<VerifyStep>): AsyncGenerator<string> {
  try {
    for await (const step of steps) yield `${JSON.stringify(step)}\n`;
  } finally {
    release();
  }
}

async function resultOf(steps: AsyncIterable<VerifyStep>): Promise<VerifyResult> {
  let result: VerifyResult | undefined;
  for await (const step of steps) if (step.type === 'result') result = step;
  assert(result !== undefined, 'a verification ends with its result');
  return result;
}
