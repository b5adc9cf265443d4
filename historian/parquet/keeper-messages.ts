import type { FaultMessage } from '../../edge/core/fault.ts';
import type { HistoryFolders } from '../open-read-only.ts';
import type { PendingErasure } from './cold-rows.ts';
import type { TierPlace } from './place.ts';

/** What the process that keeps a cold tier is given. */
export interface KeeperJob {
  readonly source: HistoryFolders;
  readonly place: TierPlace;
  /** Days are put away when their end is so long ago, ms. */
  readonly afterMs: number;
  /** It looks so often, ms. */
  readonly everyMs: number;
  /** A folder of this machine, for files on their way. */
  readonly scratch: string;
}

/** What it is told: its job first. */
export type KeeperRequest =
  | { readonly type: 'job'; readonly job: KeeperJob }
  /** To look now. */
  | { readonly type: 'look' }
  | { readonly type: 'erase'; readonly id: number; readonly erasure: PendingErasure };

/** How far the tier is. */
export interface KeeperState {
  /** Of the table: who reads it loads it again when it has changed. */
  readonly version: number;
  readonly days: number;
  readonly rows: number;
  readonly bytes: number;
  /** Everything that the store had before this time and that had come before it is in the tier, µs; null: nothing is known. */
  readonly coveredUs: number | null;
  /** Days that ended before this are to be there, µs; null: it was not looked yet. */
  readonly dueUs: number | null;
  /** Where its first day begins, µs; null: there is none, or it was not looked yet. */
  readonly beginUs: number | null;
  /** When something was put there or taken out last, µs; null: never. */
  readonly updatedUs: number | null;
  /** Days written, and looks and erasures that failed, since the process began. */
  readonly written: number;
  readonly failures: number;
  /** The day that is being written, days since 1970. */
  readonly writing: number | null;
  /** Why the last look was not finished; it is tried again. */
  readonly problem: FaultMessage | null;
}

/** What it tells. */
export type KeeperNotice =
  | { readonly type: 'state'; readonly state: KeeperState }
  | { readonly type: 'erased'; readonly id: number; readonly fault: FaultMessage | null };
