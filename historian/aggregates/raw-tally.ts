import type { BlockSummary } from './block-summary.ts';
import type { Chunk } from './intake.ts';
import { Class, ResultCode } from './status.ts';
import { Tally, type TallyOptions } from './tally.ts';

/** Places in the cells of a `RawTally`. "Counted" are the samples that sums and extremes are of. */
export const Raw = {
  /** How many samples there are of each class, in the order of `Class`. */
  good: 0,
  uncertain: 1,
  bad: 2,
  counted: 3,
  sum: 4,
  /** What rounding has taken from the sum. */
  rest: 5,
  min: 6,
  minUs: 7,
  minTimes: 8,
  max: 9,
  maxUs: 10,
  maxTimes: 11,
  /** Of the first sample and of the last: time, value, StatusCode, whether there was extra data. */
  firstUs: 12,
  first: 13,
  firstCode: 14,
  firstExtra: 15,
  lastUs: 16,
  last: 17,
  lastCode: 18,
  lastExtra: 19,
  firstCounted: 20,
  lastCounted: 21,
  transitions: 22,
  worstCode: 23,
  mean: 24,
  /** Sum of the squared differences from the mean. */
  squares: 25,
  minExtra: 26,
  maxExtra: 27,
} as const;
/** Cells of an interval. */
export const RAW_WIDTH = 28;

/** Places in the scalars: the last usable sample. */
const LAST = { known: 0, value: 1, timeUs: 2 } as const;

/** What a raw tally counts besides. */
export interface RawOptions extends TallyOptions {
  /** The worst class of samples that sums and extremes are of. */
  readonly worstCounted: number;
  readonly transitions: boolean;
  /** A first value without one before it is a transition (Part 13, 5.4.3.24). */
  readonly firstIsTransition: boolean;
  readonly variance: boolean;
}

/** Of each interval: the samples that lie in it, and nothing between them. */
export class RawTally extends Tally {
  private readonly worstCounted: number;
  private readonly transitions: boolean;
  private readonly firstIsTransition: boolean;
  private readonly variance: boolean;

  constructor(options: RawOptions) {
    super(options, RAW_WIDTH, 0, 3);
    this.worstCounted = options.worstCounted;
    this.transitions = options.transitions;
    this.firstIsTransition = options.firstIsTransition;
    this.variance = options.variance;
  }

  override take(chunk: Chunk): void {
    const { count, times } = chunk;
    const { edges, backwards } = this;
    for (let i = 0; i < count;) {
      const timeUs = times[i] ?? 0;
      while (this.isBehind(timeUs)) this.passed++;
      const endUs = edges[this.passed] ?? Number.POSITIVE_INFINITY;
      let until = i + 1;
      if (backwards) while (until < count && (times[until] ?? 0) <= endUs) until++;
      else while (until < count && (times[until] ?? 0) < endUs) until++;
      const interval = this.passed - 1;
      if (interval >= 0 && interval < edges.length - 1) this.tally(interval * RAW_WIDTH, chunk, i, until);
      if (this.transitions) this.follow(interval, chunk, i, until);
      i = until;
    }
  }

  /** Which samples are Bad and which Uncertain is not known, nor asked (`isEnough`): all that are not good count as Bad. */
  override takeSummary(summary: BlockSummary): void {
    const { firstUs, lastUs, firstGood, lastGood, goodCount, count } = summary;
    while (this.isBehind(firstUs)) this.passed++;
    if (this.passed < 1 || this.passed >= this.edges.length) return;
    const at = (this.passed - 1) * RAW_WIDTH;
    if (this.samples(at) === 0) this.putEnd(at + Raw.firstUs, firstUs, summary.first, codeOf(firstGood), 0);
    this.putEnd(at + Raw.lastUs, lastUs, summary.last, codeOf(lastGood), 0);
    this.cells[at + Raw.bad] = (this.cells[at + Raw.bad] ?? 0) + count - goodCount;
    if (goodCount > 0) this.takeGood(at, summary);
  }

  private takeGood(at: number, summary: BlockSummary): void {
    const { cells, scalars } = this;
    const { goodCount, firstUs, lastUs, extremes } = summary;
    if ((cells[at + Raw.counted] ?? 0) === 0) cells[at + Raw.firstCounted] = summary.first;
    cells[at + Raw.lastCounted] = summary.last;
    this.putLeast(at, summary.min, extremes?.minUs ?? firstUs, extremes?.minTimes ?? 1);
    this.putGreatest(at, summary.max, extremes?.maxUs ?? firstUs, extremes?.maxTimes ?? 1);
    for (const place of [Raw.good, Raw.counted]) cells[at + place] = (cells[at + place] ?? 0) + goodCount;
    const sum = cells[at + Raw.sum] ?? 0;
    const total = sum + summary.sum;
    cells[at + Raw.rest] = (cells[at + Raw.rest] ?? 0) + lost(sum, summary.sum, total);
    cells[at + Raw.sum] = total;
    if (!this.transitions) return;
    const isOther = scalars[LAST.known] === 1 ? summary.first !== scalars[LAST.value] : this.firstIsTransition;
    const changes = (isOther ? 1 : 0) + (summary.transitions ?? 0);
    cells[at + Raw.transitions] = (cells[at + Raw.transitions] ?? 0) + changes;
    scalars[LAST.known] = 1;
    scalars[LAST.value] = summary.last;
    scalars[LAST.timeUs] = lastUs;
  }

  override finish(): void {
    this.passed = this.edges.length;
  }

  /** Samples that the interval has. */
  private samples(at: number): number {
    const { cells } = this;
    return (cells[at + Raw.good] ?? 0) + (cells[at + Raw.uncertain] ?? 0) + (cells[at + Raw.bad] ?? 0);
  }

  /** Whether the next edge lies before this time, or at it and the interval behind the edge has it. */
  private isBehind(timeUs: number): boolean {
    const edge = this.edges[this.passed];
    return edge !== undefined && (this.backwards ? edge < timeUs : edge <= timeUs);
  }

  private tally(at: number, chunk: Chunk, from: number, to: number): void {
    const { times, values, codes, extras } = chunk;
    if (this.samples(at) === 0)
      this.putEnd(at + Raw.firstUs, times[from] ?? 0, values[from] ?? 0, codes[from] ?? 0, extras[from] ?? 0);
    const last = to - 1;
    this.putEnd(at + Raw.lastUs, times[last] ?? 0, values[last] ?? 0, codes[last] ?? 0, extras[last] ?? 0);
    this.count(at, chunk, from, to);
    this.sum(at, chunk, from, to);
    this.extremes(at, chunk, from, to);
    if (this.variance) this.deviate(at, chunk, from, to);
  }

  /** The first or the last sample. */
  private putEnd(place: number, timeUs: number, value: number, code: number, extra: number): void {
    const { cells } = this;
    cells[place] = timeUs;
    cells[place + 1] = value;
    cells[place + 2] = code;
    cells[place + 3] = extra;
  }

  private count(at: number, { classes, codes }: Chunk, from: number, to: number): void {
    const { cells } = this;
    let uncertain = 0;
    let bad = 0;
    for (let i = from; i < to; i++) {
      const sampleClass = classes[i] ?? 0;
      if (sampleClass === Class.good) continue;
      const worst = bad > 0 || (cells[at + Raw.bad] ?? 0) > 0 ? Class.bad : this.worstBefore(at, uncertain);
      if (sampleClass > worst) cells[at + Raw.worstCode] = codes[i] ?? 0;
      if (sampleClass === Class.bad) bad++;
      else uncertain++;
    }
    cells[at + Raw.uncertain] = (cells[at + Raw.uncertain] ?? 0) + uncertain;
    cells[at + Raw.bad] = (cells[at + Raw.bad] ?? 0) + bad;
    cells[at + Raw.good] = (cells[at + Raw.good] ?? 0) + (to - from - uncertain - bad);
  }

  private worstBefore(at: number, uncertain: number): number {
    return uncertain > 0 || (this.cells[at + Raw.uncertain] ?? 0) > 0 ? Class.uncertain : Class.good;
  }

  /** Sum, with what rounding takes kept beside it (Neumaier 1974), sample by sample: pieces of any size give the same. */
  private sum(at: number, { classes, values }: Chunk, from: number, to: number): void {
    const { cells, worstCounted } = this;
    let sum = cells[at + Raw.sum] ?? 0;
    let rest = cells[at + Raw.rest] ?? 0;
    let counted = 0;
    for (let i = from; i < to; i++) {
      if ((classes[i] ?? 0) > worstCounted) continue;
      const value = values[i] ?? 0;
      const total = sum + value;
      rest += lost(sum, value, total);
      sum = total;
      counted++;
    }
    cells[at + Raw.sum] = sum;
    cells[at + Raw.rest] = rest;
    cells[at + Raw.counted] = (cells[at + Raw.counted] ?? 0) + counted;
  }

  private extremes(at: number, { classes, values, times, extras }: Chunk, from: number, to: number): void {
    const { cells, worstCounted } = this;
    let min = cells[at + Raw.min] ?? 0;
    let minTimes = cells[at + Raw.minTimes] ?? 0;
    let minAt = -1;
    let max = cells[at + Raw.max] ?? 0;
    let maxTimes = cells[at + Raw.maxTimes] ?? 0;
    let maxAt = -1;
    let last = -1;
    for (let i = from; i < to; i++) {
      if ((classes[i] ?? 0) > worstCounted) continue;
      const value = values[i] ?? 0;
      if (last < 0 && minTimes === 0) cells[at + Raw.firstCounted] = value;
      last = i;
      if (value < min || minTimes === 0) {
        min = value;
        minTimes = 1;
        minAt = i;
      } else if (value === min) minTimes++;
      if (value > max || maxTimes === 0) {
        max = value;
        maxTimes = 1;
        maxAt = i;
      } else if (value === max) maxTimes++;
    }
    cells[at + Raw.minTimes] = minTimes;
    cells[at + Raw.maxTimes] = maxTimes;
    if (last >= 0) cells[at + Raw.lastCounted] = values[last] ?? 0;
    if (minAt >= 0) {
      cells[at + Raw.min] = min;
      cells[at + Raw.minUs] = times[minAt] ?? 0;
      cells[at + Raw.minExtra] = extras[minAt] ?? 0;
    }
    if (maxAt < 0) return;
    cells[at + Raw.max] = max;
    cells[at + Raw.maxUs] = times[maxAt] ?? 0;
    cells[at + Raw.maxExtra] = extras[maxAt] ?? 0;
  }

  private putLeast(at: number, value: number, timeUs: number, often: number): void {
    const { cells } = this;
    const known = cells[at + Raw.minTimes] ?? 0;
    if (known > 0 && value > (cells[at + Raw.min] ?? 0)) return;
    if (known > 0 && value === cells[at + Raw.min]) {
      cells[at + Raw.minTimes] = known + often;
      return;
    }
    cells[at + Raw.min] = value;
    cells[at + Raw.minUs] = timeUs;
    cells[at + Raw.minTimes] = often;
    cells[at + Raw.minExtra] = 0;
  }

  private putGreatest(at: number, value: number, timeUs: number, often: number): void {
    const { cells } = this;
    const known = cells[at + Raw.maxTimes] ?? 0;
    if (known > 0 && value < (cells[at + Raw.max] ?? 0)) return;
    if (known > 0 && value === cells[at + Raw.max]) {
      cells[at + Raw.maxTimes] = known + often;
      return;
    }
    cells[at + Raw.max] = value;
    cells[at + Raw.maxUs] = timeUs;
    cells[at + Raw.maxTimes] = often;
    cells[at + Raw.maxExtra] = 0;
  }

  /** Mean and squared differences, sample by sample (Welford, "Note on a method for calculating corrected sums of squares and products", 1962). */
  private deviate(at: number, { classes, values }: Chunk, from: number, to: number): void {
    const { cells, worstCounted } = this;
    let mean = cells[at + Raw.mean] ?? 0;
    let squares = cells[at + Raw.squares] ?? 0;
    // The sum was taken just before, and has counted these samples already.
    let count = cells[at + Raw.counted] ?? 0;
    for (let i = from; i < to; i++) if ((classes[i] ?? 0) <= worstCounted) count--;
    for (let i = from; i < to; i++) {
      if ((classes[i] ?? 0) > worstCounted) continue;
      const value = values[i] ?? 0;
      const difference = value - mean;
      mean += difference / ++count;
      squares += difference * (value - mean);
    }
    cells[at + Raw.mean] = mean;
    cells[at + Raw.squares] = squares;
  }

  /** Counts changes from one usable value to the next, and remembers the last. */
  private follow(interval: number, { classes, values, times }: Chunk, from: number, to: number): void {
    const { scalars, cells, worstUsable, edges } = this;
    const inside = interval >= 0 && interval < edges.length - 1;
    let known = scalars[LAST.known] === 1;
    let last = scalars[LAST.value] ?? 0;
    let lastUs = scalars[LAST.timeUs] ?? 0;
    let changes = 0;
    for (let i = from; i < to; i++) {
      if ((classes[i] ?? 0) > worstUsable) continue;
      const value = values[i] ?? 0;
      const timeUs = times[i] ?? 0;
      if (known ? value !== last && this.counts(interval, timeUs, lastUs) : this.firstIsTransition) changes++;
      known = true;
      last = value;
      lastUs = timeUs;
    }
    scalars[LAST.known] = known ? 1 : 0;
    scalars[LAST.value] = last;
    scalars[LAST.timeUs] = lastUs;
    if (!inside) return;
    const place = interval * RAW_WIDTH + Raw.transitions;
    cells[place] = (cells[place] ?? 0) + changes;
  }

  /** The draft takes a value at the start of an interval for the state before it, if the one before lies before the request. */
  private counts(interval: number, timeUs: number, lastUs: number): boolean {
    const { edges } = this;
    return this.firstIsTransition || timeUs !== edges[interval] || lastUs >= (edges[0] ?? 0);
  }
}

/** A StatusCode of which only this is known. */
function codeOf(good: boolean): number {
  return good ? ResultCode.Good : ResultCode.Bad;
}

/** What `sum + value` has lost by rounding to `total`. */
function lost(sum: number, value: number, total: number): number {
  return Math.abs(sum) >= Math.abs(value) ? sum - total + value : value - total + sum;
}
