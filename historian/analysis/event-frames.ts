import { StatusCode } from '../../edge/core/status-code.ts';
import type { Span } from '../queries/buckets.ts';
import type { Condition } from './condition.ts';
import { OnePerTime, type OnePerTimeState } from './one-per-time.ts';
import { counts, type Piece } from './piece.ts';

/**
 * Why a frame has this bound. `condition`: the condition was met, or not any more, from one sample to the next; `gap`: before, or behind, nothing was known; `open`: it is the bound of the
 * span that was searched, the frame goes on beyond it.
 */
export type FrameBound = 'condition' | 'gap' | 'open';

/** A stretch of time in which a condition was met. */
export interface EventFrame {
  /** µs. */
  readonly startUs: number;
  /** µs, no longer in it. */
  readonly endUs: number;
  readonly start: FrameBound;
  readonly end: FrameBound;
  /** False: it is longer than was asked for only if it goes on beyond the span. */
  readonly certain: boolean;
  /** Samples in it, of any quality. */
  readonly samples: number;
  /** Of the values that held in it; NaN: there was none. */
  readonly min: number;
  readonly max: number;
  /** Mean over the time in which there was a value. */
  readonly mean: number;
  /** Time of the gaps that were bridged, µs. */
  readonly gapUs: number;
  /** StatusCode of the sample with which it began; of one that goes on from before the span, of the last sample before the span that tells so. */
  readonly quality: number;
}

/** How far a search has come, as plain data. */
export interface EventFramesState {
  readonly samples: OnePerTimeState;
  readonly lastUs: number;
  readonly value: number;
  readonly valueUs: number;
  readonly isKnown: boolean;
  readonly isOpen: boolean;
  readonly startUs: number;
  readonly start: FrameBound;
  readonly quality: number;
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly weightUs: number;
  readonly gapUs: number;
  readonly gapStartUs: number;
  readonly countAtGap: number;
}

/**
 * Searches one tag for frames in which a condition is met. A value holds until the next sample: a frame begins with the first sample that meets the condition and ends with the
 * first that does not. A sample without a good value, or the age `stale`, begins a gap, which ends the frame where the gap begins unless it is bridged; behind a gap nothing of before
 * is known. A gap that lasts to the end of the span ends the frame. With a deadband the frame ends only when the value is so far back behind the limit, from its first sample on.
 *
 * The pieces begin before the span with what tells the state at its start: the last good sample, for a deadband more. In memory is one frame; a call gives at most one more than it
 * has samples. Of several samples at one time the last good one counts.
 */
export class EventFrames {
  private readonly condition: Condition;
  private readonly fromUs: number;
  private readonly toUs: number;
  private readonly forUs: number;
  private readonly bridgeUs: number;
  private readonly staleUs: number;
  private readonly uncertainIsBad: boolean;
  private readonly samples: OnePerTime;
  private found: EventFrame[] = [];
  private lastUs = Number.NaN;
  /** The value that holds, and since when its time is not counted yet; NaN: none. */
  private value = Number.NaN;
  private valueUs = 0;
  /** Whether there was a good sample and no gap since. */
  private isKnown = false;
  /** The frame that is open. */
  private isOpen = false;
  private startUs = 0;
  private start: FrameBound = 'condition';
  private quality = 0;
  private count = 0;
  private min = Number.NaN;
  private max = Number.NaN;
  private mean = 0;
  private weightUs = 0;
  private gapUs = 0;
  /** Where the gap begins that may be bridged, and the samples before it; NaN: there is none. */
  private gapStartUs = Number.NaN;
  private countAtGap = 0;

  constructor(condition: Condition, { fromUs, toUs }: Span, uncertainIsBad = true) {
    this.condition = condition;
    this.fromUs = fromUs;
    this.toUs = toUs;
    this.forUs = condition.for * 1000;
    this.bridgeUs = 'bridge' in condition ? condition.bridge * 1000 : 0;
    this.staleUs = (condition.stale ?? Number.POSITIVE_INFINITY) * 1000;
    this.uncertainIsBad = condition.when === 'bad' ? false : condition.when === 'not-good' || uncertainIsBad;
    this.samples = new OnePerTime(this.uncertainIsBad);
  }

  state(): EventFramesState {
    const { lastUs, value, valueUs, isKnown, isOpen, gapStartUs, countAtGap } = this;
    const { startUs, start, quality, count, min, max, mean, weightUs, gapUs } = this;
    const frame = { isOpen, startUs, start, quality, count, min, max, mean, weightUs, gapUs };
    return { samples: this.samples.state(), lastUs, value, valueUs, isKnown, gapStartUs, countAtGap, ...frame };
  }

  restore({ samples, ...rest }: EventFramesState): void {
    this.samples.restore(samples);
    Object.assign(this, rest);
  }

  /** The frames that have ended by now. */
  add(piece: Piece): EventFrame[] {
    this.takeAll(this.samples.add(piece));
    return this.drain();
  }

  /** The frames that end with the span. */
  finish(): EventFrame[] {
    this.takeAll(this.samples.finish());
    this.age(this.toUs);
    if (!Number.isNaN(this.gapStartUs)) this.endAtGap();
    else if (this.isOpen) {
      this.weigh(this.toUs);
      this.end(this.toUs, 'open');
    }
    return this.drain();
  }

  private drain(): EventFrame[] {
    const { found } = this;
    this.found = [];
    return found;
  }

  private takeAll({ count, times, values, qualities }: Piece): void {
    for (let i = 0; i < count; i++) {
      const timeUs = times[i] ?? 0;
      if (timeUs >= this.toUs) return;
      this.age(timeUs);
      this.lastUs = timeUs;
      this.take(timeUs, values[i] ?? 0, qualities[i] ?? 0);
      if (this.isOpen && timeUs >= this.fromUs) this.count++;
    }
  }

  /** A value may have become too old before this time. */
  private age(timeUs: number): void {
    const endUs = this.lastUs + this.staleUs;
    if (endUs >= timeUs || Number.isNaN(endUs)) return;
    // It can be too old once.
    this.lastUs = Number.NaN;
    this.take(endUs, Number.NaN, StatusCode.BadNoData);
  }

  private take(timeUs: number, value: number, quality: number): void {
    const isGood = counts(value, quality, this.uncertainIsBad);
    const { when } = this.condition;
    if (when === 'bad' || when === 'not-good') this.step(timeUs, !isGood, Number.NaN, quality);
    else if (!isGood) this.beginGap(timeUs);
    else {
      if (!Number.isNaN(this.gapStartUs)) this.endGap(timeUs, value);
      this.step(timeUs, this.isMet(value), value, quality);
    }
  }

  /** A sample from which on it is known whether the condition is met. */
  private step(timeUs: number, isMet: boolean, value: number, quality: number): void {
    this.weigh(timeUs);
    if (this.isOpen && !isMet) this.end(timeUs, 'condition');
    else if (!this.isOpen && isMet) this.begin(timeUs, quality);
    this.value = value;
    this.valueUs = timeUs;
    this.isKnown = true;
  }

  private beginGap(timeUs: number): void {
    this.weigh(timeUs);
    this.value = Number.NaN;
    this.isKnown = false;
    if (!this.isOpen || !Number.isNaN(this.gapStartUs)) return;
    this.gapStartUs = timeUs;
    this.countAtGap = this.count;
    if (this.bridgeUs === 0) this.endAtGap();
  }

  /** A good sample behind a gap in an open frame. */
  private endGap(timeUs: number, value: number): void {
    const beginUs = this.gapStartUs;
    if (timeUs - beginUs > this.bridgeUs || !this.isMet(value)) {
      this.endAtGap();
      return;
    }
    this.gapStartUs = Number.NaN;
    this.isKnown = true;
    this.gapUs += Math.max(0, timeUs - Math.max(beginUs, this.fromUs));
  }

  private endAtGap(): void {
    this.count = this.countAtGap;
    this.end(this.gapStartUs, 'gap');
  }

  /** Whether a value meets the condition, or has not come back far enough. */
  private isMet(value: number): boolean {
    const { condition } = this;
    const band = this.isOpen && 'deadband' in condition ? condition.deadband : 0;
    switch (condition.when) {
      case 'above':
        return value > condition.limit - band;
      case 'below':
        return value < condition.limit + band;
      case 'outside':
        return value > condition.high - band || value < condition.low + band;
      case 'inside':
        return value >= condition.low - band && value <= condition.high + band;
      case 'equals':
        return value === condition.state;
      case 'bad':
      case 'not-good':
        return false;
    }
  }

  private begin(timeUs: number, quality: number): void {
    this.isOpen = true;
    this.startUs = timeUs;
    this.start = this.isKnown ? 'condition' : 'gap';
    this.quality = quality;
    this.count = 0;
    this.min = Number.NaN;
    this.max = Number.NaN;
    this.mean = 0;
    this.weightUs = 0;
    this.gapUs = 0;
  }

  /** Counts the value that held up to this time. */
  private weigh(untilUs: number): void {
    const { value } = this;
    const lengthUs = untilUs - Math.max(this.valueUs, this.fromUs);
    this.valueUs = untilUs;
    if (!this.isOpen || Number.isNaN(value) || lengthUs <= 0) return;
    if (!(value >= this.min)) this.min = value;
    if (!(value <= this.max)) this.max = value;
    this.weightUs += lengthUs;
    // West, "Updating mean and variance estimates", CACM 22 (1979): does not overflow, and rounding does not add up.
    const share = lengthUs / this.weightUs;
    this.mean += value * share - this.mean * share;
  }

  private end(endUs: number, end: FrameBound): void {
    this.isOpen = false;
    this.gapStartUs = Number.NaN;
    const isCut = this.startUs < this.fromUs;
    const startUs = isCut ? this.fromUs : this.startUs;
    const start = isCut ? 'open' : this.start;
    if (endUs <= startUs) return;
    const certain = endUs - startUs > this.forUs;
    if (!certain && start !== 'open' && end !== 'open') return;
    const { count, min, max, gapUs, quality } = this;
    // Rounding must not carry it beyond the values.
    const mean = this.weightUs === 0 ? Number.NaN : Math.min(Math.max(this.mean, min), max);
    this.found.push({ startUs, endUs, start, end, certain, samples: count, min, max, mean, gapUs, quality });
  }
}
