import os from 'node:os';
import { Figures } from './figures.ts';
import { checkFolder } from './folder.ts';
import type { BenchResult } from './report.ts';
import { Belongings } from './target.ts';

/** Where and how a scenario measures. */
export interface Place {
  /** Empty; removed after the scenario. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

/** A run of a scenario: where it measures, for how long, and where its figures go. */
interface Run extends Place {
  readonly figures: Figures;
  /** How long one load takes, or one question is asked again and again. */
  readonly seconds: number;
  /** Ends soon, with what it has by then. */
  readonly quick: boolean;
}

/** One line of the table of what is measured. */
export interface Scenario {
  /** For people who wait. */
  readonly title: string;
  /** In the first run only: it takes long, and what it measures does not change from run to run. */
  readonly once?: true;
  readonly measure: (run: Run) => Promise<void>;
}

/** How a bench is run. */
export interface BenchOptions {
  /** Ends within 60 s: one short run. */
  readonly quick: boolean;
  /** On its disk everything is measured, in folders that are removed again; the temporary folder if left out. */
  readonly folder?: string;
  readonly onProgress: (line: string) => void;
  /** Ends the measuring; what was made for it is removed. */
  readonly signal: AbortSignal;
}

/** A bench: its name, with which its figures begin, and its table. */
interface Bench {
  readonly name: string;
  /** Of a run, in its order. */
  readonly scenarios: readonly Scenario[];
  readonly runs: number;
  readonly seconds: number;
  /** What lies on the disk at a time, at most. */
  readonly neededGb: number;
}

/** Goes through the table run by run, each scenario in a folder of its own. */
export async function runScenarios(
  { name, scenarios, runs, seconds, neededGb }: Bench,
  { quick, folder: parent = os.tmpdir(), onProgress, signal }: BenchOptions,
): Promise<BenchResult[]> {
  const { inMemory } = await checkFolder(parent, neededGb);
  if (inMemory) onProgress(`${parent} lies in memory: these figures say nothing about a disk (see --folder)`);
  const figures = new Figures(name);
  for (let run = 1; run <= runs; run++) {
    for (const { title, once, measure } of scenarios) {
      if (once === true && run > 1) continue;
      signal.throwIfAborted();
      onProgress(`run ${run} of ${runs}: ${title}`);
      await using belongings = new Belongings();
      await measure({ folder: await belongings.folder(parent), figures, seconds, quick, signal });
    }
  }
  return figures.results();
}
