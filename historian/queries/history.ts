import type { BucketPage, BucketQuery } from './bucket-page.ts';
import type { Gap } from '../reading/gap.ts';
import type { Latest } from './latest.ts';
import type { Expiry } from '../files/manifest.ts';
import type { HistoricSample, Points } from '../points/points.ts';
import type { HistoryPlace } from '../reading/place.ts';

/** What is asked of one tag: `fromUs` ≤ effective time < `toUs`, in µs. */
export interface RawQuery {
  readonly tag: string;
  readonly fromUs: number;
  readonly toUs: number;
  /** Samples at most; of one page 10,000 at most. */
  readonly limit?: number | undefined;
  /** Goes on behind this place: `next` of the page before. */
  readonly after?: HistoryPlace | undefined;
  /** Also samples that a correction has replaced, as far as they are still in the files. */
  readonly replaced?: boolean | undefined;
}

/** A part of an answer: samples ordered by effective time, equal times in the order of the log. */
export class HistoryPage {
  readonly tag: string;
  readonly points: Points;
  /** Names of the topics that `points.topics` numbers. */
  readonly topics: readonly string[];
  readonly gaps: readonly Gap[];
  /** Where the next page begins; null: this was the last one. */
  readonly next: HistoryPlace | null;
  /** What the store had given up when it answered: a cold tier may have it. */
  readonly expired: readonly Expiry[];

  constructor(
    tag: string,
    points: Points,
    topics: readonly string[],
    gaps: readonly Gap[],
    next: HistoryPlace | null,
    expired: readonly Expiry[] = [],
  ) {
    this.expired = expired;
    this.tag = tag;
    this.points = points;
    this.topics = topics;
    this.gaps = gaps;
    this.next = next;
  }

  /** The samples as objects. */
  *samples(): Generator<HistoricSample> {
    for (let i = 0; i < this.points.count; i++) yield this.points.sample(i, this.topics);
  }
}

/** What the historian has of a tag. */
export interface TagSummary {
  readonly tag: string;
  /** Samples ever stored: also those that are there no more. */
  readonly samples: number;
  /** First and last effective time of what is there, µs; the last one is before the first where nothing is left. */
  readonly firstUs: number;
  readonly lastUs: number;
}

/** Whoever answers about samples as they are, and about six aggregates of them. `History` (`../questions/history.ts`) answers every question. */
export interface SampleHistory {
  /** One page. */
  page(query: RawQuery): Promise<HistoryPage>;
  /** All pages up to the limit; ends at once when the signal is aborted. Bounded memory: a page is read when it is asked for. */
  query(query: RawQuery, signal?: AbortSignal): AsyncIterable<HistoryPage>;
  /** One page of aggregates of a tag. Throws `aggregate-type`. */
  bucketPage(query: BucketQuery): Promise<BucketPage>;
  /** All pages of aggregates of a tag; ends at once when the signal is aborted. Throws `aggregate-type`. */
  buckets(query: BucketQuery, signal?: AbortSignal): AsyncIterable<BucketPage>;
  /** Last sample of each of these tags (null: of all), in their order, in parts. `elsewhereFromUs`: from this time on, µs, what has expired is to be had elsewhere; of what is, only the tags are told. */
  latest(tags: readonly string[] | null, elsewhereFromUs?: number): AsyncIterable<Latest>;
  /** What there is of each of these tags, at most 1,000, without those that have nothing; also what has expired from `elsewhereFromUs` on, µs. */
  summaries(tags: readonly string[], elsewhereFromUs?: number): Promise<readonly TagSummary[]>;
  /** All tags, ordered by the bytes of their paths. */
  tags(): AsyncIterable<readonly TagSummary[]>;
}

/** What is enough to calculate anything of samples. */
export type PageSource = Pick<SampleHistory, 'page' | 'summaries'>;

/** All pages of a query. */
export async function* pagesOf(
  history: Pick<SampleHistory, 'page'>,
  query: RawQuery,
  signal?: AbortSignal,
): AsyncGenerator<HistoryPage> {
  let left = query.limit ?? Number.POSITIVE_INFINITY;
  let { after } = query;
  while (left > 0) {
    if (signal?.aborted === true) return;
    const page = await history.page({ ...query, limit: left, after });
    yield page;
    left -= page.points.count;
    if (page.next === null) return;
    after = page.next;
  }
}

/** All pages of a query for aggregates. */
export async function* bucketPagesOf(
  history: Pick<SampleHistory, 'bucketPage'>,
  query: BucketQuery,
  signal?: AbortSignal,
): AsyncGenerator<BucketPage> {
  for (let { after } = query; ;) {
    if (signal?.aborted === true) return;
    const page = await history.bucketPage({ ...query, after });
    yield page;
    if (page.next === null) return;
    after = page.next;
  }
}
