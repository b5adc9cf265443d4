import type { AggregateFunction, AggregateRequest, ProcessingIntervals } from '../aggregates/aggregate.ts';
import type { AtTimeOptions } from '../analysis/at-time.ts';
import type { Condition } from '../analysis/condition.ts';
import type { CounterRules, Replacement } from '../analysis/counter-rules.ts';
import type { Aggregate } from '../queries/bucket-page.ts';
import type { Grid } from '../queries/buckets.ts';

/** Aggregates of intervals: those of Part 13 with their StatusCodes, and the short ones of the values of quality Good, which are exact. */
export interface AskedAggregates extends Pick<
  AggregateRequest,
  'stepped' | 'configuration' | 'edition' | 'resolutionUs'
> {
  readonly what: 'aggregates';
  /** At most 2,000: more are several questions (`windowsOf`). Backwards there are only those of Part 13. */
  readonly intervals: ProcessingIntervals;
  /** In the order of the answer's columns. */
  readonly aggregates: readonly (Aggregate | AggregateFunction)[];
}

/** Values at given times, µs, ascending, at most 100,000. */
export interface AskedValues {
  readonly what: 'values';
  readonly times: Float64Array;
  readonly options: AtTimeOptions;
  /** Values may be texts: equal ones have equal numbers, and the sample says which text it is. Only where no line lies between them. */
  readonly ofAnyType?: boolean | undefined;
}

/** Some samples of each pixel of a chart: a line through them looks like one through all of them. */
export interface AskedShape {
  readonly what: 'shape';
  readonly shape: 'minmax' | 'lttb';
  readonly grid: Grid;
}

/** Stretches of time in which a condition was met. */
export interface AskedFrames {
  readonly what: 'frames';
  readonly condition: Condition;
  readonly uncertainIsBad: boolean;
}

/** What a counter has counted in each of some spans of time, at most 100,000, in order. */
export interface AskedTotals {
  readonly what: 'totals';
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  readonly rules: CounterRules;
  readonly replacements: readonly Replacement[];
}

/** What can be asked of a tag beyond its samples, six aggregates of equal intervals, and charts of these. */
export type Asked = AskedAggregates | AskedValues | AskedShape | AskedFrames | AskedTotals;
