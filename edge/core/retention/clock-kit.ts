import type { Clock } from '../clock.ts';

/** For tests: a clock that stands still until it is moved. */
export class HandClock implements Clock {
  /** ms since the epoch. */
  wallMs: number;
  private monotonic = 5000;

  constructor(wallMs: number) {
    this.wallMs = wallMs;
  }

  nowMs(): number {
    return this.wallMs;
  }

  nowUs(): number {
    return this.wallMs * 1000;
  }

  monotonicMs(): number {
    return this.monotonic;
  }

  /** Time goes by. */
  pass(ms: number): void {
    this.wallMs += ms;
    this.monotonic += ms;
  }

  /** Somebody sets the clock. */
  jump(ms: number): void {
    this.wallMs += ms;
  }
}
