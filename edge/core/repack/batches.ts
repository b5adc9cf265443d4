import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { ByteReader } from '../byte-reader.ts';
import { ByteWriter } from '../byte-writer.ts';
import { Fault } from '../fault.ts';
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  CODEC_NONE,
  CODEC_ZSTD,
  MAX_BATCH_BYTES,
  MAX_UNPACKED_BYTES,
  placeBatchIn,
  putBatchHeader,
} from '../record-batch.ts';

/** Batches are merged until they hold so many records: 13.5 bytes a sample; more brings little, and a reader of one record unpacks them all. */
const MERGED_RECORDS = 1000;
/** A compressed batch of so many records is good as it is. */
const GOOD_RECORDS = 500;
/** A record grows by at most this much: its length, time delta and offset delta take more bytes. */
const MAX_GROWTH_BYTES = 4 + 9 + 4;
const MAX_RECORD_BYTES_TOGETHER = MAX_BATCH_BYTES - BATCH_HEADER_BYTES;

/** Takes a batch that is ready: valid until the sink returns. */
export type BatchSink = (batch: Uint8Array, header: BatchHeader) => void;

/** Records of one batch, unpacked. */
export interface Records {
  readonly data: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/**
 * Makes few large batches out of many small ones that follow each other, and compresses them (zstd level 1). Offsets, timestamps, keys, values and headers of the records stay as
 * they are: only what stands before the key is written anew, against the first offset and the base timestamp of the merged batch. Batches of different leader epochs are never
 * merged. Those that are good already, and those that are not ours (another codec, a producer, attributes), go through as they lie.
 */
export class BatchRepacker {
  private readonly sink: BatchSink;
  private readonly from = new ByteReader('batch-malformed');
  private readonly merged = new ByteWriter(64 * 1024);
  private readonly out = new ByteWriter(64 * 1024);
  /** Header of the first batch in `merged`. */
  private first: BatchHeader | undefined;
  private count = 0;
  private maxTimestampMs = 0;

  constructor(sink: BatchSink) {
    this.sink = sink;
  }

  /** Takes the batch that lies at `at` of `source`; its checksum was verified. Throws `batch-malformed` for records that are not as they should be. */
  add(source: Uint8Array, at: number, header: BatchHeader): void {
    const batch = source.subarray(at, at + header.bytes);
    if (isGood(header) || !isOurs(batch, header)) return this.pass(batch, header);
    const records = recordsOf(batch, header);
    const bytes = records.end - records.start;
    if (this.first !== undefined) {
      const fits = this.merged.length + bytes + header.count * MAX_GROWTH_BYTES <= MAX_RECORD_BYTES_TOGETHER;
      if (!fits || this.first.epoch !== header.epoch) this.flush();
    }
    // Alone its records stay as they are, and can be no more than they were.
    const alone = header.count >= MERGED_RECORDS || bytes + header.count * MAX_GROWTH_BYTES > MAX_RECORD_BYTES_TOGETHER;
    if (alone) return this.compressAlone(batch, header, records);
    this.merge(header, records);
    if (this.count >= MERGED_RECORDS) this.flush();
  }

  /** What was added is in the sink. */
  flush(): void {
    const { first, merged, count, maxTimestampMs } = this;
    if (first === undefined) return;
    this.first = undefined;
    const plain = merged.bytes.subarray(0, merged.length);
    const packed = compress(plain);
    const smaller = packed.length < plain.length;
    const codec = smaller ? CODEC_ZSTD : CODEC_NONE;
    this.emit({ ...first, codec, count, maxTimestampMs }, smaller ? packed : plain);
    merged.reset();
    this.count = 0;
  }

  private pass(batch: Uint8Array, header: BatchHeader): void {
    this.flush();
    this.sink(batch, header);
  }

  private compressAlone(batch: Uint8Array, header: BatchHeader, { data, start, end }: Records): void {
    if (header.codec !== CODEC_NONE) return this.pass(batch, header);
    const packed = compress(data.subarray(start, end));
    if (packed.length >= end - start) return this.pass(batch, header);
    this.flush();
    this.emit({ ...header, codec: CODEC_ZSTD }, packed);
  }

  private merge(header: BatchHeader, { data, start, end }: Records): void {
    this.first ??= header;
    this.maxTimestampMs =
      this.count === 0 ? header.maxTimestampMs : Math.max(this.maxTimestampMs, header.maxTimestampMs);
    const shiftMs = header.baseTimestampMs - this.first.baseTimestampMs;
    const { from, merged } = this;
    merged.ensure(end - start + header.count * MAX_GROWTH_BYTES);
    from.open(data, start, end);
    for (let i = 0; i < header.count; i++) {
      const length = from.varint();
      const recordEnd = from.at + length;
      if (length < 0 || recordEnd > end) from.fail(`record of ${length} bytes`);
      const attributes = from.uint8();
      const timeDelta = from.varsafe() + shiftMs;
      const offsetDelta = from.varint();
      if (!Number.isSafeInteger(timeDelta)) from.fail(`time delta ${timeDelta}`);
      if (offsetDelta !== i) from.fail(`record ${i} says offset delta ${offsetDelta}`);
      const rest = recordEnd - from.at;
      if (rest < 0) from.fail(`record of ${length} bytes`);
      merged.varlong(1 + varlongBytes(timeDelta) + varlongBytes(this.count) + rest);
      merged.uint8(attributes);
      merged.varlong(timeDelta);
      merged.varlong(this.count);
      copy(data, from.at, merged, rest);
      from.at = recordEnd;
      this.count++;
    }
    if (from.at !== end) from.fail(`${end - from.at} bytes behind the last record`);
  }

  private emit(header: BatchHeader, body: Uint8Array): void {
    const { out } = this;
    const bytes = BATCH_HEADER_BYTES + body.length;
    out.reset();
    out.skip(BATCH_HEADER_BYTES);
    out.raw(body);
    const crc = putBatchHeader(out, header);
    placeBatchIn(out.view, 0, header.baseOffset, header.epoch);
    this.sink(out.bytes.subarray(0, bytes), { ...header, bytes, crc });
  }
}

function isGood({ codec, count }: BatchHeader): boolean {
  return codec === CODEC_ZSTD && count >= GOOD_RECORDS;
}

/** As Millrace writes them: times of type CreateTime that are exact here, no producer, a codec that is known. */
function isOurs(batch: Uint8Array, { codec, baseTimestampMs, maxTimestampMs }: BatchHeader): boolean {
  if (!Number.isSafeInteger(baseTimestampMs) || !Number.isSafeInteger(maxTimestampMs)) return false;
  if (batch[21] !== 0 || batch[22] !== codec || (codec !== CODEC_NONE && codec !== CODEC_ZSTD)) return false;
  for (let at = 43; at < 57; at++) if (batch[at] !== 0xff) return false;
  return true;
}

/** The records of a batch whose codec is none or zstd. Throws `batch-malformed`. */
export function recordsOf(batch: Uint8Array, { codec, baseOffset }: BatchHeader): Records {
  if (codec === CODEC_NONE) return { data: batch, start: BATCH_HEADER_BYTES, end: batch.length };
  try {
    const data = zstdDecompressSync(batch.subarray(BATCH_HEADER_BYTES), { maxOutputLength: MAX_UNPACKED_BYTES });
    return { data, start: 0, end: data.length };
  } catch (error) {
    throw new Fault('batch-malformed', `Offset ${baseOffset}: the zstd frame cannot be unpacked.`, { cause: error });
  }
}

/** Records as one zstd frame, as the log has them. */
export function compress(plain: Uint8Array, level = 1): Uint8Array {
  return zstdCompressSync(plain, { params: { [constants.ZSTD_c_compressionLevel]: level } });
}

/** Bytes of a zigzag variable-length integer. */
function varlongBytes(value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value;
  let bytes = 1;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** Most records are short: a loop is quicker than a view of each. The room is there. */
function copy(source: Uint8Array, start: number, to: ByteWriter, count: number): void {
  const { bytes, length } = to;
  if (count > 128) bytes.set(source.subarray(start, start + count), length);
  else for (let i = 0; i < count; i++) bytes[length + i] = source[start + i] ?? 0;
  to.length = length + count;
}
