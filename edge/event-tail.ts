import type { GatewayEvent } from './api/services.ts';
import type { DurableEnds } from './core/durable-ends.ts';
import { eachRecord } from './core/each-record.ts';

/** The last `limit` records of topic `events`, oldest first. */
export function tailEvents(logFolder: string, ends: DurableEnds, limit: number): GatewayEvent[] {
  const text = new TextDecoder();
  const events: GatewayEvent[] = [];
  const from = Math.max(ends.start('events'), ends.end('events') - limit);
  eachRecord(logFolder, 'events', ends, from, (cursor) => {
    const value = cursor.value();
    if (value === null) return;
    const event: unknown = JSON.parse(text.decode(value));
    if (typeof event === 'object' && event !== null)
      events.push({ offset: cursor.offset, key: cursor.keyText(), value: { ...event } });
  });
  return events;
}
