import { numericAt } from '../points/numeric.ts';
import { Fault } from '../../edge/core/fault.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { Accumulator, doublesOf } from './accumulator.ts';
import { type BlockList, seekIn, type SummarizedBlock } from '../files/block-list.ts';
import {
  areAggregates,
  type BucketCursor,
  type BucketPageMessage,
  type BucketQuery,
  type Column,
  type HeldSample,
} from './bucket-page.ts';
import { BucketRows } from './bucket-rows.ts';
import { bucketAt, bucketStart, type Grid } from './buckets.ts';
import { damageGap, joinedGaps, standingGaps, toldGaps } from '../reading/gaps.ts';
import type { Gap } from '../reading/gap.ts';
import { Lacking, type Lacks } from '../reading/lacking.ts';
import { MAX_CHART_POINTS, MAX_PAGE_BUCKETS, PAGE_HEAP_BYTES } from '../limits.ts';
import { hasGoodValue, type Outage, outageAt, Outages } from '../reading/outages.ts';
import { Points, lowerBound } from '../points/points.ts';
import { Scan, type TakeBlock, type TakeRows } from '../reading/scan.ts';
import type { View } from '../reading/view.ts';
import { type HistoryPlace, placeOf, comparePlaces, BEFORE_ALL } from '../reading/place.ts';

/** Severity Uncertain begins here. */
const NOT_GOOD = 0x40000000;

/**
 * One page of aggregates over a version of the historian, computed block by block: in memory are the rows of the page and a block of each file. A block that lies in one bucket by itself is
 * not read: its summary is enough. It ends early when `expired` says so, looked at after each block, and before what is lacking. Throws `aggregate-type` at a good value that is no number.
 */
export function queryBuckets(view: View, query: BucketQuery, expired: () => boolean): BucketPageMessage {
  const { tag, fromUs, toUs, after, elsewhereFromUs } = query;
  const lacking = new Lacking(view, tag, 'rollups', elsewhereFromUs);
  const outage = after === undefined ? outageBefore(view, tag, fromUs, lacking) : after.outage;
  const place = after?.place ?? undefined;
  const reachedUs = place?.timeUs ?? fromUs;
  const endUs = after?.ended === true ? toUs : lacking.endUs(reachedUs, toUs);
  if (endUs <= reachedUs && endUs < toUs) lacking.what = 'gone';
  if (lacking.what !== null) return lackingPage(query, lacking.what);
  const lists = after?.ended === true ? [] : view.blocks(tag, fromUs, toUs, 'rollups');
  const limit = Math.min(query.samplesUpTo ?? 0, MAX_CHART_POINTS);
  if (after === undefined && limit > 0 && !hasMoreThan(limit, lists, query, lacking)) {
    const page =
      endUs < toUs ? lackingPage(query, 'gone') : samplePage(view, query, lists, limit, lacking, new Outages(outage));
    if (page !== undefined) return page;
  }
  const gaps: Gap[] = lacking.without(standingGaps(view, tag, 'rollups'));
  const scan = new Scan(lists, { fromUs, toUs: endUs, after: place, elsewhereFromUs }, (damage) => {
    if (!lacking.note(damage)) gaps.push(damageGap(damage));
  });
  const page = new PageBuilder(query, new Outages(outage), lacking);
  let over = false;
  const takeRows: TakeRows = (points, start, end, goesOn) => {
    if (over || lacking.what !== null || !page.take(points, start, end, goesOn)) return false;
    over = expired();
    return !over;
  };
  const takeBlock: TakeBlock = (block) => {
    if (over || lacking.what !== null) return 'stop';
    const verdict = page.takeBlock(block);
    if (verdict === 'taken') over = expired();
    return verdict;
  };
  const isCut = scan.eachRun(takeRows, takeBlock);
  const isShort = lacking.what !== null || endUs < toUs;
  let next = page.finish(isCut || isShort);
  if (lacking.what !== null && next?.place === (after?.place ?? null)) return lackingPage(query, lacking.what);
  if (next !== null && !isCut && lacking.what === null && isShort)
    next = { ...next, place: { timeUs: endUs, topic: -1, offset: -1 } };
  // What stands behind the last sample is told with the page that comes to the end of the samples.
  const upTo = next === null || next.ended ? null : (next.place ?? BEFORE_ALL);
  const told = after?.ended === true ? [] : toldGaps(gaps, query, place, upTo);
  return { tag, raw: false, ...page.rows(), gaps: withOutages(told, page.outages), next };
}

/** Nothing: the next samples are elsewhere. */
function lackingPage({ tag, aggregates, after }: BucketQuery, lacks: Lacks): BucketPageMessage {
  const columns = aggregates.map(() => ({ values: new Float64Array(0), large: new Map<number, bigint>() }));
  return { tag, raw: false, times: new Float64Array(0), columns, gaps: [], next: after ?? null, lacks };
}

/** The gaps of a page, with those in which there was no value. */
export function withOutages(told: readonly Gap[], { gaps }: Outages): Gap[] {
  if (gaps.length === 0) return [...told];
  return joinedGaps([...told, ...gaps].toSorted((a, b) => a.fromUs - b.fromUs));
}

/** Whether these lists have more samples in the span for sure, or some of which only summaries are left; without looking into their blocks. */
function hasMoreThan(
  limit: number,
  lists: readonly BlockList[],
  { fromUs, toUs }: BucketQuery,
  lacking: Lacking,
): boolean {
  let samples = 0;
  for (const list of lists) {
    for (let block = seekIn(list, fromUs); block < list.count && list.first(block) < toUs; block++) {
      if (list.first(block) >= fromUs && list.last(block) < toUs) samples += list.samples(block);
      if (samples > limit) return true;
      if (list.summary?.(block)?.expired === true && !lacking.isExact(list.last(block))) return true;
    }
  }
  return false;
}

/** The samples themselves, or undefined if there are more than `limit`. */
function samplePage(
  view: View,
  query: BucketQuery,
  lists: readonly BlockList[],
  limit: number,
  lacking: Lacking,
  outages: Outages,
): BucketPageMessage | undefined {
  const { tag, fromUs, toUs } = query;
  const gaps = lacking.without(standingGaps(view, tag, 'rollups'));
  const scan = new Scan(lists, { fromUs, toUs }, (damage) => {
    if (!lacking.note(damage)) gaps.push(damageGap(damage));
  });
  const points = new Points(limit);
  const hasMore = scan.collect(points, limit, PAGE_HEAP_BYTES);
  if (lacking.what !== null) return lackingPage(query, lacking.what);
  if (hasMore) return undefined;
  return samplesPage(query, points, outages, toldGaps(gaps, query, undefined, null));
}

/** A page of samples instead of buckets. Throws `aggregate-type`. */
export function samplesPage(
  { tag, toUs, aggregates }: BucketQuery,
  points: Points,
  outages: Outages,
  told: readonly Gap[],
): BucketPageMessage {
  const rows = new BucketRows(aggregates, points.count);
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
  return { tag, raw: true, ...rows.message(), gaps: withOutages(told, outages), next: null };
}

/** The outage that the last sample before a time has begun, as one that begins at that time. A block that cannot be read says nothing, or that it is lacking. */
function outageBefore(view: View, tag: string, fromUs: number, lacking: Lacking): Outage | null {
  const places = view.blocks(tag, Number.NEGATIVE_INFINITY, fromUs, 'rollups').flatMap((list) => {
    let block = seekIn(list, fromUs);
    if (block === list.count || list.first(block) >= fromUs) block--;
    while (block + 1 < list.count && list.first(block + 1) < fromUs) block++;
    return block < 0 ? [] : [{ list, block, latestUs: Math.min(list.last(block), fromUs - 1) }];
  });
  places.sort((a, b) => b.latestUs - a.latestUs);
  const [last, other] = places;
  const { gone } = lacking;
  // It may be among those that are gone.
  if (gone !== undefined && gone.fromUs < fromUs && gone.toUs > (last?.latestUs ?? Number.NEGATIVE_INFINITY))
    lacking.what = 'gone';
  if (last === undefined || lacking.what !== null) return null;
  // Nearly always: it need not be read.
  const known = last.list.last(last.block) < fromUs ? last.list.summary?.(last.block) : undefined;
  if (known?.summary.lastGood === true && (other === undefined || other.latestUs < last.latestUs)) return null;
  let best = BEFORE_ALL;
  let outage: Outage | null = null;
  for (const { list, block, latestUs } of places) {
    if (latestUs < best.timeUs) break;
    const points = list.load(block);
    if (points instanceof Fault) {
      lacking.note({ lastUs: list.last(block), fault: points });
      continue;
    }
    const row = lowerBound(points.times, points.count, fromUs) - 1;
    const place = placeOf(points, row);
    if (row < 0 || comparePlaces(place, best) < 0) continue;
    best = place;
    outage = hasGoodValue(points, row) ? null : outageAt(points, row);
  }
  return outage === null ? null : { ...outage, fromUs };
}

/** Good rows of one kind. */
interface GoodRun {
  /** As doubles, if all are exact; `shift`: from a row to its place there. */
  readonly values: Float64Array | undefined;
  readonly shift: number;
  /** A sample of the last row's time may follow. */
  readonly holds: boolean;
}

/** Fills the buckets of one page. Of several good samples at one time the last counts. */
export class PageBuilder {
  readonly outages: Outages;
  private readonly grid: Grid;
  private readonly toUs: number;
  private readonly lacking: Pick<Lacking, 'isExact'> | undefined;
  private readonly accumulator = new Accumulator();
  private readonly out: BucketRows;
  private bucket: number;
  private endUs: number;
  private place: HistoryPlace | null;
  /** Counts unless another good sample of its time comes. */
  private held: HeldSample | null;
  /** Times of good values are asked for. */
  private readonly wantsTimes: boolean;

  /** `lacking`: of blocks; left out: nothing is. */
  constructor({ grid, toUs, aggregates, after }: BucketQuery, outages: Outages, lacking?: Pick<Lacking, 'isExact'>) {
    this.lacking = lacking;
    this.grid = grid;
    this.toUs = toUs;
    this.outages = outages;
    this.bucket = after?.bucket ?? 0;
    this.endUs = bucketStart(grid, this.bucket + 1);
    this.place = after?.place ?? null;
    this.held = after?.held ?? null;
    this.wantsTimes = !areAggregates(aggregates);
    if (after?.state) this.accumulator.restore(after.state);
    this.out = new BucketRows(aggregates, Math.min(MAX_PAGE_BUCKETS, grid.count - this.bucket));
  }

  /** Takes rows; false: the page is full before the last one. `goesOn`: there may be more of the last one's time. */
  take(points: Points, start: number, end: number, goesOn: boolean): boolean {
    const { kinds, times } = points;
    // A column that is not there is not made.
    const qualities = points.hasMore ? points.qualities : undefined;
    let at = start;
    while (at < end) {
      const kind = kinds[at] as ValueKind;
      if (kind === ValueKind.null || (qualities?.[at] ?? 0) >= NOT_GOOD) {
        this.outages.note(points, at++);
        continue;
      }
      let until = at + 1;
      if (qualities === undefined) while (until < end && kinds[until] === kind) until++;
      else while (until < end && kinds[until] === kind && (qualities[until] ?? 0) < NOT_GOOD) until++;
      const values = doublesOf(points, kind, at, until);
      const from = values === points.slots ? at : 0;
      const holds = until < end ? times[until] === times[until - 1] : goesOn;
      const taken = this.takeGood(points, at, until, { values, shift: from - at, holds });
      at += taken;
      if (at < until) break;
    }
    if (at > start) this.place = placeOf(points, at - 1);
    return at === end;
  }

  /** Takes rows of good values of one kind, and says how many. */
  private takeGood(points: Points, start: number, end: number, run: GoodRun): number {
    const { accumulator } = this;
    const { times } = points;
    const { values, shift } = run;
    let at = start;
    while (at < end) {
      const timeUs = times[at] ?? 0;
      if (this.held !== null) this.settle(timeUs);
      if (timeUs >= this.endUs && !this.moveTo(this.bucketOf(timeUs))) break;
      if (this.outages.current !== null) this.outages.end(timeUs);
      if (values !== undefined && accumulator.count === 0 && (times[end - 1] ?? 0) >= this.endUs) {
        const { widthUs } = this.grid;
        const rows = this.out.rows;
        at = this.out.addWhole(this.endUs - widthUs, widthUs, times, at, end, values, shift);
        this.bucket += this.out.rows - rows;
        this.endUs = bucketStart(this.grid, this.bucket + 1);
        if ((times[at] ?? 0) >= this.endUs) continue;
      }
      const { endUs } = this;
      while (at < end && (times[at] ?? 0) < endUs) at = this.takeDistinct(points, at, end, run);
    }
    return at - start;
  }

  /** Takes rows of the bucket up to where a time comes again, and says where that is. */
  private takeDistinct(points: Points, start: number, end: number, { values, shift, holds }: GoodRun): number {
    const { times } = points;
    const { endUs } = this;
    let lastUs = Number.NaN;
    let until = start;
    for (; until < end; until++) {
      const timeUs = times[until] ?? 0;
      if (timeUs >= endUs || timeUs === lastUs) break;
      lastUs = timeUs;
    }
    const isReplaced = until < end && times[until] === lastUs;
    const isHeld = until === end && holds;
    if (isHeld) this.held = { timeUs: lastUs, value: numericAt(points, until - 1) };
    const count = until - start - (isReplaced || isHeld ? 1 : 0);
    if (count === 0) return until;
    if (values === undefined) this.accumulator.add(points, start, start + count);
    else this.accumulator.addDoubles(values, start + shift, count, times[start + count - 1] ?? 0, times[start]);
    return until;
  }

  /** The next good sample is of this time: the one that is held counts, or is replaced. */
  private settle(nextUs: number): void {
    const { held } = this;
    this.held = null;
    if (held === null || held.timeUs === nextUs) return;
    const { value, timeUs } = held;
    const one = { min: value, max: value, first: value, last: value, sum: Number(value) };
    this.accumulator.addSummary(one, 1, timeUs, timeUs);
  }

  /** Takes a block by its summary, if it lies in one bucket and the summary says enough. */
  takeBlock({ summary, topic, greatestOffset, expired, overlapped }: SummarizedBlock): ReturnType<TakeBlock> {
    const { values, goodCount, firstUs, lastUs } = summary;
    if (goodCount > 0 && values === null) return 'samples';
    const isExact = !expired || this.lacking?.isExact(lastUs) === true;
    // Of what has expired it is not known any more when the value was away, and what a correction has replaced.
    if (isExact && (summary.outage || (this.outages.current !== null && !summary.firstGood))) return 'samples';
    if (isExact && expired && (overlapped === true || summary.corrected)) return 'samples';
    if (isExact && this.held?.timeUs === firstUs && !summary.firstGood) return 'samples';
    // When the first and the last good value were is known of the ends alone.
    if (isExact && this.wantsTimes && !(summary.firstGood && summary.lastGood)) return 'samples';
    if (values !== null) {
      const bucket = firstUs < this.endUs ? this.bucket : this.bucketOf(firstUs);
      if (lastUs >= bucketStart(this.grid, bucket + 1)) return 'samples';
      this.settle(firstUs);
      if (!this.moveTo(bucket)) return 'stop';
      this.outages.end(firstUs);
      this.accumulator.addSummary(values, goodCount, lastUs, summary.firstGood ? firstUs : Number.NaN);
    }
    this.place = { timeUs: isExact ? lastUs : firstUs, topic, offset: greatestOffset };
    return 'taken';
  }

  /** Ends the page. `more`: there may be samples behind what was taken. */
  finish(more: boolean): BucketCursor | null {
    if (!more) {
      this.outages.end(this.toUs);
      this.settle(Number.POSITIVE_INFINITY);
      if (this.moveTo(this.grid.count)) return null;
    }
    const { place, bucket, accumulator, held, outages } = this;
    const state = accumulator.count === 0 ? null : accumulator.state();
    return { place, ended: !more, bucket, state, held, outage: outages.current };
  }

  rows(): { times: Float64Array<ArrayBuffer>; columns: Column[] } {
    return this.out.message();
  }

  /** The bucket of a time behind the current one: nearly always the next. A remainder of times takes as long as a bucket. */
  private bucketOf(timeUs: number): number {
    return timeUs < this.endUs + this.grid.widthUs ? this.bucket + 1 : bucketAt(this.grid, timeUs);
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
