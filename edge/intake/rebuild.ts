import { ArrivalOrder } from '../core/arrival-order.ts';
import type { Clock } from '../core/clock.ts';
import type { DurableEnds } from '../core/durable-ends.ts';
import { LogReader } from '../core/reader.ts';
import type { RecordCursor } from '../core/record-cursor.ts';
import { SampleReader } from '../core/sample-codec.ts';
import { SAMPLE_TOPICS } from '../core/topics.ts';
import { type DuplicateFilter, REMEMBER_MS } from './duplicate-filter.ts';
import { Fingerprint } from './fingerprint.ts';

/** More of a topic's tail than this is not read again at a start. */
const MAX_RECORDS = 1_000_000;

/**
 * Fills the duplicate filter from the tails of the topics of samples, so that what was sent again over a restart is still known. In the order of arrival, as the filter forgets what is oldest.
 * Returns how many samples were read.
 */
export function rebuildDuplicates(filter: DuplicateFilter, logFolder: string, ends: DurableEnds, clock: Clock): number {
  const sample = new SampleReader();
  const print = new Fingerprint();
  const sinceMs = clock.nowMs() - REMEMBER_MS;
  const from = Object.fromEntries(SAMPLE_TOPICS.map((topic) => [topic, tailOf(logFolder, topic, ends, sinceMs)]));
  let records = 0;
  const visit = (_topic: string, cursor: RecordCursor): void => {
    records++;
    const key = cursor.key();
    if (key === null || cursor.valueStart < 0) return;
    sample.read(cursor.data, cursor.valueStart, cursor.valueEnd);
    remember(filter, print, cursor, sample, key);
  };
  const tails = new ArrivalOrder({ logFolder, ends, from, visit, onGap: passOver });
  try {
    while (tails.step());
  } finally {
    tails.close();
  }
  return records;
}

/** Where a topic's tail begins. */
function tailOf(logFolder: string, topic: string, ends: DurableEnds, sinceMs: number): number {
  const reader = new LogReader({ logFolder, topic, ends });
  return Math.max(reader.offsetAt(sinceMs), ends.end(topic) - MAX_RECORDS);
}

/** What cannot be read cannot be told from what is new; its gap is on record in topic `events`. */
function passOver(): void {}

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
