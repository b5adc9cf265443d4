import type { ByteReader } from '../../edge/core/byte-reader.ts';
import type { ByteWriter } from '../../edge/core/byte-writer.ts';
import { Places } from './exceptions.ts';
import { readIntegers } from './integer-reader.ts';
import { writeIntegers } from './integers.ts';
import { numbers } from './scratch.ts';
import { selectNth } from './select.ts';
import { spreadOf } from './window.ts';

/**
 * Numbers that lie around a line, such as the times of a device that samples by its clock, or the offsets of a tag in a scan: what is left beside the line is narrower than differences,
 * in which each deviation comes twice. Where the numbers jump, such as behind a gap, the line begins anew; where there are many gaps of whole steps, such as samples that were lost or are
 * still to come, it goes on behind them (FORMAT.md, "Line").
 */

/** Pieces of a line at most, unless they are whole steps apart: with more, differences are better. */
const MAX_PIECES = 16;
/** The same of a line from which steps are missing: of all numbers so many. */
const GAP_SHARE = 1 / 4;
/** The same of a gap: so many steps. Sums over them stay exact. */
const MAX_GAP = 1000;
/** A line for fewer numbers is not worth its bytes. */
const LEAST_COUNT = 8;
/** Differences that the step is first taken from. */
const SAMPLED = 63;
/** A line must save so much of a number, in units of `spreadOf` (2^20 a bit), before it is worth its bytes. */
const WORTH = 0.05 * 2 ** 20;

/** A line of one step, in pieces. */
export interface Line {
  readonly step: number;
  /** Where each piece but the first begins, and the number there. */
  readonly starts: readonly number[];
  readonly bases: readonly number[];
  /** Of a line that goes on behind its gaps: the steps that are missing in front of each piece. */
  readonly missing?: readonly number[];
}

/** In the head: steps are missing. */
const GAPS = 0x40;

const differences = numbers();
const gaps = new Places();
const sampled = new Float64Array(SAMPLED);

/** A line that leaves less than differences do, and in `beside` what it leaves; or undefined. The first number is 0. */
export function fitLine(values: Float64Array, count: number, beside: Float64Array): Line | undefined {
  if (count < LEAST_COUNT || Math.abs(values[count - 1] ?? 0) > 2 ** 50) return undefined;
  for (let i = 1; i < count; i++) differences[i - 1] = (values[i] ?? 0) - (values[i - 1] ?? 0);
  const { median, deviation } = spreadOfDifferences(count - 1);
  const limit = 8 * deviation + 1;
  const starts = jumps(count - 1, median, limit);
  if (starts === undefined) return undefined;
  const missing = starts.length < MAX_PIECES ? undefined : missingSteps(starts, values[count - 1] ?? 0, count, limit);
  if (starts.length >= MAX_PIECES && missing === undefined) return undefined;
  const slope =
    missing === undefined ? slopeOf(values, count, median, starts) : slopeBeyond(values, count, starts, missing);
  const whole = Math.round(slope);
  // A step that is nearly a whole number is one: half of what the line would be off at its end is not worth eight bytes.
  const step = (Math.abs(slope - whole) * count) / 2 < 0.05 * deviation + 0.5 ? whole : slope;
  const line =
    missing === undefined
      ? { step, starts, bases: basesOf(values, count, step, starts) }
      : { step, starts, bases: basesBehind(step, starts, missing), missing };
  subtractLine(values, line, beside, count);
  const probes = Math.min(count, 256);
  return spreadOf(beside, count) + WORTH * probes < spreadOf(differences, count - 1) ? line : undefined;
}

/** Median of the differences, and what three of four are away from it at most. */
function spreadOfDifferences(count: number): { median: number; deviation: number } {
  const taken = Math.min(SAMPLED, count);
  for (let k = 0; k < taken; k++) sampled[k] = differences[Math.floor((k * count) / taken)] ?? 0;
  const median = selectNth(sampled, taken, taken >> 1);
  for (let k = 0; k < taken; k++) sampled[k] = Math.abs((sampled[k] ?? 0) - median);
  return { median, deviation: selectNth(sampled, taken, Math.floor(taken * 0.75)) };
}

/** Places behind the differences that lie further from the median. Undefined: there are too many. */
function jumps(count: number, median: number, limit: number): number[] | undefined {
  const starts: number[] = [];
  for (let i = 0; i < count; i++) {
    if (Math.abs((differences[i] ?? 0) - median) <= limit) continue;
    if (starts.length >= MAX_PIECES && starts.length > count * GAP_SHARE) return undefined;
    starts.push(i + 1);
  }
  return starts;
}

/** How many steps are missing in front of each piece; the numbers go from 0 to `last`. Undefined: one is not whole steps away. */
function missingSteps(
  starts: readonly number[],
  last: number,
  count: number,
  limit: number,
): readonly number[] | undefined {
  let within = last;
  for (const start of starts) within -= differences[start - 1] ?? 0;
  const step = within / (count - 1 - starts.length);
  const missing: number[] = [];
  for (const start of starts) {
    const jump = differences[start - 1] ?? 0;
    const steps = Math.round(jump / step);
    // Also where it is not a number.
    if (!(Math.abs(jump - steps * step) <= limit && Math.abs(steps) <= MAX_GAP)) return undefined;
    missing.push(steps - 1);
  }
  return missing;
}

/** Least squares over the steps, with those that are missing. */
function slopeBeyond(
  values: Float64Array,
  count: number,
  starts: readonly number[],
  missing: readonly number[],
): number {
  let [steps, squares, sum, products] = [0, 0, 0, 0];
  for (let piece = 0, step = 0; piece <= starts.length; piece++) {
    step += missing[piece - 1] ?? 0;
    const end = starts[piece] ?? count;
    for (let i = starts[piece - 1] ?? 0; i < end; i++, step++) {
      const value = values[i] ?? 0;
      steps += step;
      squares += step * step;
      sum += value;
      products += step * value;
    }
  }
  return (products - (steps * sum) / count) / (squares - (steps * steps) / count);
}

/** Where pieces of a line with gaps begin. */
function basesBehind(step: number, starts: readonly number[], missing: readonly number[]): number[] {
  let behind = 0;
  return starts.map((start, k) => {
    behind += missing[k] ?? 0;
    return Math.floor(step * (start + behind) + 0.5);
  });
}

/** Least squares over all pieces, with a common slope. */
function slopeOf(values: Float64Array, count: number, median: number, starts: readonly number[]): number {
  let products = 0;
  let squares = 0;
  for (let piece = 0; piece <= starts.length; piece++) {
    const start = starts[piece - 1] ?? 0;
    const length = (starts[piece] ?? count) - start;
    const base = values[start] ?? 0;
    const middle = (length - 1) / 2;
    for (let x = 0; x < length; x++) products += (x - middle) * ((values[start + x] ?? 0) - base - median * x);
    squares += (length * (length * length - 1)) / 12;
  }
  return squares === 0 ? median : median + products / squares;
}

/** Where the pieces begin, so that what is left has the same mean as beside the first piece. */
function basesOf(values: Float64Array, count: number, step: number, starts: readonly number[]): number[] {
  const mean = (start: number, end: number): number => {
    let sum = 0;
    for (let i = start; i < end; i++) sum += (values[i] ?? 0) - step * (i - start) - (values[start] ?? 0);
    return (values[start] ?? 0) + sum / (end - start);
  };
  if (starts.length === 0) return [];
  const first = mean(0, starts[0] ?? count);
  return starts.map((start, k) => Math.round(mean(start, starts[k + 1] ?? count) - first));
}

/** What is left of the values. */
function subtractLine(values: Float64Array, line: Line, into: Float64Array, count: number): void {
  const { step, starts, bases } = line;
  for (let piece = 0; piece <= starts.length; piece++) {
    const start = starts[piece - 1] ?? 0;
    const end = starts[piece] ?? count;
    const base = bases[piece - 1] ?? 0;
    if (Number.isSafeInteger(step))
      for (let i = start; i < end; i++) into[i] = (values[i] ?? 0) - (base + step * (i - start));
    else for (let i = start; i < end; i++) into[i] = (values[i] ?? 0) - (base + Math.floor(step * (i - start) + 0.5));
  }
}

/** Whether the line has one piece and whole steps: then it is step × i at sample i. */
export function isSimple({ step, starts }: Line): boolean {
  return starts.length === 0 && Number.isSafeInteger(step);
}

/** Makes the values again, in place. */
export function addLine(values: Float64Array, line: Line, count: number): void {
  const { step, starts, bases } = line;
  for (let piece = 0; piece <= starts.length; piece++) {
    const start = starts[piece - 1] ?? 0;
    const end = starts[piece] ?? count;
    const base = bases[piece - 1] ?? 0;
    if (Number.isSafeInteger(step))
      for (let i = start; i < end; i++) values[i] = (values[i] ?? 0) + (base + step * (i - start));
    else for (let i = start; i < end; i++) values[i] = (values[i] ?? 0) + (base + Math.floor(step * (i - start) + 0.5));
  }
}

/** As FORMAT.md has it ("Line"). */
export function writeLine(out: ByteWriter, { step, starts, bases, missing }: Line): void {
  const whole = Number.isSafeInteger(step);
  out.uint8((missing === undefined ? starts.length : GAPS) | (whole ? 0 : 0x80));
  if (whole) out.varlong(step);
  else out.doubleLe(step);
  if (missing !== undefined) return writeGaps(out, starts, missing);
  let previous = 0;
  for (const [k, start] of starts.entries()) {
    out.varlong(start - previous);
    out.varlong(bases[k] ?? 0);
    previous = start;
  }
}

function writeGaps(out: ByteWriter, starts: readonly number[], missing: readonly number[]): void {
  gaps.clear();
  for (const [k, start] of starts.entries()) {
    gaps.add(start);
    differences[k] = missing[k] ?? 0;
  }
  gaps.write(out);
  writeIntegers(out, differences, gaps.count);
}

/** Reads the line of `count` numbers. */
export function readLine(from: ByteReader, count: number): Line {
  const head = from.uint8();
  const step = head < 0x80 ? from.varsafe() : from.doubleLe();
  if ((head & GAPS) !== 0) return readGaps(from, step, count);
  const starts: number[] = [];
  const bases: number[] = [];
  let start = 0;
  for (let left = head & 0x3f; left > 0; left--) {
    const length = from.varint();
    start += length;
    if (length < 1 || start >= count) from.fail(`piece of a line at ${start}`);
    starts.push(start);
    bases.push(from.varsafe());
  }
  return { step, starts, bases };
}

function readGaps(from: ByteReader, step: number, count: number): Line {
  gaps.read(from, count);
  if (gaps.count === 0 || gaps.at[0] === 0) from.fail('a line without its gaps');
  readIntegers(from, differences, gaps.count);
  const starts = Array.from(gaps.at.subarray(0, gaps.count));
  const missing = Array.from(differences.subarray(0, gaps.count));
  return { step, starts, bases: basesBehind(step, starts, missing) };
}
