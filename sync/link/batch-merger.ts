import { constants, zstdCompressSync } from 'node:zlib';
import { ByteWriter } from '../../edge/core/byte-writer.ts';
import { assert } from '../../edge/core/fault.ts';
import {
  BATCH_HEADER_BYTES,
  CODEC_NONE,
  CODEC_ZSTD,
  COMPRESS_FROM_RECORDS,
  MAX_BATCH_BYTES,
} from '../../edge/core/record-batch.ts';
import type { OpenBatch } from './open-batch.ts';

/** Length, attributes, timestamp delta and offset delta of a record at their longest. */
const MAX_RECORD_HEAD_BYTES = 5 + 1 + 10 + 5;

/** A batch on its way to a destination, in memory of its own. */
export interface Outgoing {
  /** Base offset 0; producer fields and checksum are filled in by `setProducer`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Offset of its first record, which it must get at the destination too. */
  readonly baseOffset: number;
  readonly records: number;
}

/** Copies records of several batches into one: offsets, timestamps, keys, values and headers stay as they are, only the deltas are new. */
export class BatchMerger {
  private readonly records = new ByteWriter(64 * 1024);
  private readonly head = new ByteWriter(MAX_RECORD_HEAD_BYTES);
  private baseOffset = 0;
  private baseTimestampMs = 0;
  private maxTimestampMs = 0;
  /** Records so far. */
  count = 0;

  /**
   * Takes records from `offset` on out of a batch, as many as fit into `maxBytes` (plain; the first one always does). Returns whether the batch is
   * used up; a record that does not fit stays its current one. Throws `batch-malformed`.
   */
  take(batch: OpenBatch, offset: number, maxBytes: number): boolean {
    const limit = Math.min(maxBytes, MAX_BATCH_BYTES) - BATCH_HEADER_BYTES - MAX_RECORD_HEAD_BYTES;
    while (batch.offset >= offset || batch.next()) {
      if (batch.offset < offset) continue;
      if (this.count > 0 && this.records.length + batch.restEnd - batch.restStart > limit) return false;
      this.add(batch);
      if (!batch.next()) return true;
    }
    return true;
  }

  private add({ offset, timestampMs, data, restStart, restEnd }: OpenBatch): void {
    const { head, records } = this;
    if (this.count === 0) {
      this.baseOffset = offset;
      this.baseTimestampMs = timestampMs;
      this.maxTimestampMs = timestampMs;
    }
    assert(offset === this.baseOffset + this.count, 'records are merged without a hole');
    head.reset();
    head.uint8(0);
    head.varlong(timestampMs - this.baseTimestampMs);
    head.varlong(this.count);
    records.varlong(head.length + restEnd - restStart);
    records.raw(head.bytes.subarray(0, head.length));
    records.raw(data.subarray(restStart, restEnd));
    if (timestampMs > this.maxTimestampMs) this.maxTimestampMs = timestampMs;
    this.count++;
  }

  /** The batch, compressed as the log does it; the merger is empty again. */
  finish(): Outgoing {
    assert(this.count > 0, 'a batch has at least one record');
    const plain = this.records.bytes.subarray(0, this.records.length);
    const packed =
      this.count >= COMPRESS_FROM_RECORDS
        ? zstdCompressSync(plain, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })
        : plain;
    const smaller = packed.length < plain.length;
    const body = smaller ? packed : plain;
    const bytes = new Uint8Array(BATCH_HEADER_BYTES + body.length);
    const view = new DataView(bytes.buffer);
    view.setInt32(8, bytes.length - 12);
    view.setInt32(12, -1);
    view.setUint8(16, 2);
    view.setInt16(21, smaller ? CODEC_ZSTD : CODEC_NONE);
    view.setInt32(23, this.count - 1);
    view.setBigInt64(27, BigInt(this.baseTimestampMs));
    view.setBigInt64(35, BigInt(this.maxTimestampMs));
    view.setInt32(57, this.count);
    bytes.set(body, BATCH_HEADER_BYTES);
    const merged = { bytes, baseOffset: this.baseOffset, records: this.count };
    this.records.reset();
    this.count = 0;
    return merged;
  }
}
