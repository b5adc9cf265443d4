import type { Value } from '../core/sample.ts';
import { isBad, isGood } from '../core/status-code.ts';
import { shownValue } from './shown-value.ts';

/** A sample of either side. */
export interface Compared {
  readonly timeUs: number;
  readonly value: Value;
  readonly quality: number;
}

/** How far two values may lie apart and still be the same. */
export interface Tolerance {
  readonly absolute: number;
  /** Share of the greater of both. */
  readonly relative: number;
  /** Times may differ by so much, µs. */
  readonly timeUs: number;
  /** Qualities are not looked at. */
  readonly ignoreQuality: boolean;
}

/** One difference; null: there is no such sample. */
export interface Difference {
  readonly what: 'different' | 'missing-here' | 'missing-there';
  readonly timeUs: number;
  readonly there: Compared | null;
  readonly here: Compared | null;
}

/** Told of what is compared, in the order of time. */
export interface ComparisonSink {
  equal(): void;
  differs(difference: Difference): void;
}

/** Compares the samples of one tag of both sides, which come in the order of time; what was held over is compared with what comes later. */
export interface Comparer {
  /** `there` are samples of the other historian, `here` all of this one in the same span. */
  compare(there: readonly Compared[], here: AsyncIterable<Compared>): Promise<void>;
}

/** Whether two samples say the same, apart from their times. */
function isSame(a: Compared, b: Compared, tolerance: Tolerance): boolean {
  if (!tolerance.ignoreQuality && severity(a.quality) !== severity(b.quality)) return false;
  return isSameValue(a.value, b.value, tolerance);
}

/** Good, uncertain, bad: what is behind them every system says in its own words. */
function severity(quality: number): number {
  return isGood(quality) ? 0 : isBad(quality) ? 2 : 1;
}

function isSameValue(a: Value, b: Value, { absolute, relative }: Tolerance): boolean {
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x === undefined || y === undefined) return a === null || b === null ? a === b : shownValue(a) === shownValue(b);
  return x === y || Math.abs(x - y) <= Math.max(absolute, relative * Math.max(Math.abs(x), Math.abs(y)));
}

/** Booleans are 0 and 1, as many historians write them. */
function numberOf(value: Value): number | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'number' ? value : undefined;
}

/**
 * Sample by sample: to each of the one side belongs one of the other at the same time, or as near as the tolerance allows. Of several samples at one time those that say the same belong together first.
 */
export class SampleComparer implements Comparer {
  private readonly tolerance: Tolerance;
  private readonly sink: ComparisonSink;

  constructor(tolerance: Tolerance, sink: ComparisonSink) {
    this.tolerance = tolerance;
    this.sink = sink;
  }

  async compare(there: readonly Compared[], here: AsyncIterable<Compared>): Promise<void> {
    const { timeUs: near } = this.tolerance;
    // Samples of this side that no sample of the other one belongs to yet: those within the tolerance of the next one.
    let open: Compared[] = [];
    let next = 0;
    const settle = (untilUs: number): void => {
      for (;;) {
        const timeUs = there[next]?.timeUs;
        if (timeUs === undefined || timeUs + near >= untilUs) return;
        const first = next;
        while (there[next]?.timeUs === timeUs) next++;
        open = this.missingBefore(open, timeUs - near);
        open = this.match(there.slice(first, next), open, there[next]);
      }
    };
    for await (const sample of here) {
      settle(sample.timeUs);
      // Too early for the next one, and so for all.
      if (sample.timeUs < (there[next]?.timeUs ?? Number.POSITIVE_INFINITY) - near)
        open = this.missingBefore([...open, sample], sample.timeUs + 1);
      else open.push(sample);
    }
    settle(Number.POSITIVE_INFINITY);
    this.missingBefore(open, Number.POSITIVE_INFINITY);
  }

  private missingBefore(open: Compared[], beforeUs: number): Compared[] {
    const left = open.filter((sample) => sample.timeUs >= beforeUs);
    for (const here of open)
      if (here.timeUs < beforeUs) this.sink.differs({ what: 'missing-there', timeUs: here.timeUs, there: null, here });
    return left;
  }

  /** Finds what belongs to the samples of one time, and returns what is left: first those that say the same, then any. */
  private match(group: readonly Compared[], open: Compared[], following: Compared | undefined): Compared[] {
    const { tolerance, sink } = this;
    let left = open;
    const take = (there: Compared, fits: (here: Compared) => boolean): Compared | undefined => {
      const found = nearest(
        left.filter((here) => here.timeUs <= there.timeUs + tolerance.timeUs && fits(here)),
        there.timeUs,
      );
      left = left.filter((here) => here !== found);
      return found;
    };
    const others = group.filter((there) => {
      const same = take(there, (here) => isSame(there, here, tolerance));
      if (same !== undefined) sink.equal();
      return same === undefined;
    });
    // One that says what the next sample of the other side says is that one's.
    const isFree = (here: Compared): boolean =>
      following === undefined ||
      following.timeUs - here.timeUs > tolerance.timeUs ||
      !isSame(following, here, tolerance);
    for (const there of others) {
      const here = take(there, isFree) ?? null;
      sink.differs({ what: here === null ? 'missing-here' : 'different', timeUs: there.timeUs, there, here });
    }
    return left;
  }
}

function nearest(samples: readonly Compared[], timeUs: number): Compared | undefined {
  let best: Compared | undefined;
  for (const sample of samples)
    if (best === undefined || Math.abs(sample.timeUs - timeUs) < Math.abs(best.timeUs - timeUs)) best = sample;
  return best;
}

/**
 * As steps: each sample holds up to the next one, and at each time at which either side has a sample both must hold the same. For data that is reported by exception or compressed. Before the first sample of either
 * side there is nothing to compare.
 */
export class StepComparer implements Comparer {
  private readonly tolerance: Tolerance;
  private readonly sink: ComparisonSink;
  private there: Compared | null = null;
  private here: Compared | null = null;

  constructor(tolerance: Tolerance, sink: ComparisonSink) {
    this.tolerance = tolerance;
    this.sink = sink;
  }

  async compare(there: readonly Compared[], here: AsyncIterable<Compared>): Promise<void> {
    let next = 0;
    let pendingUs: number | undefined;
    // All samples of one time are taken before both sides are held against each other.
    const look = (nowUs: number): void => {
      if (pendingUs !== undefined && pendingUs < nowUs) this.look(pendingUs);
      if (pendingUs !== undefined && pendingUs < nowUs) pendingUs = undefined;
    };
    const takeThere = (untilUs: number): void => {
      for (; next < there.length; next++) {
        const sample = there[next];
        if (sample === undefined || sample.timeUs > untilUs) return;
        look(sample.timeUs);
        this.there = sample;
        pendingUs = sample.timeUs;
      }
    };
    for await (const sample of here) {
      takeThere(sample.timeUs);
      look(sample.timeUs);
      this.here = sample;
      pendingUs = sample.timeUs;
    }
    takeThere(Number.POSITIVE_INFINITY);
    look(Number.POSITIVE_INFINITY);
  }

  private look(timeUs: number): void {
    const { there, here } = this;
    if (there === null || here === null) return;
    if (isSame(there, here, this.tolerance)) this.sink.equal();
    else this.sink.differs({ what: 'different', timeUs, there, here });
  }
}
