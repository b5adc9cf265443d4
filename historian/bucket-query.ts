import { Fault } from '../edge/core/fault.ts';
import { Accumulator, numericAt, type Numeric } from './accumulator.ts';
import type { BlockList } from './block-list.ts';
import {
  type Aggregate,
  type BucketCursor,
  type BucketPageMessage,
  type BucketQuery,
  type Column,
} from './bucket-page.ts';
import { bucketAt, bucketStart, type Grid } from './buckets.ts';
import { damageGap, joinedGaps, standingGaps, toldGaps } from './gaps.ts';
import type { Gap } from './gap.ts';
import { MAX_CHART_POINTS, MAX_PAGE_BUCKETS, PAGE_HEAP_BYTES } from './limits.ts';
import { hasGoodValue, type Outage, outageAt, Outages } from './outages.ts';
import { Points } from './points.ts';
import { type HistoryPlace, lowerBound, Scan } from './scan.ts';
import type { View } from './view.ts';

/** Where a page ends that has not come to any sample. */
const BEFORE_ALL: HistoryPlace = { timeUs: Number.NEGATIVE_INFINITY, topic: 0, offset: 0 };

/**
 * One page of aggregates over a version of the historian, computed block by block: in memory are the rows of the page and a block of each file. It ends early when `expired` says so,
 * looked at after each block. Throws `aggregate-type` at a good value that is no number.
 */
export function queryBuckets(view: View, query: BucketQuery, expired: () => boolean): BucketPageMessage {
  const { tag, fromUs, toUs, after } = query;
  const outage = after === undefined ? outageBefore(view, tag, fromUs) : after.outage;
  const lists = after?.ended === true ? [] : view.blocks(tag, fromUs, toUs);
  const limit = Math.min(query.samplesUpTo ?? 0, MAX_CHART_POINTS);
  if (after === undefined && limit > 0 && atLeast(lists, fromUs, toUs) <= limit) {
    const page = samplePage(view, query, lists, limit, new Outages(outage));
    if (page !== undefined) return page;
  }
  const gaps: Gap[] = standingGaps(view, tag);
  const place = after?.place ?? undefined;
  const scan = new Scan(lists, { fromUs, toUs, after: place }, (damage) => gaps.push(damageGap(damage)));
  const page = new PageBuilder(query, new Outages(outage));
  const more = scan.eachRun((points, start, end) => page.take(points, start, end) && !expired());
  const next = page.finish(more);
  // What stands behind the last sample is told with the page that comes to the end of the samples.
  const upTo = next === null || next.ended ? null : (next.place ?? BEFORE_ALL);
  const told = after?.ended === true ? [] : toldGaps(gaps, query, place, upTo);
  return { tag, raw: false, ...page.rows(), gaps: withOutages(told, page.outages), next };
}

function withOutages(told: readonly Gap[], { gaps }: Outages): Gap[] {
  if (gaps.length === 0) return [...told];
  return joinedGaps([...told, ...gaps].toSorted((a, b) => a.fromUs - b.fromUs));
}

/** Samples that these lists have in the span, without looking into their blocks: this many or more. */
function atLeast(lists: readonly BlockList[], fromUs: number, toUs: number): number {
  let samples = 0;
  for (const list of lists) {
    for (let block = 0; block < list.count; block++)
      if (list.first(block) >= fromUs && list.last(block) < toUs) samples += list.samples(block);
  }
  return samples;
}

/** The samples themselves, or undefined if there are more than `limit`. */
function samplePage(
  view: View,
  query: BucketQuery,
  lists: readonly BlockList[],
  limit: number,
  outages: Outages,
): BucketPageMessage | undefined {
  const { tag, fromUs, toUs, aggregates } = query;
  const gaps = standingGaps(view, tag);
  const scan = new Scan(lists, { fromUs, toUs }, (damage) => gaps.push(damageGap(damage)));
  const points = new Points(limit);
  if (scan.collect(points, limit, PAGE_HEAP_BYTES)) return undefined;
  const rows = new RowBuilder(aggregates, points.count);
  for (let row = 0; row < points.count; row++) {
    const timeUs = points.times[row] ?? 0;
    if (hasGoodValue(points, row)) {
      outages.end(timeUs);
      rows.addSample(timeUs, numericAt(points, row));
    } else {
      outages.note(points, row);
      rows.addEmpty(timeUs);
    }
  }
  outages.end(toUs);
  const told = toldGaps(gaps, query, undefined, null);
  return { tag, raw: true, ...rows.message(), gaps: withOutages(told, outages), next: null };
}

/** The outage that the last sample before a time has begun, as one that begins at that time. A block that cannot be read says nothing. */
function outageBefore(view: View, tag: string, fromUs: number): Outage | null {
  const places = view.blocks(tag, Number.NEGATIVE_INFINITY, fromUs).flatMap((list) => {
    let block = list.count - 1;
    while (block >= 0 && list.first(block) >= fromUs) block--;
    return block < 0 ? [] : [{ list, block, latestUs: Math.min(list.last(block), fromUs - 1) }];
  });
  places.sort((a, b) => b.latestUs - a.latestUs);
  let best = BEFORE_ALL;
  let outage: Outage | null = null;
  for (const { list, block, latestUs } of places) {
    if (latestUs < best.timeUs) break;
    const points = list.load(block);
    if (points instanceof Fault) continue;
    const row = lowerBound(points.times, points.count, fromUs) - 1;
    const place = placeOf(points, row);
    if (row < 0 || isBefore(place, best)) continue;
    best = place;
    outage = hasGoodValue(points, row) ? null : outageAt(points, row);
  }
  return outage === null ? null : { ...outage, fromUs };
}

function placeOf(points: Points, row: number): HistoryPlace {
  return { timeUs: points.times[row] ?? 0, topic: points.topics[row] ?? 0, offset: points.offsets[row] ?? 0 };
}

function isBefore(a: HistoryPlace, b: HistoryPlace): boolean {
  return (a.timeUs - b.timeUs || a.topic - b.topic || a.offset - b.offset) < 0;
}

/** Fills the buckets of one page. */
class PageBuilder {
  readonly outages: Outages;
  private readonly grid: Grid;
  private readonly toUs: number;
  private readonly accumulator = new Accumulator();
  private readonly out: RowBuilder;
  private bucket: number;
  private endUs: number;
  private place: HistoryPlace | null;

  constructor({ grid, toUs, aggregates, after }: BucketQuery, outages: Outages) {
    this.grid = grid;
    this.toUs = toUs;
    this.outages = outages;
    this.bucket = after?.bucket ?? 0;
    this.endUs = bucketStart(grid, this.bucket + 1);
    this.place = after?.place ?? null;
    if (after?.state) this.accumulator.restore(after.state);
    this.out = new RowBuilder(aggregates, Math.min(MAX_PAGE_BUCKETS, grid.count - this.bucket));
  }

  /** Takes rows; false: the page is full before the last one. */
  take(points: Points, start: number, end: number): boolean {
    const { times } = points;
    let at = start;
    while (at < end) {
      if (!hasGoodValue(points, at)) {
        this.outages.note(points, at++);
        continue;
      }
      const timeUs = times[at] ?? 0;
      if (timeUs >= this.endUs && !this.moveTo(bucketAt(this.grid, timeUs))) break;
      this.outages.end(timeUs);
      let until = at + 1;
      while (until < end && (times[until] ?? 0) < this.endUs && hasGoodValue(points, until)) until++;
      this.accumulator.add(points, at, until);
      at = until;
    }
    if (at > start) this.place = placeOf(points, at - 1);
    return at === end;
  }

  /** Ends the page. `more`: there may be samples behind what was taken. */
  finish(more: boolean): BucketCursor | null {
    if (!more) {
      this.outages.end(this.toUs);
      if (this.moveTo(this.grid.count)) return null;
    }
    const { place, bucket, accumulator, outages } = this;
    const state = accumulator.count === 0 ? null : accumulator.state();
    return { place, ended: !more, bucket, state, outage: outages.current };
  }

  rows(): { times: Float64Array<ArrayBuffer>; columns: Column[] } {
    return this.out.message();
  }

  /** Gives the buckets before this one; false: there was no room for all. */
  private moveTo(bucket: number): boolean {
    while (this.bucket < bucket) {
      if (this.out.full) return false;
      this.out.addBucket(bucketStart(this.grid, this.bucket), this.accumulator);
      this.accumulator.reset();
      this.bucket++;
      this.endUs = bucketStart(this.grid, this.bucket + 1);
    }
    return true;
  }
}

/** Rows of a page: times and a column for each aggregate. */
class RowBuilder {
  private readonly aggregates: readonly Aggregate[];
  private readonly times: Float64Array<ArrayBuffer>;
  private readonly columns: { values: Float64Array<ArrayBuffer>; large: Map<number, bigint> }[];
  private count = 0;

  constructor(aggregates: readonly Aggregate[], capacity: number) {
    this.aggregates = aggregates;
    this.times = new Float64Array(capacity);
    this.columns = aggregates.map(() => ({ values: new Float64Array(capacity).fill(Number.NaN), large: new Map() }));
  }

  get full(): boolean {
    return this.count === this.times.length;
  }

  addBucket(timeUs: number, bucket: Accumulator): void {
    if (bucket.count === 0) return this.addEmpty(timeUs);
    const row = this.add(timeUs);
    for (const [i, aggregate] of this.aggregates.entries()) this.put(row, i, bucket[aggregate]);
  }

  addSample(timeUs: number, value: Numeric): void {
    const row = this.add(timeUs);
    for (const [i, aggregate] of this.aggregates.entries())
      this.put(row, i, aggregate === 'count' ? 1 : aggregate === 'mean' ? Number(value) : value);
  }

  addEmpty(timeUs: number): void {
    const row = this.add(timeUs);
    for (const [i, aggregate] of this.aggregates.entries()) if (aggregate === 'count') this.put(row, i, 0);
  }

  message(): { times: Float64Array<ArrayBuffer>; columns: Column[] } {
    const columns = this.columns.map(({ values, large }) => ({ values: values.slice(0, this.count), large }));
    return { times: this.times.slice(0, this.count), columns };
  }

  private add(timeUs: number): number {
    const row = this.count++;
    this.times[row] = timeUs;
    return row;
  }

  private put(row: number, column: number, value: Numeric): void {
    const out = this.columns[column];
    if (typeof value === 'bigint') out?.large.set(row, value);
    else if (out !== undefined) out.values[row] = value;
  }
}
