import { StatusCode } from '../../edge/core/status-code.ts';
import type { Condition } from '../analysis/condition.ts';
import { type EventFrame, EventFrames, type EventFramesState } from '../analysis/event-frames.ts';
import { counts, pieceOf, Rows } from '../analysis/piece.ts';
import type { Span } from '../queries/buckets.ts';
import { MAX_PAGE_BUCKETS } from '../limits.ts';
import type { SummarizedBlock } from '../files/block-list.ts';
import { unitName } from '../files/rollups.ts';
import type { Points } from '../points/points.ts';
import type { AskedFrames } from './asked.ts';
import { type Calculation, type Decided, NOTHING } from './calculation.ts';
import type { Bound } from './look-back.ts';
import { lostFrom } from './lost.ts';

/** How far it has come, as plain data. */
export interface FramesState {
  readonly what: 'frames';
  readonly search: EventFramesState;
}

/** The last sample that tells, whatever was before it, whether the condition was met at the start of the span. */
export function boundOfFrames({ condition, uncertainIsBad }: AskedFrames): Bound {
  if (condition.when === 'bad' || condition.when === 'not-good') return { samples: 1, decides: () => true };
  return {
    samples: 1,
    decides: (value, quality) => (counts(value, quality, uncertainIsBad) ? !isWithinDeadband(condition, value) : null),
  };
}

/** Whether a value meets the condition if a frame is open, and only then. */
function isWithinDeadband(condition: Condition, value: number): boolean {
  switch (condition.when) {
    case 'above':
      return value <= condition.limit && value > condition.limit - condition.deadband;
    case 'below':
      return value >= condition.limit && value < condition.limit + condition.deadband;
    case 'outside':
      return (
        value >= condition.low &&
        value <= condition.high &&
        (value > condition.high - condition.deadband || value < condition.low + condition.deadband)
      );
    case 'inside':
      return (
        (value < condition.low && value >= condition.low - condition.deadband) ||
        (value > condition.high && value <= condition.high + condition.deadband)
      );
    case 'equals':
    case 'bad':
    case 'not-good':
      return false;
  }
}

/** Stretches of time in which a condition was met. */
export class FramesCalculation implements Calculation<FramesState> {
  private readonly condition: Condition;
  private readonly uncertainIsBad: boolean;
  private readonly search: EventFrames;
  private readonly toUs: number;
  /** Of texts only their quality matters. */
  private readonly isOfAnyType: boolean;
  private found: EventFrame[] = [];

  constructor({ condition, uncertainIsBad }: AskedFrames, span: Span, state: FramesState | null) {
    this.condition = condition;
    this.uncertainIsBad = uncertainIsBad;
    this.search = new EventFrames(condition, span, uncertainIsBad);
    this.toUs = span.toUs;
    this.isOfAnyType = condition.when === 'bad' || condition.when === 'not-good';
    if (state !== null) this.search.restore(state.search);
  }

  get full(): boolean {
    return this.found.length >= MAX_PAGE_BUCKETS;
  }

  take(points: Points, start: number, end: number): boolean {
    this.found.push(...this.search.add(pieceOf(points, start, end, this.isOfAnyType)));
    return (points.times[end - 1] ?? 0) < this.toUs;
  }

  /** Of samples that have expired the least and the greatest value are left: enough to know that none of them met the condition. */
  takeBlock({ summary, expired, overlapped }: SummarizedBlock): boolean {
    const { values, distinct, firstUs, lastUs, count, goodCount, firstGood, lastGood } = summary;
    if (!expired || overlapped === true || !distinct || values === null) return false;
    // Where in between one was not good does not matter while the condition is not met; with which it began would.
    if (goodCount < count && (this.isOfAnyType || !this.uncertainIsBad || !firstGood)) return false;
    if (!this.isNever(Number(values.min), Number(values.max))) return false;
    const rows = new Rows(2);
    rows.push(firstUs, Number(values.first), StatusCode.Good);
    if (count > 1 && lastGood) rows.push(lastUs, Number(values.last), StatusCode.Good);
    else if (count > 1) rows.push(lastUs, Number.NaN, StatusCode.BadNoData);
    this.found.push(...this.search.add(rows));
    return true;
  }

  advice({ summary: { firstUs, lastUs } }: SummarizedBlock): string {
    return `Only a roll-up is left, in which the condition may have been met: min and max of whole ${unitName(firstUs, lastUs)} (UTC) have an answer.`;
  }

  /** Whether no Good sample between these values meets the condition, nor keeps it met. With `stale` it matters how far samples lie apart. */
  private isNever(min: number, max: number): boolean {
    const { condition } = this;
    if ('stale' in condition && condition.stale !== undefined) return false;
    switch (condition.when) {
      case 'above':
        return max <= condition.limit - condition.deadband;
      case 'below':
        return min >= condition.limit + condition.deadband;
      case 'outside':
        return min >= condition.low + condition.deadband && max <= condition.high - condition.deadband;
      case 'inside':
        return max < condition.low - condition.deadband || min > condition.high + condition.deadband;
      case 'equals':
        return max < condition.state || min > condition.state;
      case 'bad':
      case 'not-good':
        return true;
    }
  }

  lose(timeUs: number): void {
    this.found.push(...this.search.add(lostFrom(timeUs)));
  }

  finish(): void {
    this.found.push(...this.search.finish());
  }

  drain(): Decided {
    const { found } = this;
    this.found = [];
    return { ...NOTHING, frames: found };
  }

  state(): FramesState {
    return { what: 'frames', search: this.search.state() };
  }
}
