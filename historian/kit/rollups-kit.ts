import type { Numeric } from '../points/numeric.ts';
import type { Clock } from '../../edge/core/clock.ts';
import type { Fault } from '../../edge/core/fault.ts';
import { seeded } from '../../edge/core/kit/crash-disk.ts';
import { type AggregateFunction, DEFAULT_CONFIGURATION } from '../aggregates/aggregate.ts';
import { processingIntervals } from '../aggregates/intervals-kit.ts';
import { AGGREGATES, BucketPage } from '../queries/bucket-page.ts';
import { queryBuckets } from '../queries/bucket-query.ts';
import { intervalGrid } from '../queries/buckets.ts';
import type { Gap } from '../reading/gap.ts';
import { applyAll, batchOf, double, LOG, T0, type Tagged, TestFolder } from './history-kit.ts';
import { queryAnalysis } from '../questions/query-analysis.ts';
import { Store } from '../store/store.ts';
import type { StoreOptions } from '../store/store-options.ts';

/** For tests: whose samples. */
export const TAG = 'northmill/a';
export const MINUTE_US = 60e6;
export const HOUR_US = 3600e6;
export const DAY_US = 86_400e6;
const DAY_MS = 86_400_000;
/** For tests: a whole day, and how many seconds behind `T0` it begins. */
export const DAY0 = Math.ceil(T0 / DAY_US) * DAY_US;
const SECONDS = (DAY0 - T0) / 1e6;

const report = (fault: Fault): never => {
  throw fault;
};

/** For tests: beginning, then the short aggregates. */
export type Row = readonly (Numeric | null)[];

/** For tests: a store whose samples are kept for 10 days, minutes for 20, hours for 40 and days for 80. */
export class RollupWorld implements Disposable {
  nowMs = DAY0 / 1000;
  readonly folder = new TestFolder();
  store: Store;
  private options: Partial<StoreOptions>;
  private end = 0;

  constructor(options: Partial<StoreOptions> = {}) {
    this.options = options;
    this.store = this.opened();
  }

  opened(): Store {
    const clock: Clock = { nowMs: () => this.nowMs, nowUs: () => this.nowMs * 1000, monotonicMs: () => 0 };
    const kept = { retentionMs: { samples: 10 * DAY_MS }, rollupsMs: [20 * DAY_MS, 40 * DAY_MS, 80 * DAY_MS] };
    const store = new Store({
      folder: this.folder.file('historian'),
      log: LOG,
      clock,
      report,
      ...kept,
      ...this.options,
    });
    store.open();
    return store;
  }

  /** What comes on a day, written out. */
  async day(day: number, samples: readonly Tagged[]): Promise<void> {
    this.nowMs = DAY0 / 1000 + day * DAY_MS;
    await applyAll(this.store, [batchOf(samples, this.end, this.nowMs)]);
    this.end += samples.length;
    await this.store.flush();
    await this.store.settled();
  }

  async expire(day: number): Promise<void> {
    this.nowMs = DAY0 / 1000 + day * DAY_MS;
    this.store.expire(this.nowMs);
    await this.store.settled();
  }

  async reopen(options = this.options): Promise<void> {
    this.options = options;
    await this.store.close();
    this.store = this.opened();
  }

  /** The rows of equal intervals over the first day, and what is missing. */
  buckets(widthUs: number, fromUs = DAY0, toUs = DAY0 + DAY_US): { rows: Row[]; gaps: readonly Gap[] } {
    const view = this.store.pin();
    try {
      const grid = intervalGrid({ fromUs, toUs }, widthUs);
      const page = new BucketPage(
        queryBuckets(view, { tag: TAG, fromUs, toUs, grid, aggregates: [...AGGREGATES] }, () => false),
      );
      const rows = Array.from(page.times, (timeUs, row): Row => [
        timeUs,
        ...AGGREGATES.map((_, i) => page.value(row, i)),
      ]);
      return { rows, gaps: page.gaps };
    } finally {
      view.release();
    }
  }

  /** Aggregates of Part 13 of equal intervals. */
  calculated(functions: readonly AggregateFunction[], widthUs: number, fromUs: number, toUs: number): unknown[][] {
    const intervals = processingIntervals(fromUs, toUs, widthUs);
    const asked = {
      what: 'aggregates',
      intervals,
      aggregates: functions,
      stepped: false,
      configuration: DEFAULT_CONFIGURATION,
    } as const;
    const view = this.store.pin();
    try {
      const page = queryAnalysis(view, { tag: TAG, fromUs, toUs, asked }, () => false);
      return page.columns.map(({ values, qualities }) =>
        Array.from(values, (value, i) => [Number(value.toPrecision(12)), qualities?.[i]]),
      );
    } finally {
      view.release();
    }
  }

  get files(): string[] {
    return this.store.manifest.files.map(({ name }) => name);
  }

  get bytes(): number {
    return this.store.manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}

/** For tests: a sample so many seconds into the first day. */
export const at = (second: number, value: number, more: Parameters<typeof double>[3] = {}): Tagged =>
  double(TAG, SECONDS + second, value, more);
/** For tests: a walk in steps of some hundredths, a sample every second. */
export function walk(count: number, fromSecond = 0): Tagged[] {
  const random = seeded(7);
  let value = 5000;
  return Array.from({ length: count }, (_, i) => at(fromSecond + i, (value += random(9) - 4) / 100));
}
