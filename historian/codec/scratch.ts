import { BLOCK_POINTS } from '../limits.ts';

/** Memory that the codecs of a block share: a block is coded by one thread at a time, and nothing is kept from one column to the next. */

/** A column of numbers with room for a block. */
export function numbers(): Float64Array<ArrayBuffer> {
  return new Float64Array(BLOCK_POINTS);
}

/** A column of 64-bit words, the lower half first. */
export function wordPairs(): Uint32Array<ArrayBuffer> {
  return new Uint32Array(BLOCK_POINTS * 2);
}
