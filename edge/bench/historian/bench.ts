import type { BenchFindings } from '../report.ts';
import { type BenchOptions, runScenarios } from '../scenario.ts';
import { conditionsOf } from './conditions.ts';
import { dropCaches } from './drop-caches.ts';
import { type Choice, tableOf } from './scenarios.ts';

const RUNS = 3;
/** How long a question is asked again and again. */
const ASK_SECONDS = 2;
const QUICK_ASK_SECONDS = 0.4;
/** What a system is given lies on the disk beside what it makes of it. */
const NEEDED_GB = 3;
const QUICK_NEEDED_GB = 1;
const LARGE_NEEDED_GB = 12;

/** The historian beside its rivals, on the same generated data. */
export async function benchHistorian(options: Choice & BenchOptions): Promise<BenchFindings> {
  const { quick, large } = options;
  const seconds = quick ? QUICK_ASK_SECONDS : ASK_SECONDS;
  const { systems, scenarios } = tableOf(options, quick);
  const neededGb = large ? LARGE_NEEDED_GB : quick ? QUICK_NEEDED_GB : NEEDED_GB;
  const runs = quick ? 1 : RUNS;
  const results = await runScenarios({ name: 'historian', scenarios, runs, seconds, neededGb }, options);
  return {
    systems: systems.map(({ name, promises }) => ({ system: name, promises })),
    conditions: conditionsOf(quick, dropCaches()),
    results,
  };
}
