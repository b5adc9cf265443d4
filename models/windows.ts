import type { RowSink } from './grid.ts';

/** Takes a window. `values` has its rows one behind the other, the oldest first, and is valid during the call only; `endUs` is the end of its last second. */
export type OnWindow = (endUs: number, values: Float64Array) => void;

/** Makes windows of rows: one ends at each second that the hop divides, so that training and serving cut the same ones. A window with a missing value is counted, not given on. */
export class Windows implements RowSink {
  usable = 0;
  /** Windows that were not given on, because at least one row lacked a signal. */
  unusable = 0;
  /** Rows that each column was missing in. */
  readonly missing: Float64Array;
  private readonly columns: number;
  private readonly window: number;
  private readonly hop: number;
  private readonly onWindow: OnWindow;
  private readonly ring: Float64Array;
  private readonly flat: Float64Array;
  private slot = 0;
  /** Rows since the beginning or the last skip, and those since the last one with a missing value. */
  private rows = 0;
  private whole = 0;

  constructor(shape: { readonly columns: number; readonly window: number; readonly hop: number }, onWindow: OnWindow) {
    this.columns = shape.columns;
    this.window = shape.window;
    this.hop = shape.hop;
    this.onWindow = onWindow;
    this.missing = new Float64Array(shape.columns);
    this.ring = new Float64Array(shape.window * shape.columns);
    this.flat = new Float64Array(shape.window * shape.columns);
  }

  row(second: number, row: Float64Array): void {
    this.ring.set(row, this.slot * this.columns);
    this.slot = (this.slot + 1) % this.window;
    this.rows++;
    this.whole = this.lacks(row) ? 0 : this.whole + 1;
    if ((second + 1) % this.hop !== 0 || this.rows < this.window) return;
    if (this.whole < this.window) {
      this.unusable++;
      return;
    }
    this.usable++;
    const head = this.slot * this.columns;
    this.flat.set(this.ring.subarray(head));
    this.flat.set(this.ring.subarray(0, head), this.ring.length - head);
    this.onWindow((second + 1) * 1e6, this.flat);
  }

  skip(from: number, to: number): void {
    this.unusable += Math.floor(to / this.hop) - Math.floor(from / this.hop);
    for (let column = 0; column < this.columns; column++)
      this.missing[column] = (this.missing[column] ?? 0) + to - from;
    this.whole = 0;
  }

  private lacks(row: Float64Array): boolean {
    let lacks = false;
    for (let column = 0; column < this.columns; column++) {
      if (!Number.isNaN(row[column] ?? Number.NaN)) continue;
      this.missing[column] = (this.missing[column] ?? 0) + 1;
      lacks = true;
    }
    return lacks;
  }
}
