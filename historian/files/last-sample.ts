import type { ByteReader } from '../../edge/core/byte-reader.ts';
import type { ByteWriter } from '../../edge/core/byte-writer.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { readDelta, writeDelta } from '../codec/delta.ts';
import { type LastSamples, LastState, SHORT_VALUE_BYTES } from './last-samples.ts';
import { isBlob, Points } from '../points/points.ts';

/** Beside the kind in the first byte of a last sample: what follows its value. */
const QUALITY = 16;
const FLAGS = 32;
const DEVICE_TIME = 64;
const SERVER_TIME = 128;
const KIND = 15;
/** In place of a kind: there is none. */
const NO_SAMPLE = 15;

/**
 * Appends the last sample of a series (FORMAT.md, "Table of series"): that of row 0. `reachUs`: the last effective time of the series, of which only a summary may be left; `offsetBefore`: log
 * offset of the last sample before it in the table.
 */
export function writeLast(out: ByteWriter, last: LastSamples, reachUs: number, offsetBefore: number): void {
  if (last.state(0) === LastState.none) return out.uint8(NO_SAMPLE);
  const { points } = last;
  const { times, offsets, kinds } = points;
  const [kind = 0, timeUs = 0] = [kinds[0], times[0]];
  const [quality, flag] = [points.qualityOf(0), points.flagsOf(0)];
  const [deviceUs, serverUs] = [points.deviceTime(0), points.serverTime(0)];
  const head =
    (quality === 0 ? 0 : QUALITY) |
    (flag === 0 ? 0 : FLAGS) |
    (Number.isNaN(deviceUs) ? 0 : DEVICE_TIME) |
    (Number.isNaN(serverUs) ? 0 : SERVER_TIME);
  out.uint8(kind | head);
  writeDelta(out, timeUs, reachUs);
  writeDelta(out, offsets[0] ?? 0, offsetBefore);
  if (!isBlob(kind)) writeValue(out, points, kind as ValueKind);
  else if (last.state(0) === LastState.elsewhere) out.varlong(0);
  else {
    const bytes = points.blob(0);
    out.varlong(bytes.length + 1);
    out.raw(bytes);
  }
  if ((head & QUALITY) !== 0) out.varlong(quality);
  if ((head & FLAGS) !== 0) out.varlong(flag);
  if ((head & DEVICE_TIME) !== 0) writeDelta(out, deviceUs, timeUs);
  if ((head & SERVER_TIME) !== 0) writeDelta(out, serverUs, timeUs);
}

function writeValue(out: ByteWriter, points: Points, kind: ValueKind): void {
  if (kind === ValueKind.boolean) out.uint8(points.words[0] ?? 0);
  else if (kind === ValueKind.float) out.floatLe(points.slots[0] ?? 0);
  else if (kind === ValueKind.double) out.doubleLe(points.slots[0] ?? 0);
  else if (kind !== ValueKind.null) {
    const value = points.long(0);
    if (typeof value === 'bigint') out.varlongBig(value);
    else out.varlong(value);
  }
}

/** One row that a last sample is read into. */
const sample = new Points(1);

/** Reads the last sample of a series into a row. Gives its log offset, or that of the one before it in the table where there is none. */
export function readLast(
  from: ByteReader,
  into: LastSamples,
  row: number,
  reachUs: number,
  offsetBefore: number,
): number {
  const head = from.uint8();
  const kind = head & KIND;
  if (head === NO_SAMPLE) return offsetBefore;
  if (kind > ValueKind.array) from.fail(`kind ${kind}`);
  const timeUs = readDelta(from, reachUs);
  if (timeUs > reachUs) from.fail('sample behind the last one');
  const offset = readDelta(from, offsetBefore);
  sample.reset();
  sample.times[0] = timeUs;
  sample.offsets[0] = offset;
  sample.kinds[0] = kind;
  const isKept = isBlob(kind) ? readShort(from) : readValue(from, kind as ValueKind);
  if ((head & QUALITY) === 0) sample.clearQualities(0, 1);
  else sample.qualities[0] = readWithin(from, 0, 0xffffffff);
  if ((head & FLAGS) === 0) sample.clearFlags(0, 1);
  else sample.flags[0] = readWithin(from, -0x80000000, 0x7fffffff);
  if ((head & DEVICE_TIME) === 0) sample.clearDeviceTimes(0, 1);
  else sample.deviceTimes[0] = readDelta(from, timeUs);
  if ((head & SERVER_TIME) === 0) sample.clearServerTimes(0, 1);
  else sample.serverTimes[0] = readDelta(from, timeUs);
  into.put(row, sample, 0);
  if (!isKept) into.doubt(row);
  return offset;
}

function readWithin(from: ByteReader, least: number, greatest: number): number {
  return within(from, from.varsafe(), least, greatest);
}

function within(from: ByteReader, value: number, least: number, greatest: number): number {
  if (value < least || value > greatest) from.fail(`${value} where ${least} to ${greatest} may be`);
  return value;
}

function readValue(from: ByteReader, kind: ValueKind): boolean {
  if (kind === ValueKind.boolean) sample.putLong(0, within(from, from.uint8(), 0, 1));
  else if (kind === ValueKind.float) sample.slots[0] = from.floatLe();
  else if (kind === ValueKind.double) sample.slots[0] = from.doubleLe();
  else sample.putLong(0, kind === ValueKind.null ? 0 : from.varlong());
  return true;
}

/** False: the value is too long for the table. */
function readShort(from: ByteReader): boolean {
  const length = readWithin(from, 0, SHORT_VALUE_BYTES + 1) - 1;
  sample.putLong(0, 0);
  if (length < 0) return false;
  const start = from.skip(length);
  const place = sample.claim(length);
  sample.heap.set(from.bytes.subarray(start, start + length), place);
  sample.words[0] = place;
  sample.words[1] = length;
  return true;
}
