import { assert } from '../edge/core/fault.ts';

const secondUs = 1e6;
/** A row waits at most so long for signals that lag, in seconds of event time. */
export const latenessS = 5;
/** A value is held for so many rows without a new one. */
const holdS = 10;
/** Rows that are waited for together; when a device's time runs further ahead, the oldest are taken as they are. */
const maxPending = 1024;

/** Takes the rows of a grid, in order of time. */
export interface RowSink {
  /**
   * A complete row.
   *
   * @param second since the epoch; the row covers it up to its end
   * @param row a value a column, NaN where there is none; valid during the call only
   */
  row(second: number, row: Float64Array): void;
  /** No signal had a value in the seconds `from` to `to` (without it). */
  skip(from: number, to: number): void;
}

/**
 * Brings signals of several devices, each with its own clock, jitter and rate, onto a grid of 1 s by event time.
 *
 * A row's value is the mean of the good samples of its second, else the last good one for up to 10 s, else missing. A row is complete when every signal has passed it,
 * or when at least half of them have by more than 5 s. One device whose clock is ahead therefore hurries nobody; if more than half are silent, rows wait for them,
 * 1024 at most. Samples older than a row that is out are dropped and counted. Nothing depends on the wall clock, or on how the signals are interleaved while they are less than
 * 5 s late.
 */
export class Grid {
  /** Samples that came after their row was out. */
  late = 0;
  private readonly sink: RowSink;
  private readonly columns: number;
  private readonly sums: Float64Array;
  private readonly counts: Uint32Array;
  private readonly lastUs: Float64Array;
  private readonly lastValues: Float64Array;
  /** The second of each signal's newest sample. */
  private readonly frontier: Float64Array;
  private readonly sorted: Float64Array;
  private readonly held: Float64Array;
  private readonly heldSecond: Float64Array;
  private readonly out: Float64Array;
  /** The oldest row that is not out; before the first is out, that of the oldest sample. */
  private next = Number.NaN;
  private newest = Number.NEGATIVE_INFINITY;
  private begun = false;
  /** Good samples in rows that are not out. */
  private stored = 0;

  constructor(columns: number, sink: RowSink) {
    this.sink = sink;
    this.columns = columns;
    this.sums = new Float64Array(maxPending * columns);
    this.counts = new Uint32Array(maxPending * columns);
    this.lastUs = new Float64Array(maxPending * columns);
    this.lastValues = new Float64Array(maxPending * columns);
    this.frontier = new Float64Array(columns).fill(Number.NEGATIVE_INFINITY);
    this.sorted = new Float64Array(columns);
    this.held = new Float64Array(columns);
    this.heldSecond = new Float64Array(columns).fill(Number.NEGATIVE_INFINITY);
    this.out = new Float64Array(columns);
  }

  /** Takes a sample of one signal in; a value that is not finite is not good: it moves the signal's time only. */
  sample(column: number, timeUs: number, value: number): void {
    assert(Number.isFinite(timeUs), 'a sample has a time');
    const second = Math.floor(timeUs / secondUs);
    if (Number.isNaN(this.next)) this.next = second;
    this.makeRoom(second);
    if (second < this.next && !this.reachBack(second)) this.late++;
    else if (Number.isFinite(value)) this.store(column, second, timeUs, value);
    if (second <= (this.frontier[column] ?? 0)) return;
    this.frontier[column] = second;
    this.newest = Math.max(this.newest, second);
    this.emit(this.completeUntil());
  }

  /** Columns that the oldest row waits for; empty while all are there. */
  waitingFor(): number[] {
    const behind: number[] = [];
    for (let column = 0; column < this.columns; column++)
      if ((this.frontier[column] ?? 0) < this.newest - latenessS) behind.push(column);
    return behind;
  }

  /** Before the first row is out, an older sample can still become the first. */
  private reachBack(second: number): boolean {
    if (this.begun || this.newest - second >= maxPending) return false;
    this.next = second;
    return true;
  }

  private makeRoom(second: number): void {
    if (second - this.next >= maxPending) this.emit(second - maxPending + 1);
  }

  private store(column: number, second: number, timeUs: number, value: number): void {
    const at = (((second % maxPending) + maxPending) % maxPending) * this.columns + column;
    const count = this.counts[at] ?? 0;
    this.sums[at] = count === 0 ? value : (this.sums[at] ?? 0) + value;
    if (count === 0 || timeUs >= (this.lastUs[at] ?? 0)) {
      this.lastUs[at] = timeUs;
      this.lastValues[at] = value;
    }
    this.counts[at] = count + 1;
    this.stored++;
  }

  /** The first row that is not complete. */
  private completeUntil(): number {
    this.sorted.set(this.frontier);
    this.sorted.sort();
    const slowest = this.sorted[0] ?? 0;
    const half = this.sorted[this.columns >> 1] ?? 0;
    return Math.max(slowest, half - latenessS);
  }

  private emit(until: number): void {
    while (this.next < until) {
      this.begun = true;
      if (this.stored === 0 && this.nothingHeld()) {
        this.sink.skip(this.next, until);
        this.next = until;
        return;
      }
      this.emitRow(this.next);
      this.next++;
    }
  }

  private nothingHeld(): boolean {
    for (const second of this.heldSecond) if (this.next - second <= holdS) return false;
    return true;
  }

  private emitRow(second: number): void {
    const base = (((second % maxPending) + maxPending) % maxPending) * this.columns;
    for (let column = 0; column < this.columns; column++) {
      const at = base + column;
      const count = this.counts[at] ?? 0;
      if (count > 0) {
        this.held[column] = this.lastValues[at] ?? 0;
        this.heldSecond[column] = second;
        this.stored -= count;
        this.counts[at] = 0;
        this.out[column] = (this.sums[at] ?? 0) / count;
      } else {
        const fresh = second - (this.heldSecond[column] ?? 0) <= holdS;
        this.out[column] = fresh ? (this.held[column] ?? 0) : Number.NaN;
      }
    }
    this.sink.row(second, this.out);
  }
}
