import { Fault } from '../edge/core/fault.ts';
import type { BlockList } from './block-list.ts';
import { damagedFileGaps, damageGap, standingGaps, toldGaps } from './gaps.ts';
import { HistoryPage, type Latest, type LatestSample, type RawQuery, type TagSummary } from './history.ts';
import { MAX_PAGE_POINTS, MAX_PAGE_TAGS, PAGE_HEAP_BYTES } from './limits.ts';
import { Points } from './points.ts';
import { Scan } from './scan.ts';
import type { View } from './view.ts';

const EVER = { fromUs: Number.NEGATIVE_INFINITY, toUs: Number.POSITIVE_INFINITY };

/** One page of a raw query over a version of the historian. A damaged block is a gap in the answer; everything else is served. */
export function queryPage(view: View, query: RawQuery): HistoryPage {
  const { parts } = view;
  const { tag, fromUs, toUs, after } = query;
  const gaps = standingGaps(view, tag);
  const lists = view.blocks(tag, fromUs, toUs);
  const scan = new Scan(lists, { fromUs, toUs, after }, (damage) => gaps.push(damageGap(damage)));
  const limit = Math.max(1, Math.min(query.limit ?? MAX_PAGE_POINTS, MAX_PAGE_POINTS));
  const points = new Points(limit);
  const more = scan.collect(points, limit, PAGE_HEAP_BYTES);
  const last = points.count - 1;
  const next = more
    ? { timeUs: points.times[last] ?? fromUs, topic: points.topics[last] ?? 0, offset: points.offsets[last] ?? 0 }
    : null;
  return new HistoryPage(tag, points, [...parts.topics], toldGaps(gaps, query, after, next), next);
}

/** Last sample of each of these tags, in their order, without those that have none. */
export function latestOf(view: View, tags: readonly string[]): Latest {
  const samples: LatestSample[] = [];
  const gaps: Latest['gaps'][number][] = [];
  for (const tag of tags) {
    const best = new Points(1);
    for (const id of view.seriesOf(tag)) latestOfSeries(view, id, tag, best, gaps);
    const lastUs = best.count > 0 ? (best.times[0] ?? 0) : Number.NEGATIVE_INFINITY;
    for (const gap of damagedFileGaps(view)) if (gap.toUs > lastUs) gaps.push({ tag, ...gap });
    if (best.count > 0) samples.push({ tag, ...best.sample(0, view.parts.topics) });
  }
  return { samples, gaps };
}

/** Puts the last sample of a series into `best` if it is later. */
function latestOfSeries(view: View, id: number, tag: string, best: Points, gaps: Latest['gaps'][number][]): void {
  const topic = view.parts.series.topic(id);
  const inMemory = view.parts.memtable.latest(id, topic);
  if (inMemory !== undefined) takeLater(best, inMemory);
  // The latest first, so that most files are not looked into.
  const files = view.parts.files.filter((file) => file.lastOf(id) !== undefined);
  files.sort((a, b) => (b.lastOf(id) ?? 0) - (a.lastOf(id) ?? 0));
  for (const file of files) {
    if (best.count > 0 && (file.lastOf(id) ?? 0) < (best.times[0] ?? 0)) return;
    const list = file.blocks(id, topic, EVER.fromUs, EVER.toUs);
    if (list !== undefined) latestOfList(list, tag, best, gaps);
  }
}

function latestOfList(list: BlockList, tag: string, best: Points, gaps: Latest['gaps'][number][]): void {
  for (let block = list.count - 1; block >= 0; block--) {
    if (best.count > 0 && list.last(block) < (best.times[0] ?? 0)) return;
    const points = list.load(block);
    if (!(points instanceof Fault)) return takeLater(best, points);
    const span = { fromUs: list.first(block), toUs: list.last(block) + 1, samples: list.samples(block) };
    gaps.push({ tag, ...span, reason: 'historian-damaged', detail: points.detail });
  }
}

/** Replaces `best` by the last row of `points` if that comes behind it. */
function takeLater(best: Points, points: Points): void {
  const row = points.count - 1;
  const byTime = (points.times[row] ?? 0) - (best.times[0] ?? 0);
  const byTopic = (points.topics[row] ?? 0) - (best.topics[0] ?? 0);
  const byOffset = (points.offsets[row] ?? 0) - (best.offsets[0] ?? 0);
  if (best.count > 0 && (byTime || byTopic || byOffset) <= 0) return;
  best.reset();
  best.append(points, row, row + 1);
}

/** What there is of each of these tags, in their order, without those that have nothing. */
export function summariesOf(view: View, tags: readonly string[]): TagSummary[] {
  return tags.flatMap((tag) => {
    const parts = view.seriesOf(tag).map((id) => summaryOf(view, id, tag));
    const known = parts.filter(({ samples }) => samples > 0);
    return known.length === 0 ? [] : [known.reduce(both)];
  });
}

function summaryOf(view: View, id: number, tag: string): TagSummary {
  const { samples, firsts, lasts } = view.parts.totals;
  return { tag, samples: samples[id] ?? 0, firstUs: firsts[id] ?? 0, lastUs: lasts[id] ?? 0 };
}

/** Tags behind `after` (undefined: from the first), ordered by their bytes, at most 5,000. */
export function tagPage(view: View, after?: string): TagSummary[] {
  const { series } = view.parts;
  const page: TagSummary[] = [];
  const sorted = series.sorted();
  for (let i = after === undefined ? 0 : firstBehind(view, sorted, after); i < sorted.length; i++) {
    const id = sorted[i] ?? 0;
    const summary = summaryOf(view, id, series.tag(id));
    if (summary.samples === 0) continue;
    const previous = page.at(-1);
    if (previous?.tag === summary.tag) page[page.length - 1] = both(previous, summary);
    else if (page.length === MAX_PAGE_TAGS) break;
    else page.push(summary);
  }
  return page;
}

/** One tag in two topics. */
function both(a: TagSummary, b: TagSummary): TagSummary {
  return {
    tag: a.tag,
    samples: a.samples + b.samples,
    firstUs: Math.min(a.firstUs, b.firstUs),
    lastUs: Math.max(a.lastUs, b.lastUs),
  };
}

function firstBehind(view: View, sorted: Uint32Array, tag: string): number {
  const { series } = view.parts;
  const key = Buffer.from(tag);
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Buffer.compare(series.key(sorted[middle] ?? 0), key) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
