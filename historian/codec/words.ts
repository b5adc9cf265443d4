import type { ByteReader } from '../../edge/core/byte-reader.ts';
import type { ByteWriter } from '../../edge/core/byte-writer.ts';
import { getBits, packBits, packPairs, readBits } from './bits.ts';
import { Places } from './exceptions.ts';
import { MAX_SYMBOLS } from './frequencies.ts';
import { numbers, wordPairs } from './scratch.ts';
import { SymbolColumn } from './symbol-column.ts';
import { chooseWindow, differencesPay, shiftFor, type Window } from './window.ts';

/**
 * A column of unsigned 64-bit numbers as pairs of words, the lower first (FORMAT.md, "Words"): the distances from the least one, their uppermost six bits as symbols, the rest as they are;
 * or the same of the differences to the number before, modulo 2^64, with the sign bit turned. Trailing bits that are 0 in all distances are not kept.
 */

const DIFFERENCES = 1;
const EXCEPTIONS = 2;
/** Turns differences so that they are in order as unsigned numbers. */
const SIGN = 0x80000000;
const WORD = 4294967296;
/** Bits that two words have at least of a number which begins in their first byte. */
const NEAR_BITS = 57;

/** The numbers as doubles: near enough to choose by. */
const near = numbers();
const turned = wordPairs();
const distances = wordPairs();
const column = new SymbolColumn();
const outside = new Places();

/** Appends `count` numbers, at least one. */
export function writeWords(out: ByteWriter, pairs: Uint32Array, count: number): void {
  for (let i = 0; i < count; i++) near[i] = (pairs[i * 2 + 1] ?? 0) * WORD + (pairs[i * 2] ?? 0);
  if (count < 3 || !differencesPay(near, count)) return writeDistances(out, pairs, count, 0);
  for (let i = 1; i < count; i++) {
    const low = (pairs[i * 2] ?? 0) - (pairs[i * 2 - 2] ?? 0);
    const high = (pairs[i * 2 + 1] ?? 0) - (pairs[i * 2 - 1] ?? 0) - (low < 0 ? 1 : 0);
    turned[i * 2 - 2] = low;
    turned[i * 2 - 1] = high ^ SIGN;
    near[i - 1] = (high | 0) * WORD + (low >>> 0);
  }
  writeDistances(out, turned, count - 1, DIFFERENCES, pairs);
}

/** Appends numbers; or differences, with the first of the `whole` numbers in front. */
function writeDistances(
  out: ByteWriter,
  of: Uint32Array,
  count: number,
  differences: number,
  whole: Uint32Array = of,
): void {
  const least = markOutside(of, count, chooseWindow(near, count));
  const used = setDistances(of, count, least);
  const trailing = trailingZeros(used.low, used.high);
  if (trailing > 0) dropTrailing(count, trailing);
  const bits = Math.max(0, 64 - leadingZeros(used.low, used.high) - trailing);
  const top = shiftFor(bits);
  const { symbols } = column;
  let limit = 0;
  for (let i = 0; i < count; i++) {
    const symbol = shifted(distances[i * 2] ?? 0, distances[i * 2 + 1] ?? 0, top);
    symbols[i] = symbol;
    if (symbol > limit) limit = symbol;
  }
  column.choose(count, limit + 1);
  const shift = column.raw ? bits : top;
  out.uint8(differences | (outside.count > 0 ? EXCEPTIONS : 0));
  if (differences !== 0) writePair(out, whole, 0);
  writePair(out, of, least);
  out.uint8(trailing);
  out.uint8(shift);
  column.write(out, count);
  if (shift > 32) packPairs(out, distances, count, shift);
  else if (shift > 0) packBits(out, distances, count, shift, 2);
  if (outside.count === 0) return;
  outside.write(out);
  for (let k = 0; k < outside.count; k++) writePair(out, of, outside.at[k] ?? 0);
}

/** Notes what is outside of the window, and returns the place of the least number inside. */
function markOutside(of: Uint32Array, count: number, { low, high }: Window): number {
  outside.clear();
  let least = -1;
  for (let i = 0; i < count; i++) {
    const value = near[i] ?? 0;
    if (value < low || value > high) outside.add(i);
    else if (least < 0 || isBelow(of, i, least)) least = i;
  }
  return least;
}

function isBelow(of: Uint32Array, a: number, b: number): boolean {
  const high = of[a * 2 + 1] ?? 0;
  const other = of[b * 2 + 1] ?? 0;
  return high < other || (high === other && (of[a * 2] ?? 0) < (of[b * 2] ?? 0));
}

/** Fills `distances`, 0 for what is outside, and returns which bits any of them has. */
function setDistances(of: Uint32Array, count: number, least: number): { low: number; high: number } {
  const lowest = of[least * 2] ?? 0;
  const highest = of[least * 2 + 1] ?? 0;
  for (let i = 0; i < count; i++) {
    const low = (of[i * 2] ?? 0) - lowest;
    distances[i * 2] = low;
    distances[i * 2 + 1] = (of[i * 2 + 1] ?? 0) - highest - (low < 0 ? 1 : 0);
  }
  for (let k = 0; k < outside.count; k++) distances.fill(0, (outside.at[k] ?? 0) * 2, (outside.at[k] ?? 0) * 2 + 2);
  let usedLow = 0;
  let usedHigh = 0;
  for (let i = 0; i < count; i++) {
    usedLow |= distances[i * 2] ?? 0;
    usedHigh |= distances[i * 2 + 1] ?? 0;
  }
  return { low: usedLow, high: usedHigh };
}

/** Shifts all distances down by bits that are 0 in each. */
function dropTrailing(count: number, trailing: number): void {
  for (let i = 0; i < count; i++) {
    const low = distances[i * 2] ?? 0;
    const high = distances[i * 2 + 1] ?? 0;
    distances[i * 2] = shifted(low, high, trailing);
    distances[i * 2 + 1] = shifted(high, 0, trailing);
  }
}

function trailingZeros(low: number, high: number): number {
  const word = low !== 0 ? low : high;
  return word === 0 ? 0 : 31 - Math.clz32(word & -word) + (low !== 0 ? 0 : 32);
}

function leadingZeros(low: number, high: number): number {
  return high !== 0 ? Math.clz32(high) : 32 + Math.clz32(low);
}

/** The lower word of a number shifted down by up to 64 bits. */
function shifted(low: number, high: number, by: number): number {
  if (by >= 32) return by >= 64 ? 0 : high >>> (by - 32);
  return by === 0 ? low : ((low >>> by) | (high << (32 - by))) >>> 0;
}

function writePair(out: ByteWriter, of: Uint32Array, place: number): void {
  out.ensure(8);
  out.view.setUint32(out.length, of[place * 2] ?? 0, true);
  out.view.setUint32(out.length + 4, of[place * 2 + 1] ?? 0, true);
  out.length += 8;
}

function readPair(from: ByteReader, into: Uint32Array, place: number): void {
  const at = from.skip(8);
  into[place * 2] = from.view.getUint32(at, true);
  into[place * 2 + 1] = from.view.getUint32(at + 4, true);
}

/** Reads `count` numbers. */
export function readWords(from: ByteReader, into: Uint32Array, count: number): void {
  const head = from.uint8();
  if (head > (DIFFERENCES | EXCEPTIONS)) from.fail(`mode ${head} of words`);
  if ((head & DIFFERENCES) === 0) return void readDistances(from, into, count, head);
  readPair(from, into, 0);
  readDistances(from, turned, count - 1, head);
  let low = into[0] ?? 0;
  let high = into[1] ?? 0;
  for (let i = 1; i < count; i++) {
    const sum = low + (turned[i * 2 - 2] ?? 0);
    high = (high + ((turned[i * 2 - 1] ?? 0) ^ SIGN) + (sum >= WORD ? 1 : 0)) | 0;
    low = sum >>> 0;
    into[i * 2] = low;
    into[i * 2 + 1] = high;
  }
}

/** Reads `count` doubles that were rotated left by one, so that the sign is lowest, and rotates them back. */
export function readDoubles(from: ByteReader, into: Uint32Array, count: number): void {
  if (from.bytes[from.at] === 0) {
    from.at++;
    if (readDistances(from, into, count, 0, true)) return;
  } else readWords(from, into, count);
  for (let i = 0; i < count; i++) {
    const low = into[i * 2] ?? 0;
    const high = into[i * 2 + 1] ?? 0;
    into[i * 2] = (low >>> 1) | (high << 31);
    into[i * 2 + 1] = (high >>> 1) | (low << 31);
  }
}

let startLow = 0;
let startHigh = 0;
/** The sign of all where numbers are rotated as they are read. */
let sign = 0;
/** What each symbol adds to either word. */
const lowOf = new Int32Array(MAX_SYMBOLS);
const highOf = new Int32Array(MAX_SYMBOLS);

/** With `doubles` it may rotate them to the right by one, and says whether it did. */
function readDistances(from: ByteReader, into: Uint32Array, count: number, head: number, doubles = false): boolean {
  const at = from.skip(8);
  startLow = from.view.getInt32(at, true);
  startHigh = from.view.getInt32(at + 4, true);
  const trailing = from.uint8();
  const shift = from.uint8();
  column.read(from, count);
  if (trailing > 63 || trailing + shift > (column.raw ? 64 : 63)) from.fail(`window of ${trailing} and ${shift} bits`);
  if (shift > 32 && shift <= NEAR_BITS && trailing < 32) {
    // Where no distance has the lowest bit, all have the sign of the start: to rotate them is to halve start and distances.
    const rotates = doubles && trailing > 0;
    if (rotates) halveStart();
    addNear(readBits(from, count, shift), into, count, shift, rotates ? trailing - 1 : trailing, rotates);
    if (rotates) return true;
  } else if (shift <= 32) addShort(from, into, count, shift, trailing);
  else addLong(readBits(from, count, shift), into, count, shift, trailing);
  if ((head & EXCEPTIONS) === 0) return false;
  outside.read(from, count);
  for (let k = 0; k < outside.count; k++) readPair(from, into, outside.at[k] ?? 0);
  return false;
}

function halveStart(): void {
  sign = startLow << 31;
  startLow = (startLow >>> 1) | (startHigh << 31);
  startHigh >>>= 1;
}

/** Symbols over up to 32 bits, shifted up, and the start added. */
function addShort(from: ByteReader, into: Uint32Array, count: number, width: number, trailing: number): void {
  const view = readBits(from, count, width);
  const { symbols } = column;
  for (let symbol = 0; symbol < MAX_SYMBOLS; symbol++) {
    lowOf[symbol] = width < 32 ? symbol << width : 0;
    highOf[symbol] = width === 32 ? symbol : width > 26 ? symbol >>> (32 - width) : 0;
  }
  for (let i = 0, bit = 0; i < count; i++, bit += width) {
    const symbol = symbols[i] ?? 0;
    const low = (lowOf[symbol] ?? 0) | (width === 0 ? 0 : getBits(view, bit, width));
    put(into, i, low, highOf[symbol] ?? 0, trailing);
  }
}

/** The same over more than 32 bits. */
function addLong(view: DataView, into: Uint32Array, count: number, width: number, trailing: number): void {
  const { symbols } = column;
  const highWidth = width - 32;
  for (let i = 0, bit = 0; i < count; i++, bit += width) {
    const symbol = (symbols[i] ?? 0) << highWidth;
    put(into, i, getBits(view, bit, 32), getBits(view, bit + 32, highWidth) | symbol, trailing);
  }
}

/** The same where two words from the byte on in which a number begins have all of it, as of noise in doubles: with the start at hand, and nothing looked up, it takes half the time. */
function addNear(
  view: DataView,
  into: Uint32Array,
  count: number,
  width: number,
  trailing: number,
  rotates: boolean,
): void {
  const { symbols } = column;
  const highWidth = width - 32;
  const mask = (1 << highWidth) - 1;
  const behind = 31 - trailing;
  const [lowest, highest] = [startLow, startHigh];
  const signed = rotates ? sign : 0;
  const kept = rotates ? 0x7fffffff : -1;
  for (let i = 0, bit = 0; i < count; i++, bit += width) {
    const at = bit >>> 3;
    const shift = bit & 7;
    const upper = view.getInt32(at + 4, true);
    const low = (view.getInt32(at, true) >>> shift) | ((upper << 1) << (31 - shift));
    const high = ((upper >>> shift) & mask) | ((symbols[i] ?? 0) << highWidth);
    const added = low << trailing;
    const sum = (added + lowest) | 0;
    const carry = ((added & lowest) | ((added | lowest) & ~sum)) >>> 31;
    into[i * 2] = sum;
    // Half a shift first: by 32 places at once nothing is shifted.
    into[i * 2 + 1] = ((((high << trailing) | ((low >>> 1) >>> behind)) + highest + carry) & kept) | signed;
  }
}

/** Sets a number to the start and a distance without its trailing zeros; all in integers of 32 bits. */
function put(into: Uint32Array, place: number, low: number, high: number, trailing: number): void {
  // Half a shift first: by 32 places at once nothing is shifted.
  const added = trailing < 32 ? low << trailing : 0;
  const addedHigh = trailing < 32 ? (high << trailing) | ((low >>> 1) >>> (31 - trailing)) : low << (trailing - 32);
  const sum = (added + startLow) | 0;
  const carry = ((added & startLow) | ((added | startLow) & ~sum)) >>> 31;
  into[place * 2] = sum;
  into[place * 2 + 1] = (addedHigh + startHigh + carry) | 0;
}
