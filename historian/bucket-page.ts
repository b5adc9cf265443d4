import type { BucketState, Numeric } from './accumulator.ts';
import type { Grid } from './buckets.ts';
import type { Gap } from './gap.ts';
import type { Outage } from './outages.ts';
import type { HistoryPlace } from './scan.ts';

/** What can be asked of the good values of a bucket. `mean` is the arithmetic one; min, max, first and last are exact, also of 64-bit integers; booleans are 0 and 1. */
export const AGGREGATES = ['mean', 'min', 'max', 'count', 'first', 'last'] as const;
export type Aggregate = (typeof AGGREGATES)[number];

/** What is asked of one tag: aggregates of the samples with `fromUs` ≤ effective time < `toUs`, in buckets that cover the span. */
export interface BucketQuery {
  readonly tag: string;
  readonly fromUs: number;
  readonly toUs: number;
  readonly grid: Grid;
  readonly aggregates: readonly Aggregate[];
  /** The samples themselves instead, if there are no more than this; at most 10,000. */
  readonly samplesUpTo?: number | undefined;
  /** Goes on where the page before ended: its `next`. */
  readonly after?: BucketCursor | undefined;
}

/** Where the next page begins, with what was seen of its first bucket already. */
export interface BucketCursor {
  /** Last sample that was taken; null: none yet. */
  readonly place: HistoryPlace | null;
  /** There is no sample behind it: what is left are empty buckets. */
  readonly ended: boolean;
  readonly bucket: number;
  readonly state: BucketState | null;
  readonly outage: Outage | null;
}

/** Values of one aggregate, row by row. */
export interface Column {
  /** NaN: no value, or one that stands in `large`. */
  readonly values: Float64Array<ArrayBuffer>;
  /** 64-bit integers that are not exact in a double, by row. */
  readonly large: ReadonlyMap<number, bigint>;
}

/** A part of an answer as plain memory. */
export interface BucketPageMessage {
  readonly tag: string;
  /** Rows are samples, not buckets. */
  readonly raw: boolean;
  readonly times: Float64Array<ArrayBuffer>;
  readonly columns: readonly Column[];
  readonly gaps: readonly Gap[];
  readonly next: BucketCursor | null;
}

/**
 * A part of an answer: one row for each bucket, also for those without good values, or (`raw`) for each sample, also those that are not good. `times`: where the buckets begin, or when
 * the samples are.
 */
export class BucketPage {
  readonly tag: string;
  readonly raw: boolean;
  readonly times: Float64Array<ArrayBuffer>;
  readonly gaps: readonly Gap[];
  /** Null: this was the last page. */
  readonly next: BucketCursor | null;
  private readonly columns: readonly Column[];

  constructor({ tag, raw, times, columns, gaps, next }: BucketPageMessage) {
    this.tag = tag;
    this.raw = raw;
    this.times = times;
    this.columns = columns;
    this.gaps = gaps;
    this.next = next;
  }

  get rows(): number {
    return this.times.length;
  }

  /** Value of the aggregate that stands there in the query; null: no good value. A count is 0 then. */
  value(row: number, aggregate: number): Numeric | null {
    const column = this.columns[aggregate];
    const value = column?.values[row] ?? Number.NaN;
    return Number.isNaN(value) ? (column?.large.get(row) ?? null) : value;
  }
}

/** What must be named in the transfer list of a message. */
export function bucketBuffers({ times, columns }: BucketPageMessage): ArrayBuffer[] {
  return [times.buffer, ...columns.map(({ values }) => values.buffer)];
}
