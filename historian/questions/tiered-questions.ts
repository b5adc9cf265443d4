import { MAX_TIME_US } from '../../edge/core/sample.ts';
import { BucketPage, type BucketQuery } from '../queries/bucket-page.ts';
import { bucketPagesOf, HistoryPage, pagesOf, type RawQuery, type TagSummary } from '../queries/history.ts';
import type { History } from './history.ts';
import { ROLLUP_UNITS_US } from '../files/rollups.ts';
import { lowerBound } from '../points/points.ts';
import type { Lacks } from '../reading/lacking.ts';
import type { Latest } from '../queries/latest.ts';
import { analysisOfPages } from './analysis-of-pages.ts';
import type { AnalysisCursor, AnalysisPage, AnalysisQuery } from './analysis-query.ts';
import { bucketsOfPages, fewSamples, outageBefore } from './buckets-of-pages.ts';
import { TieredLatest } from './tiered-latest.ts';
import type { WholeHistory } from './whole-history.ts';
import type { HistoryPlace } from '../reading/place.ts';

/**
 * A store with something behind it that has what the store has given up: every question has the answer that it would have if the samples were still in the store. Each page is asked of the store first, which
 * answers as far as it has the samples, or roll-ups that are enough; where it says that it lacks some, one page of samples is calculated here, by the same code, and the next is the store's again: both have the same
 * cursors.
 */
export class TieredQuestions implements History {
  private readonly store: History;
  private readonly whole: WholeHistory;
  private readonly last: TieredLatest;

  constructor(store: History, whole: WholeHistory) {
    this.store = store;
    this.whole = whole;
    this.last = new TieredLatest(store, whole);
  }

  page(query: RawQuery): Promise<HistoryPage> {
    return this.whole.page(query);
  }

  query(query: RawQuery, signal?: AbortSignal): AsyncIterable<HistoryPage> {
    return pagesOf(this.whole, query, signal);
  }

  async bucketPage(query: BucketQuery): Promise<BucketPage> {
    const { tag, after, samplesUpTo = 0 } = query;
    const page = await this.stored((elsewhereFromUs) => this.store.bucketPage({ ...query, elsewhereFromUs }));
    if (page.lacks === undefined) return page;
    const source = { page: this.pagesBehind(after?.place, page.lacks), summaries: () => this.backTo(tag) };
    const outage = after === undefined ? await outageBefore(source, query) : null;
    if (after !== undefined || samplesUpTo === 0) return new BucketPage(await bucketsOfPages(source, query, outage));
    const few = await fewSamples(source, query, outage);
    return few === undefined ? this.bucketPage({ ...query, samplesUpTo: 0 }) : new BucketPage(few);
  }

  buckets(query: BucketQuery, signal?: AbortSignal): AsyncIterable<BucketPage> {
    return bucketPagesOf(this, query, signal);
  }

  async analysisPage(query: AnalysisQuery): Promise<AnalysisPage> {
    const { tag, toUs } = query;
    const page = await this.stored((elsewhereFromUs) => this.store.analysisPage({ ...query, elsewhereFromUs }));
    if (page.lacks === undefined) return page;
    const source = { page: this.pagesBehind(page.next?.place, page.lacks), summaries: () => this.backTo(tag) };
    const ahead = (page.next?.place?.timeUs ?? Number.NEGATIVE_INFINITY) >= toUs;
    const after = page.next === null ? undefined : { ...page.next, ahead };
    const found = await analysisOfPages(source, { ...query, after });
    return { ...found, next: found.next === null ? null : forStore(found.next, toUs) };
  }

  latest(tags: readonly string[] | null): AsyncIterable<Latest> {
    return this.last.of(tags);
  }

  summaries(tags: readonly string[]): Promise<readonly TagSummary[]> {
    return this.store.summaries(tags, this.whole.beginUs);
  }

  tags(): AsyncIterable<readonly TagSummary[]> {
    return this.store.tags();
  }

  /** A page of the store. Where it lacks something it is asked again if it is known only now what is elsewhere. */
  private async stored<Page extends { readonly lacks?: Lacks | undefined }>(
    ask: (elsewhereFromUs: number) => Promise<Page>,
  ): Promise<Page> {
    const { beginUs } = this.whole;
    const page = await ask(beginUs);
    if (page.lacks === undefined) return page;
    const knownUs = await this.whole.open();
    return knownUs === beginUs ? page : ask(knownUs);
  }

  /** Pages of samples. Behind a place that the store has come to, it has told of everything that is nowhere any more. Where it has summaries of what it lacks, a page ends where one of them may begin. */
  private pagesBehind(place: AnalysisCursor['place'] | undefined, lacks: Lacks): History['page'] {
    return async (query) => {
      const page = await this.whole.page(query);
      // Where a page has ended so and the store could not go on, the next one need not.
      const cut = lacks === 'part' && place?.topic !== BEHIND_ALL ? inWholeUnits(page, query) : page;
      if (place === null || place === undefined) return cut;
      const { tag, points, topics, next, expired } = cut;
      const gaps = cut.gaps.filter(({ reason }) => reason !== 'expired');
      return new HistoryPage(tag, points, topics, gaps, next, expired);
    };
  }

  /** How far a search backwards goes, with the distance of samples as it is now: what was before that the store knows. */
  private async backTo(tag: string): Promise<TagSummary[]> {
    const [known] = await this.store.summaries([tag]);
    const spacingUs = known === undefined ? 1e6 : (known.lastUs - known.firstUs) / Math.max(1, known.samples - 1);
    const firstUs = Math.max(this.whole.beginUs, -MAX_TIME_US);
    return [{ tag, samples: 2, firstUs, lastUs: firstUs + spacingUs }];
  }
}

/** A page up to where it comes to a day, an hour or a minute, so that the store can go on with its summaries from there. */
function inWholeUnits(page: HistoryPage, { fromUs, after }: RawQuery): HistoryPage {
  const { tag, points, topics, next, expired } = page;
  const begunUs = Math.max(fromUs, after?.timeUs ?? fromUs);
  if (next === null) return page;
  const endUs = ROLLUP_UNITS_US.map((unitUs) => Math.floor(next.timeUs / unitUs) * unitUs).findLast(
    (us) => us > begunUs + 1,
  );
  if (endUs === undefined) return page;
  points.count = lowerBound(points.times, points.count, endUs);
  const gaps = page.gaps.filter((gap) => gap.fromUs < endUs);
  return new HistoryPage(tag, points, topics, gaps, behindAll(endUs), expired);
}

/** No topic has so great a number. */
const BEHIND_ALL = 2 ** 31 - 1;

/** Behind everything before a time. */
function behindAll(timeUs: number): HistoryPlace {
  return { timeUs: timeUs - 1, topic: BEHIND_ALL, offset: Number.MAX_SAFE_INTEGER };
}

/** The store goes on behind the span by itself, where samples there matter. */
function forStore(cursor: AnalysisCursor, toUs: number): AnalysisCursor {
  const place = cursor.ahead && cursor.place === null ? { timeUs: toUs, topic: -1, offset: -1 } : cursor.place;
  return { ...cursor, place, ahead: false };
}
