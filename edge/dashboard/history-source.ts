import { severityOf } from './quality.ts';
import { getJson } from './request.ts';
import { appendSample, type Columns, emptyColumns, type Span } from './trend-data.ts';

/* Where the trend's history comes from: `GET /api/v1/history` and `/api/v1/event-frames`, the only place that knows their shapes. */

/** Time, then min, max, first and last of the good values (null: there is none), and how many there were. */
type Bucket = readonly [
  time: string,
  min: number | null,
  max: number | null,
  first: number | null,
  last: number | null,
  count: number,
];

/** A span in which samples may be missing, and why. */
interface Gap {
  readonly tag: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
  readonly detail: string;
}

interface PointsAnswer {
  readonly items: readonly {
    readonly tag: string;
    readonly bucketSeconds: number | null;
    readonly points: readonly Bucket[];
  }[];
  readonly gaps: readonly Gap[];
}

/** Values at the two ends of a span. */
interface EndsAnswer {
  readonly items: readonly {
    readonly tag: string;
    readonly rows: readonly (readonly [time: string, value: number | boolean | null, quality: number])[];
  }[];
}

interface FramesAnswer {
  readonly items: readonly { readonly tag: string; readonly start: string; readonly end: string }[];
}

/** The same for the trend; `reason` null: there are samples, none of them good. */
export interface Missing extends Span {
  readonly tag: string;
  readonly reason: string | null;
  readonly detail: string;
}

/** What there is of some tags, by path, and what is not. */
export interface TrendHistory {
  readonly columns: ReadonlyMap<string, Columns>;
  readonly missing: readonly Missing[];
}

/** Values of these types cannot be drawn. */
const TEXTS: readonly (string | null)[] = ['string', 'bytes', 'array'];

/** Whether there is a line of tags of this type; null: not known yet. */
export function isDrawable(type: string | null): boolean {
  return !TEXTS.includes(type);
}

/** History of tags in a span, as at most so many points each, by path. */
export async function loadPoints(
  tags: readonly string[],
  span: Span,
  points: number,
  signal: AbortSignal,
): Promise<Map<string, Columns>> {
  const { items, gaps } = await askPoints(tags, span, points, signal);
  return new Map(items.map(({ tag, points: buckets }) => [tag, columnsOf(buckets, startsOf(gaps, tag))]));
}

/** The same with the values at both ends, which may be of samples far outside, and with what is missing or not good. */
export async function loadHistory(
  tags: readonly string[],
  span: Span,
  points: number,
  signal: AbortSignal,
): Promise<TrendHistory> {
  if (tags.length === 0) return { columns: new Map(), missing: [] };
  const [{ items, gaps }, ends] = await Promise.all([
    askPoints(tags, span, points, signal),
    getJson<EndsAnswer>(`/api/v1/history?${queryOf(tags, {}, [span.fromMs, span.toMs])}`, signal),
  ]);
  const within = ({ fromMs, toMs }: Span): Span => {
    return { fromMs: Math.max(span.fromMs, fromMs), toMs: Math.min(span.toMs, toMs) };
  };
  const missing: Missing[] = gaps.map(({ tag, from, to, reason, detail }) => {
    return { tag, reason, detail, ...within({ fromMs: Date.parse(from), toMs: Date.parse(to) }) };
  });
  // Single samples show by themselves that they are not good; a bucket that has a good one beside them does not.
  const reduced = items.filter(({ bucketSeconds }) => bucketSeconds !== null);
  const bucketMs = Math.max(0, ...reduced.map(({ bucketSeconds }) => (bucketSeconds ?? 0) * 1000));
  const reducedTags = reduced.map(({ tag }) => tag);
  const frames = reducedTags.length === 0 ? [] : await askNotGood(reducedTags, span, bucketMs, signal);
  for (const { tag, start, end } of frames) {
    const frame = within({ fromMs: Date.parse(start), toMs: Date.parse(end) });
    const isTold = missing.some((gap) => gap.tag === tag && gap.fromMs <= frame.fromMs && gap.toMs >= frame.toMs);
    if (!isTold) missing.push({ tag, reason: null, detail: '', ...frame });
  }
  const columns = items.map(({ tag, bucketSeconds, points: all }) => {
    // A bucket without samples says nothing: the value before it holds. Where it does not, that is told.
    const buckets = bucketSeconds === null ? all : all.filter(([, least]) => least !== null);
    const breaks = missing.filter((gap) => gap.tag === tag).map(({ fromMs }) => fromMs);
    const rows = ends.items.find((item) => item.tag === tag)?.rows ?? [];
    return [tag, withEnds(columnsOf(buckets, breaks), rows, span)] as const;
  });
  return { columns: new Map(columns), missing };
}

function queryOf(tags: readonly string[], members: Readonly<Record<string, string>>, atMs: readonly number[] = []) {
  const query = new URLSearchParams([
    ...tags.map((tag) => ['tag', tag]),
    ...atMs.map((ms) => ['at', new Date(ms).toISOString()]),
    ...Object.entries(members),
  ]);
  return query.toString();
}

function timesOf({ fromMs, toMs }: Span): { from: string; to: string } {
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}

function askPoints(tags: readonly string[], span: Span, points: number, signal: AbortSignal): Promise<PointsAnswer> {
  const query = queryOf(tags, { ...timesOf(span), points: String(points) });
  return getJson<PointsAnswer>(`/api/v1/history?${query}`, signal);
}

/** Spans longer than this in which nothing good was there. */
async function askNotGood(tags: readonly string[], span: Span, leastMs: number, signal: AbortSignal) {
  const query = queryOf(tags, { ...timesOf(span), quality: 'not-good', for: `${Math.ceil(leastMs)}ms` });
  return (await getJson<FramesAnswer>(`/api/v1/event-frames?${query}`, signal)).items;
}

/** Beginnings of the gaps of a tag, ms. */
function startsOf(gaps: readonly Gap[], tag: string): number[] {
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
  for (const at of breaks) if (columns.times.length > 0) appendSample(columns, at, null);
  return columns;
}

/** Columns that begin with the value that there was at the beginning of the span, and end with that at its end where a sample behind it vouches for it. */
export function withEnds(columns: Columns, rows: EndsAnswer['items'][number]['rows'], span: Span): Columns {
  const [first, last] = rows.map(([, value, quality]) => {
    return { value: trendValue(value, quality), isGood: severityOf(quality) === 'good' };
  });
  const { times, min, max, last: values } = columns;
  // The bucket that the span begins with may have begun before it.
  const begins = (times[0] ?? Infinity) > span.fromMs && first !== undefined && first.value !== null;
  const before = begins ? [first.value] : [];
  const whole: Columns = {
    times: [...(begins ? [span.fromMs] : []), ...times],
    min: [...before, ...min],
    max: [...before, ...max],
    last: [...before, ...values],
  };
  if (last !== undefined && last.value !== null && last.isGood) appendSample(whole, span.toMs, last.value);
  return whole;
}

/** What a trend draws of a sample: a number, or null where a gap begins. */
export function trendValue(value: unknown, quality: number): number | null {
  if (severityOf(quality) === 'bad') return null;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'number' ? value : null;
}
