import { numericAt, type Numeric } from '../points/numeric.ts';
import { Flag } from '../../edge/core/flags.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { isGood } from '../../edge/core/status-code.ts';
import { BLOCK_POINTS } from '../limits.ts';
import { isBlob, type Points } from '../points/points.ts';
import type { Decimals } from './decimals.ts';

/**
 * What the index says of a block's samples (FORMAT.md, "Summary"): enough for the aggregates of OPC UA Part 13 that need no sample by itself. A sample is good if its quality is Good and
 * it has a value. Sample i holds from its time up to the time of sample i + 1, which must be of the same block: what lies between two blocks is the reader's to add, who has the last
 * sample of one (`lastGood`, `last`, `lastUs`) and the first of the next.
 */
export interface BlockSummary {
  readonly count: number;
  /** Effective time of the first and the last sample, µs. */
  readonly firstUs: number;
  readonly lastUs: number;
  /** Of several good samples at one time only the last counts, here and in the values. */
  readonly goodCount: number;
  /** How long good samples hold within the block, µs, up to 2^53 - 1. */
  readonly goodUs: number;
  /** Whether the first and the last sample are good. */
  readonly firstGood: boolean;
  readonly lastGood: boolean;
  /** Whether no two samples have the same time. */
  readonly distinct: boolean;
  /** Whether the StatusCode of all samples is 0 and all have values: then all are good. */
  readonly plain: boolean;
  /** Whether a sample is null, or one that is not good has the flag gap: from there on there is no value. */
  readonly outage: boolean;
  /** Whether a sample has the flag correction. */
  readonly corrected: boolean;
  /** Null: no sample is good, or the good ones are of several kinds, of none that can be summed, or give no finite sum. */
  readonly values: ValueSummary | null;
}

/** Of the good samples of a block, which are all of one kind. */
export interface ValueSummary {
  readonly kind: ValueKind;
  /** Exact; booleans are 0 and 1. */
  readonly min: Numeric;
  readonly max: Numeric;
  /** Of the first and the last good sample. */
  readonly first: Numeric;
  readonly last: Numeric;
  readonly sum: number;
  /** Integral over the time in which good samples hold, value times µs: each holds its value. */
  readonly stepped: number;
  /** The same with a straight line from each good sample to the next where that is good too, else it holds its value. */
  readonly sloped: number;
}

/** Sums as integers, times 10 to the power of `places`; `sloped` is twice the integral. */
export interface ExactSummary {
  readonly places: number;
  readonly min: number;
  readonly max: number;
  readonly first: number;
  readonly last: number;
  readonly sum: number;
  readonly stepped: number;
  readonly sloped: number;
}

type Sums = { -readonly [each in Exclude<keyof ExactSummary, 'places'>]: number };

/** A summary, and the integers that it is made of where it is exact. */
export interface Summarized {
  readonly summary: BlockSummary;
  readonly exact: ExactSummary | null;
}

/** All of it but the values. */
type TimeSummary = Omit<BlockSummary, 'values' | 'goodCount'> & { goodCount: number };

const column = new Float64Array(BLOCK_POINTS);
/** What a row is, with one row more than there are, which is never good. */
const good = new Uint8Array(BLOCK_POINTS + 1);
const GOOD = 1;
/** Good, but another one of its time counts. */
const REPLACED = 2;

/** Summarizes rows `start` to `end`. `decimals`: their values as integers, where they are decimal numbers. */
export function summarize(points: Points, start: number, end: number, decimals: Decimals | undefined): Summarized {
  const plain = plainKind(points, start, end);
  const base = plain === undefined ? timeSummary(points, start, end) : plainTimeSummary(points, start, end);
  if (!base.distinct) base.goodCount -= markReplaced(points.times, start, end);
  const kind = plain === undefined ? kindOfGood(points, start, end, base.goodCount) : numberKind(plain);
  if (kind === undefined) return { summary: { ...base, values: null }, exact: null };
  const scaled = decimals !== undefined || kind === ValueKind.boolean || areSafe(points, start, end, kind);
  const values = decimals === undefined ? doublesOf(points, kind, start, end) : decimals.integers;
  const sums = sumUp(points.times, values, start, end);
  const power = 10 ** (decimals?.places ?? 0);
  // Of booleans there is no line between one value and the next.
  if (kind === ValueKind.boolean) sums.sloped = 2 * sums.stepped;
  const span = base.lastUs - base.firstUs;
  if (scaled && Math.max(Math.abs(sums.min), Math.abs(sums.max)) * Math.max(2 * span, BLOCK_POINTS) < 2 ** 53) {
    const exact = { places: decimals?.places ?? 0, ...sums };
    return { summary: { ...base, values: fromExact(kind, exact) }, exact };
  }
  const { sum, stepped, sloped } = sums;
  if (kind === ValueKind.boolean || !Number.isFinite(sum) || !Number.isFinite(stepped) || !Number.isFinite(sloped))
    return { summary: { ...base, values: null }, exact: null };
  const real = { sum: sum / power, stepped: stepped / power, sloped: sloped / 2 / power };
  const whole =
    kind === ValueKind.long || kind === ValueKind.uint64 ? extremes(points, start, end) : scaledDown(sums, power);
  return { summary: { ...base, values: { kind, ...whole, ...real } }, exact: null };
}

/** The values of an exact summary. */
function fromExact(kind: ValueKind, exact: ExactSummary): ValueSummary {
  const power = 10 ** exact.places;
  return {
    kind,
    min: exact.min / power,
    max: exact.max / power,
    first: exact.first / power,
    last: exact.last / power,
    sum: exact.sum / power,
    stepped: exact.stepped / power,
    sloped: exact.sloped / 2 / power,
  };
}

/** The kind of all rows, if they are all Good with StatusCode 0, without flags, not null and of one kind: nearly always, and seen in a quarter of the time that a look at each for itself takes. */
function plainKind(points: Points, start: number, end: number): ValueKind | undefined {
  const { kinds } = points;
  const kind = kinds[start] ?? 0;
  let others = kind === ValueKind.null ? 1 : 0;
  for (let i = start; i < end; i++) others |= (kinds[i] ?? 0) ^ kind;
  if (points.hasMore) {
    const { qualities, flags } = points;
    for (let i = start; i < end; i++) others |= (qualities[i] ?? 0) | (flags[i] ?? 0);
  }
  return others === 0 ? (kind as ValueKind) : undefined;
}

/** What `timeSummary` makes of such rows. */
function plainTimeSummary({ times }: Points, start: number, end: number): TimeSummary {
  const count = end - start;
  good.fill(GOOD, 0, count);
  let distinct = true;
  for (let i = start + 1; i < end; i++) if (times[i] === times[i - 1]) distinct = false;
  const firstUs = times[start] ?? 0;
  const lastUs = times[end - 1] ?? 0;
  return {
    count,
    firstUs,
    lastUs,
    goodCount: count,
    goodUs: Math.min(lastUs - firstUs, Number.MAX_SAFE_INTEGER),
    firstGood: true,
    lastGood: true,
    distinct,
    plain: true,
    outage: false,
    corrected: false,
  };
}

/** Marks the good rows, from row 0 on. */
function timeSummary(points: Points, start: number, end: number): TimeSummary {
  const { times, qualities, kinds, flags } = points;
  let goodCount = 0;
  let goodUs = 0;
  let distinct = true;
  let statuses = 0;
  let outage = false;
  let anyFlags = 0;
  for (let i = start; i < end; i++) {
    const quality = qualities[i] ?? 0;
    const flag = flags[i] ?? 0;
    const isNull = kinds[i] === ValueKind.null;
    const isIt = isGood(quality) && !isNull;
    statuses |= quality;
    anyFlags |= flag;
    good[i - start] = isIt ? GOOD : 0;
    if (isIt) goodCount++;
    else if (isNull || (flag & Flag.gap) !== 0) outage = true;
    if (i + 1 === end) break;
    const length = (times[i + 1] ?? 0) - (times[i] ?? 0);
    if (length === 0) distinct = false;
    if (isIt) goodUs += length;
  }
  return {
    count: end - start,
    firstUs: times[start] ?? 0,
    lastUs: times[end - 1] ?? 0,
    goodCount,
    goodUs: Math.min(goodUs, Number.MAX_SAFE_INTEGER),
    firstGood: good[0] === GOOD,
    lastGood: good[end - start - 1] === GOOD,
    distinct,
    plain: statuses === 0 && goodCount === end - start,
    outage,
    corrected: (anyFlags & Flag.correction) !== 0,
  };
}

/** Marks the good rows in whose place another one of their time counts. Returns how many. */
function markReplaced(times: Float64Array, start: number, end: number): number {
  let replaced = 0;
  let laterUs = Number.NaN;
  for (let i = end - 1; i >= start; i--) {
    if (good[i - start] === 0) continue;
    const timeUs = times[i] ?? 0;
    if (timeUs === laterUs) {
      good[i - start] = REPLACED;
      replaced++;
    }
    laterUs = timeUs;
  }
  return replaced;
}

/** The kind of all good rows, if they are numbers of one kind. */
function kindOfGood(points: Points, start: number, end: number, goodCount: number): ValueKind | undefined {
  if (goodCount === 0) return undefined;
  const { kinds } = points;
  const kind = kinds[start + good.indexOf(GOOD)] ?? 0;
  for (let i = start; i < end; i++) if (good[i - start] !== 0 && kinds[i] !== kind) return undefined;
  return numberKind(kind as ValueKind);
}

/** The kind, if it is one of numbers. */
function numberKind(kind: ValueKind): ValueKind | undefined {
  return isBlob(kind) ? undefined : kind;
}

/** Whether all good rows are integers that are exact in a double. */
function areSafe(points: Points, start: number, end: number, kind: ValueKind): boolean {
  if (kind !== ValueKind.long && kind !== ValueKind.uint64) return false;
  for (let i = start; i < end; i++)
    if (good[i - start] !== 0 && !Number.isSafeInteger(numericAt(points, i))) return false;
  return true;
}

/** Good values as doubles, from row 0 on. */
function doublesOf(points: Points, kind: ValueKind, start: number, end: number): Float64Array {
  if (kind === ValueKind.double || kind === ValueKind.float) return points.slots.subarray(start, end);
  for (let i = start; i < end; i++) column[i - start] = good[i - start] !== 0 ? Number(numericAt(points, i)) : 0;
  return column;
}

/** Sums of the good rows, of which there are some; `values` begin at row 0. */
function sumUp(times: Float64Array, values: Float64Array, start: number, end: number): Sums {
  const count = end - start;
  const first = values[good.indexOf(GOOD)] ?? 0;
  let min = first;
  let max = first;
  let last = first;
  let sum = 0;
  let stepped = 0;
  let sloped = 0;
  let time = times[start] ?? 0;
  for (let i = 0; i < count; i++) {
    const next = times[Math.min(start + i + 1, end - 1)] ?? 0;
    const length = next - time;
    time = next;
    if (good[i] !== GOOD) continue;
    const value = values[i] ?? 0;
    if (value < min) min = value;
    if (value > max) max = value;
    last = value;
    sum += value;
    stepped += value * length;
    sloped += (value + (good[i + 1] !== 0 && i + 1 < count ? (values[i + 1] ?? 0) : value)) * length;
  }
  return { min, max, first, last, sum, stepped, sloped };
}

type Extremes = Pick<ValueSummary, 'min' | 'max' | 'first' | 'last'>;

function scaledDown({ min, max, first, last }: Sums, power: number): Extremes {
  return { min: min / power, max: max / power, first: first / power, last: last / power };
}

/** Exact least, greatest, first and last of the good rows. */
function extremes(points: Points, start: number, end: number): Extremes {
  let first: Numeric | undefined;
  let min: Numeric = 0;
  let max: Numeric = 0;
  let last: Numeric = 0;
  for (let i = start; i < end; i++) {
    if (good[i - start] !== GOOD) continue;
    last = numericAt(points, i);
    if (first === undefined) {
      first = last;
      min = last;
      max = last;
    }
    if (last < min) min = last;
    if (last > max) max = last;
  }
  return { min, max, first: first ?? 0, last };
}
