import {
  type Aggregate,
  areAggregates,
  type BucketCursor,
  type BucketPageMessage,
  type BucketQuery,
  type Column,
} from '../queries/bucket-page.ts';
import { PageBuilder, samplesPage, withOutages } from '../queries/bucket-query.ts';
import { bucketStart } from '../queries/buckets.ts';
import type { Gap } from '../reading/gap.ts';
import { toldGaps } from '../reading/gaps.ts';
import { MAX_CHART_POINTS, MAX_PAGE_BUCKETS } from '../limits.ts';
import { hasGoodValue, type Outage, outageAt, Outages } from '../reading/outages.ts';
import { type QuestdbHttp, quoted } from './http.ts';
import type { RowPages } from './pages.ts';
import { placeOf, pointsOf, type QuestdbPlace, type Row, type TopicNumbers } from './rows.ts';
import { tableTime } from './table.ts';
import { BEFORE_ALL } from '../reading/place.ts';

/** Rows that are aggregated here for one page, where the server cannot do it as the embedded historian does. */
const PAGE_ROWS = 50_000;
/** What questions about buckets are answered from. */
export interface BucketSource {
  readonly db: QuestdbHttp;
  readonly table: string;
  readonly topics: TopicNumbers;
  readonly pages: RowPages;
  readonly gapsOf: (query: BucketQuery) => Promise<Gap[]>;
}

/**
 * One page of aggregates. The server computes them where its answer is that of the embedded historian: numbers that a double holds, no two rows of one time (their order is ours, not the
 * server's), no outage to be told. Everything else is computed here from the rows, by the embedded historian's own code.
 */
export async function bucketPage(source: BucketSource, query: BucketQuery): Promise<BucketPageMessage> {
  const { after, samplesUpTo = 0 } = query;
  const gaps = await source.gapsOf(query);
  const outage = after === undefined ? await outageBefore(source, query) : after.outage;
  if (after === undefined && outage === null && query.grid.count <= MAX_PAGE_BUCKETS) {
    const census = await censusOf(source, query);
    if (census.rows > samplesUpTo && census.plain) {
      const page = await byServer(source, query, gaps);
      if (page !== undefined) return page;
    }
  }
  return byRows(source, query, gaps, outage);
}

/** The outage that the last sample before the question has begun, as one that begins with it. */
async function outageBefore({ pages, topics }: BucketSource, query: BucketQuery): Promise<Outage | null> {
  const { tag, fromUs, toUs } = query;
  const row = await pages.lastBefore({ tag, fromUs, toUs }, fromUs);
  if (row === undefined) return null;
  const points = pointsOf([row], topics);
  const outage = hasGoodValue(points, 0) ? null : outageAt(points, 0);
  return outage === null ? null : { ...outage, fromUs };
}

/** The rows of a question, as a condition. */
function where({ tag, fromUs, toUs }: BucketQuery): string {
  return `tag = ${quoted(tag)} AND kind >= 0 AND ts >= ${tableTime(fromUs)} AND ts < ${tableTime(toUs)}`;
}

/** How many rows there are, and whether all of them are plain: numbers or booleans that a double holds, each at a time of its own, none that begins an outage. */
async function censusOf({ db, table }: BucketSource, query: BucketQuery): Promise<{ rows: number; plain: boolean }> {
  const { rows } = await db.exec(
    'SELECT count(), sum(CASE WHEN t = before OR kind IN (0, 5, 6, 8) OR text IS NOT NULL OR (flags & 32) <> 0 THEN 1 ELSE 0 END) ' +
      `FROM (SELECT ts::long t, lag(ts::long) OVER () before, kind, text, flags FROM ${table} WHERE ${where(query)})`,
  );
  const [count, special] = rows[0] ?? [0, 0];
  return { rows: Number(count), plain: Number(special ?? 0) === 0 };
}

type BucketRow = readonly [
  bucket: number,
  count: number,
  min: number | null,
  max: number | null,
  first: number | null,
  last: number | null,
  sum: number | null,
];

/** Undefined: a sum is beyond the doubles, or times are asked for. */
async function byServer(source: BucketSource, query: BucketQuery, gaps: Gap[]): Promise<BucketPageMessage | undefined> {
  const { tag, grid, aggregates } = query;
  if (!areAggregates(aggregates)) return undefined;
  const { originUs, widthUs, count } = grid;
  const { rows } = await source.db.exec(
    `SELECT (ts::long - ${originUs}) / ${widthUs} b, count(), min(value), max(value), first(value), last(value), nsum(value) ` +
      `FROM ${source.table} WHERE ${where(query)} AND quality < 1073741824 ORDER BY b`,
  );
  const columns = aggregates.map((aggregate) => emptyColumn(aggregate, count));
  for (const [bucket, n, min, max, first, last, sum] of rows as unknown as BucketRow[]) {
    if (min === null || max === null || first === null || last === null || sum === null) return undefined;
    // Rounding must not carry it beyond the values.
    const mean = Math.min(Math.max(sum / n, min), max);
    const values: Record<Aggregate, number> = { count: n, min, max, first, last, mean };
    for (const [i, aggregate] of aggregates.entries()) columns[i]?.values.set([values[aggregate]], bucket);
  }
  const times = Float64Array.from({ length: count }, (_, bucket) => bucketStart(grid, bucket));
  return { tag, raw: false, times, columns, gaps: toldGaps(gaps, query, undefined, null), next: null };
}

function emptyColumn(aggregate: Aggregate, count: number): Column {
  return { values: new Float64Array(count).fill(aggregate === 'count' ? 0 : Number.NaN), large: new Map() };
}

/** The same from the rows. */
async function byRows(
  { pages, topics }: BucketSource,
  query: BucketQuery,
  gaps: Gap[],
  outage: Outage | null,
): Promise<BucketPageMessage> {
  const { tag, fromUs, toUs, after, samplesUpTo = 0 } = query;
  const limit = Math.min(samplesUpTo, MAX_CHART_POINTS);
  const place = after?.place ?? undefined;
  if (after === undefined && limit > 0) {
    const { rows, more } = await pages.read({ tag, fromUs, toUs }, limit);
    const points = pointsOf(rows, topics);
    if (!more && points.count === rows.length)
      return samplesPage(query, points, new Outages(outage), toldGaps(gaps, query, undefined, null));
  }
  const page = new PageBuilder(query, new Outages(outage));
  const { rows, more } =
    after?.ended === true
      ? { rows: [], more: false }
      : await pages.read({ tag, fromUs, toUs, after: place }, PAGE_ROWS);
  const points = pointsOf(rows, topics);
  const taken = page.take(points, 0, points.count, more);
  const next = withEpoch(page.finish(more || !taken || points.count < rows.length), rows, topics);
  const upTo = next === null || next.ended ? null : (next.place ?? BEFORE_ALL);
  const told = after?.ended === true ? [] : toldGaps(gaps, query, place, upTo);
  return { tag, raw: false, ...page.rows(), gaps: withOutages(told, page.outages), next };
}

/** The cursor, its place with the epoch of the row that stands there. */
function withEpoch(cursor: BucketCursor | null, rows: readonly Row[], topics: TopicNumbers): BucketCursor | null {
  const at = cursor?.place;
  if (cursor === null || at === null || at === undefined) return cursor;
  const row = rows.findLast(([timeUs, topic, , offset]) => {
    return timeUs === at.timeUs && offset === at.offset && topics.of(topic) === at.topic;
  });
  const place: QuestdbPlace = row === undefined ? at : placeOf(row, topics);
  return { ...cursor, place };
}
