import { ByteWriter } from '../../edge/core/byte-writer.ts';
import { RecordCursor } from '../../edge/core/record-cursor.ts';

/** Offset, time, key and value of each record of batches that lie back to back, in a form of its own: the same for the same records, whatever their batches. */
export function recordsOf(batches: Uint8Array): Uint8Array {
  const out = new ByteWriter(batches.length * 2);
  const cursor = new RecordCursor();
  for (let at = 0; at < batches.length;) {
    at = cursor.open(batches, at);
    while (cursor.next()) {
      out.varlong(cursor.offset);
      out.varlong(cursor.timestampMs);
      for (const part of [cursor.key(), cursor.value()]) {
        out.varlong(part?.length ?? -1);
        out.raw(part ?? new Uint8Array(0));
      }
    }
  }
  return out.bytes.subarray(0, out.length);
}
