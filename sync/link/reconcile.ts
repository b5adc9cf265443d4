import type { DurableEnds } from '../../edge/core/durable-ends.ts';
import { Fault } from '../../edge/core/fault.ts';
import { LogReader } from '../../edge/core/reader.ts';
import { holdsSamples } from '../../edge/core/topics.ts';
import { type Producer, sequenceAfter, type WireBatchHeader } from '../kafka/patch.ts';
import { compareRecords } from './comparison.ts';
import type { Destination } from './destination.ts';
import { logSupply, type Read, readDestination, RecordWalk, type Supply } from './record-walk.ts';

/** At most this much of the destination's tail is compared with the log before anything is sent. */
const TAIL_RECORDS = 1000;
const TAIL_BYTES = 1024 * 1024;

export interface ReconcileOptions {
  readonly destination: Destination;
  readonly logFolder: string;
  readonly topic: string;
  readonly ends: DurableEnds;
  readonly signal: AbortSignal;
  /** Called with the owner of the last record before anything is compared; throws if the link is not ours any more. */
  readonly assertOwner: (last: Succession | undefined) => void;
}

/** A producer and the next sequence number that a broker takes from it. */
export interface Succession {
  readonly producer: Producer;
  readonly sequence: number;
}

/** What the destination has. */
export interface Reconciled {
  /** Offset to go on with: the destination's end. */
  readonly end: number;
  /** Who wrote its last record, and what that producer would send next; undefined where that cannot be seen. */
  readonly last: Succession | undefined;
}

/**
 * Looks at the end of a destination and compares the records before it with the log. Must come after InitProducerId and before anything is sent: a
 * broker forgets what it had from a producer when the records are more than 24 h old, so that idempotence alone would let them be doubled.
 * Throws `link-diverged` with the first offset that differs, `link-unsettled`, and the faults of the client.
 */
export async function reconcile(options: ReconcileOptions): Promise<Reconciled> {
  const { destination, ends, topic, assertOwner } = options;
  const asked = await destination.end();
  const start = await destination.start();
  const tail = start < asked ? await readTail(destination, start, asked) : undefined;
  const end = tail?.read.end ?? asked;
  const last = tail === undefined ? undefined : successionOf(tail.read.last);
  assertOwner(last);
  // Asked after the destination: it has nothing that was not durable here before.
  const ours = ends.end(topic);
  if (tail !== undefined) await compareTail(options, tail, Math.min(end, ours));
  if (end > ours) {
    const { topic: name } = destination.at;
    throw new Fault('link-diverged', `${name} ends at offset ${end}, the log at ${ours}: record ${ours} is not ours.`);
  }
  return { end, last };
}

interface Tail {
  readonly from: number;
  readonly read: Read;
}

async function compareTail(options: ReconcileOptions, { from, read }: Tail, to: number): Promise<void> {
  const { destination, logFolder, topic, ends, signal } = options;
  const theirs = new RecordWalk(once(read.bytes));
  const reader = new LogReader({ logFolder, topic, ends });
  try {
    reader.seek(from);
    const { firstDifference } = await compareRecords(new RecordWalk(logSupply(reader, to)), theirs, {
      from,
      to,
      signal,
      mayBeErased: holdsSamples(topic),
    });
    if (firstDifference === undefined) return;
    const { offset, field } = firstDifference;
    throw new Fault('link-diverged', `${destination.at.topic}: offset ${offset} differs (${field}).`);
  } finally {
    reader.close();
  }
}

/** The destination's last records, as many as one read gives together with the very last: large records make the tail short. */
async function readTail(destination: Destination, start: number, end: number): Promise<Tail> {
  for (let records = TAIL_RECORDS; ; records = Math.ceil(records / 8)) {
    const from = Math.max(start, end - records);
    const read = await readDestination(destination, from, TAIL_BYTES);
    if (read.end >= end || records === 1) return { from, read };
  }
}

function once(bytes: Uint8Array): Supply {
  let left: Uint8Array | undefined = bytes;
  return () => {
    const given = left;
    left = undefined;
    return Promise.resolve(given);
  };
}

function successionOf({
  producerId,
  producerEpoch,
  baseSequence,
  lastOffsetDelta,
}: WireBatchHeader): Succession | undefined {
  if (producerId < 0n || baseSequence < 0) return undefined;
  const sequence = sequenceAfter(baseSequence, lastOffsetDelta + 1);
  return { producer: { id: producerId, epoch: producerEpoch }, sequence };
}
