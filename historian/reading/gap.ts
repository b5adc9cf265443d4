import type { LossReason } from '../files/manifest.ts';

/** A span in which samples may be missing from the answer. */
export interface Gap {
  readonly fromUs: number;
  /** µs, no longer in it. */
  readonly toUs: number;
  /** `historian-damaged`: bytes of a file; `tier-damaged`, `tier-missing`: a file of the cold tier; `tier-unreachable`, `tier-not-asked`: a last value that may lie there (`TieredLatest`), elsewhere that is a fault; `expired`: older than the tag's samples are kept; `no-value`: the source gave none (aggregates and charts only); the others: records that the log did not have any more or that could not be read. */
  readonly reason:
    | 'historian-damaged'
    | 'tier-damaged'
    | 'tier-missing'
    | 'tier-unreachable'
    | 'tier-not-asked'
    | 'expired'
    | 'no-value'
    | LossReason;
  /** Samples of this tag that are missing; null: not known. */
  readonly samples: number | null;
  readonly detail: string;
}
