import { z } from 'zod';
import type { Latest } from '../../../historian/queries/latest.ts';
import { jsonGaps, type TaggedGap } from '../history-text.ts';
import { defineRoute, JSON_MEDIA_TYPE } from '../route.ts';
import { jsonSampleLines } from '../sample-lines.ts';
import { historyShape } from '../shapes.ts';
import { TextBytes } from '../text-bytes.ts';

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
      description:
        'A sample of each tag that has one; `gaps`: where a later one of a tag may be missing, such as `tier-unreachable`: its last sample lies in a cold tier that does not answer.',
      schema: historyShape,
    },
  ],
  faults: ['tag-unknown', 'not-ready'],
  handle: ({ query: { tag }, services }) => ({
    mediaType: JSON_MEDIA_TYPE,
    body: text(services.latest(tag ?? null)),
  }),
});

/** `{"items":[…],"gaps":[…]}`, a sample a line, in pieces. */
async function* text(parts: AsyncIterable<Latest>): AsyncGenerator<string> {
  const lines = jsonSampleLines();
  const out = new TextBytes();
  const gaps: TaggedGap[] = [];
  out.text('{"items":[');
  for await (const part of parts) {
    for (let row = 0; row < part.points.count; row++) {
      lines.row(out, lines.prefix(part.tag(row)), part.points, row);
      if (out.isFull) yield out.take();
    }
    for (const { tag, ...gap } of part.gaps()) if (gap.fromUs < gap.toUs) gaps.push({ tag, gap });
  }
  out.text(`\n],${jsonGaps(gaps)}}\n`);
  yield out.take();
}
