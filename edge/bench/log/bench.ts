import os from 'node:os';
import { Figures } from '../figures.ts';
import type { BenchFindings } from '../report.ts';
import { Belongings } from '../target.ts';
import { conditionsOf } from './conditions.ts';
import { DISK } from './disk.ts';
import { checkFolder } from './folder.ts';
import { type Choice, tableOf } from './scenarios.ts';

export interface LogBenchOptions extends Choice {
  /** Ends within 60 s: one short run. */
  readonly quick: boolean;
  /** On its disk everything is measured, in folders that are removed again; the temporary folder if left out. */
  readonly folder?: string;
  readonly onProgress: (line: string) => void;
  /** Ends the measuring; what was made for it is removed. */
  readonly signal: AbortSignal;
}

const RUNS = 5;
const LOAD_SECONDS = 4;
const QUICK_LOAD_SECONDS = 0.7;
/** What a quick disk takes of the longest load, and more; or the large log. */
const NEEDED_GB = 10;
const QUICK_NEEDED_GB = 4;
const LARGE_NEEDED_GB = 22;

/** The log from columns to durable and back, beside bare writes to the same disk and beside its rivals: each scenario of the table in each run, every one in a folder of its own. */
export async function benchLog(options: LogBenchOptions): Promise<BenchFindings> {
  const { quick, folder: parent = os.tmpdir(), onProgress, signal } = options;
  const figures = new Figures('log');
  const runs = quick ? 1 : RUNS;
  const seconds = quick ? QUICK_LOAD_SECONDS : LOAD_SECONDS;
  const neededGb = Math.max(quick ? QUICK_NEEDED_GB : NEEDED_GB, options.large ? LARGE_NEEDED_GB : 0);
  const { inMemory } = await checkFolder(parent, neededGb);
  if (inMemory) onProgress(`${parent} lies in memory: these figures say nothing about a disk (see --folder)`);
  const { systems, scenarios } = tableOf(options);
  for (let run = 1; run <= runs; run++) {
    for (const { title, once, measure } of scenarios) {
      if (once === true && run > 1) continue;
      signal.throwIfAborted();
      onProgress(`run ${run} of ${runs}: ${title}`);
      await using belongings = new Belongings();
      await measure({ folder: await belongings.folder(parent), figures, seconds, quick, signal });
    }
  }
  return {
    systems: [
      ...systems.map(({ name, promises }) => ({ system: name, promises })),
      { system: DISK, promises: 'synced to the disk: bare writes of 4 KiB in one thread' },
    ],
    conditions: conditionsOf(seconds),
    results: figures.results(),
  };
}
