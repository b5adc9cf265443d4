import { z } from 'zod';
import type { DurableEnds } from '../core/durable-ends.ts';
import { LogReader } from '../core/reader.ts';
import { RecordCursor } from '../core/record-cursor.ts';

/** Looked at from the end: more than one record, in case the last ones are damaged. */
const TAIL_RECORDS = 1000;

const schema = z.object({ id: z.number(), type: z.string().nullable() });

/** A change of a tag as topic `tags` tells it. */
export type PublishedTag = Readonly<z.infer<typeof schema>>;

/** The last change that stands in topic `tags`: changes are announced in the order in which the dictionary made them. */
export function lastPublishedTag(logFolder: string, ends: DurableEnds): PublishedTag | undefined {
  const reader = new LogReader({ logFolder, topic: 'tags', ends });
  const cursor = new RecordCursor();
  let last: PublishedTag | undefined;
  reader.seek(Math.max(ends.start('tags'), ends.end('tags') - TAIL_RECORDS));
  try {
    for (let result = reader.read(); result.kind !== 'end'; result = reader.read()) {
      if (result.kind === 'gap') continue;
      for (let at = 0; at < result.bytes.length;) {
        at = cursor.open(result.bytes, at);
        while (cursor.next()) {
          const value = cursor.value();
          if (value !== null) last = schema.parse(JSON.parse(new TextDecoder().decode(value)));
        }
      }
    }
    return last;
  } finally {
    reader.close();
  }
}
