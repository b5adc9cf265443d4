import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { Fault } from '../../edge/core/fault.ts';
import type { HistoryFolders } from '../open-read-only.ts';
import type { Gap } from '../reading/gap.ts';
import type { PendingErasure } from './cold-rows.ts';
import { type ColdDay, type ColdTable, DAY_US } from './cold-table.ts';
import type { WriteJob, WrittenFile } from './messages.ts';
import type { ColdDoor, ParquetProcess } from './process.ts';
import { type HeldFile, isOfDay, type TierFolder } from './tier-folder.ts';

/** Of the log's tail, which is read for each day: late samples that lie behind it are put away when they are in the files. */
export const TAIL_BYTES = 8 * 1024 * 1024;

/** What days are put away with, and where to. */
export interface ColdTierOptions {
  readonly folder: TierFolder;
  /** Loaded. */
  readonly table: ColdTable;
  /** Writes the files. */
  readonly duckdb: Pick<ParquetProcess, 'write' | 'rewrite'>;
  /** A folder of this machine, for files that are being written. */
  readonly scratch: string;
}

/** Puts whole days of history into the cold tier, each as one Parquet file, and takes out of them what is erased. */
export class ColdTier {
  private readonly options: ColdTierOptions;

  constructor(options: ColdTierOptions) {
    this.options = options;
  }

  /**
   * Writes the samples of a day (days since 1970, UTC), as the store has them now, and commits them. Where the day is there it is replaced, and what the store has given up of it is kept. Undefined: there
   * are none, nothing is changed. Refuses (`historian-damaged`) a day of which the store cannot read everything, unless `partly`: then its gaps stay with it. Throws `tier-unreadable`, `file-unwritable`,
   * `data-unreadable`, `worker-failed`.
   */
  async addDay(source: HistoryFolders, day: number, { partly = false } = {}): Promise<ColdDay | undefined> {
    const fromUs = day * DAY_US;
    return await this.withScratch(day, async (file) => {
      const job = {
        source,
        tags: null,
        fromUs,
        toUs: fromUs + DAY_US,
        file,
        format: 'parquet',
        settled: true,
        tailBytes: TAIL_BYTES,
      } as const;
      const before = this.options.table.day(day);
      const written = await this.written(job, before, partly);
      const damage = written.gaps.find(({ reason }) => reason === 'historian-damaged');
      if (damage !== undefined && !partly)
        throw new Fault('historian-damaged', `Day ${dateOf(day)} is not put away: ${damage.detail}`);
      // What the tier has and the store cannot read any more is not to go.
      const isMended = damage !== undefined && before !== undefined;
      const { rows, bytes, gaps, span } = isMended
        ? await this.written({ ...job, mended: true }, before, partly)
        : written;
      if (span === null) return undefined;
      return await this.place(file, { day, rows, bytes, ...span, gaps });
    });
  }

  private async written(job: WriteJob, before: ColdDay | undefined, partly: boolean): Promise<WrittenFile> {
    const { duckdb } = this.options;
    if (before === undefined) return await duckdb.write(job);
    let file: string | undefined;
    const lend: ColdDoor['lend'] = async () => {
      const lent = await this.lend(before, partly);
      [file] = lent.files.files;
      return lent;
    };
    return await this.readingOf(
      before,
      () => file,
      () => duckdb.write(job, { cold: { lend } }),
    );
  }

  /** Does what reads the file of a day, from here. One that cannot be read is called what it is called there, and no copy of it stays here. */
  private async readingOf<T>({ name }: ColdDay, here: () => string | undefined, work: () => Promise<T>): Promise<T> {
    const { folder, table } = this.options;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'tier-unreadable') throw error;
      folder.keepOnly(new Set(table.days.map((day) => day.name).filter((each) => each !== name)));
      const copy = folder.isFar ? here() : undefined;
      const there = `${folder.location}/${name}`;
      const detail = copy === undefined ? error.detail : error.detail.replaceAll(copy, there);
      throw new Fault('tier-unreadable', detail, { cause: error });
    }
  }

  /**
   * Writes the days that have something of an erasure again, without it, and removes everything else that is kept of them. Twice is harmless. Throws as `addDay`, and `tier-versions-kept`; the
   * `tier-unreadable` of a day that cannot be read behind all others: it is not known what it has.
   */
  async erase(erasure: PendingErasure): Promise<void> {
    let damage: Fault | undefined;
    for (const day of this.options.table.days) {
      if ((day.day + 1) * DAY_US <= erasure.fromUs || day.day * DAY_US >= erasure.toUs) continue;
      try {
        await this.eraseOf(day, erasure);
      } catch (error) {
        if (!isOfDay(error)) throw error;
        damage ??= error;
      }
    }
    await this.purge(erasure);
    if (damage !== undefined) throw damage;
  }

  private async eraseOf(day: ColdDay, erasure: PendingErasure): Promise<void> {
    const { table, duckdb } = this.options;
    const held = await this.holdIfThere(day);
    if (held === undefined) return;
    try {
      await this.withScratch(day.day, async (file) => {
        const left = await this.readingOf(
          day,
          () => held.file,
          () => duckdb.rewrite({ from: held.file, file, without: erasure }),
        );
        if (left === null) return;
        if (left.span === null) await table.commit([], { removed: [day.day] });
        else await this.place(file, { day: day.day, ...left, ...left.span, gaps: day.gaps });
      });
    } finally {
      held.release();
    }
  }

  /** Undefined: somebody has removed it. Throws `tier-unreachable` also where the whole tier is not there. */
  private async holdIfThere({ name }: ColdDay): Promise<HeldFile | undefined> {
    const { folder, table } = this.options;
    try {
      return await folder.hold(name);
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'historian-damaged') throw error;
      await table.load();
      return undefined;
    }
  }

  /** Older files of these days, copies of them here, and versions that the place has kept of them, may have something of it too. */
  private async purge({ fromUs, toUs }: PendingErasure): Promise<void> {
    const { folder, table } = this.options;
    await table.confirm();
    const kept = new Set(table.days.map(({ name }) => name));
    folder.keepOnly(kept);
    const concerns = (name: string): boolean => {
      const date = /\/time_day=(\d{4}-\d\d-\d\d)\//.exec(name)?.[1];
      const dayUs = date === undefined ? Number.NaN : Date.parse(`${date}T00:00:00Z`) * 1000;
      return dayUs + DAY_US > fromUs && dayUs < toUs;
    };
    await folder.purge({ concerns, keeps: (name) => kept.has(name) });
  }

  /** The file of a day, for what only that has. One that somebody has removed keeps no late samples from being put away, where `partly`: then it is a gap. */
  private async lend(day: ColdDay, partly: boolean): ReturnType<ColdDoor['lend']> {
    const held = partly ? await this.holdIfThere(day) : await this.options.folder.hold(day.name);
    const span = { fromUs: day.day * DAY_US, toUs: (day.day + 1) * DAY_US };
    const gone: Gap = {
      ...span,
      reason: 'tier-missing',
      samples: null,
      detail: `${dateOf(day.day)}: ${day.name} is missing.`,
    };
    const gaps = held === undefined ? [...day.gaps, gone] : day.gaps;
    const files = { files: held === undefined ? [] : [held.file], erased: [], gaps, beginUs: span.fromUs };
    return { files, release: () => held?.release() };
  }

  private async place(
    file: string,
    written: Omit<Parameters<ColdTable['commit']>[0][number], 'name'>,
  ): Promise<ColdDay | undefined> {
    const { folder, table } = this.options;
    const { day, rows, bytes, tags, timesUs, gaps } = written;
    const name = `data/time_day=${dateOf(day)}/v${table.version + 1}.parquet`;
    await table.confirm();
    await folder.putFile(name, file);
    await table.commit([{ day, name, rows, bytes, tags, timesUs, gaps }]);
    return table.day(day);
  }

  private async withScratch<T>(day: number, work: (file: string) => Promise<T>): Promise<T> {
    const { scratch } = this.options;
    mkdirSync(scratch, { recursive: true });
    const file = path.join(scratch, `day-${day}.parquet`);
    try {
      return await work(file);
    } finally {
      rmSync(file, { force: true });
      rmSync(`${file}.sorting`, { force: true, recursive: true });
    }
  }
}

/** A day as a date. */
export function dateOf(day: number): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10);
}
