import type { ErasureState } from '../erasures/keeper.ts';
import type { ErasureOutlook } from '../erasures/outlook.ts';

/* What `Services` say of the historian's files and of erasures. */

/** State of the historian. */
export interface HistorianReport {
  readonly folder: string;
  readonly files: number;
  readonly fileBytes: number;
  readonly memorySamples: number;
  readonly memoryBytes: number;
  readonly series: number;
  /** Samples that it has taken over, ever. */
  readonly points: number;
  readonly lagSamples: number;
  /** Records of the log that could not be had or could not be read, ever. */
  readonly lostRecords: number;
  /** Files that are damaged as a whole or in part. */
  readonly damaged: readonly string[];
  /** Samples that were written anew out of the log since the start, where they could not be read. */
  readonly repairedSamples: number;
  /** Erasures that are not out of all files yet, and those that are not done in all places. */
  readonly erasing: number;
  readonly erasures: number;
  /** False: the clock is in doubt, and nothing expires. */
  readonly expires: boolean;
  readonly topics: readonly HistorianTopic[];
  /** Null: none is configured, or nothing is known of it yet. */
  readonly tier: TierReport | null;
}

/** State of the cold tier. */
export interface TierReport {
  /** A folder, or `s3://…`. */
  readonly location: string;
  readonly days: number;
  readonly samples: number;
  readonly bytes: number;
  /** Everything before this time that had come by then is there, µs; null: nothing is known. */
  readonly coveredUs: number | null;
  /** When something was put there or taken out last, µs; null: never. */
  readonly updatedUs: number | null;
  /** By how long days that are old enough are not there yet; null: that is not known. */
  readonly lagSeconds: number | null;
  /** Days written, and what failed and is tried again, since its keeper began. */
  readonly written: number;
  readonly failures: number;
  /** What it does, or what keeps it from that; null: nothing is to be said. */
  readonly detail: string | null;
}

interface HistorianTopic {
  readonly topic: string;
  /** How long its samples are kept; null: for ever. */
  readonly retentionSeconds: number | null;
  /** Effective time, µs, before which samples have expired, unless they came late; null: none have. */
  readonly expiredBeforeUs: number | null;
}

/** An erasure, and what there still is of it in the log and behind links. */
export interface ErasureView extends ErasureState {
  readonly outlook: ErasureOutlook;
}
