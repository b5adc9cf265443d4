import type { Clock } from '../../edge/core/clock.ts';
import { Fault } from '../../edge/core/fault.ts';
import { type HistoryFolders, openReadOnly } from '../open-read-only.ts';
import type { PendingErasure } from './cold-rows.ts';
import { type ColdTable, type Covered, DAY_US, type WaitingDay } from './cold-table.ts';
import { type ColdTier, TAIL_BYTES } from './cold-tier.ts';
import { dueDays } from './due-days.ts';
import { isOfDay } from './tier-folder.ts';

/** A day that cannot be read as a whole is put away with its gaps after this: until then it may be mended. */
const PATIENCE_US = 7 * DAY_US;

/** What is kept up to date, and how. */
export interface TierKeeperOptions {
  readonly source: HistoryFolders;
  readonly table: ColdTable;
  readonly tier: Pick<ColdTier, 'addDay' | 'erase'>;
  /** Days are put away when their end is so long ago, ms. */
  readonly afterMs: number;
  readonly clock: Pick<Clock, 'nowUs'>;
  /** Told when a day begins to be written, and (null) when there is nothing more to do. */
  readonly onDay: (day: number | null) => void;
}

/** Keeps a cold tier up to date: puts away the days that are old enough, again those that late samples have come for, and takes out what is erased. One thing after the other. */
export class TierKeeper {
  /** Days that ended before this are to be there, µs, and how many were written. */
  dueUs: number | null = null;
  written = 0;
  private readonly options: TierKeeperOptions;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(options: TierKeeperOptions) {
    this.options = options;
  }

  /** Puts away what is due. Throws what keeps it from that; the days that were done by then are there. A day that cannot be read waits, and keeps no other one. */
  look(): Promise<void> {
    return this.afterAll(() => this.putAway());
  }

  /** Takes the erased samples out of all days. Throws `file-unwritable`, `data-unreadable`, `tier-unreadable`. */
  erase(erasure: PendingErasure): Promise<void> {
    return this.afterAll(async () => {
      await this.options.table.load();
      await this.options.tier.erase(erasure);
    });
  }

  private afterAll(work: () => Promise<void>): Promise<void> {
    const done = this.turn.then(work);
    this.turn = done.catch(() => undefined);
    return done;
  }

  private async putAway(): Promise<void> {
    const { source, table, tier, afterMs, clock, onDay } = this.options;
    await table.load();
    const untilUs = Math.floor((clock.nowUs() - afterMs * 1000) / DAY_US) * DAY_US;
    this.dueUs = untilUs;
    const { days, covered } = this.due(untilUs);
    const before = table.covered;
    const waiting: WaitingDay[] = [];
    let refused: Fault | undefined;
    try {
      for (const day of days) {
        onDay(day);
        const partly = (day + 1) * DAY_US < untilUs - PATIENCE_US;
        try {
          await tier.addDay(source, day, { partly });
          this.written++;
        } catch (error) {
          if (!isOfDay(error)) throw error;
          const known = before?.waiting?.find((each) => each.day === day);
          // What it waits with came since the last look that saw all of it.
          waiting.push(known ?? { day, sinceUs: before?.untilUs ?? day * DAY_US });
          refused ??= error;
        }
      }
    } finally {
      onDay(null);
    }
    const isNew =
      covered.untilUs !== before?.untilUs ||
      days.length > (before.waiting?.length ?? 0) ||
      waiting.length < days.length;
    if (isNew && table.days.length > 0)
      await table.commit([], { covered: { ...covered, ...(waiting.length > 0 && { waiting }) } });
    await table.tidy();
    if (refused !== undefined) throw andMore(refused, waiting.length - 1);
  }

  /** The days to be written, and what will be covered then. */
  private due(untilUs: number): { readonly days: readonly number[]; readonly covered: Covered } {
    const before = this.options.table.covered;
    const history = openReadOnly({ ...this.options.source, memoryBytes: TAIL_BYTES });
    try {
      const until = Math.max(untilUs, before?.untilUs ?? Number.NEGATIVE_INFINITY);
      const days = dueDays(history.opened, before, until);
      return { days, covered: { untilUs: until, positions: history.positions } };
    } finally {
      history.close();
    }
  }
}

function andMore(fault: Fault, more: number): Fault {
  if (more === 0) return fault;
  return new Fault(fault.code, `${fault.detail} (${more} more days wait too)`, { cause: fault });
}
