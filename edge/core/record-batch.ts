import { constants, zstdCompressSync } from 'node:zlib';
import { crc32c } from '@node-rs/crc32';
import { ByteWriter, putZigzag } from './byte-writer.ts';
import { assert, Fault } from './fault.ts';
import { type Sample, ValueKind } from './sample.ts';
import { ORDINARY_BYTES, writeSample } from './sample-codec.ts';
import type { SampleKey } from './sample-key.ts';

/** Kafka record batch v2 (FORMAT.md, "Record batch"). */
export const BATCH_HEADER_BYTES = 61;
export const MAX_BATCH_BYTES = 900_000;
export const MAX_RECORD_BYTES = 512_000;
export const MAX_BATCH_RECORDS = 1_000_000;
/** Records of one batch take at most this much unpacked: a bound against a small batch that unpacks to gigabytes. */
export const MAX_UNPACKED_BYTES = 16 * 1024 * 1024;
/** From about this many samples on a batch is compressed: below it zstd's fixed 17-20 µs a call cost more than the bytes are worth. */
export const COMPRESS_FROM_RECORDS = 100;

export const CODEC_NONE = 0;
export const CODEC_ZSTD = 4;

/** Name and value of a record header. */
export type RecordHeader = readonly [name: string, value: Uint8Array | null];

const NO_HEADERS: readonly RecordHeader[] = [];

/** Builds one batch at a time: `add…` records, then `seal` or `finish`. Offsets and epoch stay 0: the writer of the log fills them in. */
export class BatchEncoder {
  /** The batch as it grows; its header has its place from the beginning. */
  private readonly batch = emptyBatch();
  /** The same, compressed. */
  private readonly packed = new ByteWriter(0);
  private readonly record = new ByteWriter(1024);
  private readonly value = new ByteWriter(1024);
  /** Records added so far. */
  count = 0;

  /** Bytes of the batch if it were sealed now, uncompressed. */
  get bytes(): number {
    return this.batch.length;
  }

  /** Adds a sample under its tag. Returns its bytes, or undefined (nothing is added) if it is larger than a record may be. */
  addSample(key: SampleKey, sample: Sample, headers: readonly RecordHeader[] = NO_HEADERS): number | undefined {
    if (headers.length === 0 && isOrdinary(key, sample))
      return this.addOrdinary(key, Math.floor(sample.timeUs), sample.value);
    this.beginRecord(key.bytes);
    // The value's length stands before it: it is written aside first.
    const { value } = this;
    value.reset();
    writeSample(value, sample);
    return this.endRecord(value.bytes.subarray(0, value.length), headers);
  }

  /** The sample that nearly all are, written in place and in words: 0.04 µs in batches of 1,000 (`bench log`, encode). */
  private addOrdinary(key: SampleKey, timeUs: number, value: number): number {
    const { batch, count } = this;
    const { template, start: from } = key;
    const countBytes = count < 64 ? 1 : count < 8192 ? 2 : 3;
    // Attributes, time, count, template, the rest of the value behind magic and schema, number of headers.
    const length = 2 + countBytes + key.length + (ORDINARY_BYTES - 5) + 1;
    batch.ensure(length + 8);
    const { bytes, view, length: start } = batch;
    let at = putZigzag(bytes, start, length);
    bytes[at++] = 0;
    bytes[at++] = 0;
    at = putZigzag(bytes, at, count);
    // The last word may end behind the template: what follows is written over it.
    for (let i = 0; i < key.length; i += 4) view.setInt32(at + i, template.getInt32(from + i, true), true);
    at += key.length;
    // Eight bytes of seven bits each, the lowest first.
    const high = Math.floor(timeUs / 0x800_0000);
    view.setInt32(at, sevenBits((timeUs - high * 0x800_0000) * 2) | -0x7f7f7f80, true);
    view.setInt32(at + 4, sevenBits(high) | 0x00808080, true);
    bytes[at + 8] = ValueKind.double * 2;
    view.setFloat64(at + 9, value, true);
    // Quality Good, no flags, no server time, no headers.
    view.setInt32(at + 17, 0);
    batch.length = at + 21;
    this.count++;
    return at + 21 - start;
  }

  /** Adds a record as it is. Returns its bytes, or undefined if it is larger than a record may be. */
  addRecord(
    key: Uint8Array | null,
    value: Uint8Array | null,
    headers: readonly RecordHeader[] = NO_HEADERS,
  ): number | undefined {
    this.beginRecord(key);
    return this.endRecord(value, headers);
  }

  private beginRecord(key: Uint8Array | null): void {
    const { record } = this;
    record.reset();
    record.uint8(0);
    record.uint8(0);
    record.varlong(this.count);
    writeBytes(record, key);
  }

  private endRecord(value: Uint8Array | null, headers: readonly RecordHeader[]): number | undefined {
    const { record, batch } = this;
    writeBytes(record, value);
    record.varlong(headers.length);
    for (const [name, content] of headers) {
      record.text(name);
      writeBytes(record, content);
    }
    if (record.length > MAX_RECORD_BYTES) return undefined;
    const before = batch.length;
    batch.varlong(record.length);
    batch.raw(record.bytes.subarray(0, record.length));
    this.count++;
    return batch.length - before;
  }

  /**
   * The batch, stamped with the ingest time; the encoder is empty again. Its memory is the encoder's: it holds until the next record is added. `compress` left out: zstd from
   * about 100 records on. Records that zstd does not make smaller stay plain. Throws `batch-too-large`.
   */
  seal(timestampMs: number, compress: boolean = this.count >= COMPRESS_FROM_RECORDS): Uint8Array<ArrayBuffer> {
    const { batch, count } = this;
    assert(count > 0, 'a batch has at least one record');
    const plainBytes = batch.length - BATCH_HEADER_BYTES;
    if (plainBytes > MAX_UNPACKED_BYTES || count > MAX_BATCH_RECORDS)
      throw new Fault('batch-too-large', `${plainBytes} bytes unpacked in ${count} records.`);
    const smaller = compress && this.pack();
    const result = smaller ? this.packed : batch;
    if (result.length > MAX_BATCH_BYTES)
      throw new Fault('batch-too-large', `${result.length} bytes in ${count} records.`);
    const codec = smaller ? CODEC_ZSTD : CODEC_NONE;
    putBatchHeader(result, { codec, count, baseTimestampMs: timestampMs, maxTimestampMs: timestampMs });
    const sealed = result.bytes.subarray(0, result.length);
    this.clear();
    return sealed;
  }

  /** The same in memory of its own. */
  finish(timestampMs: number, compress?: boolean): Uint8Array<ArrayBuffer> {
    return this.seal(timestampMs, compress).slice();
  }

  /** Compresses the records. False: that does not make them smaller. */
  private pack(): boolean {
    const { batch, packed } = this;
    const plain = batch.bytes.subarray(BATCH_HEADER_BYTES, batch.length);
    const records = zstdCompressSync(plain, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
    if (records.length >= plain.length) return false;
    packed.reset();
    packed.skip(BATCH_HEADER_BYTES);
    packed.raw(records);
    return true;
  }

  /** Forgets what was added. */
  clear(): void {
    this.batch.length = BATCH_HEADER_BYTES;
    this.count = 0;
  }
}

function emptyBatch(): ByteWriter {
  const batch = new ByteWriter(64 * 1024);
  batch.skip(BATCH_HEADER_BYTES);
  return batch;
}

/** Times that take eight bytes: from 1978 to 3111, µs. */
const EIGHT_BYTES_FROM_US = 2 ** 48;
const EIGHT_BYTES_TO_US = 2 ** 55;

/** A double, Good, without flags and server time, of our days, under a key that has a template: its bytes have a fixed layout. */
function isOrdinary(key: SampleKey, sample: Sample): sample is Sample & { readonly value: number } {
  const { kind, quality, flags, serverTimeUs, timeUs } = sample;
  if (kind !== ValueKind.double || quality !== 0 || flags !== 0 || serverTimeUs !== null) return false;
  return timeUs >= EIGHT_BYTES_FROM_US && timeUs < EIGHT_BYTES_TO_US && key.length > 0;
}

/** The lowest 28 bits, seven in each byte. */
function sevenBits(value: number): number {
  return (value & 0x7f) | ((value & 0x3f80) << 1) | ((value & 0x1f_c000) << 2) | ((value & 0xfe0_0000) << 3);
}

function writeBytes(out: ByteWriter, bytes: Uint8Array | null): void {
  if (bytes === null) return out.varlong(-1);
  out.varlong(bytes.length);
  out.raw(bytes);
}

/** Fills in the header of a whole batch whose records stand behind its place, with the checksum, and returns that. Base offset and epoch are 0. */
export function putBatchHeader(
  { bytes, view, length }: ByteWriter,
  {
    codec,
    count,
    baseTimestampMs,
    maxTimestampMs,
  }: Pick<BatchHeader, 'codec' | 'count' | 'baseTimestampMs' | 'maxTimestampMs'>,
): number {
  view.setInt32(0, 0);
  view.setInt32(4, 0);
  view.setInt32(8, length - 12);
  view.setInt32(12, 0);
  view.setUint8(16, 2);
  view.setInt16(21, codec);
  view.setInt32(23, count - 1);
  putInt64(view, 27, baseTimestampMs);
  putInt64(view, 35, maxTimestampMs);
  // Producer id, its epoch, base sequence: none.
  view.setInt32(43, -1);
  view.setInt32(47, -1);
  view.setInt16(51, -1);
  view.setInt32(53, -1);
  view.setInt32(57, count);
  const crc = crc32c(bytes.subarray(21, length));
  view.setUint32(17, crc);
  return crc;
}

/** An int64, exact up to ±2^53. */
function putInt64(view: DataView, at: number, value: number): void {
  const high = Math.floor(value / 0x1_0000_0000);
  view.setInt32(at, high);
  view.setUint32(at + 4, value - high * 0x1_0000_0000);
}

/** The fixed part of a batch. Timestamps in ms, `bytes` with the first 12. */
export interface BatchHeader {
  baseOffset: number;
  bytes: number;
  epoch: number;
  crc: number;
  codec: number;
  count: number;
  baseTimestampMs: number;
  maxTimestampMs: number;
}

/** Reads the fixed part at `at`; the caller has made sure that 61 bytes are there. Nothing is checked. */
export function readBatchHeader(view: DataView, at: number): BatchHeader {
  return {
    baseOffset: batchBaseOffset(view, at),
    bytes: batchLength(view, at),
    epoch: view.getInt32(at + 12),
    crc: view.getUint32(at + 17),
    codec: view.getInt16(at + 21) & 7,
    count: batchCount(view, at),
    baseTimestampMs: int64(view, at + 27),
    maxTimestampMs: batchMaxTimestampMs(view, at),
  };
}

/** Why bytes are no valid batch; `offset` means that only bytes outside the checksum are wrong. */
export type BatchProblem = 'short' | 'magic' | 'length' | 'checksum' | 'count' | 'offset';

/** Checks the batch at `at` of `bytes` (FORMAT.md, "valid"). `expectedOffset` undefined: any base offset will do. */
export function checkBatch(bytes: Uint8Array, at: number, expectedOffset?: number): BatchProblem | undefined {
  if (at + BATCH_HEADER_BYTES > bytes.length) return 'short';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint8(at + 16) !== 2) return 'magic';
  const total = batchLength(view, at);
  if (total < BATCH_HEADER_BYTES || total > MAX_BATCH_BYTES) return 'length';
  if (at + total > bytes.length) return 'short';
  if (crc32c(bytes.subarray(at + 21, at + total)) !== view.getUint32(at + 17)) return 'checksum';
  const count = batchCount(view, at);
  if (count < 1 || count > MAX_BATCH_RECORDS || view.getInt32(at + 23) !== count - 1) return 'count';
  if (expectedOffset !== undefined && batchBaseOffset(view, at) !== expectedOffset) return 'offset';
  return undefined;
}

/** Fills in what lies outside the checksum: base offset (bytes 0-7) and leader epoch (12-15). */
export function placeBatch(batch: Uint8Array, at: number, baseOffset: number, epoch: number): void {
  placeBatchIn(new DataView(batch.buffer, batch.byteOffset, batch.byteLength), at, baseOffset, epoch);
}

/** The same through a view. Without BigInt: the log's writer does it two million times a second. */
export function placeBatchIn(view: DataView, at: number, baseOffset: number, epoch: number): void {
  view.setUint32(at, Math.floor(baseOffset / 0x1_0000_0000));
  view.setUint32(at + 4, baseOffset >>> 0);
  view.setInt32(at + 12, epoch);
}

/** Offset of a batch's first record. */
export function batchBaseOffset(view: DataView, at: number): number {
  return int64(view, at);
}

/** Bytes of a batch, with the first 12. */
export function batchLength(view: DataView, at: number): number {
  return view.getInt32(at + 8) + 12;
}

/** Records of a batch. */
export function batchCount(view: DataView, at: number): number {
  return view.getInt32(at + 57);
}

/** Ingest time of a batch's latest record, ms. */
export function batchMaxTimestampMs(view: DataView, at: number): number {
  return int64(view, at + 35);
}

/** An int64, exact up to ±2^53. Without BigInt: headers are read for every batch, by the writer and by each reader. */
function int64(view: DataView, at: number): number {
  return view.getInt32(at) * 0x1_0000_0000 + view.getUint32(at + 4);
}
