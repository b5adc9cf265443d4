import { severityOf } from './quality.ts';
import { getJson } from './request.ts';
import { appendSample, type Columns, emptyColumns, type Span } from './trend-data.ts';

/* Where the trend's history comes from: `GET /api/v1/history?points=N`, the only place that knows its shape. */

/** Time, then min, max, first and last of the good values (null: there is none), and how many there were. */
type Bucket = readonly [
  time: string,
  min: number | null,
  max: number | null,
  first: number | null,
  last: number | null,
  count: number,
];

/** A span in which samples may be missing. */
interface Gap {
  readonly tag: string;
  readonly from: string;
  readonly to: string;
}

interface PointsAnswer {
  readonly items: readonly { readonly tag: string; readonly points: readonly Bucket[] }[];
  readonly gaps: readonly Gap[];
}

/** History of tags in a span, as at most so many points each, by path. */
export async function loadHistory(
  tags: readonly string[],
  span: Span,
  points: number,
  signal: AbortSignal,
): Promise<Map<string, Columns>> {
  const query = new URLSearchParams(tags.map((tag) => ['tag', tag]));
  query.set('from', new Date(span.fromMs).toISOString());
  query.set('to', new Date(span.toMs).toISOString());
  query.set('points', String(points));
  const { items, gaps } = await getJson<PointsAnswer>(`/api/v1/history?${query}`, signal);
  return new Map(items.map(({ tag, points: buckets }) => [tag, columnsOf(buckets, gapsOf(gaps, tag))]));
}

/** Beginnings of the gaps of a tag, ms. */
function gapsOf(gaps: readonly Gap[], tag: string): number[] {
  return gaps.filter((gap) => gap.tag === tag).map(({ from }) => Date.parse(from));
}

/** Buckets as columns, in the order of time; where a gap begins the line is broken. */
export function columnsOf(buckets: readonly Bucket[], gapsMs: readonly number[] = []): Columns {
  const columns = emptyColumns();
  const breaks = gapsMs.toSorted((a, b) => a - b);
  for (const [time, min, max, , last] of buckets) {
    const timeMs = Date.parse(time);
    while (breaks[0] !== undefined && breaks[0] < timeMs) {
      const at = breaks.shift() ?? timeMs;
      if (columns.times.length > 0) appendSample(columns, at, null);
    }
    columns.times.push(timeMs);
    columns.min.push(min);
    columns.max.push(max);
    columns.last.push(last);
  }
  return columns;
}

/** What a trend draws of a sample: a number, or null where a gap begins. */
export function trendValue(value: unknown, quality: number): number | null {
  if (severityOf(quality) === 'bad') return null;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'number' ? value : null;
}
