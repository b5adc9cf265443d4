import type { GatewayEvent } from './api/services.ts';
import type { DurableEnds } from './core/durable-ends.ts';
import { LogReader } from './core/reader.ts';
import { RecordCursor } from './core/record-cursor.ts';

/** The last `limit` records of topic `events`, oldest first. */
export function tailEvents(logFolder: string, ends: DurableEnds, limit: number): GatewayEvent[] {
  const reader = new LogReader({ logFolder, topic: 'events', ends });
  const cursor = new RecordCursor();
  const text = new TextDecoder();
  const events: GatewayEvent[] = [];
  const first = Math.max(ends.start('events'), ends.end('events') - limit);
  reader.seek(first);
  try {
    for (let result = reader.read(); result.kind !== 'end'; result = reader.read()) {
      if (result.kind === 'gap') continue;
      for (let at = 0; at < result.bytes.length;) {
        at = cursor.open(result.bytes, at);
        while (cursor.next()) {
          const value = cursor.value();
          if (value === null || cursor.offset < first) continue;
          const event: unknown = JSON.parse(text.decode(value));
          if (typeof event === 'object' && event !== null)
            events.push({ offset: cursor.offset, key: cursor.keyText(), value: { ...event } });
        }
      }
    }
    return events;
  } finally {
    reader.close();
  }
}
