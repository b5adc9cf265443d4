import { bucketAt, bucketStart, type Grid } from '../queries/buckets.ts';
import { counts, type Piece, Rows } from './piece.ts';

const FIRST = 0;
const MIN = 1;
const MAX = 2;
const LAST = 3;
const BAD = 4;
const BREAK = 5;
const PICKS = 6;

/** Sample that was not picked. */
const NONE = -1;

/** The pixel that is open, as plain data. */
export interface MinMaxState {
  readonly endUs: number;
  readonly next: number;
  readonly picked: Float64Array;
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly qualities: Uint32Array;
}

/**
 * At most four samples of each pixel of a chart: the first, the least, the greatest and the last good one, in their order; of equal values the first. A line through them covers the
 * same pixels as a line through all samples (Jugel, Jerzak, Hackenbroich, Markl, "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014).
 *
 * What is not good stays visible, with value NaN and its StatusCode, at most twice a pixel: the first bad sample, and the one with which the pixel ends bad. A line that breaks at each NaN
 * has no part across a gap that is wider than a pixel.
 *
 * Memory: one pixel. A call gives at most six rows for each pixel that it closes; samples outside of the grid are left out.
 */
export class MinMax {
  private readonly grid: Grid;
  private readonly uncertainIsBad: boolean;
  private readonly out = new Rows();
  /** End of the open pixel; before the first, where it begins; behind the last, before all times. */
  private endUs: number;
  /** Number of the next sample of this pixel, and of those picked; NONE: there is none. */
  private next = 0;
  private readonly picked = new Float64Array(PICKS).fill(NONE);
  private readonly times = new Float64Array(PICKS);
  private readonly values = new Float64Array(PICKS);
  private readonly qualities = new Uint32Array(PICKS);

  constructor(grid: Grid, uncertainIsBad = true) {
    this.grid = grid;
    this.uncertainIsBad = uncertainIsBad;
    this.endUs = grid.originUs;
  }

  state(): MinMaxState {
    const { endUs, next, picked, times, values, qualities } = this;
    return {
      endUs,
      next,
      picked: picked.slice(),
      times: times.slice(),
      values: values.slice(),
      qualities: qualities.slice(),
    };
  }

  restore({ endUs, next, picked, times, values, qualities }: MinMaxState): void {
    this.endUs = endUs;
    this.next = next;
    this.picked.set(picked);
    this.times.set(times);
    this.values.set(values);
    this.qualities.set(qualities);
  }

  /** The rows of the pixels that are complete by now, good until the next call. */
  add(piece: Piece): Rows {
    const { grid, out } = this;
    const { count, times } = piece;
    out.reset();
    let row = 0;
    while (row < count && (times[row] ?? 0) < grid.originUs) row++;
    while (row < count) {
      const timeUs = times[row] ?? 0;
      if (timeUs >= this.endUs && !this.open(timeUs)) break;
      let until = row + 1;
      while (until < count && (times[until] ?? 0) < this.endUs) until++;
      this.take(piece, row, until);
      row = until;
    }
    return out;
  }

  /** The rows of the last pixel. */
  finish(): Rows {
    this.out.reset();
    this.close();
    return this.out;
  }

  /** Closes the pixel and opens the one of this time; false if there is none. */
  private open(timeUs: number): boolean {
    this.close();
    const pixel = bucketAt(this.grid, timeUs);
    const exists = pixel < this.grid.count;
    this.endUs = exists ? bucketStart(this.grid, pixel + 1) : Number.NEGATIVE_INFINITY;
    return exists;
  }

  /** Rows that all lie in the pixel. */
  private take(piece: Piece, start: number, end: number): void {
    const { values, qualities } = piece;
    const { picked, uncertainIsBad } = this;
    let min = picked[MIN] === NONE ? Number.POSITIVE_INFINITY : (this.values[MIN] ?? 0);
    let max = picked[MAX] === NONE ? Number.NEGATIVE_INFINITY : (this.values[MAX] ?? 0);
    let minRow = NONE;
    let maxRow = NONE;
    let lastRow = NONE;
    let breakRow = NONE;
    let wasBad = picked[BREAK] !== NONE;
    for (let i = start; i < end; i++) {
      const value = values[i] ?? 0;
      if (counts(value, qualities[i] ?? 0, uncertainIsBad)) {
        if (value < min) {
          min = value;
          minRow = i;
        }
        if (value > max) {
          max = value;
          maxRow = i;
        }
        if (lastRow === NONE && picked[FIRST] === NONE) this.pick(FIRST, piece, i, start);
        lastRow = i;
        wasBad = false;
      } else {
        if (!wasBad) breakRow = i;
        if (picked[BAD] === NONE) this.pick(BAD, piece, i, start);
        wasBad = true;
      }
    }
    if (minRow !== NONE) this.pick(MIN, piece, minRow, start);
    if (maxRow !== NONE) this.pick(MAX, piece, maxRow, start);
    if (lastRow !== NONE) this.pick(LAST, piece, lastRow, start);
    if (!wasBad) picked[BREAK] = NONE;
    else if (breakRow !== NONE) this.pick(BREAK, piece, breakRow, start);
    this.next += end - start;
  }

  private pick(which: number, { times, values, qualities }: Piece, row: number, start: number): void {
    this.picked[which] = this.next + row - start;
    this.times[which] = times[row] ?? 0;
    this.values[which] = which >= BAD ? Number.NaN : (values[row] ?? 0);
    this.qualities[which] = qualities[row] ?? 0;
  }

  /** Gives what was picked, in order and once. */
  private close(): void {
    const { picked, times, values, qualities, out } = this;
    for (let given = NONE; ;) {
      let best = NONE;
      for (let which = 0; which < PICKS; which++) {
        const number = picked[which] ?? NONE;
        if (number > given && (best === NONE || number < (picked[best] ?? NONE))) best = which;
      }
      if (best === NONE) break;
      given = picked[best] ?? NONE;
      out.push(times[best] ?? 0, values[best] ?? 0, qualities[best] ?? 0);
    }
    picked.fill(NONE);
    this.next = 0;
  }
}
