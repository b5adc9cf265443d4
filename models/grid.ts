import { assert } from '../edge/core/fault.ts';
import { Silence } from './silence.ts';

const secondUs = 1e6;
/** A row waits at most so long for signals that lag, in seconds of event time. */
export const latenessS = 5;
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
 * A row's value is the mean of the good samples of its second, else the last good one for up to the hold, else missing. A sample that is not good ends the hold. A sample that is older than a
 * row that is out is counted; it changes no row that is out, but what is held from then on, if it is the newest of its signal.
 *
 * A row is complete when every signal has passed it, or when most of the signals that count have by more than 5 s: more than half of them, or half, and the others are silent. All signals count but
 * the silent ones that the row lacks nothing of: they have passed it, or their last value still stands. So constant signals keep nobody waiting, and rows are some 6 s behind the signals that
 * move, 12 s at most while several of them come and go. A signal is silent when another one has gone on by more than 5 s since (see `Silence`; a clock that is ahead is not taken for going on).
 * One device whose clock is ahead therefore hurries nobody who still speaks. If more than half of those that count are missing, rows wait for them, 1024 at most.
 *
 * Nothing depends on the wall clock. While signals are less than 5 s late, how they are interleaved changes no row, only at which sample it goes out.
 */
export class Grid {
  /** Samples that came after their row was out. */
  late = 0;
  private readonly sink: RowSink;
  private readonly columns: number;
  private readonly holdS: number;
  /** Of rows that are not out: sum and count of the good samples of a second, time and value of its last sample; -Infinity: there is none, NaN: it is not good. */
  private readonly sums: Float64Array;
  private readonly counts: Uint32Array;
  private readonly lastUs: Float64Array;
  private readonly lastValues: Float64Array;
  /** The second of each signal's newest sample, and how far the good value that it left stands. */
  private readonly frontier: Float64Array;
  private readonly newestUs: Float64Array;
  private readonly standsUntil: Float64Array;
  private readonly silence: Silence;
  private readonly held: Float64Array;
  private readonly heldUs: Float64Array;
  private readonly heldSecond: Float64Array;
  private readonly out: Float64Array;
  /** The oldest row that is not out; before the first is out, that of the oldest sample. */
  private next = Number.NaN;
  private newest = Number.NEGATIVE_INFINITY;
  private begun = false;
  /** Seconds of signals with a sample, in rows that are not out. */
  private stored = 0;

  /** @param holdS so many seconds a value stands without a new one */
  constructor(columns: number, holdS: number, sink: RowSink) {
    const never = (): Float64Array => new Float64Array(columns).fill(Number.NEGATIVE_INFINITY);
    this.sink = sink;
    this.columns = columns;
    this.holdS = holdS;
    this.sums = new Float64Array(maxPending * columns);
    this.counts = new Uint32Array(maxPending * columns);
    this.lastUs = new Float64Array(maxPending * columns).fill(Number.NEGATIVE_INFINITY);
    this.lastValues = new Float64Array(maxPending * columns);
    this.frontier = never();
    this.newestUs = never();
    this.standsUntil = never();
    this.silence = new Silence(columns, latenessS);
    this.held = new Float64Array(columns);
    this.heldUs = never();
    this.heldSecond = never();
    this.out = new Float64Array(columns);
  }

  /** Takes a sample of one signal in; a value that is not finite is not good. */
  sample(column: number, timeUs: number, value: number): void {
    assert(Number.isFinite(timeUs), 'a sample has a time');
    const second = Math.floor(timeUs / secondUs);
    if (Number.isNaN(this.next)) this.next = second;
    this.makeRoom(second);
    if (timeUs >= (this.newestUs[column] ?? 0)) {
      this.newestUs[column] = timeUs;
      this.standsUntil[column] = Number.isFinite(value) ? second + this.holdS : Number.NEGATIVE_INFINITY;
    }
    if (second < this.next && !this.reachBack(second)) {
      this.late++;
      if (timeUs >= (this.heldUs[column] ?? 0)) this.hold(column, timeUs, value);
    } else this.store(column, second, timeUs, value);
    if (second <= (this.frontier[column] ?? 0)) return;
    this.frontier[column] = second;
    this.newest = Math.max(this.newest, second);
    this.silence.heard(column, second);
    while (this.isComplete(this.next)) this.emit(this.next + 1);
  }

  /** Columns without a value where the rows have come to; empty while there is a value of all, and before it can be said. */
  waitingFor(): number[] {
    const missing: number[] = [];
    if (!this.begun && !(this.newest - this.next > latenessS)) return missing;
    for (let column = 0; column < this.columns; column++)
      if ((this.standsUntil[column] ?? 0) < this.next) missing.push(column);
    return missing;
  }

  /** Before the first row is out, an older sample can still become the first. */
  private reachBack(second: number): boolean {
    if (this.begun || this.newest - second >= maxPending) return false;
    this.next = Math.min(this.next, second);
    return true;
  }

  private makeRoom(second: number): void {
    if (second - this.next >= maxPending) this.emit(second - maxPending + 1);
  }

  private store(column: number, second: number, timeUs: number, value: number): void {
    const at = (((second % maxPending) + maxPending) % maxPending) * this.columns + column;
    if (this.lastUs[at] === Number.NEGATIVE_INFINITY) this.stored++;
    if (timeUs >= (this.lastUs[at] ?? 0)) {
      this.lastUs[at] = timeUs;
      this.lastValues[at] = Number.isFinite(value) ? value : Number.NaN;
    }
    if (!Number.isFinite(value)) return;
    const count = this.counts[at] ?? 0;
    this.sums[at] = count === 0 ? value : (this.sums[at] ?? 0) + value;
    this.counts[at] = count + 1;
  }

  private hold(column: number, timeUs: number, value: number): void {
    this.held[column] = value;
    this.heldUs[column] = timeUs;
    this.heldSecond[column] = Number.isFinite(value) ? Math.floor(timeUs / secondUs) : Number.NEGATIVE_INFINITY;
  }

  /** Whether the row may go out; see the class. */
  private isComplete(second: number): boolean {
    let passed = 0;
    let counting = 0;
    let beyond = 0;
    let restSilent = true;
    for (let column = 0; column < this.columns; column++) {
      const frontier = this.frontier[column] ?? 0;
      const silent = this.silence.has(column);
      if (frontier > second) passed++;
      if (silent && (frontier > second || (this.standsUntil[column] ?? 0) >= second)) continue;
      counting++;
      if (frontier - latenessS > second) beyond++;
      else restSilent &&= silent;
    }
    if (passed === this.columns || 2 * beyond > counting) return true;
    return beyond > 0 && 2 * beyond === counting && restSilent;
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
    for (const second of this.heldSecond) if (this.next - second <= this.holdS) return false;
    return true;
  }

  private emitRow(second: number): void {
    const base = (((second % maxPending) + maxPending) % maxPending) * this.columns;
    for (let column = 0; column < this.columns; column++) {
      const at = base + column;
      const count = this.counts[at] ?? 0;
      const lastUs = this.lastUs[at] ?? 0;
      if (lastUs !== Number.NEGATIVE_INFINITY) {
        this.hold(column, lastUs, this.lastValues[at] ?? Number.NaN);
        this.lastUs[at] = Number.NEGATIVE_INFINITY;
        this.stored--;
      }
      this.counts[at] = 0;
      if (count > 0) this.out[column] = (this.sums[at] ?? 0) / count;
      else {
        const stands = second - (this.heldSecond[column] ?? 0) <= this.holdS;
        this.out[column] = stands ? (this.held[column] ?? 0) : Number.NaN;
      }
    }
    this.sink.row(second, this.out);
  }
}
