import type { ByteReader } from '../../edge/core/byte-reader.ts';
import type { ByteWriter } from '../../edge/core/byte-writer.ts';
import { BLOCK_POINTS } from '../limits.ts';

/** Numbers of a fixed width one behind the other, the lowest bit first. To read one is an access of 32 bits at any byte: no state is carried from one number to the next. */

/** Room for what an access of 32 bits and a byte may touch behind the last number. */
const BEHIND = 8;
const copy = new Uint8Array(BLOCK_POINTS * 8 + BEHIND);
const copyView = new DataView(copy.buffer);

/** Appends the lowest `width` bits, at most 32, of `count` numbers, each `stride` behind the one before: they are gathered in a word, which is written when it is full. */
export function packBits(out: ByteWriter, numbers: Uint32Array, count: number, width: number, stride = 1): void {
  const bytes = (count * width + 7) >> 3;
  out.ensure(bytes + BEHIND);
  const { view } = out;
  const mask = width === 32 ? -1 : (1 << width) - 1;
  let at = out.length;
  let word = 0;
  let filled = 0;
  for (let i = 0; i < count; i++) {
    const number = (numbers[i * stride] ?? 0) & mask;
    word |= number << filled;
    filled += width;
    if (filled < 32) continue;
    view.setInt32(at, word, true);
    at += 4;
    filled -= 32;
    // By 32 places at once nothing is shifted.
    word = filled === 0 ? 0 : number >>> (width - filled);
  }
  view.setInt32(at, word, true);
  out.length += bytes;
}

/** The same of 33 to 64 bits, of numbers that are pairs of words. */
export function packPairs(out: ByteWriter, pairs: Uint32Array, count: number, width: number): void {
  const bytes = (count * width + 7) >> 3;
  out.ensure(bytes + BEHIND);
  const { view } = out;
  const highWidth = width - 32;
  const mask = highWidth === 32 ? -1 : (1 << highWidth) - 1;
  let at = out.length;
  let word = 0;
  let filled = 0;
  for (let i = 0; i < count; i++) {
    const low = pairs[i * 2] ?? 0;
    const high = (pairs[i * 2 + 1] ?? 0) & mask;
    view.setInt32(at, word | (low << filled), true);
    at += 4;
    word = ((low >>> 1) >>> (31 - filled)) | (high << filled);
    filled += highWidth;
    if (filled < 32) continue;
    view.setInt32(at, word, true);
    at += 4;
    filled -= 32;
    word = filled === 0 ? 0 : high >>> (highWidth - filled);
  }
  view.setInt32(at, word, true);
  out.length += bytes;
}

/** Claims the bytes of `count` numbers and returns a view of a copy of them, which begins at bit 0 and may be read beyond. */
export function readBits(from: ByteReader, count: number, width: number): DataView {
  const bytes = (count * width + 7) >> 3;
  const start = from.skip(bytes);
  copy.set(from.bytes.subarray(start, start + bytes));
  copy.fill(0, bytes, bytes + BEHIND);
  return copyView;
}

/** The number of `width` bits, at most 32, at a place. */
export function getBits(view: DataView, bit: number, width: number): number {
  const at = bit >>> 3;
  const shift = bit & 7;
  let value = view.getUint32(at, true) >>> shift;
  if (shift + width > 32) value |= view.getUint8(at + 4) << (32 - shift);
  return width === 32 ? value : value & ((1 << width) - 1);
}
