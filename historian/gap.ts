import type { LossReason } from './manifest.ts';

/** A span in which samples may be missing from the answer. */
export interface Gap {
  readonly fromUs: number;
  /** µs, no longer in it. */
  readonly toUs: number;
  /** `historian-damaged`: bytes of a file; `no-value`: the source gave none (aggregates and charts only); the others: records that the log did not have any more or that could not be read. */
  readonly reason: 'historian-damaged' | 'no-value' | LossReason;
  /** Samples of this tag that are missing; null: not known. */
  readonly samples: number | null;
  readonly detail: string;
}
