import type { BenchFindings } from '../report.ts';
import { type BenchOptions, runScenarios } from '../scenario.ts';
import { conditionsOf } from './conditions.ts';
import { DISK } from './disk.ts';
import { type Choice, tableOf } from './scenarios.ts';

const RUNS = 5;
const LOAD_SECONDS = 4;
const QUICK_LOAD_SECONDS = 0.7;
/** What a quick disk takes of the longest load, and more; or the large log. */
const NEEDED_GB = 10;
const QUICK_NEEDED_GB = 4;
const LARGE_NEEDED_GB = 22;

/** The log from columns to durable and back, beside bare writes to the same disk and beside its rivals. */
export async function benchLog(options: Choice & BenchOptions): Promise<BenchFindings> {
  const { quick, large } = options;
  const seconds = quick ? QUICK_LOAD_SECONDS : LOAD_SECONDS;
  const { systems, scenarios } = tableOf(options);
  const neededGb = large ? LARGE_NEEDED_GB : quick ? QUICK_NEEDED_GB : NEEDED_GB;
  const results = await runScenarios({ name: 'log', scenarios, runs: quick ? 1 : RUNS, seconds, neededGb }, options);
  return {
    systems: [
      ...systems.map(({ name, promises }) => ({ system: name, promises })),
      { system: DISK, promises: 'synced to the disk: bare writes of 4 KiB in one thread' },
    ],
    conditions: conditionsOf(seconds),
    results,
  };
}
