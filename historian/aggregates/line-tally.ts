import type { BlockSummary } from './block-summary.ts';
import type { Chunk } from './intake.ts';
import { between } from './interpolation.ts';
import { Class } from './status.ts';
import { Tally, type TallyOptions } from './tally.ts';

/** Places in the cells of a `LineTally`; times and areas in µs. */
export const Line = { area: 0, covered: 1, uncertain: 2, extrapolated: 3, zero: 4, nonZero: 5 } as const;

/** Cells of an interval. */
export const LINE_WIDTH = 6;

/** Places in the bounds: the interpolated bounding value of an edge (Part 13, 3.1.8). */
export const Interpolated = { value: 0, uncertain: 1, code: 2, raw: 3, extra: 4, known: 5 } as const;
export const INTERPOLATED_WIDTH = 6;

/** Places in the scalars: the last usable sample, the one before it, and the first unusable one behind it. */
const Before = {
  known: 0,
  timeUs: 1,
  value: 2,
  sampleClass: 3,
  earlierKnown: 4,
  earlierUs: 5,
  earlier: 6,
  skippedUs: 7,
} as const;

/** How lines are drawn. */
export interface LineOptions extends TallyOptions {
  /** Areas are under lines, whether values hold or not (Part 13, 5.4.3.6). */
  readonly areaSloped: boolean;
  readonly slopedExtrapolation: boolean;
  /** Extrapolation goes to the end of the intervals, not only of the last one with data. */
  readonly endless: boolean;
}

/** Of each interval: the line from one usable sample to the next, over those that are not, and interpolated bounding values at its ends. */
export class LineTally extends Tally {
  private readonly areaStepped: boolean;
  private readonly slopedExtrapolation: boolean;
  private readonly endless: boolean;

  constructor(options: LineOptions) {
    super(options, LINE_WIDTH, INTERPOLATED_WIDTH, 8);
    this.areaStepped = options.stepped && !options.areaSloped;
    this.slopedExtrapolation = options.slopedExtrapolation && !options.stepped;
    this.endless = options.endless;
    this.scalars[Before.skippedUs] = Number.POSITIVE_INFINITY;
  }

  override take(chunk: Chunk): void {
    const { count } = chunk;
    for (let i = 0; i < count;) {
      i = this.follow(chunk, i);
      if (i < count) this.step(chunk, i++);
    }
  }

  override takeSummary(summary: BlockSummary, first: Chunk): void {
    this.take(first);
    const interval = this.passed - 1;
    if (interval >= 0 && interval < this.edges.length - 1) {
      const at = interval * LINE_WIDTH;
      this.add(at + Line.area, this.areaStepped ? summary.steppedArea : (summary.slopedArea ?? 0));
      this.add(at + Line.covered, summary.lastUs - summary.firstUs);
    }
    if (summary.count > 1) {
      // The line behind the block needs its last two samples; the summary has only the last, so `addSummary` refuses where it matters.
      this.keep(summary.lastUs, summary.last, Class.good);
    }
  }

  override finish(dataEndUs: number): void {
    const { edges, scalars } = this;
    // Behind the last usable sample the values are extrapolated; results behind the end of the data are left out by whoever reads them.
    const fromUs = scalars[Before.timeUs] ?? 0;
    while (scalars[Before.known] === 1 && this.passed < edges.length) {
      const edge = edges[this.passed] ?? 0;
      const value = this.extrapolated(edge);
      const startUs = edges[this.passed - 1] ?? Number.NEGATIVE_INFINITY;
      if (this.passed > 0 && (this.endless || startUs <= dataEndUs)) {
        const beginUs = Math.max(fromUs, startUs);
        const at = (this.passed - 1) * LINE_WIDTH;
        this.add(at + Line.area, (this.extrapolated(beginUs) / 2 + value / 2) * (edge - beginUs));
        this.add(at + Line.covered, edge - beginUs);
        this.add(at + (value === 0 ? Line.zero : Line.nonZero), edge - beginUs);
        this.cells[at + Line.extrapolated] = 1;
      }
      this.setBound(this.passed, value, Class.uncertain, 0, false, 0);
      this.passed++;
    }
    this.passed = edges.length;
  }

  /** One sample, whatever it is. */
  private step({ times, values, classes, codes, extras }: Chunk, i: number): void {
    const { scalars, edges } = this;
    const timeUs = times[i] ?? 0;
    const sampleClass = classes[i] ?? 0;
    if (sampleClass > this.worstUsable) {
      if (scalars[Before.skippedUs] === Number.POSITIVE_INFINITY) scalars[Before.skippedUs] = timeUs;
      return;
    }
    const value = values[i] ?? 0;
    while (this.passed < edges.length && (edges[this.passed] ?? 0) < timeUs) this.pass(timeUs, value, sampleClass);
    this.line(this.passed - 1, timeUs, timeUs, value, sampleClass);
    if (edges[this.passed] === timeUs) {
      this.setBound(this.passed, value, sampleClass, codes[i] ?? 0, true, extras[i] ?? 0);
      this.passed++;
    }
    this.keep(timeUs, value, sampleClass);
  }

  /** The same for Good samples behind a Good one in the same interval, as far as they go: the common case. Returns where they end. */
  private follow({ count, times, values, classes }: Chunk, from: number): number {
    const { scalars, edges, cells, areaStepped, passed } = this;
    const startUs = edges[passed - 1] ?? Number.POSITIVE_INFINITY;
    const endUs = edges[passed] ?? Number.NEGATIVE_INFINITY;
    const beginUs = scalars[Before.timeUs] ?? 0;
    const certain =
      scalars[Before.sampleClass] === Class.good && scalars[Before.skippedUs] === Number.POSITIVE_INFINITY;
    // What the draft counts besides is left to the single steps.
    if (this.endless || !certain || scalars[Before.known] !== 1 || beginUs < startUs) return from;
    const at = (passed - 1) * LINE_WIDTH;
    let area = cells[at + Line.area] ?? 0;
    let beforeUs = beginUs;
    let before = scalars[Before.value] ?? 0;
    let earlierUs = 0;
    let earlier = 0;
    let i = from;
    for (; i < count && classes[i] === Class.good; i++) {
      const timeUs = times[i] ?? 0;
      if (timeUs >= endUs) break;
      const value = values[i] ?? 0;
      area += (before / 2 + (areaStepped ? before : value) / 2) * (timeUs - beforeUs);
      earlierUs = beforeUs;
      earlier = before;
      beforeUs = timeUs;
      before = value;
    }
    if (i === from) return i;
    cells[at + Line.area] = area;
    this.add(at + Line.covered, beforeUs - beginUs);
    scalars[Before.earlierKnown] = 1;
    scalars[Before.earlierUs] = earlierUs;
    scalars[Before.earlier] = earlier;
    scalars[Before.timeUs] = beforeUs;
    scalars[Before.value] = before;
    return i;
  }

  private add(place: number, amount: number): void {
    this.cells[place] = (this.cells[place] ?? 0) + amount;
  }

  private keep(timeUs: number, value: number, sampleClass: number): void {
    const { scalars } = this;
    scalars[Before.earlierKnown] = scalars[Before.known] ?? 0;
    scalars[Before.earlierUs] = scalars[Before.timeUs] ?? 0;
    scalars[Before.earlier] = scalars[Before.value] ?? 0;
    scalars[Before.known] = 1;
    scalars[Before.timeUs] = timeUs;
    scalars[Before.value] = value;
    scalars[Before.sampleClass] = sampleClass;
    scalars[Before.skippedUs] = Number.POSITIVE_INFINITY;
  }

  /** Passes the next edge, which lies before a usable sample. */
  private pass(timeUs: number, value: number, sampleClass: number): void {
    const { edges, scalars, stepped } = this;
    const edge = edges[this.passed] ?? 0;
    this.line(this.passed - 1, edge, timeUs, value, sampleClass);
    if (scalars[Before.known] === 1) {
      const skippedUs = scalars[Before.skippedUs] ?? 0;
      const uncertain =
        scalars[Before.sampleClass] !== Class.good ||
        (stepped ? skippedUs <= edge : skippedUs < timeUs || sampleClass !== Class.good);
      const at = this.valueAt(edge, timeUs, value, stepped);
      this.setBound(this.passed, at, uncertain ? Class.uncertain : Class.good, 0, false, 0);
    }
    this.passed++;
  }

  /** Value on the line to a usable sample. */
  private valueAt(atUs: number, timeUs: number, value: number, stepped: boolean): number {
    const { scalars } = this;
    const before = scalars[Before.value] ?? 0;
    if (stepped) return before;
    const beforeUs = scalars[Before.timeUs] ?? 0;
    const share = (atUs - beforeUs) / (timeUs - beforeUs);
    return between(before, value, share);
  }

  /** The part in an interval of the line to a usable sample, up to a time. */
  private line(interval: number, toUs: number, timeUs: number, value: number, sampleClass: number): void {
    const { cells, scalars, edges, areaStepped } = this;
    if (interval < 0 || interval >= edges.length - 1 || scalars[Before.known] !== 1) return;
    const at = interval * LINE_WIDTH;
    const startUs = edges[interval] ?? 0;
    const beforeUs = scalars[Before.timeUs] ?? 0;
    const before = scalars[Before.value] ?? 0;
    const fromUs = beforeUs < startUs ? startUs : beforeUs;
    const lastsUs = toUs - fromUs;
    if (lastsUs === 0) return;
    const from = fromUs === beforeUs ? before : this.valueAt(fromUs, timeUs, value, areaStepped);
    const to = areaStepped ? before : toUs === timeUs ? value : this.valueAt(toUs, timeUs, value, false);
    this.add(at + Line.area, (from / 2 + to / 2) * lastsUs);
    this.add(at + Line.covered, lastsUs);
    this.add(at + (before === 0 ? Line.zero : Line.nonZero), lastsUs);
    const skippedUs = scalars[Before.skippedUs] ?? 0;
    const certain =
      scalars[Before.sampleClass] === Class.good &&
      (areaStepped ? skippedUs >= toUs : skippedUs > timeUs && sampleClass === Class.good);
    if (!certain) cells[at + Line.uncertain] = 1;
  }

  /** Value behind the last usable sample. */
  private extrapolated(atUs: number): number {
    const { scalars, slopedExtrapolation } = this;
    const value = scalars[Before.value] ?? 0;
    if (!slopedExtrapolation || scalars[Before.earlierKnown] !== 1) return value;
    const timeUs = scalars[Before.timeUs] ?? 0;
    const slope = (value - (scalars[Before.earlier] ?? 0)) / (timeUs - (scalars[Before.earlierUs] ?? 0));
    return value + slope * (atUs - timeUs);
  }

  private setBound(edge: number, value: number, boundClass: number, code: number, raw: boolean, extra: number): void {
    const { bounds } = this;
    const at = edge * INTERPOLATED_WIDTH;
    bounds[at + Interpolated.value] = value;
    bounds[at + Interpolated.uncertain] = boundClass === Class.good ? 0 : 1;
    bounds[at + Interpolated.code] = code;
    bounds[at + Interpolated.raw] = raw ? 1 : 0;
    bounds[at + Interpolated.extra] = extra;
    bounds[at + Interpolated.known] = 1;
  }
}
