import { z } from 'zod';
import { jsonSample } from '../history-text.ts';
import { defineRoute, JSON_MEDIA_TYPE, jsonItems } from '../route.ts';
import type { TagSample } from '../services.ts';
import { samplesShape } from '../shapes.ts';

const TAGS = 'at most 1,000 tag paths';

/** The last sample of each tag. */
export const latestRoute = defineRoute({
  path: '/api/v1/latest',
  operation: 'latest',
  summary: 'Last sample of each tag',
  query: z.strictObject({
    tag: z
      .array(z.string(TAGS), TAGS)
      .max(1000, TAGS)
      .optional()
      .describe('Path of a tag; may be given several times. Left out: all tags.'),
  }),
  repeated: ['tag'],
  answers: [
    {
      status: 200,
      mediaType: 'application/json',
      description: 'A sample of each tag that has one.',
      schema: samplesShape,
    },
  ],
  faults: ['tag-unknown', 'not-ready'],
  handle: ({ query: { tag }, services }) => ({
    mediaType: JSON_MEDIA_TYPE,
    body: jsonItems(texts(services.latest(tag ?? null))),
  }),
});

async function* texts(samples: AsyncIterable<TagSample>): AsyncGenerator<string> {
  for await (const sample of samples) yield jsonSample(sample);
}
