import { zstdDecompressSync } from 'node:zlib';
import { ByteReader } from '../../edge/core/byte-reader.ts';
import { Fault } from '../../edge/core/fault.ts';
import {
  BATCH_HEADER_BYTES,
  CODEC_NONE,
  CODEC_ZSTD,
  MAX_UNPACKED_BYTES,
  readBatchHeader,
} from '../../edge/core/record-batch.ts';

/**
 * Walks the records of a batch of the log for copying: what stands behind the offset delta of a record (key, value, headers) is the same in every
 * batch and is not looked into. Used for one batch after the other; shares memory with the batch.
 */
export class OpenBatch {
  /** Bytes of the batch with its header. */
  length = 0;
  count = 0;
  baseOffset = 0;
  /** Offset behind the last record. */
  endOffset = 0;
  /** Of the record that `next` moved to; -1 before the first. */
  offset = -1;
  timestampMs = 0;
  /** Where key, value and headers of that record lie in `data`. */
  data: Uint8Array = new Uint8Array(0);
  restStart = 0;
  restEnd = 0;
  private source: Uint8Array = new Uint8Array(0);
  private view: DataView = new DataView(new ArrayBuffer(0));
  private at = 0;
  private readonly from = new ByteReader('batch-malformed');
  private codec = 0;
  private baseTimestampMs = 0;
  private left = 0;

  /** Opens the batch at `at` of `source`; its checksum was verified. It is unpacked when the first record is asked for. */
  open(source: Uint8Array, at: number): void {
    if (source !== this.source) {
      this.source = source;
      this.view = new DataView(source.buffer, source.byteOffset, source.byteLength);
    }
    const header = readBatchHeader(this.view, at);
    this.at = at;
    this.length = header.bytes;
    this.count = header.count;
    this.left = header.count;
    this.baseOffset = header.baseOffset;
    this.endOffset = header.baseOffset + header.count;
    this.codec = header.codec;
    this.baseTimestampMs = header.baseTimestampMs;
    this.offset = -1;
  }

  /** Whether no record was asked for yet. */
  get untouched(): boolean {
    return this.left === this.count;
  }

  /** The batch as it lies, in memory of its own. */
  copy(): Uint8Array<ArrayBuffer> {
    return this.source.slice(this.at, this.at + this.length);
  }

  /** Moves to the next record; false behind the last one. Throws `batch-malformed`. */
  next(): boolean {
    if (this.left === 0) return false;
    const { from } = this;
    if (this.untouched) this.unpack();
    this.left--;
    const length = from.varint();
    const end = from.at + length;
    if (length < 0 || end > from.end) from.fail(`record of ${length} bytes`);
    from.uint8();
    this.timestampMs = this.baseTimestampMs + from.varsafe();
    this.offset = this.baseOffset + from.varint();
    if (from.at > end) from.fail(`record of ${length} bytes`);
    this.restStart = from.at;
    this.restEnd = end;
    from.at = end;
    return true;
  }

  private unpack(): void {
    const start = this.at + BATCH_HEADER_BYTES;
    const end = this.at + this.length;
    if (this.codec === CODEC_NONE) {
      this.data = this.source;
      return this.from.open(this.source, start, end);
    }
    if (this.codec !== CODEC_ZSTD) throw new Fault('batch-malformed', `Codec ${this.codec} is not supported.`);
    try {
      this.data = zstdDecompressSync(this.source.subarray(start, end), { maxOutputLength: MAX_UNPACKED_BYTES });
    } catch (error) {
      const where = `Offset ${this.baseOffset}: the zstd frame cannot be unpacked.`;
      throw new Fault('batch-malformed', where, { cause: error });
    }
    this.from.open(this.data);
  }
}
