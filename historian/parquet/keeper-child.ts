import { rmSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import path from 'node:path';
import { systemClock } from '../../edge/core/clock.ts';
import { assert, type FaultMessage, toFaultMessage } from '../../edge/core/fault.ts';
import { ColdTable, coveredUs } from './cold-table.ts';
import { ColdTier } from './cold-tier.ts';
import type { KeeperJob, KeeperNotice, KeeperRequest } from './keeper-messages.ts';
import { openTierFolder, tablesSeen } from './place.ts';
import { rewriteSamples } from './rewrite.ts';
import { TierKeeper } from './tier-keeper.ts';
import { writeSamples } from './engine.ts';

/** The process that keeps a cold tier, below normal priority, until its gateway is gone. */

/** What failed is tried again after this, and after twice as long each time, up to the time between looks. */
const AGAIN_MS = 30_000;

assert(process.send !== undefined, 'a cold tier is kept by a child process');
const send = process.send.bind(process);
const notify = (notice: KeeperNotice): void => void send(notice);
let keeping: Promise<Keeping> | undefined;

setPriority(constants.priority.PRIORITY_LOW);
process.once('disconnect', () => process.exit());
process.on('message', (request: KeeperRequest) => {
  if (request.type === 'job') keeping = begin(request.job);
  else if (request.type === 'look') void keeping?.then((keeper) => keeper.look());
  else void keeping?.then((keeper) => keeper.erase(request));
});

async function begin(job: KeeperJob): Promise<Keeping> {
  rmSync(job.scratch, { recursive: true, force: true });
  const folder = await openTierFolder(job.place, path.join(job.scratch, 'copies'));
  const table = new ColdTable(folder, { seen: tablesSeen(job.place) });
  const duckdb: ConstructorParameters<typeof ColdTier>[0]['duckdb'] = { write, rewrite: rewriteSamples };
  const tier = new ColdTier({ folder, table, duckdb, scratch: job.scratch });
  const keeper = new Keeping(job, table, tier);
  keeper.look();
  return keeper;
}

/** Writes in this process, with what the tier itself has of the day. */
async function write(
  job: Parameters<typeof writeSamples>[0],
  { cold }: Parameters<ConstructorParameters<typeof ColdTier>[0]['duckdb']['write']>[1] = {},
): ReturnType<typeof writeSamples> {
  const releases: (() => void)[] = [];
  try {
    return await writeSamples(
      { ...job, cold: cold !== undefined },
      () => undefined,
      async (span) => {
        const lent = await cold?.lend(span);
        assert(lent !== undefined, 'the day is there');
        releases.push(() => lent.release());
        return lent.files;
      },
    );
  } finally {
    for (const release of releases) release();
  }
}

/** Looks now and then, and tells how it is. */
class Keeping {
  private readonly job: KeeperJob;
  private readonly table: ColdTable;
  private readonly keeper: TierKeeper;
  private timer: NodeJS.Timeout | undefined;
  private looking = false;
  /** In a row, and all of them. */
  private failures = 0;
  private allFailures = 0;
  private problem: FaultMessage | null = null;
  private writing: number | null = null;

  constructor(job: KeeperJob, table: ColdTable, tier: ColdTier) {
    this.job = job;
    this.table = table;
    const onDay = (day: number | null): void => {
      this.writing = day;
      this.tell();
    };
    const { source, afterMs } = job;
    this.keeper = new TierKeeper({ source, table, tier, afterMs, clock: systemClock(), onDay });
  }

  look(): void {
    if (this.looking) return;
    this.looking = true;
    clearTimeout(this.timer);
    void this.lookOnce();
  }

  async erase({ id, erasure }: Extract<KeeperRequest, { type: 'erase' }>): Promise<void> {
    let fault: FaultMessage | null = null;
    try {
      await this.keeper.erase(erasure);
    } catch (error) {
      fault = toFaultMessage(error);
      this.allFailures++;
    }
    // The version before the answer: whoever waits reads the table as it is now.
    this.tell();
    notify({ type: 'erased', id, fault });
  }

  private async lookOnce(): Promise<void> {
    let nextMs = this.job.everyMs;
    try {
      await this.keeper.look();
      this.problem = null;
      this.failures = 0;
    } catch (error) {
      this.problem = toFaultMessage(error);
      this.allFailures++;
      nextMs = Math.min(this.job.everyMs, AGAIN_MS * 2 ** this.failures++);
    }
    this.looking = false;
    this.tell();
    this.timer = setTimeout(() => this.look(), nextMs);
  }

  private tell(): void {
    const { days, version, covered, beginUs, updatedMs } = this.table;
    const { dueUs, written } = this.keeper;
    const sum = (of: (day: (typeof days)[number]) => number): number => days.reduce((total, day) => total + of(day), 0);
    const { writing, problem } = this;
    const sizes = { days: days.length, rows: sum(({ rows }) => rows), bytes: sum(({ bytes }) => bytes) };
    const times = {
      coveredUs: covered === undefined ? null : coveredUs(covered),
      dueUs,
      beginUs: Number.isFinite(beginUs) ? beginUs : null,
      updatedUs: updatedMs === undefined ? null : updatedMs * 1000,
    };
    const counts = { written, failures: this.allFailures };
    notify({ type: 'state', state: { version, ...sizes, ...times, ...counts, writing, problem } });
  }
}
