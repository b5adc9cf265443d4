import { type Disk, realDisk } from './disk.ts';
import type { DurableEnds } from './durable-ends.ts';
import { LogReader } from './reader.ts';
import { RecordCursor } from './record-cursor.ts';

/**
 * Visits every record of a topic from an offset up to the durable end of now, once, in order. What cannot be read is passed over: its gap is on record in topic `events`.
 * The cursor is the same one at each call; nothing of it may be kept. `from` may be computed with the reader.
 */
export function eachRecord(
  logFolder: string,
  topic: string,
  ends: DurableEnds,
  from: number | ((reader: LogReader) => number),
  visit: (cursor: RecordCursor) => void,
  disk: Disk = realDisk,
): void {
  const reader = new LogReader({ logFolder, topic, ends, disk });
  const cursor = new RecordCursor();
  try {
    const end = ends.end(topic);
    reader.seek(typeof from === 'number' ? from : from(reader));
    while (reader.position < end) {
      // A batch that holds the next record may begin before it.
      const first = reader.position;
      const result = reader.read();
      if (result.kind !== 'data') continue;
      for (let at = 0; at < result.bytes.length;) {
        at = cursor.open(result.bytes, at);
        while (cursor.next()) if (cursor.offset >= first && cursor.offset < end) visit(cursor);
      }
    }
  } finally {
    reader.close();
  }
}
