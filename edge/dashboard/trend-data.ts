/* Columns of the trend. Pure. */

/** Readings of one tag in the order of time. A point stands for a span (min, max, last), or for one sample (all three the same); null in all three: a gap begins. */
export interface Columns {
  /** ms. */
  readonly times: number[];
  readonly min: (number | null)[];
  readonly max: (number | null)[];
  readonly last: (number | null)[];
}

/** Points of one tag at most; the oldest go first. */
const MAX_POINTS = 20_000;

export function emptyColumns(): Columns {
  return { times: [], min: [], max: [], last: [] };
}

/** Puts a sample behind the others; one that is not newer is left out. `value` null: a gap begins. */
export function appendSample(columns: Columns, timeMs: number, value: number | null): boolean {
  const { times, min, max, last } = columns;
  const before = times.at(-1);
  if (before !== undefined && timeMs <= before) return false;
  times.push(timeMs);
  min.push(value);
  max.push(value);
  last.push(value);
  if (times.length > MAX_POINTS) for (const column of [times, min, max, last]) column.splice(0, MAX_POINTS / 10);
  return true;
}

/** Value of the last point at or before a time; undefined before the first, null in a gap. */
export function valueAt({ times, last }: Columns, timeMs: number): number | null | undefined {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? Infinity) <= timeMs) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? undefined : last[low - 1];
}

/** A column of a chart: null is a gap, undefined a time at which only others have a point. */
export type ChartColumn = (number | null | undefined)[];

/** Times of all tags in seconds, then last, min and max of each tag. */
export function chartColumns(tags: readonly Columns[]): [number[], ...ChartColumn[]] {
  const times = [...new Set(tags.flatMap((columns) => columns.times))].toSorted((a, b) => a - b);
  const places = new Map(times.map((time, at) => [time, at]));
  const spread = (columns: Columns, values: readonly (number | null)[]): ChartColumn => {
    const column: ChartColumn = Array.from({ length: times.length });
    for (const [at, time] of columns.times.entries()) {
      const place = places.get(time) ?? 0;
      const value = values[at] ?? null;
      // A gap lasts until the next point of its own tag, whatever others have in between.
      const end = value === null ? (places.get(columns.times[at + 1] ?? Number.NaN) ?? place + 1) : place + 1;
      column.fill(value, place, end);
    }
    return column;
  };
  const columns = tags.flatMap((tag) => [spread(tag, tag.last), spread(tag, tag.min), spread(tag, tag.max)]);
  return [times.map((time) => time / 1000), ...columns];
}

/** A span of time, ms. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

const SHORTEST_MS = 2000;
const LONGEST_MS = 366 * 86_400_000;

/** A span made longer (factor above 1) or shorter about its middle, within 2 s and a year. */
export function zoomed({ fromMs, toMs }: Span, factor: number): Span {
  const middle = (fromMs + toMs) / 2;
  const half = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, (toMs - fromMs) * factor)) / 2;
  return { fromMs: middle - half, toMs: middle + half };
}

/** A span moved by a part of its length; never beyond `latestMs`. */
export function panned({ fromMs, toMs }: Span, part: number, latestMs: number): Span {
  const by = Math.min((toMs - fromMs) * part, latestMs - toMs);
  return { fromMs: fromMs + by, toMs: toMs + by };
}
