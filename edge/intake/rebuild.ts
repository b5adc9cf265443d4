import type { Clock } from '../core/clock.ts';
import type { DurableEnds } from '../core/durable-ends.ts';
import { eachRecord } from '../core/each-record.ts';
import type { LogReader } from '../core/reader.ts';
import type { RecordCursor } from '../core/record-cursor.ts';
import { SampleReader } from '../core/sample-codec.ts';
import { type DuplicateFilter, REMEMBER_MS } from './duplicate-filter.ts';
import { Fingerprint } from './fingerprint.ts';

/** More of the log's tail than this is not read again at a start. */
const MAX_RECORDS = 1_000_000;

/** Fills the duplicate filter from the tail of topic `samples`, so that what was sent again over a restart is still known. Returns how many samples were read. */
export function rebuildDuplicates(filter: DuplicateFilter, logFolder: string, ends: DurableEnds, clock: Clock): number {
  const sample = new SampleReader();
  const print = new Fingerprint();
  let records = 0;
  const from = (reader: LogReader): number =>
    Math.max(reader.offsetAt(clock.nowMs() - REMEMBER_MS), ends.end('samples') - MAX_RECORDS);
  eachRecord(logFolder, 'samples', ends, from, (cursor) => {
    records++;
    const key = cursor.key();
    if (key === null || cursor.valueStart < 0) return;
    sample.read(cursor.data, cursor.valueStart, cursor.valueEnd);
    remember(filter, print, cursor, sample, key);
  });
  return records;
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
