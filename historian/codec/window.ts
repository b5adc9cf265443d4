import { selectNth } from './select.ts';

/** Symbols reach over 64 steps at most; what is finer than a step is kept as bits. */
const WINDOW_BITS = 6;
/** What a number outside of the window takes more than one inside: its place, its length, its symbol. */
export const EXCEPTION_BITS = 24;
/** How much wider than most of its numbers a window may be: six bits of symbols leave three for what most are. */
const FREE_BITS = 3;
/** Numbers that the middle is taken from. */
const SAMPLED = 31;

/** How far a rough window goes at least, in distances that three of four have at most: of a bell one in eighty is outside. */
const ROUGH_REACH = 2.2;

/** Bit lengths of doubles, by their exponents: 0 to 1100. */
const LENGTHS = 1100;

const float = new Float64Array(1);
const floatWords = new Int32Array(float.buffer);
const sampled = new Float64Array(SAMPLED);
const lengths = new Uint32Array(LENGTHS);

/** The numbers from `low` to `high` are worth coding alike, the others (`outside` of them) are exceptions: a gap of an hour must not make each second of it dearer. */
export interface Window {
  readonly low: number;
  readonly high: number;
  readonly outside: number;
}

/** Weighs the bits of all against the cost of exceptions. The numbers are finite. */
export function chooseWindow(values: Float64Array, count: number): Window {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const value = values[i] ?? 0;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return windowWithin(values, count, low, high);
}

/** The same of numbers whose least and greatest are known. */
export function windowWithin(values: Float64Array, count: number, low: number, high: number): Window {
  if (high - low < 2 ** WINDOW_BITS) return { low, high, outside: 0 };
  const centre = middleOf(values, count);
  const length = lengthThatPays(values, count, centre);
  const reach = 2 ** length;
  if (centre - reach <= low && centre + reach >= high) return { low, high, outside: 0 };
  return tightWindow(values, count, centre - reach, centre + reach);
}

/** Median of some. */
function middleOf(values: Float64Array, count: number): number {
  const taken = Math.min(SAMPLED, count);
  for (let k = 0; k < taken; k++) sampled[k] = values[Math.floor((k * count) / taken)] ?? 0;
  return selectNth(sampled, taken, taken >> 1);
}

/** A window of whole bits around the middle, by a look at some: to each side twice to four times as wide as what three of four are away from it. */
export function roughWindow(values: Float64Array, count: number): { readonly low: number; readonly high: number } {
  const centre = middleOf(values, count);
  const taken = Math.min(SAMPLED, count);
  for (let k = 0; k < taken; k++) sampled[k] = Math.abs((sampled[k] ?? 0) - centre);
  const away = selectNth(sampled, taken, Math.floor(taken * 0.75));
  const reach = 2 ** bitLength(ROUGH_REACH * away);
  return { low: centre - reach, high: centre + reach - 1 };
}

/**
 * Bits of a distance from the centre beyond which numbers are better exceptions. Symbols are as fine as they need to be up to three bits beyond what three quarters of the numbers take: so far
 * a wider window costs next to nothing, from there on a bit of each number for each bit.
 */
function lengthThatPays(values: Float64Array, count: number, centre: number): number {
  lengths.fill(0, 0, LENGTHS);
  let longest = 0;
  for (let i = 0; i < count; i++) {
    const length = bitLength((values[i] ?? 0) - centre);
    lengths[length] = (lengths[length] ?? 0) + 1;
    if (length > longest) longest = length;
  }
  let core = 0;
  for (let seen = lengths[0] ?? 0; seen * 4 < count * 3; seen += lengths[core] ?? 0) core++;
  let best = longest;
  let least = count * Math.max(0, longest - core - FREE_BITS);
  let outside = 0;
  for (let length = longest - 1; length >= 0 && least > 0; length--) {
    outside += lengths[length + 1] ?? 0;
    const bits = count * Math.max(0, length - core - FREE_BITS) + outside * (EXCEPTION_BITS + longest);
    if (bits < least) {
      least = bits;
      best = length;
    }
  }
  return best;
}

/** Bits of the whole part of a number's magnitude, by its exponent. */
function bitLength(value: number): number {
  float[0] = value;
  return Math.max(0, (((floatWords[1] ?? 0) >>> 20) & 0x7ff) - 1022);
}

function tightWindow(values: Float64Array, count: number, from: number, to: number): Window {
  let low = to;
  let high = from;
  let outside = 0;
  for (let i = 0; i < count; i++) {
    const value = values[i] ?? 0;
    if (value < from || value > to) outside++;
    else {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return { low, high, outside };
}

/** Bits by which a range is to be shifted so that no more than 64 symbols are left. */
export function shiftFor(rangeBits: number): number {
  return Math.max(0, rangeBits - WINDOW_BITS);
}

/** Numbers that are looked at. */
const PROBES = 256;

/** What they must save of each number, in units of `logOf`: the middle is that of a few numbers, and chance alone makes distances from it longer. */
const DIFFERENCES_WORTH = 0.15 * 2 ** 20;

/** Whether differences to the number before are shorter than distances from the middle; by their logarithms, so that a single jump counts little. */
export function differencesPay(values: Float64Array, count: number): boolean {
  const centre = middleOf(values, count);
  const stride = Math.max(1, Math.floor(count / PROBES));
  let direct = 0;
  let delta = 0;
  for (let i = 1; i < count; i += stride) {
    const value = values[i] ?? 0;
    direct += logOf(value - centre);
    delta += logOf(value - (values[i - 1] ?? 0)) + DIFFERENCES_WORTH;
  }
  return delta < direct;
}

/** What `logOf` gives of 0. */
const LOG_OF_0 = 0x3ff00000;

/** Beyond 2^20 times 1023, about 2^20 times log2(1 + |x|): an exponent with its mantissa behind it. */
function logOf(value: number): number {
  float[0] = Math.abs(value) + 1;
  return floatWords[1] ?? 0;
}

/** How wide numbers lie around their middle: about 2^20 times the sum of log2(1 + distance) of `PROBES` of them at most. For comparisons of columns of like length. */
export function spreadOf(values: Float64Array, count: number): number {
  const centre = middleOf(values, count);
  const stride = Math.max(1, Math.floor(count / PROBES));
  let sum = 0;
  for (let i = 0; i < count; i += stride) sum += logOf((values[i] ?? 0) - centre) - LOG_OF_0;
  return sum;
}
