import { MAX_BATCH_BYTES } from '../../edge/core/record-batch.ts';

/** As many as a broker remembers of one producer. */
const MAX_REQUESTS = 5;
const MIN_WINDOW_BYTES = 32 * 1024;
const FIRST_WINDOW_BYTES = 1024 * 1024;
const MAX_WINDOW_BYTES = MAX_REQUESTS * MAX_BATCH_BYTES;
/** Answers that take longer make the window smaller: a slow line must not run into time-outs, nor hold minutes of data when the gateway dies. */
const SLOW_MS = 2000;
const QUICK_MS = 500;
/** With something in flight, so few records wait a moment for company (DESIGN.md: linger at most 5 ms under load, none when idle). */
const LINGER_RECORDS = 500;
const LINGER_MS = 5;
/** On a short line merging costs more than requests do: batches of this size go as they lie. On a long one round trips are what costs. */
const SHORT_LINE_MS = 10;
const LARGE_ON_SHORT_LINE_BYTES = 8 * 1024;
const LARGE_BYTES = 64 * 1024;

/** How much is under way at a time, learned from how long answers take; it outlives the sessions of a mirror. */
export class Pace {
  private windowBytes = FIRST_WINDOW_BYTES;
  private inFlightBytes = 0;
  private requests = 0;
  private answerMs = 0;
  private lastSentMs = Number.NEGATIVE_INFINITY;

  get inFlight(): number {
    return this.requests;
  }

  /** The most that a merged batch may hold. */
  get batchBytes(): number {
    return Math.min(this.windowBytes, MAX_BATCH_BYTES);
  }

  /** Batches of the log from this size on are sent as they lie. */
  get largeBytes(): number {
    return this.answerMs < SHORT_LINE_MS ? LARGE_ON_SHORT_LINE_BYTES : LARGE_BYTES;
  }

  /** ms until the next request may go: 0 now, undefined not before an answer came. */
  waitMs(lagRecords: number, nowMs: number): number | undefined {
    if (this.requests === 0) return 0;
    if (this.requests >= MAX_REQUESTS || this.inFlightBytes >= this.windowBytes) return undefined;
    if (lagRecords >= LINGER_RECORDS) return 0;
    return Math.max(0, this.lastSentMs + LINGER_MS - nowMs);
  }

  sent(bytes: number, nowMs: number): void {
    this.requests++;
    this.inFlightBytes += bytes;
    this.lastSentMs = nowMs;
  }

  /** An answer came after `tookMs`. */
  answered(bytes: number, tookMs: number): void {
    const full = this.inFlightBytes >= this.windowBytes / 2;
    this.ended(bytes);
    this.answerMs = this.answerMs * 0.75 + tookMs * 0.25;
    if (tookMs > SLOW_MS) this.slowDown();
    else if (full && tookMs < QUICK_MS) this.windowBytes = Math.min(this.windowBytes * 2, MAX_WINDOW_BYTES);
  }

  /** No answer will come. */
  ended(bytes: number): void {
    this.requests--;
    this.inFlightBytes -= bytes;
  }

  /** No answer came in time. */
  slowDown(): void {
    this.windowBytes = Math.max(this.windowBytes / 2, MIN_WINDOW_BYTES);
  }
}
