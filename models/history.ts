import { Grid, type RowSink } from './grid.ts';
import type { Series } from './model.ts';

/** Feeds a grid with recorded signals in order of time: what serving does sample by sample. */
export function feedSeries(grid: Grid, series: readonly Series[]): void {
  const at = new Uint32Array(series.length);
  for (;;) {
    let first = -1;
    let firstUs = Number.POSITIVE_INFINITY;
    for (let column = 0; column < series.length; column++) {
      const timeUs = series[column]?.timesUs[at[column] ?? 0] ?? Number.POSITIVE_INFINITY;
      if (!(timeUs < firstUs)) continue;
      first = column;
      firstUs = timeUs;
    }
    const source = series[first];
    if (source === undefined) return;
    const place = at[first] ?? 0;
    grid.sample(first, firstUs, source.values[place] ?? Number.NaN);
    at[first] = place + 1;
  }
}

/** Rows of a history on the grid, kept to be gone through more than once. */
export class Rows implements RowSink {
  readonly columns: number;
  private readonly begin: number;
  private readonly seconds: number[] = [];
  private values = new Float64Array(4096);
  private readonly skips: { readonly before: number; readonly from: number; readonly to: number }[] = [];

  /** @param begin rows before this second are left out */
  constructor(columns: number, begin: number) {
    this.columns = columns;
    this.begin = begin;
  }

  /** Rows of a history; those before all signals have begun could not be used, and are left out. */
  static of(series: readonly Series[], holdS: number): Rows {
    const firsts = series.map(({ timesUs }) => timesUs[0] ?? Number.NEGATIVE_INFINITY);
    const rows = new Rows(series.length, Math.floor(Math.max(...firsts) / 1e6));
    feedSeries(new Grid(series.length, holdS, rows), series);
    return rows;
  }

  get count(): number {
    return this.seconds.length;
  }

  /** A row; a view. */
  at(nr: number): Float64Array {
    return this.values.subarray(nr * this.columns, (nr + 1) * this.columns);
  }

  row(second: number, row: Float64Array): void {
    if (second < this.begin) return;
    const end = (this.count + 1) * this.columns;
    if (end > this.values.length) {
      const larger = new Float64Array(Math.max(end, 2 * this.values.length));
      larger.set(this.values);
      this.values = larger;
    }
    this.values.set(row, end - this.columns);
    this.seconds.push(second);
  }

  skip(from: number, to: number): void {
    if (to > this.begin) this.skips.push({ before: this.count, from: Math.max(from, this.begin), to });
  }

  /** Gives everything on again. */
  replay(sink: RowSink): void {
    let skip = 0;
    for (let nr = 0; nr <= this.count; nr++) {
      for (let gap = this.skips[skip]; gap?.before === nr; gap = this.skips[++skip]) sink.skip(gap.from, gap.to);
      const second = this.seconds[nr];
      if (second !== undefined) sink.row(second, this.at(nr));
    }
  }
}
