import { Fault } from '../../edge/core/fault.ts';
import { type BlockList, mostSamples } from '../files/block-list.ts';
import type { Gap } from '../reading/gap.ts';
import { damagedFileGaps, damageGap, standingGaps, toldGaps } from '../reading/gaps.ts';
import { wholeOf } from '../reading/hidden.ts';
import { HistoryPage, type RawQuery, type TagSummary } from './history.ts';
import type { LatestSample, TaggedGap } from './latest.ts';
import { MAX_PAGE_POINTS, MAX_PAGE_TAGS, PAGE_HEAP_BYTES, pageLimit } from '../limits.ts';
import { Points } from '../points/points.ts';
import { expiredSpan } from '../reading/lacking.ts';
import { NEARLY_FULL, Scan, type TakeBlock } from '../reading/scan.ts';
import type { TagColumns } from './tag-questions.ts';
import type { SeriesTotal, View } from '../reading/view.ts';

const EVER = { fromUs: Number.NEGATIVE_INFINITY, toUs: Number.POSITIVE_INFINITY };

/** One page of a raw query over a version of the historian. A damaged block is a gap in the answer; everything else is served. */
export function queryPage(view: View, query: RawQuery): HistoryPage {
  const { parts } = view;
  const { tag, fromUs, toUs, after, replaced } = query;
  const gaps = standingGaps(view, tag);
  const lists = view.blocks(tag, fromUs, toUs);
  const limit = pageLimit(query.limit);
  const wholeBlocks = limit === MAX_PAGE_POINTS;
  const range = { fromUs, toUs, after, replaced, wholeBlocks };
  const scan = new Scan(lists, range, (damage) => gaps.push(damageGap(damage)));
  const points = new Points(mostSamples(lists, Math.max(fromUs, after?.timeUs ?? fromUs), toUs, limit));
  const more = scan.collect(points, limit, PAGE_HEAP_BYTES, appending(points, limit, wholeBlocks));
  const last = points.count - 1;
  const next = more
    ? { timeUs: points.times[last] ?? fromUs, topic: points.topics[last] ?? 0, offset: points.offsets[last] ?? 0 }
    : null;
  const { expired } = parts.hiding;
  return new HistoryPage(tag, points, [...parts.topics], toldGaps(gaps, query, after, next), next, expired);
}

/** Takes blocks in which and beside which nothing else lies straight into an answer: decoded where they are to stand, 5,000 samples take a fifth less than with a copy between. */
function appending(points: Points, limit: number, wholeBlocks: boolean): TakeBlock {
  const endsFrom = limit * (wholeBlocks ? NEARLY_FULL : 1);
  return ({ summary, expired }, list, number) => {
    if (expired || summary.values === null) return 'samples';
    if (points.count + summary.count > limit) return points.count < endsFrom ? 'samples' : 'stop';
    return list.append?.(number, points) === true ? 'taken' : 'samples';
  };
}

/** Last sample of each of these tags, in their order, without those that have none, as it stands in the blocks: the slow way, which `latestPage` takes where it has to. */
export function latestOf(
  view: View,
  tags: readonly string[],
): { readonly samples: readonly LatestSample[]; readonly gaps: readonly TaggedGap[] } {
  const samples: LatestSample[] = [];
  const gaps: TaggedGap[] = [];
  for (const tag of tags) {
    const best = new Points(1);
    const onDamage = (gap: Gap): void => void gaps.push({ tag, ...gap });
    for (const id of view.seriesOf(tag)) {
      lastOfMemory(view, id, best, onDamage);
      lastOfFiles(view, id, best, onDamage);
    }
    const lastUs = best.count > 0 ? (best.times[0] ?? 0) : Number.NEGATIVE_INFINITY;
    for (const gap of damagedFileGaps(view)) if (gap.toUs > lastUs) gaps.push({ tag, ...gap });
    if (best.count > 0) samples.push({ tag, ...best.sample(0, view.parts.topics) });
  }
  return { samples, gaps };
}

/** Puts the last sample that the memory has of a series into `best` if it is later. */
export function lastOfMemory(view: View, id: number, best: Points, onDamage: (gap: Gap) => void): void {
  const { memtable, series } = view.parts;
  if (!memtable.has(id)) return;
  if (view.hidden(id).length === 0) {
    const inMemory = memtable.latest(id, series.topic(id));
    if (inMemory !== undefined) takeLater(best, inMemory);
  } else {
    const list = view.memoryBlocks(id);
    if (list !== undefined) latestOfList(list, best, onDamage);
  }
}

/** Puts the last sample that the files have of a series into `best` if it is later: out of their blocks. */
export function lastOfFiles(view: View, id: number, best: Points, onDamage: (gap: Gap) => void): void {
  // The latest first, so that most files are not looked into.
  const files = view.parts.files.filter((file) => file.lastOf(id) !== undefined);
  files.sort((a, b) => (b.lastOf(id) ?? 0) - (a.lastOf(id) ?? 0));
  for (const file of files) {
    const there = file.summaryOf(id);
    if (there === undefined || (best.count > 0 && there.lastUs < (best.times[0] ?? 0))) return;
    // All of it is hidden: its index need not be read.
    if (wholeOf(view.hidden(id, file.entry), there.firstUs, there.lastUs) !== undefined) continue;
    const list = view.fileBlocks(file, id, EVER.fromUs, EVER.toUs);
    if (list !== undefined) latestOfList(list, best, onDamage);
  }
}

function latestOfList(list: BlockList, best: Points, onDamage: (gap: Gap) => void): void {
  for (let block = list.count - 1; block >= 0; block--) {
    // What has expired hides nothing, and may end before what is in front of it does.
    if (list.summary?.(block)?.expired === true) continue;
    if (best.count > 0 && list.last(block) < (best.times[0] ?? 0)) return;
    const points = list.load(block);
    if (!(points instanceof Fault)) {
      // All of it may have been erased.
      if (points.count === 0) continue;
      return takeLater(best, points);
    }
    const span = { firstUs: list.first(block), lastUs: list.last(block), samples: list.samples(block) };
    onDamage(damageGap({ ...span, fault: points }));
  }
}

/** Replaces `best` by the last row of `points` if that comes behind it. */
export function takeLater(best: Points, points: Points): void {
  const row = points.count - 1;
  const byTime = (points.times[row] ?? 0) - (best.times[0] ?? 0);
  const byTopic = (points.topics[row] ?? 0) - (best.topics[0] ?? 0);
  const byOffset = (points.offsets[row] ?? 0) - (best.offsets[0] ?? 0);
  if (best.count > 0 && (byTime || byTopic || byOffset) <= 0) return;
  best.reset();
  best.append(points, row, row + 1);
}

/** What there is of each of these tags, in their order, without those that have nothing. What has expired from a time on, µs, counts too: it is elsewhere. */
export function summariesOf(
  view: View,
  tags: readonly string[],
  elsewhereFromUs = Number.POSITIVE_INFINITY,
): TagSummary[] {
  return tags.flatMap((tag) => {
    const known = view
      .seriesOf(tag)
      .map((id) => view.total(id))
      .filter(isThere);
    const expired = elsewhereFromUs === Number.POSITIVE_INFINITY ? undefined : expiredSpan(view, tag, 'samples');
    if (expired !== undefined && expired.toUs > elsewhereFromUs && view.seriesOf(tag).length > 0)
      known.push({ samples: 0, firstUs: Math.max(expired.fromUs, elsewhereFromUs), lastUs: expired.toUs - 1 });
    return known.length === 0 ? [] : [{ tag, ...known.reduce(both) }];
  });
}

function isThere({ firstUs, lastUs }: SeriesTotal): boolean {
  return firstUs <= lastUs;
}

/** Tags of which there is or was something, behind `after` (undefined: from the first), ordered by their bytes, at most 5,000. */
export function tagPage(view: View, after?: string): TagSummary[] {
  const { series } = view.parts;
  const page: TagSummary[] = [];
  const sorted = series.sorted();
  for (let i = after === undefined ? 0 : firstBehind(view, sorted, after); i < sorted.length; i++) {
    const id = sorted[i] ?? 0;
    const total = totalOf(view, id);
    if (total === undefined) continue;
    if (page.length === MAX_PAGE_TAGS) break;
    page.push({ tag: series.tag(id), ...total });
  }
  return page;
}

/** The same of all tags, in columns. */
export function tagColumns(view: View): TagColumns {
  const { series } = view.parts;
  const sorted = series.sorted();
  const ids = new Uint32Array(sorted.length);
  const samples = new Float64Array(sorted.length);
  const firsts = new Float64Array(sorted.length);
  const lasts = new Float64Array(sorted.length);
  let count = 0;
  for (const id of sorted) {
    const total = totalOf(view, id);
    if (total === undefined) continue;
    ids[count] = id;
    samples[count] = total.samples;
    firsts[count] = total.firstUs;
    lasts[count++] = total.lastUs;
  }
  if (count === sorted.length) return { ids, samples, firsts, lasts };
  return {
    ids: ids.slice(0, count),
    samples: samples.slice(0, count),
    firsts: firsts.slice(0, count),
    lasts: lasts.slice(0, count),
  };
}

/** What is stored of the tag of a series: undefined if that is nothing, and for all but the first of its series. */
function totalOf(view: View, id: number): SeriesTotal | undefined {
  const twins = view.parts.series.twinsOf(id);
  if (twins !== undefined && twins[0] !== id) return undefined;
  const total = twins === undefined ? view.total(id) : twins.map((each) => view.total(each)).reduce(both);
  if (total.samples === 0) return undefined;
  return isThere(total) ? total : { samples: total.samples, firstUs: 0, lastUs: -1 };
}

/** One tag in two topics. */
function both(a: SeriesTotal, b: SeriesTotal): SeriesTotal {
  return {
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
