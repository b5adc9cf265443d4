import type { ByteReader } from '../../edge/core/byte-reader.ts';
import type { ByteWriter } from '../../edge/core/byte-writer.ts';
import { BLOCK_POINTS } from '../limits.ts';
import { type Frequencies, MAX_SYMBOLS, SCALE, SCALE_BITS, SHARE_SHIFT, SYMBOL_BITS } from './frequencies.ts';

/**
 * Range coder for symbols of known frequencies (rANS: J. Duda, "Asymmetric numeral systems", arXiv:1311.2540), two states in turn, 16 bits at a time (FORMAT.md, "Symbols").
 * States stay below 2^31, so that all of it is arithmetic of small integers.
 */

/** A state is at least this, below 2^16 times it. */
const LEAST_STATE = 1 << 15;
/** A state from frequency times 2 to this power on gives 16 bits away before it takes a symbol. */
const FULL_SHIFT = 15 - SCALE_BITS + 16;

/** Bytes beside the symbols themselves. */
export const SYMBOLS_OVERHEAD_BYTES = 8;

/*
 * Constants of other modules by names of this one. What is imported is looked up at each use, and the compiled code does not know what it will be: 3.2 instead of 2.0 ns a symbol.
 */
const STATE_SHIFT = SCALE_BITS;
const SLOT_MASK = SCALE - 1;
const SHARE_FROM = SHARE_SHIFT;
const BEHIND_FROM = SYMBOL_BITS;
const SYMBOL_MASK = MAX_SYMBOLS - 1;

const words = new Uint16Array(BLOCK_POINTS);

/** Appends `count` symbols. Each has a frequency of at least 1 and less than all. */
export function writeSymbols(out: ByteWriter, symbols: Int32Array, count: number, frequencies: Frequencies): void {
  const { of, starts, inverses } = frequencies;
  let state = LEAST_STATE;
  let other = LEAST_STATE;
  let at = 0;
  for (let i = count - 1; i >= 0; i--) {
    const symbol = symbols[i] ?? 0;
    const frequency = of[symbol] ?? 0;
    let next = state;
    if (next >= frequency << FULL_SHIFT) {
      words[at++] = next;
      next >>>= 16;
    }
    // Half a step more, so that no rounding can carry it below a whole number: three times as fast as a division.
    const quotient = ((next + 0.5) * (inverses[symbol] ?? 0)) | 0;
    next = (quotient << STATE_SHIFT) + next - Math.imul(quotient, frequency) + (starts[symbol] ?? 0);
    state = other;
    other = next;
  }
  out.ensure(SYMBOLS_OVERHEAD_BYTES + at * 2);
  const { view } = out;
  let place = out.length;
  // The one that took the first symbol stands first.
  view.setUint32(place, other, true);
  view.setUint32(place + 4, state, true);
  place += SYMBOLS_OVERHEAD_BYTES;
  while (at > 0) {
    view.setUint16(place, words[--at] ?? 0, true);
    place += 2;
  }
  out.length = place;
}

/** Reads `count` symbols. Fails unless both states end where the writer began. One table has all that is known of a slot: with one for the symbol and others for what is known of that it takes twice as long. */
export function readSymbols(from: ByteReader, symbols: Int32Array, count: number, frequencies: Frequencies): void {
  const slots = frequencies.lookup();
  const { bytes, end } = from;
  let at = from.skip(SYMBOLS_OVERHEAD_BYTES) + SYMBOLS_OVERHEAD_BYTES;
  let even = from.view.getUint32(at - 8, true);
  let odd = from.view.getUint32(at - 4, true);
  if (even < LEAST_STATE || odd < LEAST_STATE || even > 0x7fffffff || odd > 0x7fffffff) from.fail('states of symbols');
  even |= 0;
  odd |= 0;
  let i = 0;
  for (; i + 1 < count && at + 4 <= end; i += 2) {
    const first = slots[even & SLOT_MASK] ?? 0;
    const second = slots[odd & SLOT_MASK] ?? 0;
    symbols[i] = first & SYMBOL_MASK;
    symbols[i + 1] = second & SYMBOL_MASK;
    even = Math.imul(first >>> SHARE_FROM, even >>> STATE_SHIFT) + ((first >>> BEHIND_FROM) & SLOT_MASK);
    odd = Math.imul(second >>> SHARE_FROM, odd >>> STATE_SHIFT) + ((second >>> BEHIND_FROM) & SLOT_MASK);
    if (even < LEAST_STATE) {
      even = (even << 16) | (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
      at += 2;
    }
    if (odd < LEAST_STATE) {
      odd = (odd << 16) | (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
      at += 2;
    }
  }
  for (; i < count; i++) {
    const slot = slots[even & SLOT_MASK] ?? 0;
    let next = Math.imul(slot >>> SHARE_FROM, even >>> STATE_SHIFT) + ((slot >>> BEHIND_FROM) & SLOT_MASK);
    symbols[i] = slot & SYMBOL_MASK;
    if (next < LEAST_STATE) {
      if (at + 2 > end) from.fail('symbols are cut off');
      next = (next << 16) | (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
      at += 2;
    }
    even = odd;
    odd = next;
  }
  if (even !== LEAST_STATE || odd !== LEAST_STATE) from.fail('symbols do not end as they began');
  from.at = at;
}
