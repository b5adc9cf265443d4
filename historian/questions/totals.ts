import { StatusCode } from '../../edge/core/status-code.ts';
import {
  Counter,
  type CounterEvent,
  type CounterState,
  type CounterSteps,
  type ImpossibleReading,
} from '../analysis/counters.ts';
import { type CounterTotalRows, CounterTotals, type CounterTotalsState } from '../analysis/counter-totals.ts';
import { counts, type Piece, pieceOf, Rows } from '../analysis/piece.ts';
import type { Span } from '../queries/buckets.ts';
import { MAX_PAGE_BUCKETS } from '../limits.ts';
import type { ValueSummary } from '../codec/summary.ts';
import type { SummarizedBlock } from '../files/block-list.ts';
import { unitName } from '../files/rollups.ts';
import { lowerBound, type Points } from '../points/points.ts';
import type { AskedTotals } from './asked.ts';
import { Behind, type BehindState, type Decides } from './behind.ts';
import { type Calculation, type Decided, NOTHING } from './calculation.ts';
import type { Bound } from './look-back.ts';
import { lostFrom } from './lost.ts';

/** How far it has come, as plain data. */
export interface TotalsState {
  readonly what: 'totals';
  readonly counter: CounterState;
  readonly totals: CounterTotalsState;
  readonly behind: BehindState;
}

/** Readings that say how much was counted. */
function isReading({ rules }: AskedTotals): Decides {
  const { rollover = Number.POSITIVE_INFINITY } = rules;
  return (value, quality) => (counts(value, quality, true) ? value < rollover : null);
}

function onlyGoesUp({ first, last, min, max }: ValueSummary): boolean {
  return first === min && last === max;
}

/** The last reading before the span: from it on is counted. */
export function boundOfTotals(asked: AskedTotals): Bound {
  return { samples: 1, decides: isReading(asked) };
}

/** What a counter has counted, and what happened to it. */
export class TotalsCalculation implements Calculation<TotalsState> {
  done = false;
  private readonly asked: AskedTotals;
  private readonly span: Span;
  private readonly counter: Counter;
  private readonly totals: CounterTotals;
  private readonly behind: Behind;
  private readonly out = new Rows();
  /** Bits of `CounterMark`, as numbers. */
  private marks: number[] = [];
  private events: CounterEvent[] = [];
  private impossible: ImpossibleReading[] = [];

  constructor(asked: AskedTotals, span: Span, state: TotalsState | null) {
    const { starts, ends, rules, replacements } = asked;
    this.asked = asked;
    this.span = span;
    this.counter = new Counter(rules, replacements, true, span.fromUs);
    this.totals = new CounterTotals({ count: starts.length, starts, ends });
    this.behind = new Behind(ends[ends.length - 1] ?? 0, isReading(asked));
    if (state === null) return;
    this.counter.restore(state.counter);
    this.totals.restore(state.totals);
    this.behind.restore(state.behind);
  }

  get full(): boolean {
    return this.out.count + this.events.length + this.impossible.length >= MAX_PAGE_BUCKETS;
  }

  take(points: Points, start: number, end: number): boolean {
    return this.takePiece(pieceOf(points, start, end));
  }

  private takePiece(piece: Piece): boolean {
    const count = this.behind.needed(piece);
    this.count(this.counter.add(count === piece.count ? piece : { ...piece, count }));
    return count === piece.count;
  }

  /**
   * Of readings that have expired the first and the last are left. They are enough if they are the least and the greatest: then the counter has only gone up in between (or, which nobody can
   * see any more, it began again and passed its old reading within that time). Before the buckets the last one is enough, behind them the first.
   */
  takeBlock({ summary, expired, overlapped }: SummarizedBlock): boolean {
    const { values, firstUs, lastUs, count, goodCount, firstGood, lastGood, distinct } = summary;
    if (!expired || overlapped === true || !distinct) return false;
    if (goodCount === 0) {
      this.lose(firstUs);
      return true;
    }
    if (values === null) return false;
    const { starts, ends, rules } = this.asked;
    const [first, last] = [Number(values.first), Number(values.last)];
    const isBefore = lastUs < (starts[0] ?? 0);
    const isBehind = firstUs >= (ends[ends.length - 1] ?? 0);
    const isWhole = !isBefore && !isBehind;
    if ((!firstGood && !isBefore) || (!lastGood && !isBehind)) return false;
    if (Number(values.max) >= (rules.rollover ?? Number.POSITIVE_INFINITY)) return false;
    if (isWhole && !(onlyGoesUp(values) && this.isInOneBucket(firstUs, lastUs))) return false;
    const rows = new Rows(3);
    if (!isBefore) rows.push(firstUs, first, StatusCode.Good);
    // When in between a reading was not good does not matter.
    if (isWhole && goodCount < count) rows.push(lastUs - 1, Number.NaN, StatusCode.BadNoData);
    if (!isBehind && (isBefore || count > 1)) rows.push(lastUs, last, StatusCode.Good);
    this.done = !this.takePiece(rows) || this.behind.settled;
    return true;
  }

  advice({ summary }: SummarizedBlock): string | undefined {
    const { firstUs, lastUs, values } = summary;
    if (!this.isInOneBucket(firstUs, lastUs)) return undefined;
    const what =
      values !== null && onlyGoesUp(values) ? 'not all readings were good' : 'the counter did not only go up';
    return `Only a roll-up is left, of ${unitName(firstUs, lastUs)}, in which ${what}: it was counted on from the readings around it.`;
  }

  /** Whether a span of time lies in one bucket, or in none. */
  private isInOneBucket(firstUs: number, lastUs: number): boolean {
    const { starts, ends } = this.asked;
    const bucket = lowerBound(starts, starts.length, firstUs + 1) - 1;
    if (lastUs >= (starts[bucket + 1] ?? Number.POSITIVE_INFINITY)) return false;
    const endUs = ends[bucket] ?? Number.NEGATIVE_INFINITY;
    return lastUs < endUs || firstUs >= endUs;
  }

  /** A counter has counted on: the next reading tells how much, and only when is not known. */
  lose(timeUs: number): void {
    this.count(this.counter.add(lostFrom(timeUs)));
  }

  finish(): void {
    this.count(this.counter.finish());
    this.keep(this.totals.finish());
  }

  drain(): Decided {
    const { out, marks, events, impossible } = this;
    const { times, values, qualities } = out.copy();
    const counted = { values, qualities, times: null, large: null };
    const marked = { values: Float64Array.from(marks), qualities: null, times: null, large: null };
    out.reset();
    this.marks = [];
    this.events = [];
    this.impossible = [];
    return { ...NOTHING, times, columns: [counted, marked], events, impossible };
  }

  state(): TotalsState {
    return {
      what: 'totals',
      counter: this.counter.state(),
      totals: this.totals.state(),
      behind: this.behind.state(),
    };
  }

  private count(steps: CounterSteps): void {
    const { events, impossible } = this.counter;
    const { fromUs, toUs } = this.span;
    for (const event of events) if (event.timeUs > fromUs && event.sinceUs < toUs) this.events.push(event);
    for (const reading of impossible)
      if (reading.timeUs >= fromUs && reading.timeUs < toUs) this.impossible.push(reading);
    events.length = 0;
    impossible.length = 0;
    this.keep(this.totals.add(steps));
  }

  private keep(rows: CounterTotalRows): void {
    for (let i = 0; i < rows.count; i++) {
      this.out.push(rows.times[i] ?? 0, rows.values[i] ?? 0, rows.qualities[i] ?? 0);
      this.marks.push(rows.marks[i] ?? 0);
    }
  }
}
