import { Accumulator, type BucketState } from '../queries/accumulator.ts';
import type { Aggregate } from '../queries/bucket-page.ts';
import type { ValueSummary } from '../codec/summary.ts';
import { hasGoodValue } from '../reading/outages.ts';
import { type Points, lowerBound } from '../points/points.ts';
import type { AnalysisColumn } from './calculation.ts';

/** How far it has come, as plain data. */
export interface ShortState {
  readonly interval: number;
  readonly open: BucketState;
  /** Results of the intervals that are over and not given, column by column. */
  readonly columns: readonly { readonly values: Float64Array; readonly large: ReadonlyMap<number, bigint> }[];
}

/** Mean, min, max, count, first and last of the good values of intervals of any lengths: exact, as those of equal intervals are. */
export class ShortAggregates {
  private readonly edges: Float64Array;
  private readonly aggregates: readonly Aggregate[];
  private readonly accumulator = new Accumulator();
  private readonly columns: { values: Float64Array<ArrayBuffer>; large: Map<number, bigint> }[];
  /** The one that is open; all before it are over. */
  private interval = 0;

  constructor(edges: Float64Array, aggregates: readonly Aggregate[]) {
    this.edges = edges;
    this.aggregates = aggregates;
    this.columns = aggregates.map(() => ({
      values: new Float64Array(edges.length - 1).fill(Number.NaN),
      large: new Map(),
    }));
  }

  /** Intervals that are over. */
  get settled(): number {
    return this.interval;
  }

  /** `from`: the first interval that is not given. */
  state(from: number): ShortState {
    const columns = this.columns.map(({ values, large }) => ({ values: values.slice(from, this.interval), large }));
    return { interval: this.interval, open: this.accumulator.state(), columns };
  }

  restore({ interval, open, columns }: ShortState): void {
    this.interval = interval;
    this.accumulator.restore(open);
    for (const [i, { values, large }] of columns.entries()) {
      const column = this.columns[i];
      column?.values.set(values, interval - values.length);
      for (const [row, value] of large) column?.large.set(row, value);
    }
  }

  /** Throws `aggregate-type` at a good value that is no number. */
  take(points: Points, start: number, end: number): void {
    const { times } = points;
    let at = Math.max(start, Math.min(end, lowerBound(times, points.count, this.edges[0] ?? 0)));
    while (at < end) {
      const endUs = this.pass(times[at] ?? 0);
      if (endUs === undefined) return;
      if (!hasGoodValue(points, at)) {
        at++;
        continue;
      }
      let until = at + 1;
      while (until < end && (times[until] ?? 0) < endUs && hasGoodValue(points, until)) until++;
      this.accumulator.add(points, at, until);
      at = until;
    }
  }

  /** Takes the summary of good samples that lie in one interval; false: they do not. */
  takeSummary(values: ValueSummary, count: number, firstUs: number, lastUs: number): boolean {
    if (firstUs < (this.edges[0] ?? 0)) return false;
    const endUs = this.pass(firstUs);
    if (endUs === undefined || lastUs >= endUs) return false;
    this.accumulator.addSummary(values, count, lastUs);
    return true;
  }

  /** The time has come to this one: intervals that end before it are over. Returns where the one that is open ends; undefined: none is. */
  pass(timeUs: number): number | undefined {
    for (;;) {
      const endUs = this.edges[this.interval + 1];
      if (endUs === undefined || timeUs < endUs) return endUs;
      this.close();
    }
  }

  /** There are no more samples. */
  finish(): void {
    while (this.interval < this.edges.length - 1) this.close();
  }

  /** Results of intervals that are over: a column for each aggregate. */
  results(start: number, end: number): AnalysisColumn[] {
    return this.columns.map(({ values, large }) => {
      const own = [...large].filter(([row]) => row >= start && row < end);
      return {
        values: values.slice(start, end),
        qualities: null,
        times: null,
        large: own.length === 0 ? null : new Map(own.map(([row, value]) => [row - start, value])),
      };
    });
  }

  private close(): void {
    const { accumulator, interval } = this;
    for (const [i, aggregate] of this.aggregates.entries()) {
      const column = this.columns[i];
      if (column === undefined || (accumulator.count === 0 && aggregate !== 'count')) continue;
      const value = accumulator[aggregate];
      if (typeof value === 'bigint') column.large.set(interval, value);
      else column.values[interval] = value;
    }
    accumulator.reset();
    this.interval++;
  }
}
