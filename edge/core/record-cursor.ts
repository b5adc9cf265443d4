import { zstdDecompressSync } from 'node:zlib';
import { ByteReader } from './byte-reader.ts';
import { Fault } from './fault.ts';
import {
  BATCH_HEADER_BYTES,
  CODEC_NONE,
  CODEC_ZSTD,
  MAX_UNPACKED_BYTES,
  readBatchHeader,
  type RecordHeader,
} from './record-batch.ts';

// A byte order mark at the start of a key belongs to it: without this it would be dropped.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Walks the records of batches without an object per record: after `next()` the fields tell where key, value and headers lie in `data`.
 * Valid until the next call of `open`. -1 as a start stands for null.
 */
export class RecordCursor {
  data: Uint8Array = new Uint8Array(0);
  offset = 0;
  timestampMs = 0;
  keyStart = -1;
  keyEnd = -1;
  valueStart = -1;
  valueEnd = -1;
  headerCount = 0;
  private headersStart = 0;
  private readonly from = new ByteReader('batch-malformed');
  private baseOffset = 0;
  private baseTimestampMs = 0;
  private left = 0;

  /** Opens the batch at `at` of `bytes` (its checksum was verified) and returns the position behind it. Throws `batch-malformed`. */
  open(bytes: Uint8Array, at = 0): number {
    const { from } = this;
    if (at + BATCH_HEADER_BYTES > bytes.length) throw new Fault('batch-malformed', `Cut off at byte ${at}.`);
    from.open(bytes, at);
    const header = readBatchHeader(from.view, at);
    const end = at + header.bytes;
    if (header.bytes < BATCH_HEADER_BYTES || end > bytes.length)
      throw new Fault('batch-malformed', `Length ${header.bytes} at byte ${at}.`);
    this.baseOffset = header.baseOffset;
    this.baseTimestampMs = header.baseTimestampMs;
    this.left = header.count;
    if (header.codec === CODEC_NONE) {
      this.data = bytes;
      from.open(bytes, at + BATCH_HEADER_BYTES, end);
    } else if (header.codec === CODEC_ZSTD) {
      this.data = unpack(bytes.subarray(at + BATCH_HEADER_BYTES, end));
      from.open(this.data);
    } else {
      throw new Fault('batch-malformed', `Codec ${header.codec} is not supported.`);
    }
    return end;
  }

  /** Moves to the next record; false behind the last one. Throws `batch-malformed`. */
  next(): boolean {
    const { from } = this;
    if (this.left === 0) {
      if (from.at !== from.end) from.fail(`${from.end - from.at} bytes behind the last record`);
      return false;
    }
    this.left--;
    if (!this.readOrdinary()) this.readAny();
    return true;
  }

  /**
   * The record that nearly all are, in place: 13 instead of 35 ns. Numbers of one or two bytes, key and value (under 64 bytes) there, no headers.
   * False: it is another one, which may be malformed.
   */
  private readOrdinary(): boolean {
    const { from, data } = this;
    // Whether all of it lies inside the record, and the record inside the batch, is seen at the end.
    let at = from.at;
    let length = data[at++] ?? 0;
    if (length >= 0x80) length = (length & 0x7f) | ((data[at++] ?? 0) << 7);
    const recordEnd = at + (length >>> 1);
    // Behind the attributes, which say nothing.
    at++;
    let time = data[at++] ?? 0;
    if (time >= 0x80) time = (time & 0x7f) | ((data[at++] ?? 0) << 7);
    let delta = data[at++] ?? 0;
    if (delta >= 0x80) delta = (delta & 0x7f) | ((data[at++] ?? 0) << 7);
    let keyLength = data[at++] ?? 0;
    if (keyLength >= 0x80) keyLength = (keyLength & 0x7f) | ((data[at++] ?? 0) << 7);
    const keyEnd = at + (keyLength >>> 1);
    const valueLength = data[keyEnd] ?? 0;
    const valueEnd = keyEnd + 1 + (valueLength >>> 1);
    // Odd ones are negative; in one of two bytes bit 14 says that there is a third.
    const all = length | time | delta | keyLength | valueLength;
    if ((all & 1) !== 0 || all >= 0x4000 || valueLength >= 0x80) return false;
    if (valueEnd + 1 !== recordEnd || recordEnd > from.end || data[valueEnd] !== 0) return false;
    this.timestampMs = this.baseTimestampMs + (time >>> 1);
    this.offset = this.baseOffset + (delta >>> 1);
    this.keyStart = at;
    this.keyEnd = keyEnd;
    this.valueStart = keyEnd + 1;
    this.valueEnd = valueEnd;
    this.headerCount = 0;
    this.headersStart = recordEnd;
    from.at = recordEnd;
    return true;
  }

  private readAny(): void {
    const { from } = this;
    const length = from.varint();
    const batchEnd = from.end;
    const recordEnd = from.at + length;
    if (length < 0 || recordEnd > batchEnd) from.fail(`record of ${length} bytes`);
    from.end = recordEnd;
    from.uint8();
    this.timestampMs = this.baseTimestampMs + from.varsafe();
    this.offset = this.baseOffset + from.varint();
    const keyLength = from.varint();
    this.keyStart = keyLength < 0 ? -1 : from.skip(keyLength);
    this.keyEnd = keyLength < 0 ? -1 : from.at;
    const valueLength = from.varint();
    this.valueStart = valueLength < 0 ? -1 : from.skip(valueLength);
    this.valueEnd = valueLength < 0 ? -1 : from.at;
    this.headerCount = from.varint();
    this.headersStart = from.at;
    if (this.headerCount < 0) from.fail(`${this.headerCount} headers`);
    from.end = batchEnd;
    from.at = recordEnd;
    if (this.headerCount === 0 && this.headersStart !== recordEnd) from.fail('bytes behind the record');
  }

  /** The key's bytes, or null. Shares memory with the batch. */
  key(): Uint8Array | null {
    return this.keyStart < 0 ? null : this.data.subarray(this.keyStart, this.keyEnd);
  }

  /** The value's bytes, or null. Shares memory with the batch. */
  value(): Uint8Array | null {
    return this.valueStart < 0 ? null : this.data.subarray(this.valueStart, this.valueEnd);
  }

  /** The key as text; empty for null. */
  keyText(): string {
    return this.keyStart < 0 ? '' : decoder.decode(this.data.subarray(this.keyStart, this.keyEnd));
  }

  /** The record's headers. Shares memory with the batch. Throws `batch-malformed`. */
  headers(): RecordHeader[] {
    const reader = new ByteReader('batch-malformed');
    reader.open(this.data, this.headersStart, this.from.at);
    const headers: RecordHeader[] = [];
    for (let i = 0; i < this.headerCount; i++) {
      const name = reader.skip(reader.varint());
      const nameEnd = reader.at;
      const length = reader.varint();
      const value = length < 0 ? null : this.data.subarray(reader.skip(length), reader.at);
      headers.push([decoder.decode(this.data.subarray(name, nameEnd)), value]);
    }
    if (reader.at !== reader.end) reader.fail('bytes behind the headers');
    return headers;
  }
}

function unpack(frame: Uint8Array): Uint8Array {
  // Samples unpack to six times their size: in one piece of memory, a quarter quicker than in many of the usual 16 KiB.
  const chunkSize = Math.min(1024 + frame.length * 8, MAX_UNPACKED_BYTES);
  try {
    return zstdDecompressSync(frame, { maxOutputLength: MAX_UNPACKED_BYTES, chunkSize });
  } catch (error) {
    throw new Fault('batch-malformed', 'The zstd frame cannot be unpacked.', { cause: error });
  }
}
