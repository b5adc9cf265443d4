import type { BucketPage, BucketQuery } from './bucket-page.ts';
import type { Gap } from './gap.ts';
import type { HistoricSample, Points } from './points.ts';
import type { HistoryPlace } from './scan.ts';

/** What is asked of one tag: `fromUs` ≤ effective time < `toUs`, in µs. */
export interface RawQuery {
  readonly tag: string;
  readonly fromUs: number;
  readonly toUs: number;
  /** Samples at most; of one page 10,000 at most. */
  readonly limit?: number | undefined;
  /** Goes on behind this place: `next` of the page before. */
  readonly after?: HistoryPlace | undefined;
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

  constructor(tag: string, points: Points, topics: readonly string[], gaps: readonly Gap[], next: HistoryPlace | null) {
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

/** The sample of a tag with the greatest effective time. */
export interface LatestSample extends HistoricSample {
  readonly tag: string;
}

/** Answer about the last samples: those that there are, and where damage may hide a later one. */
export interface Latest {
  readonly samples: readonly LatestSample[];
  readonly gaps: readonly (Gap & { readonly tag: string })[];
}

/** What the historian has of a tag. */
export interface TagSummary {
  readonly tag: string;
  /** Samples ever stored. */
  readonly samples: number;
  /** First and last effective time, µs. */
  readonly firstUs: number;
  readonly lastUs: number;
}

/** Whoever answers about history: the gateway's historian through its worker, or files read without a gateway. */
export interface History {
  /** One page. */
  page(query: RawQuery): Promise<HistoryPage>;
  /** All pages up to the limit; ends at once when the signal is aborted. Bounded memory: a page is read when it is asked for. */
  query(query: RawQuery, signal?: AbortSignal): AsyncIterable<HistoryPage>;
  /** One page of aggregates of a tag. Throws `aggregate-type`. */
  bucketPage(query: BucketQuery): Promise<BucketPage>;
  /** All pages of aggregates of a tag; ends at once when the signal is aborted. Throws `aggregate-type`. */
  buckets(query: BucketQuery, signal?: AbortSignal): AsyncIterable<BucketPage>;
  /** Last sample of each of these tags (null: of all), in their order. */
  latest(tags: readonly string[] | null): AsyncIterable<Latest>;
  /** What there is of each of these tags, at most 1,000, without those that have nothing. */
  summaries(tags: readonly string[]): Promise<readonly TagSummary[]>;
  /** All tags, ordered by the bytes of their paths. */
  tags(): AsyncIterable<readonly TagSummary[]>;
}

/** All pages of a query. */
export async function* pagesOf(
  history: Pick<History, 'page'>,
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
  history: Pick<History, 'bucketPage'>,
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
