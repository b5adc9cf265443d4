import type { Machine } from './machine.ts';

/** One figure. */
export interface BenchResult {
  /** Stable and dotted, such as `end-to-end.durable.messages_per_s`. */
  readonly name: string;
  /** `millrace`, or the rival's name. */
  readonly system: string;
  readonly value: number;
  readonly unit: string;
}

/** Something that was measured, and what it has promised when it acknowledges: systems that promise less are quicker for that alone. */
interface MeasuredSystem {
  readonly system: string;
  readonly promises: string;
}

/** What a bench has found. */
export interface BenchFindings {
  readonly systems: readonly MeasuredSystem[];
  /** What the figures hold for: shape of the data, load, what a time is measured from and to. A sentence each. */
  readonly conditions: readonly string[];
  readonly results: readonly BenchResult[];
}

/** What `--json` prints. */
export interface BenchReport extends BenchFindings {
  readonly machine: Machine;
}
