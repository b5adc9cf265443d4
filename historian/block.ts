import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { crc32c } from '@node-rs/crc32';
import { ByteReader } from '../edge/core/byte-reader.ts';
import type { ByteWriter } from '../edge/core/byte-writer.ts';
import { Fault } from '../edge/core/fault.ts';
import { readColumns, writeColumns } from './columns.ts';
import { MAX_BLOCK_BYTES } from './limits.ts';
import type { Points } from './points.ts';

/** Length, checksum, codec and unpacked length in front of a block's columns (FORMAT.md, "Block"). */
export const BLOCK_HEADER_BYTES = 13;

const PLAIN = 0;
const ZSTD = 1;
/** Below this zstd's fixed 17-20 µs a call cost more than the bytes are worth. */
const COMPRESS_FROM_BYTES = 1024;

const reader = new ByteReader('historian-damaged');

/** Appends rows `start` to `end` (at most 1,000) of one series as a block. */
export function writeBlock(out: ByteWriter, points: Points, start: number, end: number): void {
  const at = out.length;
  const body = at + BLOCK_HEADER_BYTES;
  out.ensure(BLOCK_HEADER_BYTES);
  out.length = body;
  writeColumns(out, points, start, end);
  const plainLength = out.length - body;
  const codec = plainLength >= COMPRESS_FROM_BYTES ? compress(out, body) : PLAIN;
  const { view } = out;
  view.setUint32(at, out.length - at, true);
  view.setUint8(at + 8, codec);
  view.setUint32(at + 9, plainLength, true);
  view.setUint32(at + 4, crc32c(out.bytes.subarray(at + 8, out.length)), true);
}

/** Replaces what was written from `body` on by its zstd frame, if that is smaller. */
function compress(out: ByteWriter, body: number): typeof PLAIN | typeof ZSTD {
  const plain = out.bytes.subarray(body, out.length);
  const packed = zstdCompressSync(plain, { params: { [constants.ZSTD_c_compressionLevel]: 1 } });
  if (packed.length >= plain.length) return PLAIN;
  out.bytes.set(packed, body);
  out.length = body + packed.length;
  return ZSTD;
}

/** Decodes a block. Throws `historian-damaged`; never allocates more than 2 MiB and what 1,000 samples take. */
export function decodeBlock(block: Uint8Array, topic: number): Points {
  if (block.length < BLOCK_HEADER_BYTES) throw damaged('shorter than its header');
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  if (view.getUint32(0, true) !== block.length) throw damaged(`length ${view.getUint32(0, true)} is wrong`);
  if (view.getUint32(4, true) !== crc32c(block.subarray(8))) throw damaged('checksum differs');
  const unpacked = view.getUint32(9, true);
  if (unpacked > MAX_BLOCK_BYTES) throw damaged(`${unpacked} bytes unpacked`);
  const body = unpack(view.getUint8(8), block.subarray(BLOCK_HEADER_BYTES), unpacked);
  if (body.length !== unpacked) throw damaged(`${body.length} bytes instead of ${unpacked}`);
  reader.open(body);
  return readColumns(reader, topic);
}

function unpack(codec: number, body: Uint8Array, unpacked: number): Uint8Array {
  if (codec === PLAIN) return body;
  if (codec !== ZSTD) throw damaged(`codec ${codec} is not known`);
  try {
    const plain = zstdDecompressSync(body, { maxOutputLength: Math.max(unpacked, 1) });
    // Not the Buffer itself: its slice shares memory.
    return new Uint8Array(plain.buffer, plain.byteOffset, plain.length);
  } catch (error) {
    throw damaged('zstd frame cannot be unpacked', error);
  }
}

function damaged(what: string, cause?: unknown): Fault {
  return new Fault('historian-damaged', `Block: ${what}.`, { cause });
}
