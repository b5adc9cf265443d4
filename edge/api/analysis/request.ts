import type { AggregateConfiguration, AggregateFunction } from '../../../historian/aggregates/aggregate.ts';
import type { CalendarUnit } from '../../../historian/analysis/calendar.ts';
import type { CounterRules, KnownCounter } from '../../../historian/analysis/counter-rules.ts';
import type { Shift } from '../../../historian/analysis/shifts.ts';
import type { Aggregate } from '../../../historian/queries/bucket-page.ts';
import type { Value } from '../../core/sample.ts';
import type { HistoryGap, HistoryQuery } from '../history-services.ts';

/** How a span is divided: equal times counted from the epoch in UTC, or on the clock of the site. */
export type Interval =
  | { readonly type: 'time'; readonly text: string; readonly widthUs: number }
  | { readonly type: 'calendar'; readonly text: CalendarUnit }
  | { readonly type: 'shift'; readonly text: 'shift' };

/** How the value at a time is found where no sample stands there. */
export const METHODS = ['interpolated', 'stepped', 'previous', 'next'] as const;
type Method = (typeof METHODS)[number];

/** Aggregates of intervals, at least one of Part 13, or of a calendar. */
interface AggregatesRequest {
  readonly type: 'aggregates';
  readonly interval: Interval;
  readonly aggregates: readonly (Aggregate | AggregateFunction)[];
  readonly configuration: AggregateConfiguration;
  /** Undefined: as the type of the tag says. */
  readonly stepped: boolean | undefined;
}

/** What counters have counted. */
interface CountedRequest {
  readonly type: 'counted';
  readonly interval: Interval;
  /** What was said beside what the configuration says; undefined: nothing. */
  readonly rules: Partial<CounterRules> | undefined;
}

/** Values at given times (µs, ascending), or at the beginnings of intervals. */
export interface ValuesRequest {
  readonly type: 'values';
  readonly times: { readonly at: readonly number[] } | { readonly every: Interval };
  readonly method: Method;
  readonly stepped: boolean | undefined;
  readonly uncertainIsBad: boolean;
  readonly slopedExtrapolation: boolean;
}

/** Samples that a chart shows. */
interface ShapeRequest {
  readonly type: 'shape';
  readonly shape: 'minmax' | 'lttb';
  readonly points: number;
}

/** The samples themselves. */
interface SamplesRequest {
  readonly type: 'samples';
}

/** What is asked for beyond what samples, buckets and charts are. */
export type Request = AggregatesRequest | CountedRequest | ValuesRequest | ShapeRequest | SamplesRequest;

/** What to answer, and in which layout: `long` has the rows of one tag behind those of the other, `wide` one row for each time. */
export interface TableRequest {
  readonly request: Request;
  readonly layout: 'long' | 'wide';
  /** Undefined: that of the site. */
  readonly timezone: string | undefined;
}

/** A question whose answer is a table. */
export interface TableQuery extends HistoryQuery {
  readonly table: TableRequest;
  /** Where the span is open it is that of the samples of these tags; of `tags` if left out. */
  readonly spanOf?: readonly string[];
}

/** What is known of the site that questions are about. */
export interface SiteCalendar {
  readonly timezone: string;
  /** Empty: none are configured. */
  readonly shifts: readonly Shift[];
  /** How a counter counts; undefined: the tag is not said to be one. */
  counterOf(path: string): KnownCounter | undefined;
}

/** A column of a table. Times are in µs. */
export interface TableColumn {
  readonly name: string;
  readonly type: 'time' | 'value';
}

/** What stands in a column: null where there is nothing, or what has no good value. */
export type Cell = Value;

/** Rows of one tag. */
export interface TablePage {
  /** The path as the gateway writes it. */
  readonly tag: string;
  /** What JSON says of the tag before its rows; the same on each page. */
  readonly head: Readonly<Record<string, unknown>>;
  readonly rows: Iterable<readonly Cell[]>;
  /** What happened to a counter, for JSON. */
  readonly events: readonly Readonly<Record<string, unknown>>[];
  readonly gaps: readonly HistoryGap[];
}
