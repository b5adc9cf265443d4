import type { Clock } from '../clock.ts';

const HOUR_MS = 3_600_000;
/** How far ahead of the log a clock may be at a start, where nothing goes by time but it was in doubt before. */
const WEEK_MS = 7 * 86_400_000;

/** What was the matter with the clock when the log was last open, and how long its records are kept. */
export interface ClockBefore {
  /** When the log was last written to, ms, by the clock of that time; undefined: never. */
  readonly lastMs: number | undefined;
  /** The clock was in doubt then: the last time that was believed, ms. */
  readonly believedMs: number | undefined;
  /** The shortest time that a topic keeps its records, ms; undefined: nothing goes by time. */
  readonly shortestRetentionMs: number | undefined;
}

/** A change of what is thought of the clock. `aheadMs`: by how much it is ahead of what was expected; negative: behind. */
export interface ClockChange {
  readonly type: 'clock-jumped' | 'clock-confirmed';
  readonly aheadMs: number;
  /** Who believes it again: a person, or the clock has come back. */
  readonly by?: 'operator' | 'itself';
}

/**
 * Whether the wall clock can be believed when data is deleted by its age. It is not once it has moved by more than an hour against monotonic time, forward or back, nor at a start
 * when it is ahead of the log by more than half of the shortest retention: a plant may have been off for so long, or the clock is wrong, and nobody but a person can tell. It is believed
 * again when it has come back to within an hour of what monotonic time says, or when that person says so. Without records of before it is taken as it is.
 */
export class ClockGuard {
  private readonly clock: Clock;
  /** What was believed last, and how far ahead of it the wall clock may be. */
  private wallMs = 0;
  private monotonicMs = 0;
  private allowanceMs = HOUR_MS;
  private isTrusted = true;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get trusted(): boolean {
    return this.isTrusted;
  }

  /** The last time that was believed, ms. */
  get believedMs(): number {
    return this.wallMs;
  }

  /** By how much the wall clock is ahead of what monotonic time makes of the last time that was believed, ms. */
  get aheadMs(): number {
    return this.clock.nowMs() - this.wallMs - (this.clock.monotonicMs() - this.monotonicMs);
  }

  /** To be called when the log is opened; then `look`. */
  start({ lastMs, believedMs, shortestRetentionMs }: ClockBefore): void {
    this.anchor();
    const before = believedMs ?? lastMs;
    if (before === undefined) return;
    this.wallMs = before;
    this.isTrusted = believedMs === undefined;
    if (shortestRetentionMs !== undefined) this.allowanceMs = Math.max(HOUR_MS, shortestRetentionMs / 2);
    else this.allowanceMs = believedMs === undefined ? Infinity : WEEK_MS;
  }

  /** Looks at the clock; to be called every moment. Returns what has changed. */
  look(): ClockChange | undefined {
    const { aheadMs } = this;
    const before = this.isTrusted;
    this.isTrusted = aheadMs >= -HOUR_MS && aheadMs <= this.allowanceMs;
    if (this.isTrusted) this.anchor();
    if (this.isTrusted === before) return undefined;
    return before ? { type: 'clock-jumped', aheadMs } : { type: 'clock-confirmed', aheadMs, by: 'itself' };
  }

  /** Somebody says that the clock is right. */
  confirm(): ClockChange | undefined {
    const { aheadMs, isTrusted } = this;
    this.isTrusted = true;
    this.anchor();
    return isTrusted ? undefined : { type: 'clock-confirmed', aheadMs, by: 'operator' };
  }

  private anchor(): void {
    this.wallMs = this.clock.nowMs();
    this.monotonicMs = this.clock.monotonicMs();
    this.allowanceMs = HOUR_MS;
  }
}
