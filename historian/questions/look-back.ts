import { ResultCode } from '../aggregates/status.ts';
import type { Piece } from '../analysis/piece.ts';
import type { Decides } from './behind.ts';

/** Which samples before a span an answer depends on: the last so many that decide, and all behind them. */
export interface Bound {
  readonly samples: 1 | 2;
  readonly decides: Decides;
}

/** How far it has come, as plain data. */
export interface LookBackState {
  /** What is behind this has been looked at, µs. */
  readonly upToUs: number;
  /** Times of the samples that decide, ascending. */
  readonly found: readonly number[];
  /** Time of the last sample of whatever quality, µs; NaN: none was met. */
  readonly lastUs: number;
}

/** No samples: what a source without any says of the time before its first one. */
function isPlaceholder(code: number): boolean {
  return (code & 0xffff0000) >>> 0 === ResultCode.BadNoData;
}

/** Looks for the samples before a span, window by window: each is read forwards, and lies before the one that was read before it. Of several samples at one time the last one that counts holds. */
export class LookBack {
  upToUs: number;
  private readonly bound: Bound;
  private found: readonly number[];
  private lastUs: number;
  /** Of the window that is being read; the time that is being read, and whether it decides so far. */
  private inWindow: number[] = [];
  private timeUs = Number.NaN;
  private decided = false;
  private lastInWindowUs = Number.NaN;
  private ended = false;

  constructor(bound: Bound, { upToUs, found, lastUs }: LookBackState) {
    this.bound = bound;
    this.upToUs = upToUs;
    this.found = found;
    this.lastUs = lastUs;
  }

  /** The beginning of a search. */
  static from(fromUs: number): LookBackState {
    return { upToUs: fromUs, found: [], lastUs: Number.NaN };
  }

  /** Between two windows. */
  state(): LookBackState {
    const { upToUs, found, lastUs } = this;
    return { upToUs, found, lastUs };
  }

  get done(): boolean {
    return this.ended || this.found.length >= this.bound.samples;
  }

  /** The next samples of the window. */
  take({ count, times, values, qualities }: Piece): void {
    const { decides } = this.bound;
    for (let i = 0; i < count; i++) {
      const timeUs = times[i] ?? 0;
      const quality = qualities[i] ?? 0;
      if (!isPlaceholder(quality)) this.lastInWindowUs = timeUs;
      if (timeUs !== this.timeUs) {
        this.closeTime();
        this.timeUs = timeUs;
      }
      this.decided = decides(values[i] ?? 0, quality) ?? this.decided;
    }
  }

  private closeTime(): void {
    if (this.decided) this.inWindow.push(this.timeUs);
    if (this.inWindow.length > this.bound.samples) this.inWindow.shift();
    this.decided = false;
  }

  /** The window that begins at this time was read to its end. */
  closeWindow(beginUs: number): void {
    this.closeTime();
    this.timeUs = Number.NaN;
    if (Number.isNaN(this.lastUs)) this.lastUs = this.lastInWindowUs;
    this.found = [...this.inWindow, ...this.found].slice(-this.bound.samples);
    this.upToUs = beginUs;
    this.inWindow = [];
    this.lastInWindowUs = Number.NaN;
  }

  /** There is nothing before. */
  end(): void {
    this.ended = true;
  }

  /** From where on samples are needed, µs; `fromUs`: there are none before. */
  sinceUs(fromUs: number): number {
    const earliest = this.found[0] ?? Number.POSITIVE_INFINITY;
    const isFull = this.found.length >= this.bound.samples;
    // Where none decides, the last one still says that there are data, and of what quality.
    const since = isFull || Number.isNaN(this.lastUs) ? earliest : Math.min(earliest, this.lastUs);
    return Math.min(since, fromUs);
  }
}
