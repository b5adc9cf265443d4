import type { ByteReader } from '../../edge/core/byte-reader.ts';
import { getBits, readBits } from './bits.ts';
import { Places } from './exceptions.ts';
import { numbers, wordPairs } from './scratch.ts';
import { SymbolColumn } from './symbol-column.ts';
import { readWords } from './words.ts';

/** Reads columns of integers (FORMAT.md, "Integers"). Most of what a query takes is spent here: numbers are gone over as seldom as can be. */

/** All are the same, or, with differences, one as far behind the other. */
export const CONSTANT = 0;
/** Each with how often it comes. */
export const RUNS = 1;
/** Symbols, bits below them, and exceptions. */
export const WINDOW = 2;
/** Words of 64 bits. */
export const WIDE = 3;
/** Doubles. */
export const PLAIN = 4;
/** Bits of the mode in the head; the others are what it has beside. */
const MODE = 7;
/** The first number, then differences to the one before. */
export const DIFFERENCES = 8;
/** Numbers outside of the window. */
export const EXCEPTIONS = 16;
/** There are bits below the symbols. */
export const LOW_BITS = 32;

/** Numbers of a window of at most so many bits are coded in small integers. */
export const NARROW_BITS = 31;

const residuals = numbers();
const pairs = wordPairs();
const column = new SymbolColumn();
const outside = new Places();

/*
 * What all numbers of a column are calculated with. What comes out of an array of doubles is multiplied as a double; small integers as they come would be multiplied as such, each product with a look
 * whether it is still one: 1.3 instead of 0.7 ns a number.
 */
const terms = new Float64Array(5);
const START = 0;
const STEP = 1;
const UNIT = 2;
const LOW = 3;
const VALUE = 4;

/** Reads `count` integers. Of damaged bytes they may lie beyond ±2^53, but are finite. */
export function readIntegers(from: ByteReader, into: Float64Array, count: number): void {
  readBeside(from, into, count, 0, 0, 1);
}

/**
 * Reads `count` integers that something is known of: the i-th becomes start + unit × (integer + step × i), as it is read, for to go over all of them again takes longer than that. Of damaged bytes
 * what comes out may lie beyond ±2^53, but is whole and finite if start, step and unit are.
 */
export function readBeside(
  from: ByteReader,
  into: Float64Array,
  count: number,
  start: number,
  step: number,
  unit: number,
): void {
  const head = from.uint8();
  terms[START] = start;
  terms[STEP] = step;
  terms[UNIT] = unit;
  if ((head & MODE) === CONSTANT) return readConstant(from, into, count, head);
  if ((head & (MODE | EXCEPTIONS)) === WINDOW) {
    if ((head & DIFFERENCES) === 0) readDirect(from, into, count, head);
    else readDifferences(from, into, count, head);
    return;
  }
  readOther(from, into, count, head);
  if (start === 0 && step === 0 && unit === 1) return;
  for (let i = 0; i < count; i++) into[i] = start + unit * ((into[i] ?? 0) + step * i);
}

/** Reads `count` integers and divides each. Differences, as decimal numbers mostly are, are divided as they are added up. */
export function readQuotients(from: ByteReader, into: Float64Array, count: number, divisor: number): void {
  const head = from.uint8();
  if ((head & (MODE | EXCEPTIONS | DIFFERENCES)) !== (WINDOW | DIFFERENCES)) {
    from.at--;
    readIntegers(from, into, count);
    for (let i = 0; i < count; i++) into[i] = (into[i] ?? 0) / divisor;
    return;
  }
  terms[VALUE] = from.varsafe();
  terms[LOW] = from.varsafe();
  terms[UNIT] = divisor;
  const above = readWindow(from, count - 1, head);
  const low = terms[LOW] ?? 0;
  const by = terms[UNIT] ?? 0;
  let value = terms[VALUE] ?? 0;
  into[0] = value / by;
  for (let i = 1; i < count; i++) {
    value += low + (above[i - 1] ?? 0);
    into[i] = value / by;
  }
}

/** Whether integers in equal steps, or all alike, are what comes next. */
export function areEven(from: ByteReader): boolean {
  return ((from.bytes[from.at] ?? 0) & MODE) === CONSTANT;
}

function readConstant(from: ByteReader, into: Float64Array, count: number, head: number): void {
  terms[VALUE] = from.varsafe();
  terms[LOW] = (head & DIFFERENCES) === 0 ? 0 : from.varsafe();
  const start = terms[START] ?? 0;
  const unit = terms[UNIT] ?? 0;
  const stride = (terms[LOW] ?? 0) + (terms[STEP] ?? 0);
  let value = terms[VALUE] ?? 0;
  let i = 0;
  // Four at a time: one by one each waits for the sum before it.
  for (; i + 3 < count; i += 4) {
    into[i] = start + unit * value;
    into[i + 1] = start + unit * (value + stride);
    into[i + 2] = start + unit * (value + 2 * stride);
    into[i + 3] = start + unit * (value + 3 * stride);
    value += 4 * stride;
  }
  for (; i < count; i++) {
    into[i] = start + unit * value;
    value += stride;
  }
}

function readDirect(from: ByteReader, into: Float64Array, count: number, head: number): void {
  terms[LOW] = from.varsafe();
  const above = readWindow(from, count, head);
  const start = terms[START] ?? 0;
  const step = terms[STEP] ?? 0;
  const unit = terms[UNIT] ?? 0;
  const low = terms[LOW] ?? 0;
  for (let i = 0; i < count; i++) into[i] = start + unit * (low + (above[i] ?? 0) + step * i);
}

function readDifferences(from: ByteReader, into: Float64Array, count: number, head: number): void {
  terms[VALUE] = from.varsafe();
  terms[LOW] = from.varsafe();
  const above = readWindow(from, count - 1, head);
  const start = terms[START] ?? 0;
  const unit = terms[UNIT] ?? 0;
  // The step of what is beside the differences.
  const low = (terms[LOW] ?? 0) + (terms[STEP] ?? 0);
  let value = terms[VALUE] ?? 0;
  into[0] = start + unit * value;
  for (let i = 1; i < count; i++) {
    value += low + (above[i - 1] ?? 0);
    into[i] = start + unit * value;
  }
}

/** Reads what numbers are above the least one of their window. */
function readWindow(from: ByteReader, count: number, head: number): Int32Array {
  const shift = (head & LOW_BITS) === 0 ? 0 : from.uint8();
  column.read(from, count);
  const { symbols, raw } = column;
  if (shift + (raw ? 0 : 6) > NARROW_BITS) from.fail(`window of ${shift} bits`);
  if (shift > 0) {
    const view = readBits(from, count, shift);
    for (let i = 0, bit = 0; i < count; i++, bit += shift)
      symbols[i] = ((symbols[i] ?? 0) << shift) | getBits(view, bit, shift);
  }
  return symbols;
}

/** Integers of the seldom modes, and those with exceptions. */
function readOther(from: ByteReader, into: Float64Array, count: number, head: number): void {
  const mode = head & MODE;
  if (mode === WIDE) return readWide(from, into, count);
  if (mode === PLAIN) return readPlain(from, into, count);
  if (mode !== RUNS && mode !== WINDOW) from.fail(`mode ${mode} of integers`);
  if ((head & DIFFERENCES) === 0) return readResiduals(from, into, count, head);
  const first = from.varsafe();
  readResiduals(from, residuals, count - 1, head);
  let value = first;
  into[0] = value;
  for (let i = 1; i < count; i++) {
    value += residuals[i - 1] ?? 0;
    into[i] = value;
  }
}

function readResiduals(from: ByteReader, into: Float64Array, count: number, head: number): void {
  if ((head & MODE) === RUNS) return readRuns(from, into, count);
  const low = from.varsafe();
  const above = readWindow(from, count, head);
  for (let i = 0; i < count; i++) into[i] = low + (above[i] ?? 0);
  outside.read(from, count);
  for (let k = 0; k < outside.count; k++) into[outside.at[k] ?? 0] = from.varsafe();
}

function readRuns(from: ByteReader, into: Float64Array, count: number): void {
  for (let i = 0; i < count;) {
    const run = from.varint();
    if (run < 1 || run > count - i) from.fail(`run of ${run}`);
    into.fill(from.varsafe(), i, i + run);
    i += run;
  }
}

function readWide(from: ByteReader, into: Float64Array, count: number): void {
  const low = from.varsafe();
  readWords(from, pairs, count);
  for (let i = 0; i < count; i++) into[i] = low + (pairs[i * 2 + 1] ?? 0) * 4294967296 + (pairs[i * 2] ?? 0);
}

function readPlain(from: ByteReader, into: Float64Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const value = from.doubleLe();
    if (!Number.isSafeInteger(value)) from.fail('not an integer');
    into[i] = value;
  }
}
