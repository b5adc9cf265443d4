import type { ByteReader } from '../../edge/core/byte-reader.ts';
import type { ByteWriter } from '../../edge/core/byte-writer.ts';
import { BLOCK_POINTS, MAX_BLOCK_BYTES } from '../limits.ts';
import type { Points } from '../points/points.ts';
import { readIntegers } from './integer-reader.ts';
import { writeIntegers } from './integers.ts';
import { numbers } from './scratch.ts';

/** Strings, bytes and arrays: each value, or, where they repeat, each different one and the place of each (FORMAT.md, "Blobs"). */

const EACH = 0;
const DICTIONARY = 1;
/** Slots of the hash table: more than twice the values. */
const TABLE = 4096;

const lengths = numbers();
const indexes = numbers();
const starts = numbers();
/** Row of each different value. */
const firsts = new Uint16Array(BLOCK_POINTS);
const table = new Uint16Array(TABLE);
const hashes = new Uint32Array(BLOCK_POINTS);

/** Appends the values of the first `count` rows that `rows` names. */
export function writeBlobs(out: ByteWriter, points: Points, rows: Uint32Array, count: number): void {
  const different = index(points, rows, count);
  if (different * 2 > count) {
    out.uint8(EACH);
    for (let i = 0; i < count; i++) firsts[i] = i;
    return writeValues(out, points, rows, count);
  }
  out.uint8(DICTIONARY);
  out.varlong(different);
  writeValues(out, points, rows, different);
  writeIntegers(out, indexes, count);
}

/** Lengths of the values that `firsts` names, then their bytes. */
function writeValues(out: ByteWriter, points: Points, rows: Uint32Array, count: number): void {
  for (let i = 0; i < count; i++) lengths[i] = lengthOf(points, rows[firsts[i] ?? 0] ?? 0);
  writeIntegers(out, lengths, count);
  for (let i = 0; i < count; i++) out.raw(points.blob(rows[firsts[i] ?? 0] ?? 0));
}

function lengthOf(points: Points, row: number): number {
  return points.words[row * 2 + 1] ?? 0;
}

/** Fills `firsts` and `indexes`, and returns how many values differ. */
function index(points: Points, rows: Uint32Array, count: number): number {
  table.fill(0);
  let different = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i] ?? 0;
    const hash = hashOf(points, row);
    let at = hash & (TABLE - 1);
    let entry = (table[at] ?? 0) - 1;
    while (entry >= 0 && !(hashes[entry] === hash && isSame(points, row, rows[firsts[entry] ?? 0] ?? 0))) {
      at = (at + 1) & (TABLE - 1);
      entry = (table[at] ?? 0) - 1;
    }
    if (entry < 0) {
      entry = different++;
      firsts[entry] = i;
      hashes[entry] = hash;
      table[at] = different;
    }
    indexes[i] = entry;
  }
  return different;
}

/** FNV-1a. */
function hashOf(points: Points, row: number): number {
  const start = points.words[row * 2] ?? 0;
  const end = start + lengthOf(points, row);
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (points.heap[at] ?? 0), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

function isSame(points: Points, a: number, b: number): boolean {
  const length = lengthOf(points, a);
  if (length !== lengthOf(points, b)) return false;
  const from = points.words[a * 2] ?? 0;
  const other = points.words[b * 2] ?? 0;
  for (let i = 0; i < length; i++) if (points.heap[from + i] !== points.heap[other + i]) return false;
  return true;
}

/** Reads the values of the first `count` rows that `rows` names: their slots point to where they lie in `from.bytes`. Together they take no more than a block may. */
export function readBlobs(from: ByteReader, points: Points, rows: Uint32Array, count: number): void {
  const codec = from.uint8();
  if (codec > DICTIONARY) from.fail(`codec ${codec} of blobs`);
  const different = codec === EACH ? count : from.varint();
  if (different < 1 || different > count) from.fail(`${different} different values of ${count}`);
  readIntegers(from, lengths, different);
  const start = from.at;
  for (let i = 0; i < different; i++) {
    const length = lengths[i] ?? 0;
    if (!Number.isInteger(length)) from.fail(`value of ${length} bytes`);
    starts[i] = from.skip(length);
  }
  if (from.at - start > MAX_BLOCK_BYTES) from.fail('values too long');
  if (codec === DICTIONARY) readIntegers(from, indexes, count);
  let total = 0;
  for (let i = 0; i < count; i++) {
    const entry = codec === EACH ? i : (indexes[i] ?? 0);
    if (!(entry >= 0 && entry < different)) from.fail(`entry ${entry} of a dictionary`);
    const row = rows[i] ?? 0;
    const length = lengths[entry] ?? 0;
    points.words[row * 2] = starts[entry] ?? 0;
    points.words[row * 2 + 1] = length;
    total += length;
  }
  // Who copies them copies each: a dictionary must not stand for gigabytes.
  if (total > MAX_BLOCK_BYTES) from.fail(`values of ${total} bytes`);
}
