import type { Fault } from '../edge/core/fault.ts';
import type { Points } from './points.ts';

/** Samples of one series from one place (a file or the memtable), ordered by time and log offset, cut into blocks that are loaded one at a time. */
export interface BlockList {
  /** Number of the topic in the historian's list. */
  readonly topic: number;
  /** Number of blocks. */
  readonly count: number;
  /** Effective time of a block's first sample, µs. */
  first(block: number): number;
  /** Effective time of its last sample, µs. */
  last(block: number): number;
  /** Samples in the block. */
  samples(block: number): number;
  /** Its samples, or the Fault `historian-damaged` if they cannot be read. Valid until the next call. */
  load(block: number): Points | Fault;
}
