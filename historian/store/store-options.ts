import type { Clock } from '../../edge/core/clock.ts';
import type { Disk } from '../../edge/core/disk.ts';
import type { Fault } from '../../edge/core/fault.ts';
import type { LogIdentity } from '../files/manifest.ts';

/** How a historian is opened. */
export interface StoreOptions {
  readonly folder: string;
  /** The log that it is filled from. */
  readonly log: LogIdentity;
  readonly disk?: Disk;
  readonly clock?: Clock;
  readonly memtableBytes?: number;
  readonly flushAfterMs?: number;
  /** How long samples are kept, ms, of the topics that have such a limit: counted from the later of effective time and arrival. */
  readonly retentionMs?: Readonly<Record<string, number>>;
  /** How long their roll-ups of whole minutes, hours and days are kept, ms, counted as the samples, and at least as long as they are. Left out: there are none. */
  readonly rollupsMs?: readonly number[];
  /** Bytes that rewritten files may take on the disk; by default what is free of its file system. */
  readonly freeBytes?: () => number;
  /** Told of what is wrong and does not stop it: damaged files, a merge that failed. */
  readonly report?: (fault: Fault) => void;
}
