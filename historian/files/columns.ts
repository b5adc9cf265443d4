import type { ByteReader } from '../../edge/core/byte-reader.ts';
import type { ByteWriter } from '../../edge/core/byte-writer.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { readBlobs, writeBlobs } from '../codec/blobs.ts';
import type { Decimals } from '../codec/decimals.ts';
import { readIntegers } from '../codec/integer-reader.ts';
import { writeIntegers } from '../codec/integers.ts';
import { readOffsets, writeOffsets } from '../codec/offsets.ts';
import { readNumbers, type Slots, writeNumbers } from '../codec/slots.ts';
import { readStamps, writeStamps } from '../codec/stamps.ts';
import { readTimes, writeTimes } from '../codec/times.ts';
import { BLOCK_POINTS } from '../limits.ts';
import { isBlob, type Points } from '../points/points.ts';

/** The columns of a block (FORMAT.md, "Columns"), one behind the other. Readers check everything that an index or a length depends on. */

/** Which columns there are beside times, offsets and values; one that is missing is 0 or NaN all over. No other bit is set. */
const KINDS = 1;
const QUALITIES = 2;
const FLAGS = 4;
const DEVICE_TIMES = 8;
const SERVER_TIMES = 16;
const ALL = 31;

const column = new Float64Array(BLOCK_POINTS);
/** Rows of one kind. */
const rows = new Uint32Array(BLOCK_POINTS);
const gathered = slotsOf(new Float64Array(BLOCK_POINTS));

function slotsOf(slots: Float64Array): Slots {
  return { slots, words: new Uint32Array(slots.buffer) };
}

/** What stands of a block in the index of its series. */
export interface BlockBounds {
  readonly count: number;
  readonly firstUs: number;
  readonly lastUs: number;
  readonly leastOffset: number;
  readonly greatestOffset: number;
}

/** Appends rows `start` to `end`. Returns their values as integers and decimal places, if all are of type double and decimal; valid until the next call. */
export function writeColumns(
  out: ByteWriter,
  points: Points,
  start: number,
  end: number,
  bounds: Pick<BlockBounds, 'leastOffset' | 'greatestOffset'>,
): Decimals | undefined {
  const count = end - start;
  const times = points.times.subarray(start, end);
  const head = headOf(points, start, end);
  const one = (head & KINDS) === 0;
  out.uint8(head);
  writeTimes(out, times, count);
  const base = offsetBase(bounds);
  for (let i = start; i < end; i++) column[i - start] = (points.offsets[i] ?? 0) - base;
  writeOffsets(out, column, times, count);
  if (one) out.uint8(points.kinds[start] ?? 0);
  else writeSmall(out, points.kinds, start, end);
  const decimals = one ? writeAlike(out, points, start, end) : writeMixed(out, points, start, end);
  if ((head & QUALITIES) !== 0) writeSmall(out, points.qualities, start, end);
  if ((head & FLAGS) !== 0) writeSmall(out, points.flags, start, end);
  if ((head & DEVICE_TIMES) !== 0) writeStamps(out, points.deviceTimes.subarray(start, end), times, count);
  if ((head & SERVER_TIMES) !== 0) writeStamps(out, points.serverTimes.subarray(start, end), times, count);
  return decimals;
}

/** What log offsets are counted from: the least of them, unless they lie too far apart. */
function offsetBase({ leastOffset, greatestOffset }: Pick<BlockBounds, 'leastOffset' | 'greatestOffset'>): number {
  return Number.isSafeInteger(greatestOffset - leastOffset) ? leastOffset : 0;
}

type IntegerColumn = Uint8Array | Uint32Array | Int32Array;

/** Which columns are not the same all over. Those that no row has had are not looked at, nor made. */
function headOf(points: Points, start: number, end: number): number {
  const { kinds } = points;
  const kind = kinds[start] ?? 0;
  let otherKinds = 0;
  for (let i = start; i < end; i++) otherKinds |= (kinds[i] ?? 0) ^ kind;
  const head = otherKinds === 0 ? 0 : KINDS;
  return points.hasMore ? head | moreOf(points, start, end) : head;
}

/** One loop for qualities and flags: the arrays are of several types, for which a function that is given one would be slow. */
function moreOf({ qualities, flags, deviceTimes, serverTimes }: Points, start: number, end: number): number {
  let anyQuality = 0;
  let anyFlags = 0;
  for (let i = start; i < end; i++) {
    anyQuality |= qualities[i] ?? 0;
    anyFlags |= flags[i] ?? 0;
  }
  return (
    (anyQuality === 0 ? 0 : QUALITIES) |
    (anyFlags === 0 ? 0 : FLAGS) |
    (hasTimes(deviceTimes, start, end) ? DEVICE_TIMES : 0) |
    (hasTimes(serverTimes, start, end) ? SERVER_TIMES : 0)
  );
}

function hasTimes(times: Float64Array, start: number, end: number): boolean {
  // NaN is not above anything; asking whether it is NaN takes a call.
  for (let i = start; i < end; i++) if ((times[i] ?? 0) > Number.NEGATIVE_INFINITY) return true;
  return false;
}

function writeSmall(out: ByteWriter, of: IntegerColumn, start: number, end: number): void {
  for (let i = start; i < end; i++) column[i - start] = of[i] ?? 0;
  writeIntegers(out, column, end - start);
}

/** Values that are all of one kind. */
function writeAlike(out: ByteWriter, points: Points, start: number, end: number): Decimals | undefined {
  const kind = points.kinds[start] as ValueKind;
  if (kind === ValueKind.null) return undefined;
  if (!isBlob(kind)) {
    const slots = { slots: points.slots.subarray(start, end), words: points.words.subarray(start * 2, end * 2) };
    const decimals = writeNumbers(out, kind, slots, end - start);
    return kind === ValueKind.double ? decimals : undefined;
  }
  for (let i = start; i < end; i++) rows[i - start] = i;
  writeBlobs(out, points, rows, end - start);
  return undefined;
}

/** Values of each kind by themselves, in the order of the kinds. */
function writeMixed(out: ByteWriter, points: Points, start: number, end: number): undefined {
  for (let kind = ValueKind.boolean; kind <= ValueKind.array; kind++) {
    let count = 0;
    for (let i = start; i < end; i++) if (points.kinds[i] === kind) rows[count++] = i;
    if (count === 0) continue;
    if (isBlob(kind)) writeBlobs(out, points, rows, count);
    else {
      for (let k = 0; k < count; k++) {
        const row = rows[k] ?? 0;
        gathered.words[k * 2] = points.words[row * 2] ?? 0;
        gathered.words[k * 2 + 1] = points.words[row * 2 + 1] ?? 0;
      }
      writeNumbers(out, kind, gathered, count);
    }
  }
}

/** Appends the columns of one block of good numbers of a series to points that have room for them. Throws the reader's fault. False: nothing was appended, for there are others. */
export function appendColumns(from: ByteReader, points: Points, bounds: BlockBounds, topic: number): boolean {
  const { count: at } = points;
  const { count, firstUs, lastUs } = bounds;
  const end = at + count;
  const head = from.uint8();
  if ((head & ~(DEVICE_TIMES | SERVER_TIMES)) !== 0) return false;
  const times = points.times.subarray(at, end);
  readTimes(from, times, count, firstUs, lastUs);
  readOffsets(from, points.offsets.subarray(at, end), times, count, offsetBase(bounds));
  const kind = from.uint8();
  if (kind > ValueKind.array) from.fail(`kind ${kind}`);
  if (kind === ValueKind.null || isBlob(kind)) return false;
  const slots = { slots: points.slots.subarray(at, end), words: points.words.subarray(at * 2, end * 2) };
  readNumbers(from, kind as ValueKind, slots, count);
  points.kinds.fill(kind, at, end);
  points.topics.fill(topic, at, end);
  points.clearQualities(at, end);
  points.clearFlags(at, end);
  if ((head & DEVICE_TIMES) === 0) points.clearDeviceTimes(at, end);
  else readStamps(from, points.deviceTimes.subarray(at, end), times, count);
  if ((head & SERVER_TIMES) === 0) points.clearServerTimes(at, end);
  else readStamps(from, points.serverTimes.subarray(at, end), times, count);
  if (from.at !== from.end) from.fail('bytes behind the last column');
  points.count = end;
  return true;
}

/** Reads the columns of one block of a series into empty points. The values of strings, bytes and arrays stay where they are in `from.bytes`. Throws the reader's fault. */
export function readColumns(from: ByteReader, points: Points, bounds: BlockBounds): void {
  const { count, firstUs, lastUs } = bounds;
  const { times, kinds } = points;
  points.count = count;
  const head = from.uint8();
  if (head > ALL) from.fail(`columns ${head}`);
  readTimes(from, times, count, firstUs, lastUs);
  readOffsets(from, points.offsets, times, count, offsetBase(bounds));
  if ((head & KINDS) === 0) {
    const kind = from.uint8();
    if (kind > ValueKind.array) from.fail(`kind ${kind}`);
    kinds.fill(kind, 0, count);
    readAlike(from, points, kind as ValueKind);
  } else {
    readSmall(from, kinds, count, 0, ValueKind.array);
    readMixed(from, points);
  }
  if ((head & QUALITIES) === 0) points.clearQualities(0, count);
  else readSmall(from, points.qualities, count, 0, 0xffffffff);
  if ((head & FLAGS) === 0) points.clearFlags(0, count);
  else readSmall(from, points.flags, count, -0x80000000, 0x7fffffff);
  if ((head & DEVICE_TIMES) === 0) points.clearDeviceTimes(0, count);
  else readStamps(from, points.deviceTimes, times, count);
  if ((head & SERVER_TIMES) === 0) points.clearServerTimes(0, count);
  else readStamps(from, points.serverTimes, times, count);
  if (from.at !== from.end) from.fail('bytes behind the last column');
}

function readSmall(from: ByteReader, into: IntegerColumn, count: number, least: number, greatest: number): void {
  readIntegers(from, column, count);
  for (let i = 0; i < count; i++) {
    const value = column[i] ?? 0;
    if (!(value >= least && value <= greatest)) from.fail(`${value} where ${least} to ${greatest} may be`);
    into[i] = value;
  }
}

function readAlike(from: ByteReader, points: Points, kind: ValueKind): void {
  const { count } = points;
  if (kind === ValueKind.null) points.slots.fill(0, 0, count);
  else if (isBlob(kind)) {
    for (let i = 0; i < count; i++) rows[i] = i;
    readHeap(from, points, count);
  } else readNumbers(from, kind, points, count);
}

function readMixed(from: ByteReader, points: Points): void {
  const { kinds, words } = points;
  points.slots.fill(0, 0, points.count);
  for (let kind = ValueKind.boolean; kind <= ValueKind.array; kind++) {
    let count = 0;
    for (let i = 0; i < points.count; i++) if (kinds[i] === kind) rows[count++] = i;
    if (count === 0) continue;
    if (isBlob(kind)) readHeap(from, points, count);
    else {
      readNumbers(from, kind, gathered, count);
      for (let k = 0; k < count; k++) {
        const row = rows[k] ?? 0;
        words[row * 2] = gathered.words[k * 2] ?? 0;
        words[row * 2 + 1] = gathered.words[k * 2 + 1] ?? 0;
      }
    }
  }
}

function readHeap(from: ByteReader, points: Points, count: number): void {
  points.heap = from.bytes as Uint8Array<ArrayBuffer>;
  points.heapLength = from.bytes.length;
  readBlobs(from, points, rows, count);
}
