import { type Clock, systemClock } from '../../edge/core/clock.ts';
import { Fault } from '../../edge/core/fault.ts';
import type { Gap } from '../reading/gap.ts';
import type { HistoryPage } from '../queries/history.ts';
import { ColdDays, type ColdQuery } from './cold-days.ts';
import type { ColdFiles, ColdSpan } from './cold-rows.ts';
import { type ColdDay, ColdTable, type Covered, DAY_US } from './cold-table.ts';
import { dateOf } from './cold-tier.ts';
import { seenOnly } from './known-tables.ts';
import { openTierFolder, tablesSeen, type TierPlace } from './place.ts';
import type { ParquetProcess } from './process.ts';
import { type HeldFile, isOfDay, type TierFolder } from './tier-folder.ts';

/** Bytes of days that one question may have on the local disk, where they do not lie there anyway. */
const MAX_LENT_BYTES = 2 * 1024 * 1024 * 1024;

/** A place that did not answer is not asked again for so long, ms: what needs it fails at once. */
const SILENCE_MS = 10_000;

/** What lies in a tier. */
export interface TierContents {
  readonly location: string;
  readonly days: readonly ColdDay[];
  readonly covered: Covered | undefined;
  /** Time from which on it has what expired, µs. */
  readonly beginUs: number;
  /** Whether the place keeps versions of files that were removed; null: that is not known. */
  readonly keepsVersions: boolean | null;
}

/** Reads a cold tier, in a process of its own. It is opened when it is first needed, and again where that failed. */
export class TierReader {
  private readonly place: TierPlace;
  private readonly copies: string;
  private readonly duckdb: Pick<ParquetProcess, 'read'>;
  private readonly clock: Pick<Clock, 'monotonicMs'>;
  private readonly leases = new Map<number, readonly HeldFile[]>();
  private nextLease = 1;
  private opening: Promise<OpenTier> | undefined;
  /** Something else may lie there than what is known. */
  private stale = false;
  private silent: { readonly fault: Fault; readonly untilMs: number } | undefined;

  /** `copies`: a folder of this machine that nobody else uses. */
  constructor(
    place: TierPlace,
    copies: string,
    duckdb: Pick<ParquetProcess, 'read'>,
    clock: Pick<Clock, 'monotonicMs'> = systemClock(),
  ) {
    this.clock = clock;
    this.place = place;
    this.copies = copies;
    this.duckdb = duckdb;
  }

  /** What lies there now. Throws `tier-unreachable`, `historian-damaged`. */
  contents(): Promise<TierContents> {
    this.stale = true;
    return this.reached(async ({ folder, table }) => {
      folder.keepOnly(new Set(table.days.map(({ name }) => name)));
      const { days, covered, beginUs } = table;
      return { location: folder.location, days, covered, beginUs, keepsVersions: await folder.keepsVersions() };
    });
  }

  /** One page of its days, and since when it has any. Throws `tier-unreachable`. */
  page(query: ColdQuery): Promise<{ readonly page: HistoryPage; readonly beginUs: number }> {
    return this.reached(async ({ days, table }) => ({ page: await days.page(query), beginUs: table.beginUs }));
  }

  /** Files of the days of a span, on the local disk until `release` of their lease. Throws `tier-unreachable`, `sql-limit`. */
  lend(span: ColdSpan): Promise<LentDays> {
    return this.reached((open) => this.lendFrom(open, span));
  }

  /** Does something with the tier as it is now. A place that was silent just now is not waited for again. */
  private async reached<T>(work: (open: OpenTier) => Promise<T>): Promise<T> {
    const { silent, clock } = this;
    if (silent !== undefined && clock.monotonicMs() < silent.untilMs) throw silent.fault;
    try {
      const open = await this.ready();
      if (this.stale) await open.table.load();
      this.stale = false;
      const done = await work(open);
      this.silent = undefined;
      return done;
    } catch (error) {
      if (error instanceof Fault && error.code === 'tier-unreachable')
        this.silent = { fault: error, untilMs: clock.monotonicMs() + SILENCE_MS };
      throw error;
    }
  }

  private async lendFrom({ folder, table }: OpenTier, { fromUs, toUs }: ColdSpan): Promise<LentDays> {
    const days = table.days.filter(({ day }) => (day + 1) * DAY_US > fromUs && day * DAY_US < toUs);
    const bytes = days.reduce((sum, day) => sum + day.bytes, 0);
    if (folder.isFar && bytes > MAX_LENT_BYTES)
      throw new Fault(
        'sql-limit',
        `${days.length} days of the cold tier have ${bytes} bytes, more than ${MAX_LENT_BYTES}.`,
      );
    const held: HeldFile[] = [];
    const gaps: Gap[] = days.flatMap((day) => day.gaps);
    try {
      for (const day of days) {
        const file = await this.holdDay(folder, table, day, gaps);
        if (file !== undefined) held.push(file);
      }
    } catch (error) {
      for (const file of held) file.release();
      throw error;
    }
    const lease = this.nextLease++;
    this.leases.set(lease, held);
    return { lease, files: held.map(({ file }) => file), gaps, beginUs: table.beginUs };
  }

  release(lease: number): void {
    for (const file of this.leases.get(lease) ?? []) file.release();
    this.leases.delete(lease);
  }

  /** A file that is gone or cannot be read is looked for once more; then it is a gap. */
  private async holdDay(
    folder: TierFolder,
    table: ColdTable,
    day: ColdDay,
    gaps: Gap[],
  ): Promise<HeldFile | undefined> {
    try {
      return await folder.hold(day.name);
    } catch (error) {
      if (!isOfDay(error)) throw error;
      await table.load();
      const now = table.day(day.day);
      if (now !== undefined && now.name !== day.name) return await folder.hold(now.name);
      const span = { fromUs: day.day * DAY_US, toUs: (day.day + 1) * DAY_US };
      const detail = `${dateOf(day.day)}: ${error.detail}`;
      const reason = error.code === 'tier-unreadable' ? 'tier-damaged' : 'tier-missing';
      gaps.push({ ...span, reason, samples: null, detail });
      return undefined;
    }
  }

  private async ready(): Promise<OpenTier> {
    this.opening ??= this.open();
    try {
      return await this.opening;
    } catch (error) {
      // It is tried again by the next who needs it.
      this.opening = undefined;
      throw error;
    }
  }

  private async open(): Promise<OpenTier> {
    const folder = await openTierFolder(this.place, this.copies);
    const seen = tablesSeen(this.place);
    const table = new ColdTable(folder, { seen: seen && seenOnly(seen) });
    await table.load();
    return { folder, table, days: new ColdDays({ folder, table, duckdb: this.duckdb }) };
  }
}

/** Days that somebody reads. */
export interface LentDays extends Pick<ColdFiles, 'files' | 'gaps' | 'beginUs'> {
  readonly lease: number;
}

interface OpenTier {
  readonly folder: TierFolder;
  readonly table: ColdTable;
  readonly days: ColdDays;
}
