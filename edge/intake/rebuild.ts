import type { Clock } from '../core/clock.ts';
import type { DurableEnds } from '../core/durable-ends.ts';
import { LogReader } from '../core/reader.ts';
import { RecordCursor } from '../core/record-cursor.ts';
import { SampleReader } from '../core/sample-codec.ts';
import { type DuplicateFilter, REMEMBER_MS } from './duplicate-filter.ts';
import { Fingerprint } from './fingerprint.ts';

/** More of the log's tail than this is not read again at a start. */
const MAX_RECORDS = 1_000_000;

/** Fills the duplicate filter from the tail of topic `samples`, so that what was sent again over a restart is still known. Returns how many samples were read. */
export function rebuildDuplicates(filter: DuplicateFilter, logFolder: string, ends: DurableEnds, clock: Clock): number {
  const reader = new LogReader({ logFolder, topic: 'samples', ends });
  const cursor = new RecordCursor();
  const sample = new SampleReader();
  const print = new Fingerprint();
  let records = 0;
  try {
    const from = reader.offsetAt(clock.nowMs() - REMEMBER_MS);
    reader.seek(Math.max(from, ends.end('samples') - MAX_RECORDS));
    for (let result = reader.read(); result.kind !== 'end'; result = reader.read()) {
      if (result.kind === 'gap') continue;
      for (let at = 0; at < result.bytes.length;) {
        at = cursor.open(result.bytes, at);
        while (cursor.next()) {
          records++;
          const key = cursor.key();
          if (key === null || cursor.valueStart < 0) continue;
          sample.read(cursor.data, cursor.valueStart, cursor.valueEnd);
          remember(filter, print, cursor, sample, key);
        }
      }
    }
    return records;
  } finally {
    reader.close();
  }
}

function remember(
  filter: DuplicateFilter,
  print: Fingerprint,
  cursor: RecordCursor,
  sample: SampleReader,
  key: Uint8Array,
): void {
  print.begin(key);
  const headers = cursor.headerCount === 0 ? [] : cursor.headers();
  const client = headers.find(([name]) => name === 'c')?.[1];
  const packet = headers.find(([name]) => name === 'p')?.[1];
  const byTime = client === undefined || client === null;
  print.addSample(sample, byTime);
  if (!byTime) print.addDelivery(client, ((packet?.[0] ?? 0) << 8) | (packet?.[1] ?? 0));
  filter.remember(print, cursor.timestampMs);
}
