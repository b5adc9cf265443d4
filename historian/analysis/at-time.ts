import { assert } from '../../edge/core/fault.ts';
import { InfoBits, located, ResultCode } from '../aggregates/status.ts';
import { counts, type Piece, Rows } from './piece.ts';

/**
 * How the value at a time is found where no sample stands there.
 * - `interpolated`: on the line between the nearest good samples, whatever lies between them (Part 13, 3.1.8, interpolated bounding values; Part 11, 6.5.5, useSimpleBounds false)
 * - `simple`: on the line between the neighbours, good or not: nothing in a gap (Part 13, 3.1.9, simple bounding values; useSimpleBounds true)
 * - `previous-good`, `next-good`: that sample itself, not later, or not earlier, than the time
 * - `exact`: nothing
 */
export type AtTimeRule = 'interpolated' | 'simple' | 'previous-good' | 'next-good' | 'exact';

/** Which values are wanted. */
export interface AtTimeOptions {
  readonly rule: AtTimeRule;
  /** Values hold until the next one (Part 11, Stepped); else lines lie between them. */
  readonly stepped: boolean;
  /** Uncertain samples count as bad ones (Part 13, TreatUncertainAsBad); true if not given. */
  readonly uncertainIsBad?: boolean;
  /** Behind the last good sample the line through the last two goes on (Part 13, UseSlopedExtrapolation); else the last value holds. */
  readonly slopedExtrapolation?: boolean;
}

/** How far an `AtTime` has come, as plain data. */
export interface AtTimeState {
  readonly answered: number;
  readonly newUs: number;
  readonly newValue: number;
  readonly newCode: number;
  readonly newCounts: boolean;
  readonly beforeUs: number;
  readonly beforeValue: number;
  readonly beforeCode: number;
  readonly secondUs: number;
  readonly secondValue: number;
  readonly badUs: number;
}

/** Answers, one for each time. */
class AtTimeRows extends Rows {
  /** Time of the sample that the value was taken from as it is, µs; NaN: computed, or none. */
  sampleTimes = new Float64Array(64);

  pushFrom(timeUs: number, value: number, quality: number, sampleUs: number): void {
    this.push(timeUs, value, quality);
    if (this.count > this.sampleTimes.length) {
      const grown = new Float64Array(this.times.length);
      grown.set(this.sampleTimes);
      this.sampleTimes = grown;
    }
    this.sampleTimes[this.count - 1] = sampleUs;
  }
}

const INTERPOLATED = located(ResultCode.Good, InfoBits.interpolated);
const SUBNORMAL = located(ResultCode.UncertainDataSubNormal, InfoBits.interpolated);

/**
 * Values of one tag at given times (OPC UA Part 11, 6.5.5, ReadAtTime). A sample at the time itself is the answer, with the info bit Raw; what is computed has the bit Interpolated, and
 * is Uncertain_DataSubNormal where it skips bad samples, stands on an uncertain one or goes beyond the last one; where nothing is known it is Bad_NoData. Of several samples at
 * one time the last good one counts.
 *
 * The pieces begin with the last good sample before the first time, if there is one (with two of them for sloped extrapolation), and go on to the first good one behind the last
 * time. In memory are two samples and the answers since `out` was reset, at most `limit` of them.
 */
export class AtTime {
  /** Answers so far, until the caller resets it. */
  readonly out = new AtTimeRows();
  /** Times that have an answer. */
  answered = 0;
  /** Stops before the answer of this number; all if not set. */
  limit: number;
  private readonly times: Float64Array;
  private readonly rule: AtTimeRule;
  private readonly stepped: boolean;
  private readonly uncertainIsBad: boolean;
  private readonly slopedExtrapolation: boolean;
  /** The newest sample: what stands before it is not settled yet, and one of the same time may replace it. NaN: none. */
  private newUs = Number.NaN;
  private newValue = 0;
  private newCode = 0;
  private newCounts = false;
  /** The last sample before it that counts, the one before that, and the first since then that does not count. NaN: none. */
  private beforeUs = Number.NaN;
  private beforeValue = 0;
  private beforeCode = 0;
  private secondUs = Number.NaN;
  private secondValue = 0;
  private badUs = Number.NaN;

  /** `times` ascend, µs. */
  constructor(times: Float64Array, options: AtTimeOptions) {
    for (let i = 1; i < times.length; i++) assert((times[i - 1] ?? 0) <= (times[i] ?? 0), 'times ascend');
    this.times = times;
    this.limit = times.length;
    this.rule = options.rule;
    this.stepped = options.stepped;
    this.uncertainIsBad = options.uncertainIsBad ?? true;
    this.slopedExtrapolation = options.slopedExtrapolation ?? false;
  }

  /** Without the answers that the caller has not taken yet. */
  state(): AtTimeState {
    const { answered, newUs, newValue, newCode, newCounts, beforeUs, beforeValue, beforeCode } = this;
    const { secondUs, secondValue, badUs } = this;
    const before = { beforeUs, beforeValue, beforeCode, secondUs, secondValue, badUs };
    return { answered, newUs, newValue, newCode, newCounts, ...before };
  }

  restore(state: AtTimeState): void {
    Object.assign(this, state);
  }

  /** Takes rows from number `from` on; returns the number of the first that it has not taken: there is one if the limit is reached. */
  add({ count, times, values, qualities }: Piece, from = 0): number {
    for (let i = from; i < count; i++) {
      if (this.answered >= this.limit) return i;
      const timeUs = times[i] ?? 0;
      const value = values[i] ?? 0;
      const code = qualities[i] ?? 0;
      const isGood = counts(value, code, this.uncertainIsBad);
      if (timeUs === this.newUs) {
        if (this.newCounts && !isGood) continue;
      } else if (!this.settle()) return i;
      this.newUs = timeUs;
      this.newValue = value;
      this.newCode = code;
      this.newCounts = isGood;
    }
    return count;
  }

  /** There are no more samples: the answers up to the limit. Can be called again with a higher one. */
  finish(): void {
    if (!this.settle()) return;
    this.newUs = Number.NaN;
    for (; this.answered < this.limit; this.answered++) this.answerBehind(this.times[this.answered] ?? 0);
  }

  /** Answers what the newest sample decides, and makes it the one before; false: the limit came first. */
  private settle(): boolean {
    const { newUs, newCounts, rule } = this;
    if (Number.isNaN(newUs)) return true;
    // A line, and the next good sample, wait for one that counts; a bad one at the time itself is no answer, unless the rule asks for just that.
    const waits = rule === 'next-good' || (rule === 'interpolated' && !this.stepped);
    if ((newCounts || !waits) && !this.settleBefore(newUs)) return false;
    if ((newCounts || rule === 'simple' || rule === 'exact') && !this.settleAt(newUs)) return false;
    if (newCounts) {
      this.secondUs = this.beforeUs;
      this.secondValue = this.beforeValue;
      this.beforeUs = newUs;
      this.beforeValue = this.newValue;
      this.beforeCode = this.newCode;
      this.badUs = Number.NaN;
    } else if (Number.isNaN(this.badUs)) this.badUs = newUs;
    return true;
  }

  /** Answers the times before the newest sample; false: the limit came first. */
  private settleBefore(newUs: number): boolean {
    while (this.nextUs < newUs) {
      if (this.answered >= this.limit) return false;
      this.answerBetween(this.nextUs);
      this.answered++;
    }
    return true;
  }

  /** Answers the times at which it stands. */
  private settleAt(newUs: number): boolean {
    while (this.nextUs === newUs) {
      if (this.answered >= this.limit) return false;
      this.answerWithNew(newUs);
      this.answered++;
    }
    return true;
  }

  /** The next time without an answer; NaN: there is none. */
  private get nextUs(): number {
    return this.times[this.answered] ?? Number.NaN;
  }

  /** A time before the newest sample, behind all others. */
  private answerBetween(timeUs: number): void {
    const { rule, beforeCode } = this;
    if (rule === 'next-good') return this.answerWithNew(timeUs);
    if (rule === 'exact' || Number.isNaN(this.beforeUs)) return this.answerNothing(timeUs);
    if (rule === 'previous-good') return this.answerWithBefore(timeUs);
    const skips = !Number.isNaN(this.badUs);
    if (rule === 'simple' && skips) return this.answerNothing(timeUs);
    const isSure = beforeCode >>> 30 === 0;
    if (this.stepped) {
      const quality = isSure && !(this.badUs <= timeUs) ? INTERPOLATED : SUBNORMAL;
      return this.out.pushFrom(timeUs, this.beforeValue, quality, this.beforeUs);
    }
    // With simple bounds a bad sample behind the time leaves the value before it.
    if (!this.newCounts) return this.out.pushFrom(timeUs, this.beforeValue, SUBNORMAL, this.beforeUs);
    const value = onLine(timeUs, this.beforeUs, this.beforeValue, this.newUs, this.newValue);
    this.answer(timeUs, value, isSure && this.newCode >>> 30 === 0 && !skips ? INTERPOLATED : SUBNORMAL);
  }

  /** A time behind all samples. */
  private answerBehind(timeUs: number): void {
    const { rule, slopedExtrapolation, secondUs, beforeUs } = this;
    if (Number.isNaN(beforeUs)) return this.answerNothing(timeUs);
    if (rule === 'previous-good') return this.answerWithBefore(timeUs);
    const holds = rule === 'interpolated' || (rule === 'simple' && this.stepped && Number.isNaN(this.badUs));
    if (!holds) return this.answerNothing(timeUs);
    const isSloped = slopedExtrapolation && !this.stepped && !Number.isNaN(secondUs);
    if (!isSloped) return this.out.pushFrom(timeUs, this.beforeValue, SUBNORMAL, beforeUs);
    this.answer(timeUs, onLine(timeUs, secondUs, this.secondValue, beforeUs, this.beforeValue), SUBNORMAL);
  }

  private answerWithBefore(timeUs: number): void {
    this.out.pushFrom(timeUs, this.beforeValue, located(this.beforeCode, InfoBits.raw), this.beforeUs);
  }

  private answerWithNew(timeUs: number): void {
    if (this.newCounts) this.out.pushFrom(timeUs, this.newValue, located(this.newCode, InfoBits.raw), this.newUs);
    else if (this.rule === 'exact')
      this.out.pushFrom(timeUs, Number.NaN, located(this.newCode, InfoBits.raw), this.newUs);
    else this.answerNothing(timeUs);
  }

  private answer(timeUs: number, value: number, quality: number): void {
    this.out.pushFrom(timeUs, value, quality, Number.NaN);
  }

  private answerNothing(timeUs: number): void {
    this.answer(timeUs, Number.NaN, ResultCode.BadNoData);
  }
}

/** The value at a time on the line through two points (OPC UA Part 13, 3.1.5). */
function onLine(timeUs: number, aUs: number, a: number, bUs: number, b: number): number {
  const share = (timeUs - aUs) / (bUs - aUs);
  const rise = b - a;
  // The difference of two doubles may be beyond the doubles where a point between them is not.
  return Number.isFinite(rise) ? a + rise * share : a * (1 - share) + b * share;
}
