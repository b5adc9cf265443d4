import type { ByteReader } from '../../edge/core/byte-reader.ts';
import type { ByteWriter } from '../../edge/core/byte-writer.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { BLOCK_POINTS } from '../limits.ts';
import { Decimals } from './decimals.ts';
import { SlotDictionary } from './dictionary.ts';
import { readIntegers } from './integer-reader.ts';
import { writeIntegers } from './integers.ts';
import { numbers, wordPairs } from './scratch.ts';
import { readDoubles, readWords, writeWords } from './words.ts';

/** Values of one kind of number, as slots of 64 bits (FORMAT.md, "Numbers"). */

const INTEGERS = 0;
const DECIMALS = 1;
/** Decimals that were float32. */
const SINGLE_DECIMALS = 2;
const DICTIONARY = 3;
/** Bits of doubles and of int64, turned so that near numbers are near. */
const WORDS = 4;
/** Bits of float32. */
const SINGLE_WORDS = 5;

/** Decimals over fewer integers than this are better than any dictionary. */
const FEW_INTEGERS = 4096;
const LEAST_LONG = -0x200000;
const PAST_LONG = 0x200000;
/** 1 / 2^32: a product with it is exact, and five times as fast as a quotient. */
const PER_WORD = 2 ** -32;

const integers = numbers();
const turned = wordPairs();
const decimals = new Decimals();
const dictionary = new SlotDictionary();
const singles = new Float32Array(BLOCK_POINTS);
const singleBits = new Uint32Array(singles.buffer);

/** Numbers as slots: `words` are the same memory as pairs of words, the lower first. */
export interface Slots {
  readonly slots: Float64Array;
  readonly words: Uint32Array;
}

/** Appends `count` values. Returns them as integers and decimal places, if all are decimal numbers; valid until the next call. */
export function writeNumbers(
  out: ByteWriter,
  kind: ValueKind,
  { slots, words }: Slots,
  count: number,
): Decimals | undefined {
  if (kind === ValueKind.float || kind === ValueKind.double) return writeReals(out, slots, words, count);
  if (toIntegers(kind, words, count)) {
    out.uint8(INTEGERS);
    writeIntegers(out, integers, count);
    return undefined;
  }
  if (writeDictionary(out, words, count)) return undefined;
  for (let i = 0; i < count; i++) {
    turned[i * 2] = words[i * 2] ?? 0;
    turned[i * 2 + 1] = (words[i * 2 + 1] ?? 0) ^ 0x80000000;
  }
  out.uint8(WORDS);
  writeWords(out, turned, count);
  return undefined;
}

/** Fills `integers`; false: one is not exact in a double. */
function toIntegers(kind: ValueKind, words: Uint32Array, count: number): boolean {
  const signed = kind === ValueKind.long;
  for (let i = 0; i < count; i++) {
    const word = words[i * 2 + 1] ?? 0;
    const high = signed ? word | 0 : word;
    const low = words[i * 2] ?? 0;
    if (high < LEAST_LONG || high >= PAST_LONG || (high === LEAST_LONG && low === 0)) return false;
    integers[i] = high * 4294967296 + low;
  }
  return true;
}

function writeReals(out: ByteWriter, slots: Float64Array, words: Uint32Array, count: number): Decimals | undefined {
  if (decimals.find(slots, count, false)) {
    const range = decimals.high - decimals.low;
    if (range < FEW_INTEGERS || !dictionaryPays(words, count, range)) {
      out.uint8(DECIMALS);
      decimals.write(out, words, count);
      return decimals.outside.count === 0 ? decimals : undefined;
    }
  }
  const single = areSingles(slots, count);
  if (single && decimals.find(slots, count, true) && decimals.high - decimals.low < FEW_INTEGERS * 16) {
    out.uint8(SINGLE_DECIMALS);
    decimals.write(out, words, count);
    return undefined;
  }
  if (writeDictionary(out, words, count)) return undefined;
  out.uint8(single ? SINGLE_WORDS : WORDS);
  if (single) turnSingles(slots, count);
  else turnDoubles(words, count);
  writeWords(out, turned, count);
  return undefined;
}

/** Whether the entries of a dictionary and their indexes take less than integers of this range. */
function dictionaryPays(words: Uint32Array, count: number, range: number): boolean {
  if (!dictionary.find(words, count)) return false;
  return dictionary.count * 64 + count * Math.log2(dictionary.count) < count * Math.log2(range);
}

/** False: there are too many different values for one. */
function writeDictionary(out: ByteWriter, words: Uint32Array, count: number): boolean {
  if (!dictionary.find(words, count) || (dictionary.count > 1 && dictionary.count * 2 > count)) return false;
  out.uint8(DICTIONARY);
  dictionary.write(out, count);
  return true;
}

/** Whether all are float32 numbers; a NaN is none: its bits would not come back. */
function areSingles(slots: Float64Array, count: number): boolean {
  for (let i = 0; i < count; i++) if (Math.fround(slots[i] ?? 0) !== slots[i]) return false;
  return true;
}

/** The sign goes below: numbers of either sign are near where their magnitudes are, and a sign that all have costs nothing. */
function turnDoubles(words: Uint32Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const low = words[i * 2] ?? 0;
    const high = words[i * 2 + 1] ?? 0;
    turned[i * 2] = (low << 1) | (high >>> 31);
    turned[i * 2 + 1] = (high << 1) | (low >>> 31);
  }
}

function turnSingles(slots: Float64Array, count: number): void {
  for (let i = 0; i < count; i++) {
    singles[i] = slots[i] ?? 0;
    const bits = singleBits[i] ?? 0;
    turned[i * 2] = (bits << 1) | (bits >>> 31);
    turned[i * 2 + 1] = 0;
  }
}

/** Reads `count` values of a kind. */
export function readNumbers(from: ByteReader, kind: ValueKind, { slots, words }: Slots, count: number): void {
  const codec = from.uint8();
  const real = kind === ValueKind.float || kind === ValueKind.double;
  if (kind === ValueKind.boolean && codec !== INTEGERS) from.fail(`codec ${codec} of booleans`);
  switch (codec) {
    case INTEGERS:
      if (real) from.fail('integers where reals are');
      return readWhole(from, kind, words, count);
    case DICTIONARY:
      return dictionary.read(from, words, count);
    case DECIMALS:
    case SINGLE_DECIMALS:
      if (!real) from.fail('decimals where integers are');
      return decimals.read(from, slots, words, count, codec === SINGLE_DECIMALS);
    case WORDS:
      return real ? readDoubles(from, words, count) : readSigned(from, words, count);
    case SINGLE_WORDS:
      if (!real) from.fail('float32 where integers are');
      return readSingles(from, slots, count);
    default:
      return from.fail(`codec ${codec} of numbers`);
  }
}

function readWhole(from: ByteReader, kind: ValueKind, words: Uint32Array, count: number): void {
  const least = kind === ValueKind.long ? Number.MIN_SAFE_INTEGER : 0;
  const greatest = kind === ValueKind.boolean ? 1 : Number.MAX_SAFE_INTEGER;
  readIntegers(from, integers, count);
  let fits = true;
  for (let i = 0; i < count; i++) {
    const value = integers[i] ?? 0;
    words[i * 2] = value;
    words[i * 2 + 1] = Math.floor(value * PER_WORD);
    if (!(value >= least && value <= greatest)) fits = false;
  }
  if (!fits) from.fail('a number that is no value of its kind');
}

function readSigned(from: ByteReader, words: Uint32Array, count: number): void {
  readWords(from, words, count);
  for (let i = 0; i < count; i++) words[i * 2 + 1] = (words[i * 2 + 1] ?? 0) ^ 0x80000000;
}

function readSingles(from: ByteReader, slots: Float64Array, count: number): void {
  readWords(from, turned, count);
  for (let i = 0; i < count; i++) {
    const bits = turned[i * 2] ?? 0;
    singleBits[i] = (bits >>> 1) | (bits << 31);
    slots[i] = singles[i] ?? 0;
  }
}
