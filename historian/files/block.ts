import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { crc32c } from '@node-rs/crc32';
import { ByteReader } from '../../edge/core/byte-reader.ts';
import { ByteWriter } from '../../edge/core/byte-writer.ts';
import { Fault } from '../../edge/core/fault.ts';
import type { BlockEntry } from '../codec/entry.ts';
import { summarize } from '../codec/summary.ts';
import { appendColumns, type BlockBounds, readColumns, writeColumns } from './columns.ts';
import { MAX_BLOCK_BYTES } from '../limits.ts';
import { Points } from '../points/points.ts';

/** First byte of a block that is a zstd frame; that of columns is below 32. */
const ZSTD = 128;

/** Below this zstd's fixed 17-20 µs a call cost more than the bytes are worth. */
const COMPRESS_FROM_BYTES = 1024;
/** Of blocks that are read seldom: their columns are short of redundancy, and time is no object. */
const COLD_LEVEL = 9;

/** What must be known of a block before it can be read: it stands in the index of its series. */
export interface BlockKey extends BlockBounds {
  readonly crc: number;
}

const reader = new ByteReader('historian-damaged');
const body = new ByteWriter(16 * 1024);

/**
 * Appends rows `start` to `end` (at most 1,000) of one series as a block (FORMAT.md, "Block"), and returns what the index is to say of it; valid until the next call. Its columns become a
 * zstd frame if that is shorter: where there are strings, bytes or arrays, and, if it is `cold`, always.
 */
export function writeBlock(out: ByteWriter, points: Points, start: number, end: number, cold = false): BlockEntry {
  body.reset();
  const offsets = offsetsOf(points, start, end);
  const decimals = writeColumns(body, points, start, end, offsets);
  const plain = body.bytes.subarray(0, body.length);
  const worthTrying = body.length >= COMPRESS_FROM_BYTES && (cold || points.heapLength >= COMPRESS_FROM_BYTES);
  const packed = worthTrying ? compress(plain, cold ? COLD_LEVEL : 1) : undefined;
  const from = out.length;
  if (packed !== undefined) {
    out.uint8(ZSTD);
    out.varlong(plain.length);
  }
  out.raw(packed ?? plain);
  const crc = crc32c(out.bytes.subarray(from, out.length));
  return { ...summarize(points, start, end, decimals), ...offsets, block: { length: out.length - from, crc } };
}

/** Least and greatest log offset. */
function offsetsOf({ offsets }: Points, start: number, end: number): { leastOffset: number; greatestOffset: number } {
  let leastOffset = Number.POSITIVE_INFINITY;
  let greatestOffset = Number.NEGATIVE_INFINITY;
  for (let i = start; i < end; i++) {
    const offset = offsets[i] ?? 0;
    if (offset < leastOffset) leastOffset = offset;
    if (offset > greatestOffset) greatestOffset = offset;
  }
  return { leastOffset, greatestOffset };
}

/** The zstd frame, if it is shorter. */
function compress(plain: Uint8Array, level: number): Uint8Array | undefined {
  const packed = zstdCompressSync(plain, { params: { [constants.ZSTD_c_compressionLevel]: level } });
  return packed.length < plain.length ? packed : undefined;
}

/**
 * Decodes a block. `into`: points with room for 1,000 rows that are overwritten, for who looks at one block after the other: new memory for each takes longer than the decoding.
 * Throws `historian-damaged`; never allocates more than 2 MiB and what 1,000 samples take.
 */
export function decodeBlock(block: Uint8Array, key: BlockKey, topic: number, into?: Points): Points {
  openColumns(block, key);
  const points = into ?? new Points(key.count);
  points.reset();
  points.topics.fill(topic, 0, key.count);
  readColumns(reader, points, key);
  return points;
}

/**
 * Decodes a block of good numbers right behind the rows of points that have room for it. False: nothing was appended, for there are other samples in it. Throws `historian-damaged`; then
 * nothing was appended either.
 */
export function appendBlock(block: Uint8Array, key: BlockKey, topic: number, to: Points): boolean {
  openColumns(block, key);
  return appendColumns(reader, to, key, topic);
}

/** Opens the reader on the columns of a block. */
function openColumns(block: Uint8Array, { crc }: BlockKey): void {
  if (crc32c(block) !== crc) throw damaged('checksum differs');
  reader.open(block);
  if (block[0] !== ZSTD) return;
  reader.at = 1;
  const unpacked = reader.varint();
  reader.open(unpack(block.subarray(reader.at), unpacked));
}

function unpack(columns: Uint8Array, unpacked: number): Uint8Array {
  if (unpacked < 1 || unpacked > MAX_BLOCK_BYTES) throw damaged(`${unpacked} bytes unpacked`);
  let plain: Uint8Array;
  try {
    const bytes = zstdDecompressSync(columns, { maxOutputLength: unpacked });
    // Not the Buffer itself: its slice shares memory.
    plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  } catch (error) {
    throw damaged('zstd frame cannot be unpacked', error);
  }
  if (plain.length !== unpacked) throw damaged(`${plain.length} bytes instead of ${unpacked}`);
  return plain;
}

function damaged(what: string, cause?: unknown): Fault {
  return new Fault('historian-damaged', `Block: ${what}.`, { cause });
}
