import { Flag } from '../../edge/core/flags.ts';
import { HISTORY_TOPICS } from '../../edge/core/topics.ts';
import { HistoryPage, pagesOf, type RawQuery, type SampleHistory } from '../queries/history.ts';
import type { WholeHistory } from '../questions/whole-history.ts';
import { gapsBeside } from '../reading/lacking.ts';
import { pageLimit } from '../limits.ts';
import { lowerBound, Points } from '../points/points.ts';
import type { ColdDays } from './cold-days.ts';
import type { PendingErasure } from './cold-rows.ts';
import { type HistoryPlace, placeOf, comparePlaces } from '../reading/place.ts';

/** Samples of a page of the store where the tier has samples too: what has come late is little, and the rest is in vain. */
const LATE_SAMPLES = 1000;

/** A store, and the tier behind it. */
export interface TieredHistoryOptions {
  readonly store: Pick<SampleHistory, 'page'>;
  readonly cold: Pick<ColdDays, 'page'>;
  /** Time from which on the tier may have something, µs: what expired before is gone. */
  readonly beginUs: () => number;
  /** Another number whenever something else may lie there. */
  readonly changes?: () => number;
  /** Looks what lies there. */
  readonly open?: () => Promise<number>;
  /** Not out of its files yet. */
  readonly erased: () => readonly PendingErasure[];
}

/**
 * The store, and in front of it the cold tier for what the store has given up: a page of the store says what that is, so that each sample comes from one of them, never from both. The tier is asked only
 * where a query reaches back that far. The fault of a tier that does not answer is the answer's.
 */
export class TieredHistory implements Pick<SampleHistory, 'page' | 'query'>, WholeHistory {
  private readonly options: TieredHistoryOptions;
  /** What the store had given up when it was asked last, µs. */
  private expiredUpToUs = Number.NEGATIVE_INFINITY;

  constructor(options: TieredHistoryOptions) {
    this.options = options;
  }

  get beginUs(): number {
    return this.options.beginUs();
  }

  get changes(): number {
    return this.options.changes?.() ?? 0;
  }

  async open(): Promise<number> {
    const { beginUs, open } = this.options;
    return beginUs() === Number.NEGATIVE_INFINITY && open !== undefined ? await open() : beginUs();
  }

  async page(query: RawQuery): Promise<HistoryPage> {
    const { store, cold, beginUs, erased } = this.options;
    const fromUs = Math.max(query.fromUs, query.after?.timeUs ?? Number.NEGATIVE_INFINITY);
    const limit = pageLimit(query.limit);
    const hot = await store.page({
      ...query,
      limit: fromUs < this.expiredUpToUs && query.toUs > beginUs() ? Math.min(limit, LATE_SAMPLES) : limit,
    });
    const { expired } = hot;
    const untilUs = Math.max(Number.NEGATIVE_INFINITY, ...expired.map(({ beforeUs }) => beforeUs));
    this.expiredUpToUs = untilUs;
    if (fromUs >= untilUs || query.toUs <= beginUs()) return hot;
    // A topic that the store has forgotten stands behind those that it has.
    const topics = [...new Set([...hot.topics, ...HISTORY_TOPICS])];
    const toUs = Math.min(query.toUs, untilUs);
    const page = await cold.page({ ...query, toUs, topics, expired, erased: erased() });
    const { points, next } = merged(page, hot, limit, query.replaced === true);
    // What the store tells of begins behind this page too, and is told with the next then.
    const toldUs = next?.timeUs ?? Number.POSITIVE_INFINITY;
    const told = hot.gaps.filter((gap) => gap.fromUs <= toldUs);
    const gaps = [...page.gaps, ...told.flatMap((gap) => gapsBeside(gap, beginUs()))];
    return new HistoryPage(query.tag, points, topics, gaps, next, expired);
  }

  query(query: RawQuery, signal?: AbortSignal): AsyncIterable<HistoryPage> {
    return pagesOf(this, query, signal);
  }
}

interface Merged {
  readonly points: Points;
  readonly next: HistoryPlace | null;
}

/** The rows of both in the order of history, as far as both are known: up to the end of the page that ends first. A correction that has come late replaces what the tier has of its time, unless that is wanted. */
function merged(cold: HistoryPage, hot: HistoryPage, limit: number, replaced: boolean): Merged {
  const end = earlier(cold.next, hot.next);
  const coldEnd = countUpTo(cold.points, end);
  const hotEnd = countUpTo(hot.points, end);
  if (hotEnd === 0 && coldEnd === cold.points.count && coldEnd <= limit) return { points: cold.points, next: end };
  const points = new Points(Math.min(limit, coldEnd + hotEnd));
  let row = 0;
  let late = 0;
  while (points.count < limit && (row < coldEnd || late < hotEnd)) {
    const nextLate = late < hotEnd ? placeOf(hot.points, late) : undefined;
    const most = Math.min(coldEnd, row + limit - points.count);
    let until = most;
    if (nextLate !== undefined)
      for (until = row; until < most && comparePlaces(placeOf(cold.points, until), nextLate) < 0;) until++;
    points.append(cold.points, row, until);
    row = until;
    if (points.count === limit || nextLate === undefined) continue;
    const isCorrection = ((hot.points.flags[late] ?? 0) & Flag.correction) !== 0;
    if (isCorrection && !replaced) points.count = lowerBound(points.times, points.count, nextLate.timeUs);
    points.append(hot.points, late, ++late);
  }
  const isCut = row < coldEnd || late < hotEnd;
  return cutBefore({ points, next: isCut ? placeOf(points, points.count - 1) : end }, hot, late, replaced);
}

/** Ends a page before a time of which the store has more than the page: it may be a correction. */
function cutBefore({ points, next }: Merged, hot: HistoryPage, late: number, replaced: boolean): Merged {
  const lastUs = points.times[points.count - 1] ?? Number.NaN;
  const behindUs = late < hot.points.count ? hot.points.times[late] : hot.next?.timeUs;
  if (replaced || next === null || behindUs !== lastUs) return { points, next };
  const from = lowerBound(points.times, points.count, lastUs);
  if (from === 0) return { points, next };
  points.count = from;
  return { points, next: placeOf(points, from - 1) };
}

/** Rows up to a place; null: all. */
function countUpTo(points: Points, end: HistoryPlace | null): number {
  if (end === null) return points.count;
  let count = lowerBound(points.times, points.count, end.timeUs);
  while (count < points.count && comparePlaces(placeOf(points, count), end) <= 0) count++;
  return count;
}

function earlier(a: HistoryPlace | null, b: HistoryPlace | null): HistoryPlace | null {
  if (a === null || b === null) return a ?? b;
  return comparePlaces(a, b) <= 0 ? a : b;
}
