import { crc32c } from '@node-rs/crc32';
import { BATCH_HEADER_BYTES, type BatchHeader, readBatchHeader } from '../../edge/core/record-batch.ts';
import { assert, Fault } from '../../edge/core/fault.ts';

/**
 * What a link changes in a prepared record batch v2 before it goes out (KIP-98; FORMAT.md, "Record batch"). Bytes outside the checksum (base offset,
 * leader epoch) are `placeBatch` of the core. Every function works on the bytes it is given, in place, without a copy.
 */

/** Sequence numbers are 31 bits wide. */
const SEQUENCES = 2 ** 31;

/** Who writes: out of InitProducerId. */
export interface Producer {
  readonly id: bigint;
  readonly epoch: number;
}

/** The fixed part of a batch with what only brokers and links look at. */
export interface WireBatchHeader extends BatchHeader {
  /** Bits 0-2 codec, 3 LogAppendTime, 4 transactional, 5 control. */
  attributes: number;
  /** Last offset is base offset + this; after compaction there can be fewer records than offsets. */
  lastOffsetDelta: number;
  /** -1 where the producer was not idempotent. */
  producerId: bigint;
  producerEpoch: number;
  baseSequence: number;
}

/** Reads the fixed part of the batch at `at`. Nothing but the magic is checked; throws `batch-malformed`. */
export function readWireHeader(bytes: Uint8Array, at = 0): WireBatchHeader {
  if (at + BATCH_HEADER_BYTES > bytes.length) throw new Fault('batch-malformed', `Only ${bytes.length - at} bytes.`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint8(at + 16);
  if (magic !== 2) throw new Fault('batch-malformed', `Message format ${magic} in place of 2.`);
  return {
    ...readBatchHeader(view, at),
    attributes: view.getInt16(at + 21),
    lastOffsetDelta: view.getInt32(at + 23),
    producerId: view.getBigInt64(at + 43),
    producerEpoch: view.getInt16(at + 51),
    baseSequence: view.getInt32(at + 53),
  };
}

/** Writes producer id, epoch and base sequence (bytes 43-56) into a batch and its checksum again (bytes 17-20). `batch` is that batch alone. */
export function setProducer(batch: Uint8Array, producer: Producer, baseSequence: number): void {
  assert(batch.length >= BATCH_HEADER_BYTES, 'a batch has a header');
  assert(baseSequence >= 0 && baseSequence < SEQUENCES, 'a sequence number has 31 bits');
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  view.setBigInt64(43, producer.id);
  view.setInt16(51, producer.epoch);
  view.setInt32(53, baseSequence);
  view.setUint32(17, crc32c(batch.subarray(21)));
}

/** The sequence number `count` records further on: it wraps to 0 after 2^31 - 1. */
export function sequenceAfter(sequence: number, count: number): number {
  return (sequence + count) % SEQUENCES;
}

/** One batch of a fetch response: its header and its bytes, a view. */
export interface FetchedBatch {
  readonly header: WireBatchHeader;
  readonly bytes: Uint8Array;
}

/**
 * The whole batches of a fetch response. A last one that is cut short is left out: fetch again from the end of the one before.
 * The first may begin below the offset that was asked for. Checksums are not checked. Throws `batch-malformed`.
 */
export function* splitBatches(records: Uint8Array): Generator<FetchedBatch> {
  for (let at = 0; at + BATCH_HEADER_BYTES <= records.length;) {
    const header = readWireHeader(records, at);
    if (header.bytes < BATCH_HEADER_BYTES) throw new Fault('batch-malformed', `A batch of ${header.bytes} bytes.`);
    if (at + header.bytes > records.length) return;
    yield { header, bytes: records.subarray(at, at + header.bytes) };
    at += header.bytes;
  }
}
