import type { ByteWriter } from '../../edge/core/byte-writer.ts';
import { BLOCK_POINTS } from '../limits.ts';
import { Places } from './exceptions.ts';
import { packBits } from './bits.ts';
import {
  CONSTANT,
  DIFFERENCES,
  EXCEPTIONS,
  LOW_BITS,
  NARROW_BITS,
  PLAIN,
  RUNS,
  WIDE,
  WINDOW,
} from './integer-reader.ts';
import { bitsFor, SymbolColumn } from './symbol-column.ts';
import { numbers, wordPairs } from './scratch.ts';
import { differencesPay, EXCEPTION_BITS, roughWindow, shiftFor, type Window, windowWithin } from './window.ts';
import { writeWords } from './words.ts';

/**
 * Writes a column of integers within ±2^53 (FORMAT.md, "Integers"): one, runs, or a window of symbols and bits, of the numbers themselves or of their differences; the cheapest by counting,
 * not by trying.
 */

/** Differences that are kept in up to so many bits are not looked at any further. */
const ROUGH_BITS = 8;
/** Where they take more, one in so many may stand out from bits that are enough for the others. */
const ROUGH_OUTSIDE = 32;
/** Runs that are so long in the mean take less than anything else. */
const LONG_RUN = 32;

const residuals = numbers();
/** What the numbers are above the least one of their window; 0 outside of it. */
const distances = new Uint32Array(BLOCK_POINTS);
const pairs = wordPairs();
const column = new SymbolColumn();
const outside = new Places();

/** Appends `count` integers, at least one. */
export function writeIntegers(out: ByteWriter, values: Float64Array, count: number): void {
  const first = values[0] ?? 0;
  let low = first;
  let high = first;
  let runs = 1;
  for (let i = 1, previous = first; i < count; i++) {
    const value = values[i] ?? 0;
    if (value !== previous) runs++;
    previous = value;
    if (value < low) low = value;
    else if (value > high) high = value;
  }
  if (runs === 1) {
    out.uint8(CONSTANT);
    out.varlong(first);
  } else if (high - low > Number.MAX_SAFE_INTEGER) writePlain(out, values, count);
  else if (runs * LONG_RUN < count) {
    out.uint8(RUNS);
    writeRuns(out, values, count);
  } else if (!writeDifferences(out, values, count)) writeDirect(out, values, count, { low, high, runs });
}

/** Appends integers that are all as far from the one before: what `writeIntegers` would find out. */
export function writeProgression(out: ByteWriter, first: number, step: number): void {
  out.uint8(CONSTANT | DIFFERENCES);
  out.varlong(first);
  out.varlong(step);
}

/**
 * Appends integers as bits of one width, the differences or the distances from the least, without a look at how often each comes: 6 instead of 27 ns a number, and up to 0.2 bytes more. What is too
 * wide for that is written by `writeIntegers`. The numbers are within ±2^51, so that differences are exact.
 */
export function writeBits(out: ByteWriter, values: Float64Array, count: number, areDifferences: boolean): void {
  const first = values[0] ?? 0;
  const start = areDifferences ? 1 : 0;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = start, before = areDifferences ? first : 0; i < count; i++) {
    const value = values[i] ?? 0;
    const residual = value - before;
    if (areDifferences) before = value;
    residuals[i - start] = residual;
    if (residual < low) low = residual;
    if (residual > high) high = residual;
  }
  const rest = count - start;
  // Differences have few that stand out: gaps.
  if (areDifferences && high - low >= 2 ** ROUGH_BITS) ({ low, high } = roughWindow(residuals, rest));
  if (!(high > low && high - low < 2 ** NARROW_BITS) || fillDistances(rest, low, high) * ROUGH_OUTSIDE > rest)
    return writeIntegers(out, values, count);
  const width = bitsFor(high - low + 1);
  out.uint8(WINDOW | LOW_BITS | (areDifferences ? DIFFERENCES : 0) | (outside.count > 0 ? EXCEPTIONS : 0));
  if (areDifferences) out.varlong(first);
  out.varlong(low);
  out.uint8(width);
  // No symbols.
  out.uint8(0);
  packBits(out, distances, rest, width);
  if (outside.count > 0) writeOutside(out, residuals);
}

/** What residuals are above `low`, and which are outside; returns how many these are. */
function fillDistances(count: number, low: number, high: number): number {
  outside.clear();
  for (let i = 0; i < count; i++) {
    const residual = residuals[i] ?? 0;
    const isInside = residual >= low && residual <= high;
    if (!isInside) outside.add(i);
    distances[i] = isInside ? residual - low : 0;
  }
  return outside.count;
}

/** False: they are no use, and nothing is written. */
function writeDifferences(out: ByteWriter, values: Float64Array, count: number): boolean {
  if (!differencesPay(values, count)) return false;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let runs = 0;
  for (let i = 1, value = values[0] ?? 0, last = Number.NaN; i < count; i++) {
    const next = values[i] ?? 0;
    const residual = next - value;
    value = next;
    residuals[i - 1] = residual;
    if (residual !== last) runs++;
    last = residual;
    if (residual < low) low = residual;
    if (residual > high) high = residual;
  }
  const window = windowWithin(residuals, count - 1, low, high);
  if (bitsOf(window) > NARROW_BITS) return false;
  if (window.low === window.high && window.outside === 0) {
    writeProgression(out, values[0] ?? 0, window.low);
  } else writeResiduals(out, residuals, count - 1, window, runs, values[0]);
  return true;
}

/** What one look at all numbers finds: the least, the greatest, and how often another one follows, and one. */
interface Look {
  readonly low: number;
  readonly high: number;
  readonly runs: number;
}

function writeDirect(out: ByteWriter, values: Float64Array, count: number, { low, high, runs }: Look): void {
  const window = windowWithin(values, count, low, high);
  if (bitsOf(window) <= NARROW_BITS) return writeResiduals(out, values, count, window, runs);
  out.uint8(WIDE);
  out.varlong(low);
  for (let i = 0; i < count; i++) {
    const distance = (values[i] ?? 0) - low;
    pairs[i * 2] = distance;
    pairs[i * 2 + 1] = Math.floor(distance / 4294967296);
  }
  writeWords(out, pairs, count);
}

/** Bits of the widest distance in a window; 32: too wide for small integers. */
function bitsOf({ low, high }: Window): number {
  const range = high - low;
  return range < 2 ** NARROW_BITS ? bitsFor(range + 1) : NARROW_BITS + 1;
}

/** Appends numbers, or, with the first number in front, differences to the ones before. */
function writeResiduals(
  out: ByteWriter,
  of: Float64Array,
  count: number,
  window: Window,
  runs: number,
  first?: number,
): void {
  const differences = first === undefined ? 0 : DIFFERENCES;
  const { low, high } = window;
  const rangeBits = bitsOf(window);
  let shift = shiftFor(rangeBits);
  fillSymbols(of, count, window, shift);
  const bits = column.choose(count, ((high - low) >>> shift) + 1);
  if (column.raw) shift = rangeBits;
  if (costOfRuns(runs, low, high) < bits + count * shiftFor(rangeBits) + window.outside * EXCEPTION_BITS) {
    out.uint8(RUNS | differences);
    if (first !== undefined) out.varlong(first);
    return writeRuns(out, of, count);
  }
  out.uint8(WINDOW | differences | (window.outside > 0 ? EXCEPTIONS : 0) | (shift > 0 ? LOW_BITS : 0));
  if (first !== undefined) out.varlong(first);
  out.varlong(low);
  if (shift > 0) out.uint8(shift);
  column.write(out, count);
  if (shift > 0) packBits(out, distances, count, shift);
  if (window.outside > 0) writeOutside(out, of);
}

function writeOutside(out: ByteWriter, of: Float64Array): void {
  outside.write(out);
  for (let k = 0; k < outside.count; k++) out.varlong(of[outside.at[k] ?? 0] ?? 0);
}

/** Distances and symbols of all; what is outside of the window has the symbol of the number before it. */
function fillSymbols(of: Float64Array, count: number, { low, high }: Window, shift: number): void {
  const { symbols } = column;
  outside.clear();
  let symbol = 0;
  for (let i = 0; i < count; i++) {
    const value = of[i] ?? 0;
    const isInside = value >= low && value <= high;
    const distance = isInside ? value - low : 0;
    if (isInside) symbol = distance >>> shift;
    else outside.add(i);
    distances[i] = distance;
    symbols[i] = symbol;
  }
}

/** About what `writeRuns` takes, bits. */
function costOfRuns(runs: number, low: number, high: number): number {
  return runs * 8 * (2 + Math.log2(Math.max(-low, high) + 1) / 7);
}

function writeRuns(out: ByteWriter, of: Float64Array, count: number): void {
  for (let i = 0; i < count;) {
    const value = of[i] ?? 0;
    let until = i + 1;
    while (until < count && of[until] === value) until++;
    out.varlong(until - i);
    out.varlong(value);
    i = until;
  }
}

function writePlain(out: ByteWriter, values: Float64Array, count: number): void {
  out.uint8(PLAIN);
  for (let i = 0; i < count; i++) out.doubleLe(values[i] ?? 0);
}
