import type { ByteReader } from '../edge/core/byte-reader.ts';
import type { ByteWriter } from '../edge/core/byte-writer.ts';
import { ValueKind } from '../edge/core/sample.ts';
import { BLOCK_POINTS } from './limits.ts';
import { Points } from './points.ts';

/** The columns of a block (FORMAT.md, "Block"), one behind the other. Readers check everything that an index or a length depends on. */

const LONG_DELTAS = 0;
const LONG_RAW = 1;

/** Appends rows `start` to `end`. */
export function writeColumns(out: ByteWriter, points: Points, start: number, end: number): void {
  out.varlong(end - start);
  writeDeltas(out, points.times, start, end);
  writeDeltas(out, points.offsets, start, end);
  writeRuns(out, points.kinds, start, end);
  writeValues(out, points, start, end);
  writeRuns(out, points.qualities, start, end);
  writeRuns(out, points.flags, start, end);
  writeOptional(out, points.deviceTimes, points.times, start, end);
  writeOptional(out, points.serverTimes, points.times, start, end);
}

/** Reads the columns of one block of a series in `topic`. The values of strings, bytes and arrays stay where they are in `from.bytes`. Throws the reader's fault. */
export function readColumns(from: ByteReader, topic: number): Points {
  const count = from.varint();
  if (count < 1 || count > BLOCK_POINTS) from.fail(`block of ${count} samples`);
  const points = new Points(count);
  points.count = count;
  points.topics.fill(topic);
  readDeltas(from, points.times);
  for (let i = 1; i < count; i++)
    if ((points.times[i] ?? 0) < (points.times[i - 1] ?? 0)) from.fail('times out of order');
  readDeltas(from, points.offsets);
  readRuns(from, points.kinds, 0, ValueKind.array);
  readValues(from, points);
  readRuns(from, points.qualities, 0, 0xffffffff);
  readRuns(from, points.flags, -0x80000000, 0x7fffffff);
  readOptional(from, points.deviceTimes, points.times);
  readOptional(from, points.serverTimes, points.times);
  if (from.at !== from.end) from.fail('bytes behind the last column');
  return points;
}

/** `value - base` of two integers within ±2^53, exactly. */
export function writeDelta(out: ByteWriter, value: number, base: number): void {
  const delta = value - base;
  if (Number.isSafeInteger(delta)) out.varlong(delta);
  else out.varlongBig(BigInt(value) - BigInt(base));
}

/** The value behind a delta; fails if it is beyond ±2^53. */
export function readDelta(from: ByteReader, base: number): number {
  const delta = from.varlong();
  const value = typeof delta === 'number' ? base + delta : Number(BigInt(base) + delta);
  if (!Number.isSafeInteger(value)) from.fail('number above 53 bits');
  return value;
}

function writeDeltas(out: ByteWriter, column: Float64Array, start: number, end: number): void {
  let previous = 0;
  for (let i = start; i < end; i++) {
    const value = column[i] ?? 0;
    writeDelta(out, value, previous);
    previous = value;
  }
}

function readDeltas(from: ByteReader, column: Float64Array): void {
  let value = 0;
  for (let i = 0; i < column.length; i++) {
    value = readDelta(from, value);
    column[i] = value;
  }
}

type IntegerColumn = Uint8Array | Uint32Array | Int32Array;

function writeRuns(out: ByteWriter, column: IntegerColumn, start: number, end: number): void {
  for (let i = start; i < end;) {
    const value = column[i] ?? 0;
    const until = runEnd(column, i, end);
    out.varlong(until - i);
    out.varlong(value);
    i = until;
  }
}

function runEnd(column: IntegerColumn, start: number, end: number): number {
  const value = column[start];
  let at = start + 1;
  while (at < end && column[at] === value) at++;
  return at;
}

function readRuns(from: ByteReader, column: IntegerColumn, least: number, greatest: number): void {
  for (let i = 0; i < column.length;) {
    const run = from.varint();
    const value = from.varsafe();
    if (run < 1 || run > column.length - i || value < least || value > greatest) from.fail(`run of ${run} × ${value}`);
    column.fill(value, i, i + run);
    i += run;
  }
}

function writeOptional(out: ByteWriter, column: Float64Array, times: Float64Array, start: number, end: number): void {
  let present = 0;
  for (let i = start; i < end; i++) if (!Number.isNaN(column[i] ?? Number.NaN)) present++;
  out.varlong(present);
  if (present === 0) return;
  for (let i = start; i < end;) {
    const missing = Number.isNaN(column[i] ?? Number.NaN);
    let until = i + 1;
    while (until < end && Number.isNaN(column[until] ?? Number.NaN) === missing) until++;
    out.varlong(missing ? i - until : until - i);
    i = until;
  }
  for (let i = start; i < end; i++) {
    const value = column[i] ?? Number.NaN;
    if (!Number.isNaN(value)) writeDelta(out, value, times[i] ?? 0);
  }
}

function readOptional(from: ByteReader, column: Float64Array, times: Float64Array): void {
  column.fill(Number.NaN);
  const present = from.varint();
  if (present < 0 || present > column.length) from.fail(`${present} times`);
  if (present === 0) return;
  let marked = 0;
  for (let i = 0; i < column.length;) {
    const run = from.varint();
    const length = Math.abs(run);
    if (run === 0 || length > column.length - i) from.fail(`run of ${run}`);
    if (run > 0) {
      column.fill(0, i, i + length);
      marked += length;
    }
    i += length;
  }
  if (marked !== present) from.fail(`${marked} times instead of ${present}`);
  for (let i = 0; i < column.length; i++) {
    if (!Number.isNaN(column[i] ?? Number.NaN)) column[i] = readDelta(from, times[i] ?? 0);
  }
}

function writeValues(out: ByteWriter, points: Points, start: number, end: number): void {
  for (let i = start; i < end;) {
    const until = runEnd(points.kinds, i, end);
    writeKind(out, points, points.kinds[i] as ValueKind, i, until);
    i = until;
  }
}

function writeKind(out: ByteWriter, points: Points, kind: ValueKind, start: number, end: number): void {
  switch (kind) {
    case ValueKind.null:
      return;
    case ValueKind.boolean:
      return writeBits(out, points, start, end);
    case ValueKind.long:
      return writeLongs(out, points, start, end);
    case ValueKind.float:
      for (let i = start; i < end; i++) out.floatLe(points.slots[i] ?? 0);
      return;
    case ValueKind.double:
    case ValueKind.uint64:
      return writeSlots(out, points, start, end);
    case ValueKind.string:
    case ValueKind.bytes:
    case ValueKind.array:
      for (let i = start; i < end; i++) out.varlong(points.words[i * 2 + 1] ?? 0);
      for (let i = start; i < end; i++) out.raw(points.blob(i));
  }
}

function writeSlots(out: ByteWriter, points: Points, start: number, end: number): void {
  out.raw(new Uint8Array(points.slots.buffer, start * 8, (end - start) * 8));
}

function writeBits(out: ByteWriter, points: Points, start: number, end: number): void {
  for (let i = start; i < end; i += 8) {
    let bits = 0;
    for (let k = i; k < Math.min(i + 8, end); k++) bits |= (points.words[k * 2] ?? 0) << (k - i);
    out.uint8(bits);
  }
}

/** Deltas where all values and all deltas are exact in a double, else the 64 bits as they are. */
function writeLongs(out: ByteWriter, points: Points, start: number, end: number): void {
  let previous = 0;
  let exact = true;
  for (let i = start; i < end && exact; i++) {
    const value = points.long(i);
    exact = typeof value === 'number' && Number.isSafeInteger(value - previous);
    previous = Number(value);
  }
  out.uint8(exact ? LONG_DELTAS : LONG_RAW);
  if (!exact) return writeSlots(out, points, start, end);
  previous = 0;
  for (let i = start; i < end; i++) {
    const value = Number(points.long(i));
    out.varlong(value - previous);
    previous = value;
  }
}

function readValues(from: ByteReader, points: Points): void {
  for (let i = 0; i < points.count;) {
    const until = runEnd(points.kinds, i, points.count);
    readKind(from, points, points.kinds[i] as ValueKind, i, until);
    i = until;
  }
}

function readKind(from: ByteReader, points: Points, kind: ValueKind, start: number, end: number): void {
  switch (kind) {
    case ValueKind.null:
      return;
    case ValueKind.boolean:
      return readBits(from, points, start, end);
    case ValueKind.long:
      return readLongs(from, points, start, end);
    case ValueKind.float:
      for (let i = start; i < end; i++) points.slots[i] = from.floatLe();
      return;
    case ValueKind.double:
    case ValueKind.uint64:
      return readSlots(from, points, start, end);
    case ValueKind.string:
    case ValueKind.bytes:
    case ValueKind.array:
      return readBlobs(from, points, start, end);
  }
}

function readSlots(from: ByteReader, points: Points, start: number, end: number): void {
  const at = from.skip((end - start) * 8);
  new Uint8Array(points.slots.buffer).set(from.bytes.subarray(at, from.at), start * 8);
}

function readBits(from: ByteReader, points: Points, start: number, end: number): void {
  for (let i = start; i < end; i += 8) {
    const bits = from.uint8();
    for (let k = i; k < Math.min(i + 8, end); k++) points.words[k * 2] = (bits >> (k - i)) & 1;
  }
}

function readLongs(from: ByteReader, points: Points, start: number, end: number): void {
  const mode = from.uint8();
  if (mode === LONG_RAW) return readSlots(from, points, start, end);
  if (mode !== LONG_DELTAS) from.fail(`mode ${mode} of integers`);
  let value = 0;
  for (let i = start; i < end; i++) {
    value = readDelta(from, value);
    points.putLong(i, value);
  }
}

/** Lengths, then bytes: the slots point to where they lie. */
function readBlobs(from: ByteReader, points: Points, start: number, end: number): void {
  points.heap = from.bytes as Uint8Array<ArrayBuffer>;
  points.heapLength = from.bytes.length;
  for (let i = start; i < end; i++) {
    const length = from.varint();
    if (length < 0) from.fail(`value of ${length} bytes`);
    points.words[i * 2 + 1] = length;
  }
  for (let i = start; i < end; i++) points.words[i * 2] = from.skip(points.words[i * 2 + 1] ?? 0);
}
