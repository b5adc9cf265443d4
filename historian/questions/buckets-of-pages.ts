import { Points } from '../points/points.ts';
import type { BucketCursor, BucketPageMessage, BucketQuery } from '../queries/bucket-page.ts';
import { PageBuilder, samplesPage, withOutages } from '../queries/bucket-query.ts';
import type { HistoryPage, PageSource } from '../queries/history.ts';
import { MAX_CHART_POINTS, PAGE_HEAP_BYTES } from '../limits.ts';
import type { Gap } from '../reading/gap.ts';
import { toldGaps } from '../reading/gaps.ts';
import { hasGoodValue, type Outage, outageAt, Outages } from '../reading/outages.ts';
import { lastBefore } from './last-before.ts';
import { type HistoryPlace, BEFORE_ALL } from '../reading/place.ts';

/**
 * One page of aggregates over samples that come from elsewhere in pages, with the same answer and the same cursor as `queryBuckets`: one page of samples in the thread that asks. `outage`: what `outageBefore` says.
 * Throws `aggregate-type`.
 */
export async function bucketsOfPages(
  source: PageSource,
  query: BucketQuery,
  outage: Outage | null,
): Promise<BucketPageMessage> {
  const { tag, fromUs, toUs, after } = query;
  const place = after?.place ?? undefined;
  const page = await source.page({ tag, fromUs, toUs, after: place });
  const { points } = page;
  const builder = new PageBuilder(query, new Outages(after === undefined ? outage : after.outage));
  const taken = builder.take(points, 0, points.count, page.next !== null);
  const cursor = builder.finish(!taken || page.next !== null);
  const next = taken ? endingWith(cursor, page) : cursor;
  const upTo = next === null || next.ended ? null : (next.place ?? BEFORE_ALL);
  const told = toldGaps(page.gaps, query, undefined, taken ? null : upTo);
  return { tag, raw: false, ...builder.rows(), gaps: withOutages(told, builder.outages), next };
}

/** A page of samples may end behind its last row, where a day ends. */
function endingWith(cursor: BucketCursor | null, { next }: HistoryPage): BucketCursor | null {
  return cursor === null || next === null ? cursor : { ...cursor, place: next };
}

/** The samples themselves, where there are no more of them than a chart shows; undefined: there are. Throws `aggregate-type`. */
export async function fewSamples(
  source: PageSource,
  query: BucketQuery,
  outage: Outage | null,
): Promise<BucketPageMessage | undefined> {
  const { tag, fromUs, toUs } = query;
  const limit = Math.min(query.samplesUpTo ?? 0, MAX_CHART_POINTS);
  const points = new Points(limit);
  const gaps: Gap[] = [];
  for (let after: HistoryPlace | undefined; ;) {
    const page: HistoryPage = await source.page({ tag, fromUs, toUs, after, limit: limit - points.count + 1 });
    if (points.count + page.points.count > limit || points.heapLength > PAGE_HEAP_BYTES) return undefined;
    points.append(page.points, 0, page.points.count);
    gaps.push(...page.gaps);
    if (page.next === null) break;
    after = page.next;
  }
  return samplesPage(query, points, new Outages(outage), toldGaps(gaps, query, undefined, null));
}

/** The outage that the last sample before a question has begun, as one that begins with it. */
export async function outageBefore(source: PageSource, { tag, fromUs }: BucketQuery): Promise<Outage | null> {
  const last = await lastBefore(source, tag, fromUs);
  if (last === undefined || hasGoodValue(last.points, 0)) return null;
  const outage = outageAt(last.points, 0);
  return outage === null ? null : { ...outage, fromUs };
}
