import type { BlockSummary } from './block-summary.ts';
import type { Chunk } from './intake.ts';
import { between } from './interpolation.ts';
import { Class } from './status.ts';
import { Tally, type TallyOptions } from './tally.ts';

/** Places in the cells of a `RegionTally`; times and areas in µs. */
export const Region = {
  /** Time integral of the value over regions that are not Bad, and how long they are. */
  area: 0,
  covered: 1,
  /** How long regions are Good, Uncertain and Bad (in the order of `Class`) where the end of a region counts too (Part 13, 5.4.3.2). */
  good: 2,
  uncertain: 3,
  bad: 4,
  /** The same where a region has the status of its beginning, the first one that of the bound (Part 13, 5.4.3.31). */
  goodHeld: 5,
  uncertainHeld: 6,
  badHeld: 7,
  zero: 8,
  nonZero: 9,
  min: 10,
  minUs: 11,
  minOrigin: 12,
  minTimes: 13,
  max: 14,
  maxUs: 15,
  maxOrigin: 16,
  maxTimes: 17,
} as const;
/** Cells of an interval. */
export const REGION_WIDTH = 18;

/** Places in the bounds: the simple bounding value of an edge (Part 13, 3.1.9). */
export const Bound = { value: 0, boundClass: 1, code: 2, raw: 3, extra: 4, known: 5 } as const;
export const BOUND_WIDTH = 6;

/** Where an extreme of values with bounds comes from. */
export const Origin = { sample: 0, startSample: 1, startBound: 2, endSample: 3, endBound: 4 } as const;

/** Places in the scalars: the sample before. */
const Before = { known: 0, timeUs: 1, value: 2, sampleClass: 3 } as const;

/** Of each interval: what lies between its samples, with simple bounding values at its ends. */
export class RegionTally extends Tally {
  constructor(options: TallyOptions) {
    super(options, REGION_WIDTH, BOUND_WIDTH, 4);
  }

  override take(chunk: Chunk): void {
    const { count, times } = chunk;
    const { edges, backwards } = this;
    for (let i = 0; i < count;) {
      const timeUs = times[i] ?? 0;
      this.pass(chunk, i, timeUs);
      if (edges[this.passed] === timeUs) {
        // Forwards the sample begins the next interval, backwards it ends this one.
        if (backwards) this.run(this.passed - 1, chunk, i, i + 1);
        else this.regionTo(this.passed - 1, chunk, i, timeUs);
        this.boundAt(this.passed, chunk, i);
        this.passed++;
        if (backwards) {
          i++;
          continue;
        }
      }
      const endUs = edges[this.passed] ?? Number.POSITIVE_INFINITY;
      let until = i + 1;
      while (until < count && (times[until] ?? 0) < endUs) until++;
      this.run(this.passed - 1, chunk, i, until);
      i = until;
    }
  }

  /** What is not good counts as Bad, and what is good as Good also where a line would lead to what is not: where that matters nobody asks (`isEnough`). */
  override takeSummary(summary: BlockSummary, first: Chunk): void {
    const { scalars } = this;
    this.take(first);
    const interval = this.passed - 1;
    const { goodUs, goodCount, nonZeroUs, lastGood } = summary;
    if (interval >= 0 && interval < this.edges.length - 1) {
      const at = interval * REGION_WIDTH;
      const badUs = summary.lastUs - summary.firstUs - goodUs;
      for (const place of [Region.good, Region.goodHeld, Region.covered]) this.add(at + place, goodUs);
      for (const place of [Region.bad, Region.badHeld]) this.add(at + place, badUs);
      if (goodCount > 0) {
        this.add(at + Region.area, this.stepped ? summary.steppedArea : (summary.slopedArea ?? 0));
        this.add(at + Region.nonZero, nonZeroUs ?? 0);
        this.add(at + Region.zero, goodUs - (nonZeroUs ?? 0));
        this.leastOf(at, summary);
        this.greatestOf(at, summary);
      }
    }
    scalars[Before.timeUs] = summary.lastUs;
    scalars[Before.value] = lastGood ? summary.last : Number.NaN;
    scalars[Before.sampleClass] = lastGood ? Class.good : Class.bad;
  }

  override finish(dataEndUs: number): void {
    const { edges, scalars } = this;
    if (scalars[Before.known] === 1) {
      const sampleClass = scalars[Before.sampleClass] ?? 0;
      const value = scalars[Before.value] ?? 0;
      const status = this.statusOf(sampleClass, this.stepped ? Class.good : Class.bad);
      while (this.passed < edges.length && (edges[this.passed] ?? 0) < dataEndUs) {
        const edge = edges[this.passed] ?? 0;
        this.region(this.passed - 1, edge, status, value, value);
        this.setBound(this.passed, value, status, 0, false, 0);
        this.passed++;
      }
      this.region(this.passed - 1, dataEndUs, status, value, value);
    }
    this.passed = edges.length;
  }

  private add(place: number, amount: number): void {
    this.cells[place] = (this.cells[place] ?? 0) + amount;
  }

  /** Passes the edges before this sample. */
  private pass(chunk: Chunk, i: number, timeUs: number): void {
    const { edges } = this;
    while (this.passed < edges.length && (edges[this.passed] ?? 0) < timeUs) {
      const edge = edges[this.passed] ?? 0;
      this.regionTo(this.passed - 1, chunk, i, edge);
      this.boundBefore(this.passed, chunk, i, edge);
      this.passed++;
    }
  }

  /** Status of a region that begins with a sample of this class and ends at one of that class. */
  private statusOf(sampleClass: number, nextClass: number): number {
    if (sampleClass > this.worstUsable) return Class.bad;
    if (sampleClass !== Class.good) return Class.uncertain;
    return this.stepped || nextClass === Class.good ? Class.good : Class.uncertain;
  }

  /** Value at a time between the sample before and this one. */
  private valueAt(chunk: Chunk, i: number, timeUs: number): number {
    const value = this.scalars[Before.value] ?? 0;
    if (this.stepped || (chunk.classes[i] ?? 0) > this.worstUsable) return value;
    const beforeUs = this.scalars[Before.timeUs] ?? 0;
    const share = (timeUs - beforeUs) / ((chunk.times[i] ?? 0) - beforeUs);
    return between(value, chunk.values[i] ?? 0, share);
  }

  /** The region from the sample before, or from the start of the interval, up to a time before or at sample i. */
  private regionTo(interval: number, chunk: Chunk, i: number, toUs: number): void {
    const { scalars, edges } = this;
    if (interval < 0 || interval >= edges.length - 1) return;
    if (scalars[Before.known] !== 1) {
      this.region(interval, toUs, Class.bad, 0, 0);
      return;
    }
    const status = this.statusOf(scalars[Before.sampleClass] ?? 0, chunk.classes[i] ?? 0);
    const fromUs = Math.max(scalars[Before.timeUs] ?? 0, edges[interval] ?? 0);
    this.region(interval, toUs, status, this.valueAt(chunk, i, fromUs), this.valueAt(chunk, i, toUs));
  }

  /** Adds a region that begins with the sample before, or with the interval, and has these values at its ends. */
  private region(interval: number, toUs: number, status: number, from: number, to: number): void {
    const { scalars, edges } = this;
    if (interval < 0 || interval >= edges.length - 1) return;
    const at = interval * REGION_WIDTH;
    const startUs = edges[interval] ?? 0;
    const beforeUs = scalars[Before.known] === 1 ? (scalars[Before.timeUs] ?? 0) : startUs;
    const lastsUs = toUs - Math.max(beforeUs, startUs);
    this.add(at + Region.good + status, lastsUs);
    if (status !== Class.bad) {
      this.add(at + Region.area, (from / 2 + (this.stepped ? from : to) / 2) * lastsUs);
      this.add(at + Region.covered, lastsUs);
    }
    const sampleClass = scalars[Before.sampleClass] ?? 0;
    const held =
      beforeUs < startUs || scalars[Before.known] !== 1
        ? status
        : sampleClass > this.worstUsable
          ? Class.bad
          : sampleClass;
    this.add(at + Region.goodHeld + held, lastsUs);
    if (held === Class.good) this.add(at + (from === 0 ? Region.zero : Region.nonZero), lastsUs);
  }

  /** Regions and extremes of samples inside an interval (or outside of all: then only the last is kept). */
  private run(interval: number, chunk: Chunk, from: number, to: number): void {
    const { scalars, edges } = this;
    const { times, values, classes } = chunk;
    if (interval >= 0 && interval < edges.length - 1) {
      this.regionTo(interval, chunk, from, times[from] ?? 0);
      this.regionsBetween(interval * REGION_WIDTH, chunk, from, to);
      this.candidates(interval, chunk, from, to);
    }
    scalars[Before.known] = 1;
    scalars[Before.timeUs] = times[to - 1] ?? 0;
    scalars[Before.value] = values[to - 1] ?? 0;
    scalars[Before.sampleClass] = classes[to - 1] ?? 0;
  }

  /** Samples of an interval that may be extremes. */
  private candidates(interval: number, { times, values, classes }: Chunk, from: number, to: number): void {
    const { cells, edges, worstUsable } = this;
    const at = interval * REGION_WIDTH;
    const startUs = edges[interval] ?? 0;
    const endUs = edges[interval + 1] ?? 0;
    const known = (cells[at + Region.minTimes] ?? 0) > 0;
    let min = known ? (cells[at + Region.min] ?? 0) : Number.POSITIVE_INFINITY;
    let max = known ? (cells[at + Region.max] ?? 0) : Number.NEGATIVE_INFINITY;
    for (let i = from; i < to; i++) {
      const value = values[i] ?? 0;
      const timeUs = times[i] ?? 0;
      // A sample at the start was taken as bound; one at the later edge is the start backwards.
      if ((value > min && value < max) || (classes[i] ?? 0) > worstUsable || timeUs === startUs) continue;
      this.candidate(at, value, timeUs, timeUs === endUs ? Origin.startSample : Origin.sample);
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }

  /** Regions that begin and end with samples of the interval. */
  private regionsBetween(at: number, { times, values, classes }: Chunk, from: number, to: number): void {
    const { cells, stepped, worstUsable } = this;
    let area = cells[at + Region.area] ?? 0;
    let covered = cells[at + Region.covered] ?? 0;
    let zero = cells[at + Region.zero] ?? 0;
    let nonZero = cells[at + Region.nonZero] ?? 0;
    let good = cells[at + Region.good] ?? 0;
    let goodHeld = cells[at + Region.goodHeld] ?? 0;
    let beforeUs = times[from] ?? 0;
    let before = values[from] ?? 0;
    let beforeClass = classes[from] ?? 0;
    for (let i = from + 1; i < to; i++) {
      const timeUs = times[i] ?? 0;
      const value = values[i] ?? 0;
      const sampleClass = classes[i] ?? 0;
      const lastsUs = timeUs - beforeUs;
      const status = this.statusOf(beforeClass, sampleClass);
      if (status === Class.good) good += lastsUs;
      else this.add(at + Region.good + status, lastsUs);
      if (status !== Class.bad) {
        area += (before / 2 + (stepped || sampleClass > worstUsable ? before : value) / 2) * lastsUs;
        covered += lastsUs;
      }
      if (beforeClass === Class.good) {
        goodHeld += lastsUs;
        if (before === 0) zero += lastsUs;
        else nonZero += lastsUs;
      } else this.add(at + (beforeClass > worstUsable ? Region.badHeld : Region.uncertainHeld), lastsUs);
      beforeUs = timeUs;
      before = value;
      beforeClass = sampleClass;
    }
    cells[at + Region.area] = area;
    cells[at + Region.covered] = covered;
    cells[at + Region.zero] = zero;
    cells[at + Region.nonZero] = nonZero;
    cells[at + Region.good] = good;
    cells[at + Region.goodHeld] = goodHeld;
  }

  /** Sets the bound of an edge before sample i. */
  private boundBefore(edge: number, chunk: Chunk, i: number, timeUs: number): void {
    const { scalars } = this;
    if (scalars[Before.known] !== 1) return;
    const status = this.statusOf(scalars[Before.sampleClass] ?? 0, chunk.classes[i] ?? 0);
    this.setBound(edge, this.valueAt(chunk, i, timeUs), status, 0, false, 0);
  }

  /** Sample i lies at an edge: it is the bound. */
  private boundAt(edge: number, { classes, values, codes, extras }: Chunk, i: number): void {
    const sampleClass = classes[i] ?? 0;
    const boundClass = sampleClass > this.worstUsable ? Class.bad : sampleClass;
    this.setBound(edge, values[i] ?? 0, boundClass, codes[i] ?? 0, true, extras[i] ?? 0);
  }

  private setBound(edge: number, value: number, boundClass: number, code: number, raw: boolean, extra: number): void {
    const { bounds, edges, backwards, stepped } = this;
    const at = edge * BOUND_WIDTH;
    bounds[at + Bound.value] = value;
    bounds[at + Bound.boundClass] = boundClass;
    bounds[at + Bound.code] = code;
    bounds[at + Bound.raw] = raw ? 1 : 0;
    bounds[at + Bound.extra] = extra;
    bounds[at + Bound.known] = 1;
    if (boundClass > this.worstUsable) return;
    const timeUs = edges[edge] ?? 0;
    const startOrigin = raw ? Origin.startSample : Origin.startBound;
    const endOrigin = raw ? Origin.endSample : Origin.endBound;
    // Where values hold, the one at the later edge does not lie in the interval before it (Part 13, 5.4.3.15); backwards a sample there is one of the interval's own.
    if (edge > 0 && !stepped && !(backwards && raw))
      this.candidate((edge - 1) * REGION_WIDTH, value, timeUs, backwards ? startOrigin : endOrigin);
    if (edge < edges.length - 1)
      this.candidate(edge * REGION_WIDTH, value, timeUs, backwards ? endOrigin : startOrigin);
  }

  /** A value that may be an extreme of an interval, later than those before. */
  private candidate(at: number, value: number, timeUs: number, origin: number): void {
    const { cells } = this;
    const minTimes = cells[at + Region.minTimes] ?? 0;
    if (minTimes > 0 && value === cells[at + Region.min]) cells[at + Region.minTimes] = minTimes + 1;
    else if (minTimes === 0 || value < (cells[at + Region.min] ?? 0)) this.putMin(at, value, timeUs, origin, 1);
    const maxTimes = cells[at + Region.maxTimes] ?? 0;
    if (maxTimes > 0 && value === cells[at + Region.max]) cells[at + Region.maxTimes] = maxTimes + 1;
    else if (maxTimes === 0 || value > (cells[at + Region.max] ?? 0)) this.putMax(at, value, timeUs, origin, 1);
  }

  private putMin(at: number, value: number, timeUs: number, origin: number, often: number): void {
    const { cells } = this;
    cells[at + Region.min] = value;
    cells[at + Region.minUs] = timeUs;
    cells[at + Region.minOrigin] = origin;
    cells[at + Region.minTimes] = often;
  }

  private putMax(at: number, value: number, timeUs: number, origin: number, often: number): void {
    const { cells } = this;
    cells[at + Region.max] = value;
    cells[at + Region.maxUs] = timeUs;
    cells[at + Region.maxOrigin] = origin;
    cells[at + Region.maxTimes] = often;
  }

  /** The least value of a block whose first sample has been taken already. */
  private leastOf(at: number, { min, extremes, firstGood, first, firstUs }: BlockSummary): void {
    const { cells } = this;
    const known = cells[at + Region.minTimes] ?? 0;
    const often = extremes?.minTimes ?? 1;
    if (known > 0 && min === cells[at + Region.min])
      cells[at + Region.minTimes] = known + often - (firstGood && first === min ? 1 : 0);
    else if (known === 0 || min < (cells[at + Region.min] ?? 0))
      this.putMin(at, min, extremes?.minUs ?? firstUs, Origin.sample, often);
  }

  private greatestOf(at: number, { max, extremes, firstGood, first, firstUs }: BlockSummary): void {
    const { cells } = this;
    const known = cells[at + Region.maxTimes] ?? 0;
    const often = extremes?.maxTimes ?? 1;
    if (known > 0 && max === cells[at + Region.max])
      cells[at + Region.maxTimes] = known + often - (firstGood && first === max ? 1 : 0);
    else if (known === 0 || max > (cells[at + Region.max] ?? 0))
      this.putMax(at, max, extremes?.maxUs ?? firstUs, Origin.sample, often);
  }
}
