import type { Numeric } from '../points/numeric.ts';
import type { BucketState } from './accumulator.ts';
import type { Grid } from './buckets.ts';
import type { Gap } from '../reading/gap.ts';
import type { Lacks } from '../reading/lacking.ts';
import type { Outage } from '../reading/outages.ts';
import type { HistoryPlace } from '../reading/place.ts';

/** What can be asked of the good values of a bucket. `mean` is the arithmetic one; min, max, first and last are exact, also of 64-bit integers; booleans are 0 and 1. */
export const AGGREGATES = ['mean', 'min', 'max', 'count', 'first', 'last'] as const;
/** Name of one of them. */
export type Aggregate = (typeof AGGREGATES)[number];
/** What a bucket tells. Not to be named by those who ask: `atStart`, the good value at the very time at which the bucket begins; `lastUs`, the time of the last good value, µs. */
export type BucketFact = Aggregate | 'atStart' | 'lastUs';

/** Whether these are aggregates, and nothing else. */
export function areAggregates(facts: readonly BucketFact[]): facts is readonly Aggregate[] {
  return facts.every((fact) => (AGGREGATES as readonly string[]).includes(fact));
}

/** What is asked of one tag: aggregates of the samples with `fromUs` ≤ effective time < `toUs`, in buckets that cover the span. */
export interface BucketQuery {
  readonly tag: string;
  readonly fromUs: number;
  readonly toUs: number;
  readonly grid: Grid;
  readonly aggregates: readonly BucketFact[];
  /** The samples themselves instead, if there are no more than this; at most 10,000. */
  readonly samplesUpTo?: number | undefined;
  /** From this time on, µs, what has expired is to be had elsewhere: the page ends before it, where it does not have the answer of the samples themselves. Left out: nothing is. */
  readonly elsewhereFromUs?: number | undefined;
  /** Goes on where the page before ended: its `next`. */
  readonly after?: BucketCursor | undefined;
}

/** Where the next page begins, with what was seen of its first bucket already. */
/** A good sample that another one of its time may replace yet. */
export interface HeldSample {
  readonly timeUs: number;
  readonly value: Numeric;
}

/** Where the next page goes on, with what has been gathered of a bucket that is not done. */
export interface BucketCursor {
  /** Last sample that was taken; null: none yet. */
  readonly place: HistoryPlace | null;
  /** There is no sample behind it: what is left are empty buckets. */
  readonly ended: boolean;
  readonly bucket: number;
  readonly state: BucketState | null;
  /** Not in `state` yet. */
  readonly held: HeldSample | null;
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
  /** It cannot go on from where the page before ended: the next samples have expired and are elsewhere. Left out: it can. */
  readonly lacks?: Lacks;
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
  /** Nothing was to be had: the next samples have expired and are elsewhere. Undefined: something was. */
  readonly lacks: Lacks | undefined;
  private readonly columns: readonly Column[];

  constructor({ tag, raw, times, columns, gaps, next, lacks }: BucketPageMessage) {
    this.lacks = lacks;
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
  return [...new Set([times.buffer, ...columns.map(({ values }) => values.buffer)])];
}
