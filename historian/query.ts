import { Fault } from '../edge/core/fault.ts';
import type { BlockList } from './block-list.ts';
import { type Gap, HistoryPage, type Latest, type LatestSample, type RawQuery, type TagSummary } from './history.ts';
import { MAX_GAPS, MAX_PAGE_POINTS, MAX_PAGE_TAGS, PAGE_HEAP_BYTES } from './limits.ts';
import { Points } from './points.ts';
import { Scan } from './scan.ts';
import type { View } from './view.ts';

const EVER = { fromUs: Number.NEGATIVE_INFINITY, toUs: Number.POSITIVE_INFINITY };

/** One page of a raw query over a version of the historian. A damaged block is a gap in the answer; everything else is served. */
export function queryPage(view: View, query: RawQuery): HistoryPage {
  const { parts } = view;
  const { tag, fromUs, toUs, after } = query;
  const gaps = standingGaps(view, tag);
  const lists = seriesOf(view, tag).flatMap((id) => blocksOf(view, id, fromUs, toUs));
  const scan = new Scan(lists, { fromUs, toUs, after }, (damage) =>
    gaps.push({
      fromUs: damage.firstUs,
      toUs: damage.lastUs + 1,
      reason: 'historian-damaged',
      samples: damage.samples,
      detail: damage.fault.detail,
    }),
  );
  const limit = Math.max(1, Math.min(query.limit ?? MAX_PAGE_POINTS, MAX_PAGE_POINTS));
  const points = new Points(limit);
  const more = scan.collect(points, limit, PAGE_HEAP_BYTES);
  const last = points.count - 1;
  const next = more
    ? { timeUs: points.times[last] ?? fromUs, topic: points.topics[last] ?? 0, offset: points.offsets[last] ?? 0 }
    : null;
  // A gap belongs to the page in whose span it begins, so that it is told once.
  const beginUs = after?.timeUs ?? Number.NEGATIVE_INFINITY;
  const endUs = next?.timeUs ?? Number.POSITIVE_INFINITY;
  const told = gaps
    .filter((gap) => fromUs < toUs && gap.fromUs < toUs && gap.toUs > fromUs)
    .map((gap) => ({ ...gap, fromUs: Math.max(gap.fromUs, fromUs), toUs: Math.min(gap.toUs, toUs) }))
    .filter((gap) => gap.fromUs > beginUs && gap.fromUs <= endUs)
    .toSorted((a, b) => a.fromUs - b.fromUs);
  return new HistoryPage(tag, points, [...parts.topics], joinedGaps(told), next);
}

/** Ids of a tag's series: one for each topic that has it. */
function seriesOf(view: View, tag: string): number[] {
  const { series, topics } = view.parts;
  return topics.map((_, topic) => series.find(topic, tag)).filter((id) => id >= 0);
}

/** The lists of a series that can have samples in this span. */
function blocksOf(view: View, series: number, fromUs: number, toUs: number): BlockList[] {
  const { files, memtable } = view.parts;
  const topic = view.parts.series.topic(series);
  const lists: BlockList[] = files.flatMap((file) => file.blocks(series, topic, fromUs, toUs) ?? []);
  if (memtable.has(series)) lists.push(memtable.blocks(series, topic));
  return lists;
}

/** Gaps that do not depend on blocks: files that cannot be opened, and records that the log did not have. */
function standingGaps(view: View, tag: string): Gap[] {
  const { lost, series, topics } = view.parts;
  const gaps = damagedFileGaps(view);
  // A tag without any sample may have had all of them in what was lost.
  const isKnown = seriesOf(view, tag).length > 0;
  for (const range of lost) {
    if (isKnown && series.find(topics.indexOf(range.topic), tag) < 0) continue;
    gaps.push({
      fromUs: range.fromMs * 1000,
      toUs: range.toMs * 1000 + 1000,
      reason: range.reason,
      samples: null,
      detail: `Records ${range.first} to ${range.last} of ${range.topic}.`,
    });
  }
  return gaps;
}

function damagedFileGaps(view: View): Gap[] {
  return view.parts.damagedFiles.map(({ entry, fault }) => ({
    fromUs: entry.firstUs,
    toUs: entry.lastUs + 1,
    reason: 'historian-damaged',
    samples: null,
    detail: fault.detail,
  }));
}

/** At most 1,000: beyond that the last ones are joined into one. */
function joinedGaps(gaps: Gap[]): Gap[] {
  const rest = gaps.slice(MAX_GAPS - 1);
  const [first] = rest;
  if (first === undefined || rest.length === 1) return gaps;
  const toUs = rest.reduce((latest, gap) => Math.max(latest, gap.toUs), first.toUs);
  return [...gaps.slice(0, MAX_GAPS - 1), { ...first, toUs, samples: null, detail: `${rest.length} gaps.` }];
}

/** Last sample of each of these tags, in their order, without those that have none. */
export function latestOf(view: View, tags: readonly string[]): Latest {
  const samples: LatestSample[] = [];
  const gaps: Latest['gaps'][number][] = [];
  for (const tag of tags) {
    const best = new Points(1);
    for (const id of seriesOf(view, tag)) latestOfSeries(view, id, tag, best, gaps);
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

/** Tags behind `after` (undefined: from the first), ordered by their bytes, at most 5,000. */
export function tagPage(view: View, after?: string): TagSummary[] {
  const { series, totals } = view.parts;
  const page: TagSummary[] = [];
  const sorted = series.sorted();
  for (let i = after === undefined ? 0 : firstBehind(view, sorted, after); i < sorted.length; i++) {
    const id = sorted[i] ?? 0;
    const tag = series.tag(id);
    const samples = totals.samples[id] ?? 0;
    if (samples === 0) continue;
    const firstUs = totals.firsts[id] ?? 0;
    const lastUs = totals.lasts[id] ?? 0;
    const previous = page.at(-1);
    if (previous?.tag === tag) page[page.length - 1] = both(previous, { tag, samples, firstUs, lastUs });
    else if (page.length === MAX_PAGE_TAGS) break;
    else page.push({ tag, samples, firstUs, lastUs });
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
