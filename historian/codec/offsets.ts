import type { ByteReader } from '../../edge/core/byte-reader.ts';
import type { ByteWriter } from '../../edge/core/byte-writer.ts';
import { Places } from './exceptions.ts';
import { areEven, readBeside, readIntegers } from './integer-reader.ts';
import { writeBits, writeIntegers, writeProgression } from './integers.ts';
import { BLOCK_POINTS } from '../limits.ts';
import { addLine, fitLine, readLine, writeLine } from './line.ts';
import { numbers } from './scratch.ts';
import { selectNth } from './select.ts';
import { spreadOf } from './window.ts';

/**
 * Places of samples in the log (FORMAT.md, "Offsets"). A tag that is scanned with others stands every so many records: a constant. Where only changes are reported, the log runs with the
 * time. Where records stand in the order of their times, what a place takes is what the jitter of all the others does to it: no code can be shorter without looking at the other tags.
 * Samples that came late stand far behind the others: how far is said of each by itself, and the column is coded as if they had been in time; beside so many places a scan, because where others
 * lie in another file scans are missing.
 */

const DIRECT = 0;
const LINE = 1;
const BY_TIME = 2;
const LATE = 3;

const LEAST_COUNT = 16;
/** Late is what stands further behind a sample of a later time than so many samples of its tag take. */
const LATE_STRIDES = 4;
/** Of all samples, how many may be late at most: of more nobody can say which. */
const LATE_SHARE = 1 / 4;
/** Distances that the period of a scan is taken from. */
const SAMPLED = 31;

const distances = numbers();
/** What a line leaves, and what the time leaves. */
const beside = numbers();
const ahead = numbers();
const differences = numbers();
/** Of each sample 1: it is late. */
const marks = new Uint8Array(BLOCK_POINTS);
/** Which are late, by how much, and what stands there instead. */
const late = new Places();
const behind = numbers();
const punctual = numbers();
const sampled = new Float64Array(SAMPLED);

/** Appends offsets, less what is known of them, of samples with these times. */
export function writeOffsets(out: ByteWriter, offsets: Float64Array, times: Float64Array, count: number): void {
  const found = jumps(offsets, count);
  if (found === 0 && count >= LEAST_COUNT && offsets[0] !== offsets[1]) {
    out.uint8(DIRECT);
    return writeProgression(out, offsets[0] ?? 0, (offsets[1] ?? 0) - (offsets[0] ?? 0));
  }
  // Small blocks are not worth the parameters, and runs are better than they.
  const isUneven = count >= LEAST_COUNT && found * LEAST_COUNT >= count;
  if (isUneven && findLate(offsets, times, count)) {
    out.uint8(LATE);
    late.write(out);
    writeBits(out, behind, late.count, false);
    out.doubleLe(periodUs);
    out.doubleLe(rate);
    // Where late records of others come in between, the places run away from any line.
    return writeBits(out, punctual, count, true);
  }
  const mode = isUneven ? choose(offsets, times, count) : DIRECT;
  out.uint8(mode);
  if (mode === DIRECT) return writeIntegers(out, offsets, count);
  out.varlong(offsets[0] ?? 0);
  if (mode === LINE) writeLine(out, line);
  else out.doubleLe(rate);
  writeIntegers(out, mode === LINE ? beside : ahead, count);
}

let line = { step: 0, starts: [] as readonly number[], bases: [] as readonly number[] };
let rate = 0;
/** Of a scan, µs. */
let periodUs = 0;

function choose(offsets: Float64Array, times: Float64Array, count: number): number {
  const first = offsets[0] ?? 0;
  let greatest = 0;
  for (let i = 0; i < count; i++) {
    const distance = (offsets[i] ?? 0) - first;
    distances[i] = distance;
    greatest = Math.max(greatest, Math.abs(distance));
  }
  // Sums of what is too large would not be exact.
  if (greatest > 2 ** 50) return DIRECT;
  let least = spreadOfDifferences(distances, count);
  const probes = Math.min(count, 256);
  least -= probes * 0.1 * 2 ** 20;
  let mode = DIRECT;
  const fitted = fitLine(distances, count, beside);
  if (fitted !== undefined) {
    const spread = spreadOf(beside, count);
    if (spread < least) {
      least = spread;
      mode = LINE;
      line = fitted;
    }
  }
  const span = (times[count - 1] ?? 0) - (times[0] ?? 0);
  rate = (distances[count - 1] ?? 0) / span;
  if (!Number.isFinite(rate)) return mode;
  besideTime(times, count);
  return Math.min(spreadOf(ahead, count), spreadOfDifferences(ahead, count)) < least ? BY_TIME : mode;
}

/** Finds what came late, and puts in `punctual` what the others are beside their scan; each late one is as far from it as the one before. False: nothing is late, or too much. */
function findLate(offsets: Float64Array, times: Float64Array, count: number): boolean {
  const lastOffset = offsets[count - 1] ?? 0;
  const reach = (Math.abs(lastOffset - (offsets[0] ?? 0)) / count) * LATE_STRIDES;
  let most = Math.floor(count * LATE_SHARE);
  // From the back: those behind which, in time, one stands that came much earlier.
  let least = Number.POSITIVE_INFINITY;
  let first = 0;
  for (let i = count - 1; i >= 0; i--) {
    const offset = offsets[i] ?? 0;
    const isLate = offset - least > reach;
    // What is too large could not be subtracted exactly.
    if ((isLate && --most < 0) || Math.abs(offset) > 2 ** 50) return false;
    marks[i] = isLate ? 1 : 0;
    if (!isLate) first = i;
    if (offset < least) least = offset;
  }
  periodUs = periodOf(times, count);
  const scans = scanOf(times, count - 1) - scanOf(times, first);
  rate = (lastOffset - (offsets[first] ?? 0)) / scans;
  // Neither is a number where there is no time between them.
  if (!(scans > 0 && Math.abs(rate) * scanOf(times, count - 1) < 2 ** 50)) return false;
  late.clear();
  markLate(offsets, times, count, first);
  return late.count > 0;
}

/** Fills `late`, `behind` and `punctual`, of which the first sample that came in time is number `first`. */
function markLate(offsets: Float64Array, times: Float64Array, count: number, first: number): void {
  // What stands in the module would be looked up for each sample.
  const [startUs, scanUs, stride] = [times[0] ?? 0, periodUs, rate];
  let before = (offsets[first] ?? 0) - Math.floor(stride * scanOf(times, first) + 0.5);
  for (let i = 0; i < count; i++) {
    const scan = Math.floor(((times[i] ?? 0) - startUs) / scanUs + 0.5);
    const distance = (offsets[i] ?? 0) - Math.floor(stride * scan + 0.5);
    if (marks[i] === 0) before = distance;
    else {
      behind[late.count] = distance - before;
      late.add(i);
    }
    punctual[i] = before;
  }
}

/** Number of the scan of a sample. */
function scanOf(times: Float64Array, i: number): number {
  return Math.floor(((times[i] ?? 0) - (times[0] ?? 0)) / periodUs + 0.5);
}

/** Median of some distances between samples, µs. */
function periodOf(times: Float64Array, count: number): number {
  const taken = Math.min(SAMPLED, count - 1);
  for (let k = 0; k < taken; k++) {
    const i = Math.floor((k * (count - 1)) / taken);
    sampled[k] = (times[i + 1] ?? 0) - (times[i] ?? 0);
  }
  return selectNth(sampled, taken, taken >> 1);
}

/** How often a difference is not like the one before; counted up to where runs are of no use. */
function jumps(offsets: Float64Array, count: number): number {
  const stride = (offsets[1] ?? 0) - (offsets[0] ?? 0);
  let found = 0;
  for (let i = 1, difference = stride; i < count && found * LEAST_COUNT < count; i++) {
    const next = (offsets[i] ?? 0) - (offsets[i - 1] ?? 0);
    if (next !== difference) found++;
    difference = next;
  }
  return found;
}

function besideTime(times: Float64Array, count: number): void {
  const first = times[0] ?? 0;
  for (let i = 0; i < count; i++) ahead[i] = (distances[i] ?? 0) - Math.floor(rate * ((times[i] ?? 0) - first) + 0.5);
}

function spreadOfDifferences(values: Float64Array, count: number): number {
  for (let i = 1; i < count; i++) differences[i - 1] = (values[i] ?? 0) - (values[i - 1] ?? 0);
  return spreadOf(differences, count - 1);
}

/** Reads the offsets of `count` samples and adds `base`. */
export function readOffsets(
  from: ByteReader,
  into: Float64Array,
  times: Float64Array,
  count: number,
  base: number,
): void {
  const mode = from.uint8();
  if (mode !== LATE) return readInOrder(from, mode, into, times, count, base);
  late.read(from, count);
  if (late.count === 0) from.fail('late samples of which there are none');
  readIntegers(from, behind, late.count);
  periodUs = from.doubleLe();
  const stride = from.doubleLe();
  readIntegers(from, into, count);
  for (let i = 0; i < count; i++) into[i] = (into[i] ?? 0) + Math.floor(stride * scanOf(times, i) + 0.5);
  addBase(from, into, count, base);
  for (let k = 0; k < late.count; k++) {
    const place = late.at[k] ?? 0;
    const offset = (into[place] ?? 0) + (behind[k] ?? 0);
    if (!Number.isSafeInteger(offset)) from.fail('offset above 53 bits');
    into[place] = offset;
  }
}

function readInOrder(
  from: ByteReader,
  mode: number,
  into: Float64Array,
  times: Float64Array,
  count: number,
  base: number,
): void {
  if (mode > BY_TIME) from.fail(`mode ${mode} of offsets`);
  if (mode === DIRECT) {
    const even = areEven(from);
    readBeside(from, into, count, base, 0, 1);
    // All of them lie between the first and the last.
    if (even && Number.isSafeInteger(into[0]) && Number.isSafeInteger(into[count - 1])) return;
    checkSafe(from, into, count);
  } else {
    const first = base + from.varsafe();
    const fitted = mode === LINE ? readLine(from, count) : undefined;
    const slope = mode === BY_TIME ? from.doubleLe() : 0;
    readIntegers(from, into, count);
    if (fitted !== undefined) addLine(into, fitted, count);
    const start = times[0] ?? 0;
    if (mode === BY_TIME)
      for (let i = 0; i < count; i++) into[i] = (into[i] ?? 0) + Math.floor(slope * ((times[i] ?? 0) - start) + 0.5);
    addBase(from, into, count, first);
  }
}

/** Adds to numbers that are whole, or none at all in damaged bytes. */
function addBase(from: ByteReader, into: Float64Array, count: number, base: number): void {
  for (let i = 0; i < count; i++) into[i] = base + (into[i] ?? 0);
  checkSafe(from, into, count);
}

/** Fails unless all are whole numbers within ±2^53; whole they are. */
function checkSafe(from: ByteReader, offsets: Float64Array, count: number): void {
  let safe = true;
  for (let i = 0; i < count; i++) {
    const offset = offsets[i] ?? 0;
    if (!(offset >= Number.MIN_SAFE_INTEGER && offset <= Number.MAX_SAFE_INTEGER)) safe = false;
  }
  if (!safe) from.fail('offset above 53 bits');
}
