import type { CounterEvent, ImpossibleReading } from '../analysis/counters.ts';
import type { EventFrame } from '../analysis/event-frames.ts';
import type { SummarizedBlock } from '../files/block-list.ts';
import type { Points } from '../points/points.ts';

/** Values of one column, row by row. */
export interface AnalysisColumn {
  /** NaN: no value, or one that stands in `large`. */
  readonly values: Float64Array<ArrayBuffer>;
  /** StatusCodes with their info bits; null: only good values count, so there is nothing to say. */
  readonly qualities: Uint32Array<ArrayBuffer> | null;
  /** When the value was, µs, where that is not the row's own time; null: it is. */
  readonly times: Float64Array<ArrayBuffer> | null;
  /** 64-bit integers that are not exact in a double, by row; null: there are none. */
  readonly large: ReadonlyMap<number, bigint> | null;
}

/** What a calculation has decided, in memory of its own. Which members have something depends on what was asked. */
export interface Decided {
  /** Of the rows: starts of intervals, the times that were asked for, or times of samples, µs. */
  readonly times: Float64Array<ArrayBuffer>;
  /** Of aggregates one each; of values and shapes one; of totals what was counted, then bits of `CounterMark`. */
  readonly columns: readonly AnalysisColumn[];
  readonly frames: readonly EventFrame[];
  /** What happened to a counter, and readings that it cannot have shown. */
  readonly events: readonly CounterEvent[];
  readonly impossible: readonly ImpossibleReading[];
}

/** Nothing yet. */
export const NOTHING: Decided = { times: new Float64Array(0), columns: [], frames: [], events: [], impossible: [] };

/** One of the calculations of `aggregates/` or `analysis/` over the samples of a tag, which come in order. */
export interface Calculation<State> {
  /** Takes rows; false: it needs none behind them. */
  take(points: Points, start: number, end: number): boolean;
  /** Takes a block as a whole, if its summary is enough; false: its samples are needed. Left out: they always are. */
  takeBlock?(block: SummarizedBlock): boolean;
  /** Of a block of which only the summary is left, and that it did not take: why, and what to ask instead. Undefined: it has only the wrong length. */
  advice?(block: SummarizedBlock): string | undefined;
  /** From this time on samples are missing, up to the next one that is taken. */
  lose(timeUs: number): void;
  /** There are no more samples. */
  finish(): void;
  /** It needs nothing behind the block that it has taken as a whole. Left out: it always may. */
  readonly done?: boolean;
  /** It has decided so much that it must be drained. */
  readonly full: boolean;
  /** What was decided since the last call. */
  drain(): Decided;
  /** How far it has come, without what was decided and not drained. */
  state(): State;
}
