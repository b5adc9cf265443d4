import type { ByteReader } from '../../edge/core/byte-reader.ts';
import type { ByteWriter } from '../../edge/core/byte-writer.ts';
import { readBeside, readIntegers } from './integer-reader.ts';
import { writeIntegers } from './integers.ts';
import { addLine, fitLine, isSimple, readLine, writeLine } from './line.ts';
import { numbers } from './scratch.ts';

/** Times of samples, µs (FORMAT.md, "Times"): distances from the first, in units of what divides all of them, beside a line where there is one. */

/** Lowest two bits of the head: whether there is a line; or the times as they are. */
const UNITS = 0;
const LINE = 1;
const PLAIN = 2;
/** Units, µs, that the next two bits name; 3: another one stands behind the head. */
const NAMED_UNITS = [1, 1000, 1_000_000];
const OTHER_UNIT = 3;

const distances = numbers();
const beside = numbers();

/** Appends times that never decrease. The first and the last stand elsewhere. */
export function writeTimes(out: ByteWriter, times: Float64Array, count: number): void {
  const first = times[0] ?? 0;
  if ((times[count - 1] ?? 0) - first > Number.MAX_SAFE_INTEGER) {
    out.uint8(PLAIN);
    for (let i = 0; i < count; i++) out.doubleLe(times[i] ?? 0);
    return;
  }
  const unit = unitOf(times, count);
  for (let i = 0; i < count; i++) distances[i] = ((times[i] ?? 0) - first) / unit;
  const line = fitLine(distances, count, beside);
  const named = NAMED_UNITS.indexOf(unit);
  out.uint8((line === undefined ? UNITS : LINE) | ((named < 0 ? OTHER_UNIT : named) << 2));
  if (named < 0) out.varlong(unit);
  if (line !== undefined) writeLine(out, line);
  writeIntegers(out, line === undefined ? distances : beside, count);
}

/** Reads `count` times from `first` to `last`. Fails where they are not in order. */
export function readTimes(from: ByteReader, into: Float64Array, count: number, first: number, last: number): void {
  const head = from.uint8();
  const mode = head & 3;
  if (head > 15 || mode > PLAIN) from.fail(`mode ${head} of times`);
  if (mode === PLAIN) readPlain(from, into, count);
  else {
    const unit = NAMED_UNITS[head >> 2] ?? from.varsafe();
    const line = mode === LINE ? readLine(from, count) : undefined;
    if (line === undefined || isSimple(line)) readBeside(from, into, count, first, line?.step ?? 0, unit);
    else {
      readIntegers(from, into, count);
      addLine(into, line, count);
      for (let i = 0; i < count; i++) into[i] = first + (into[i] ?? 0) * unit;
    }
    if (!areOrdered(into, count)) from.fail('times out of order');
  }
  // Whole numbers in order from one safe integer to another are safe integers.
  if (into[0] !== first || into[count - 1] !== last) from.fail('times out of order');
}

/** Four at a time: a third faster. False also where one is not a number. */
function areOrdered(times: Float64Array, count: number): boolean {
  let ordered = true;
  let i = 1;
  for (; i + 3 < count; i += 4) {
    const b = times[i] ?? 0;
    const c = times[i + 1] ?? 0;
    const d = times[i + 2] ?? 0;
    if (!(b >= (times[i - 1] ?? 0) && c >= b && d >= c && (times[i + 3] ?? 0) >= d)) ordered = false;
  }
  for (; i < count; i++) if (!((times[i] ?? 0) >= (times[i - 1] ?? 0))) ordered = false;
  return ordered;
}

function readPlain(from: ByteReader, into: Float64Array, count: number): void {
  for (let i = 0; i < count; i++) {
    const time = from.doubleLe();
    if (!Number.isSafeInteger(time)) from.fail('time above 53 bits');
    if (i > 0 && time < (into[i - 1] ?? 0)) from.fail('times out of order');
    into[i] = time;
  }
}

/** Greatest common divisor of the distances between the times; 1 if there are none. */
function unitOf(times: Float64Array, count: number): number {
  let unit = 0;
  let inverse = 0;
  for (let i = 1; i < count && unit !== 1; i++) {
    const distance = (times[i] ?? 0) - (times[i - 1] ?? 0);
    // Many times faster than the remainder of doubles, and exact: the product is below 2^53 if it is the distance.
    if (Math.floor(distance * inverse + 0.5) * unit === distance) continue;
    unit = divisor(distance, unit);
    inverse = 1 / unit;
  }
  return unit === 0 ? 1 : unit;
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}
