import { isBlob, Points } from '../points/points.ts';

/** Strings, bytes and arrays of at most so many bytes stand in the tables of files and are kept here: most states and texts of machines. Longer ones stay in their blocks. */
export const SHORT_VALUE_BYTES = 64;
/** So much of the heap may be values that nobody wants any more before the rest is moved together. */
const MAX_GARBAGE_BYTES = 1024 * 1024;

/** What is known of a row: that there is no sample; the sample; that there is one, no later than the time and offset of the row, which is to be looked for in the blocks. */
export const LastState = { none: 0, kept: 1, elsewhere: 2 } as const;

/**
 * The last sample of each series of the files (or, while a table is parsed, of each entry of one file) in columns: 51 bytes a series. Rows are the numbers of the series. It is what the files
 * hold, whatever has been erased or has expired: who asks looks at that.
 */
export class LastSamples {
  /** Grows when the files change: what somebody has found in others is not to be put here. */
  version = 0;
  points: Points;
  private states: Uint8Array;
  private garbageBytes = 0;

  constructor(capacity = 64) {
    this.points = emptyRows(capacity);
    this.states = new Uint8Array(capacity);
  }

  /** One of `LastState`. */
  state(row: number): number {
    return this.states[row] ?? LastState.none;
  }

  /** Effective time, µs; minus infinity where there is none. */
  timeUs(row: number): number {
    return this.state(row) === LastState.none ? Number.NEGATIVE_INFINITY : (this.points.times[row] ?? 0);
  }

  /** Log offset. */
  offset(row: number): number {
    return this.points.offsets[row] ?? 0;
  }

  /** Sets a row to a sample, whatever stood there. */
  put(row: number, from: Points, fromRow: number): void {
    this.forget(row);
    copyRow(from, fromRow, this.points, row);
    this.states[row] = LastState.kept;
    if (!isBlob(from.kinds[fromRow] ?? 0)) return;
    const { words } = this.points;
    const bytes = from.words[fromRow * 2 + 1] ?? 0;
    if (bytes > SHORT_VALUE_BYTES) {
      this.doubt(row);
      words[row * 2] = 0;
      words[row * 2 + 1] = 0;
    } else copyValue(from, fromRow, this.points, row);
  }

  /** Takes a row over from others if its sample is not before the one that stands here. */
  putLater(row: number, from: LastSamples, fromRow: number): void {
    const state = from.state(fromRow);
    if (state === LastState.none) return;
    const byTime = from.timeUs(fromRow) - this.timeUs(row);
    if (byTime < 0 || (byTime === 0 && from.offset(fromRow) < this.offset(row))) return;
    this.put(row, from.points, fromRow);
    if (state === LastState.elsewhere) this.doubt(row);
  }

  /** What stands in a row is gone: what comes before it is to be looked for. */
  doubt(row: number): void {
    this.states[row] = LastState.elsewhere;
  }

  /** There is no sample of it any more. */
  clear(row: number): void {
    this.forget(row);
    this.states[row] = LastState.none;
  }

  /** Makes room for a row, and lets go of its value. */
  private forget(row: number): void {
    if (row >= this.states.length) this.grow(row);
    const { points } = this;
    if (isBlob(points.kinds[row] ?? 0)) this.garbageBytes += points.words[row * 2 + 1] ?? 0;
    points.kinds[row] = 0;
    if (this.garbageBytes > MAX_GARBAGE_BYTES && this.garbageBytes > points.heapLength / 2)
      this.resize(points.capacity);
  }

  private grow(row: number): void {
    let capacity = Math.max(64, this.states.length);
    while (capacity <= row) capacity *= 2;
    const states = new Uint8Array(capacity);
    states.set(this.states);
    this.states = states;
    this.resize(capacity);
  }

  /** The rows in new memory, where values lie one behind the other. */
  private resize(capacity: number): void {
    const points = emptyRows(capacity);
    points.count = 0;
    points.append(this.points, 0, this.points.count);
    points.count = capacity;
    this.points = points;
    this.garbageBytes = 0;
  }
}

/** So many rows, each of which is there. */
function emptyRows(count: number): Points {
  const points = new Points(count);
  points.count = count;
  return points;
}

/** Copies a row over another one, but for the bytes of a value that lies in the heap; the topic stays. */
export function copyRow(from: Points, i: number, to: Points, k: number): void {
  to.times[k] = from.times[i] ?? 0;
  to.offsets[k] = from.offsets[i] ?? 0;
  to.words[k * 2] = from.words[i * 2] ?? 0;
  to.words[k * 2 + 1] = from.words[i * 2 + 1] ?? 0;
  to.kinds[k] = from.kinds[i] ?? 0;
  to.copyMore(from, i, k);
}

/** Copies the bytes of a value that lies in the heap. */
export function copyValue(from: Points, i: number, to: Points, k: number): void {
  const bytes = from.blob(i);
  const place = to.claim(bytes.length);
  to.heap.set(bytes, place);
  to.words[k * 2] = place;
}
