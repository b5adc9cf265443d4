import { z } from 'zod';
import type { DurableEnds } from '../core/durable-ends.ts';
import { eachRecord } from '../core/each-record.ts';

/** Looked at from the end: more than one record, in case the last ones are damaged. */
const TAIL_RECORDS = 1000;

const schema = z.object({ id: z.number(), type: z.string().nullable(), unit: z.string().nullable() });

/** A change of a tag as topic `tags` tells it. */
export type PublishedTag = Readonly<z.infer<typeof schema>>;

/** The last change that stands in topic `tags`: changes are announced in the order in which the dictionary made them. */
export function lastPublishedTag(logFolder: string, ends: DurableEnds): PublishedTag | undefined {
  let last: PublishedTag | undefined;
  const from = Math.max(ends.start('tags'), ends.end('tags') - TAIL_RECORDS);
  eachRecord(logFolder, 'tags', ends, from, (cursor) => {
    const value = cursor.value();
    if (value !== null) last = schema.parse(JSON.parse(new TextDecoder().decode(value)));
  });
  return last;
}
