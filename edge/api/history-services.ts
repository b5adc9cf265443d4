import type { BucketFact, BucketPage } from '../../historian/queries/bucket-page.ts';
import type { Value, ValueKind } from '../core/sample.ts';

/* What the API asks about history, and what it is given: the part of `services.ts` that others need too. */

/** One sample as history shows it. */
export interface HistorySample {
  /** Effective time, µs: the device's, or the ingest time where its clock is suspect. */
  readonly timeUs: number;
  /** Time of the device, µs, where it is not the effective time; else null. */
  readonly deviceTimeUs: number | null;
  readonly kind: ValueKind;
  readonly value: Value;
  /** StatusCode. */
  readonly quality: number;
  readonly flags: number;
  readonly serverTimeUs: number | null;
}

export interface TagSample extends HistorySample {
  readonly tag: string;
}

export interface HistoryQuery {
  /** Absolute paths, in any case; at least one. */
  readonly tags: readonly string[];
  /** First effective time, µs. */
  readonly fromUs: number;
  /** Effective time, µs, that is no longer wanted. */
  readonly toUs: number;
  /** The asker has gone. */
  readonly signal: AbortSignal;
}

/** What the samples of a span are reduced to: aggregates of each interval, or what a chart of so many points shows. */
export type Reduction =
  | {
      readonly type: 'interval';
      /** As it was asked for, such as `1m`. */
      readonly interval: string;
      readonly widthUs: number;
      /** Intervals are counted from this time, µs; left out: from the epoch in UTC. */
      readonly countedUs?: number | undefined;
      readonly aggregates: readonly BucketFact[];
    }
  | { readonly type: 'points'; readonly points: number };

export interface BucketsQuery extends HistoryQuery {
  readonly reduction: Reduction;
}

/** Buckets of one tag, or its samples where a chart has room for all of them. */
export interface BucketsPage {
  /** The path as the gateway writes it. */
  readonly tag: string;
  /** Null: the rows are samples. */
  readonly widthUs: number | null;
  /** Where buckets begin of which the span has only a part: the first, the last; the same on each page. Of samples there are none. */
  readonly partial: readonly number[];
  /** Values in the order of the aggregates; of a chart min, max, first, last, count. Null: no good value. */
  readonly buckets: Buckets;
  readonly gaps: readonly HistoryGap[];
}

/** Rows of buckets, or of samples, in columns; `times`: where the buckets begin, or when the samples are, µs. */
export type Buckets = Pick<BucketPage, 'rows' | 'times' | 'value'>;

/** A span in which samples of a tag may be missing from the answer. */
export interface HistoryGap {
  readonly fromUs: number;
  /** No longer in it. */
  readonly toUs: number;
  /** Such as `damage`, `retention`, `historian-damaged`. */
  readonly reason: string;
  /** Samples of this tag that are missing; null: not known. */
  readonly samples: number | null;
  readonly detail: string;
}
