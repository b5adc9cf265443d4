import type { Clock } from '../../edge/core/clock.ts';
import { slice } from '../answer.ts';
import { BucketPage } from '../queries/bucket-page.ts';
import { bucketPagesOf, pagesOf } from '../queries/history.ts';
import type { History } from '../questions/history.ts';
import { latestPages } from '../queries/latest-page.ts';
import { queryBuckets } from '../queries/bucket-query.ts';
import { queryPage, summariesOf, tagPage } from '../queries/query.ts';
import { queryAnalysis } from '../questions/query-analysis.ts';
import { TieredQuestions } from '../questions/tiered-questions.ts';
import { ColdDays } from '../parquet/cold-days.ts';
import type { PendingErasure } from '../parquet/cold-rows.ts';
import { ColdTable } from '../parquet/cold-table.ts';
import { ColdTier } from '../parquet/cold-tier.ts';
import { writeSamples } from '../parquet/engine.ts';
import { rewriteSamples } from '../parquet/rewrite.ts';
import { SampleReader } from '../parquet/sample-reader.ts';
import { LocalTierFolder } from '../parquet/tier-folder.ts';
import { TierKeeper } from '../parquet/tier-keeper.ts';
import { TieredHistory } from '../parquet/tiered-history.ts';
import type { View } from '../reading/view.ts';
import { Store } from '../store/store.ts';
import { applyAll, batchOf, LOG, T0, type Tagged, TestFolder } from './history-kit.ts';

const DAY_US = 86_400e6;
const DAY_MS = 86_400_000;
/** For tests: a whole day. */
export const DAY0 = Math.ceil(T0 / DAY_US) * DAY_US;

/** For tests: a store as everybody else sees it, in this thread; pages end where `cut` says so. */
export function historyOf(store: Store, cut: () => () => boolean = slice): History {
  const withView = <T>(work: (view: View) => T): Promise<T> => {
    const view = store.pin();
    try {
      return Promise.resolve(work(view));
    } finally {
      view.release();
    }
  };
  const history: History = {
    page: (query) => withView((view) => queryPage(view, query)),
    query: (query, signal) => pagesOf(history, query, signal),
    bucketPage: (query) => withView((view) => new BucketPage(queryBuckets(view, query, cut()))),
    buckets: (query, signal) => bucketPagesOf(history, query, signal),
    analysisPage: (query) => withView((view) => queryAnalysis(view, query, cut())),
    async *latest(tags, elsewhereFromUs) {
      yield* await withView((view) => [...latestPages(view, tags, slice, elsewhereFromUs)]);
    },
    summaries: (tags, elsewhereFromUs) => withView((view) => summariesOf(view, tags, elsewhereFromUs)),
    async *tags() {
      yield await withView((view) => tagPage(view));
    },
  };
  return history;
}

/** For tests: two historians that are given the same: `whole` keeps everything, `store` gives up what is old to a cold tier of real files, read in this process. */
export class TierWorld implements AsyncDisposable {
  readonly folder = new TestFolder();
  nowMs = DAY0 / 1000;
  readonly clock: Clock = {
    nowMs: () => this.nowMs,
    nowUs: () => this.nowMs * 1000,
    monotonicMs: () => performance.now(),
  };
  readonly whole: Store;
  store: Store;
  readonly place = new LocalTierFolder(this.folder.file('tier'));
  readonly table = new ColdTable(this.place);
  readonly reader = new SampleReader();
  readonly erased: PendingErasure[] = [];
  /** Pages that the tier was asked for. */
  coldPages = 0;
  private readonly rollupsMs: readonly number[];
  private end = 0;
  private changes = 0;

  /** `rollupsDays`: how long minutes, hours and days are kept; none: there are no roll-ups. */
  constructor(rollupsDays: readonly number[]) {
    this.rollupsMs = rollupsDays.map((days) => days * DAY_MS);
    this.whole = this.open('whole', {});
    this.store = this.open('store', {});
  }

  private open(name: string, kept: { samples?: number }): Store {
    const { clock, rollupsMs } = this;
    const options = kept.samples === undefined ? {} : { retentionMs: { samples: kept.samples }, rollupsMs };
    const store = new Store({ folder: this.folder.file(name), log: LOG, clock, ...options });
    store.open();
    return store;
  }

  /** Moves the clock to so many days behind the first. */
  at(day: number): void {
    this.nowMs = DAY0 / 1000 + day * DAY_MS;
  }

  /** What both are given now. */
  async take(samples: readonly Tagged[]): Promise<void> {
    if (samples.length === 0) return;
    for (const store of [this.whole, this.store]) {
      await applyAll(store, [batchOf(samples, this.end, this.nowMs)]);
      await store.flush();
    }
    this.end += samples.length;
  }

  keeper(afterDays: number): TierKeeper {
    const duckdb = {
      write: (job: Parameters<typeof writeSamples>[0], { cold }: Parameters<Cold['write']>[1] = {}) =>
        writeSamples(
          { ...job, cold: cold !== undefined },
          () => undefined,
          async (span) => {
            const lent = await cold?.lend(span);
            return lent?.files ?? { files: [], erased: [], gaps: [], beginUs: 0 };
          },
        ),
      rewrite: rewriteSamples,
    };
    const { table, place: folder, clock } = this;
    const tier = new ColdTier({ folder, table, duckdb, scratch: this.folder.file('scratch') });
    const source = { folder: this.folder.file('store'), logFolder: this.folder.file('log') };
    return new TierKeeper({ source, table, tier, afterMs: afterDays * DAY_MS, clock, onDay: () => undefined });
  }

  /** Puts away all days that ended before so many days. */
  async tier(afterDays: number): Promise<void> {
    await this.keeper(afterDays).look();
    this.changes++;
  }

  /** Lets the store give up what is older than so many days. */
  async expire(keptDays: number): Promise<void> {
    await this.store.close();
    this.store = this.open('store', { samples: keptDays * DAY_MS });
    this.store.expire(this.nowMs);
    await this.store.settled();
  }

  /** Erases what has come so far. `files`: out of the files of the tier too, not only out of its answers. */
  async erase(tags: readonly string[], fromUs: number, toUs: number, files: boolean): Promise<void> {
    const upTo = { samples: this.end };
    for (const store of [this.whole, this.store])
      await store.erased(store.erase({ tags: { paths: tags }, fromUs, toUs, upTo }));
    const erasure = { tags, fromUs, toUs, upTo };
    if (files) await this.keeper(0).erase(erasure);
    else this.erased.push(erasure);
    this.changes++;
  }

  /** The store with the tier behind it. */
  tiered(cut?: () => () => boolean): TieredQuestions {
    // Pages end behind each day, as they do where days take long.
    let nowMs = 0;
    const clock = { monotonicMs: () => (nowMs += 1000) };
    const days = new ColdDays({ folder: this.place, table: this.table, duckdb: this.reader, clock });
    const cold: Pick<ColdDays, 'page'> = { page: (query) => (this.coldPages++, days.page(query)) };
    const store = historyOf(this.store, cut);
    const beginUs = (): number => this.table.beginUs;
    const whole = new TieredHistory({ store, cold, beginUs, changes: () => this.changes, erased: () => this.erased });
    return new TieredQuestions(store, whole);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.whole.close();
    await this.store.close();
    this.folder[Symbol.dispose]();
  }
}

type Cold = ConstructorParameters<typeof ColdTier>[0]['duckdb'];
