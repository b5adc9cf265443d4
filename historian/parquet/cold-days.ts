import { type Clock, systemClock } from '../../edge/core/clock.ts';
import type { Gap } from '../reading/gap.ts';
import { HistoryPage, type RawQuery } from '../queries/history.ts';
import { PAGE_HEAP_BYTES, pageLimit } from '../limits.ts';
import type { Expiry } from '../files/manifest.ts';
import { Points } from '../points/points.ts';
import type { PendingErasure } from './cold-rows.ts';
import { type ColdDay, type ColdTable, DAY_US } from './cold-table.ts';
import type { ParquetProcess } from './process.ts';
import { isOfDay, type TierFolder } from './tier-folder.ts';
import { type HistoryPlace, placeOf } from '../reading/place.ts';

/** Which days there are, and who reads them. */
export interface ColdDaysOptions {
  readonly folder: TierFolder;
  /** Loaded. */
  readonly table: ColdTable;
  /** Reads the files. */
  readonly duckdb: Pick<ParquetProcess, 'read'>;
  readonly clock?: Pick<Clock, 'monotonicMs'>;
}

/** After this long, ms, a page ends behind the day that is being read: days without samples of the tag cost some milliseconds each. */
const SLICE_MS = 200;

/** What is asked of the cold tier beside the query. */
export interface ColdQuery extends RawQuery {
  /** Names of topics in the order of the store's numbers: places in the order of history name topics by them. */
  readonly topics: readonly string[];
  /** Only what the store has given up; undefined: everything. */
  readonly expired?: readonly Expiry[] | undefined;
  readonly erased?: readonly PendingErasure[] | undefined;
}

/** Answers raw queries from the days of the cold tier, in the order and form of the store. */
export class ColdDays {
  private readonly options: ColdDaysOptions;

  constructor(options: ColdDaysOptions) {
    this.options = options;
  }

  /** One page; it ends early behind a day when it took long. A day that cannot be read is a gap. Throws `tier-unreachable`, `data-unreadable` where the tier does not answer. */
  async page(query: ColdQuery): Promise<HistoryPage> {
    const { tag, after, toUs, topics } = query;
    const { table, clock = systemClock() } = this.options;
    const fromUs = Math.max(query.fromUs, after?.timeUs ?? Number.NEGATIVE_INFINITY);
    const limit = pageLimit(query.limit);
    const days = table.days.filter((day) => (day.day + 1) * DAY_US > fromUs && day.day * DAY_US < toUs);
    const gaps: Gap[] = [];
    const page = new Points(limit);
    const endMs = clock.monotonicMs() + SLICE_MS;
    for (const [i, day] of days.entries()) {
      gaps.push(...day.gaps.filter((gap) => gap.toUs > fromUs && gap.fromUs < toUs && isNew(gap.fromUs, after)));
      const read = await this.read(day, { ...query, limit: limit - page.count }, gaps);
      if (read !== undefined) page.append(read.points, 0, read.points.count);
      if (read?.more === true) return new HistoryPage(tag, page, topics, gaps, placeOf(page, page.count - 1));
      const isFull = page.count >= limit || page.heapLength >= PAGE_HEAP_BYTES || clock.monotonicMs() >= endMs;
      // The place behind everything of a day and before everything of the next one.
      const next = { timeUs: (day.day + 1) * DAY_US, topic: -1, offset: -1 };
      if (isFull && i < days.length - 1) return new HistoryPage(tag, page, topics, gaps, next);
    }
    return new HistoryPage(tag, page, topics, gaps, null);
  }

  private async read(
    day: ColdDay,
    query: ColdQuery & { readonly limit: number },
    gaps: Gap[],
  ): Promise<{ points: Points; more: boolean } | undefined> {
    const { tag, fromUs, toUs, after, topics, expired, erased = [], limit } = query;
    if (Buffer.compare(Buffer.from(tag), Buffer.from(day.tags[0])) < 0) return undefined;
    if (Buffer.compare(Buffer.from(tag), Buffer.from(day.tags[1])) > 0) return undefined;
    let reason: Gap['reason'] = 'tier-missing';
    try {
      const held = await this.options.folder.hold(day.name);
      try {
        reason = 'tier-damaged';
        const job = { file: held.file, tag, fromUs, toUs, limit, after, topics, expired, erased };
        const { points, more } = await this.options.duckdb.read(job);
        return { points: Points.fromMessage(points), more };
      } finally {
        held.release();
      }
    } catch (error) {
      if (!isOfDay(error)) throw error;
      if (error.code === 'tier-unreadable') reason = 'tier-damaged';
      const now = await this.replacement(day);
      if (now !== undefined) return await this.read(now, query, gaps);
      // What was read of it before stays.
      const beginUs = Math.max(day.day * DAY_US, firstBehind(after));
      gaps.push({ fromUs: beginUs, toUs: (day.day + 1) * DAY_US, reason, samples: null, detail: error.detail });
      return undefined;
    }
  }

  /** The day, if it has another file by now. */
  private async replacement(day: ColdDay): Promise<ColdDay | undefined> {
    const { table } = this.options;
    await table.load();
    const now = table.day(day.day);
    return now?.name === day.name ? undefined : now;
  }
}

/** The first time of which nothing was read before a place: that of a sample was. */
function firstBehind(after: HistoryPlace | undefined): number {
  if (after === undefined) return Number.NEGATIVE_INFINITY;
  return after.topic < 0 ? after.timeUs : after.timeUs + 1;
}

/** Whether a gap that begins then was not told with what lies before a place. */
function isNew(timeUs: number, after: HistoryPlace | undefined): boolean {
  return timeUs >= firstBehind(after);
}
