import type { Fault } from '../../edge/core/fault.ts';
import type { BlockSummary } from '../codec/summary.ts';
import type { Points } from '../points/points.ts';

/** A block as far as it is known without its samples. */
export interface SummarizedBlock {
  readonly summary: BlockSummary;
  /** Number of the topic in the historian's list. */
  readonly topic: number;
  readonly leastOffset: number;
  readonly greatestOffset: number;
  /** Its samples have expired: the summary is all there is. */
  readonly expired: boolean;
  /** Of one that has expired: something else lies in its time. */
  readonly overlapped?: boolean;
}

/** Samples of one series from one place (a file or the memtable), ordered by time and log offset, cut into blocks that are loaded one at a time. */
export interface BlockList {
  /** Number of the topic in the historian's list. */
  readonly topic: number;
  /** Number of blocks. */
  readonly count: number;
  /** Effective time of a block's first sample, µs. Never before that of the block before. */
  first(block: number): number;
  /** Effective time of its last sample, µs. Never behind the first of the next block, unless the samples of one of the two have expired. */
  last(block: number): number;
  /** Samples in the block. */
  samples(block: number): number;
  /** The first block whose last sample is at this time or behind it; `count`: there is none. Left out: it is searched for. */
  seek?(timeUs: number): number;
  /** What is known of the block without its samples; undefined: nothing, they must be looked at. Left out: nothing of any. */
  summary?(block: number): SummarizedBlock | undefined;
  /** Its samples, or why they are not to be had: the Fault `historian-damaged`, or `historian-expired` of a block of which only the summary is left. Valid until the next call. */
  load(block: number): Points | Fault;
  /** Appends the samples of a block whose samples have not expired to points that have room for them. False: it was not done, load it. Left out: always load it. */
  append?(block: number, to: Points): boolean;
  /** A block as it lies in its file, if that is what was written; undefined: look at its samples. Valid until the next call. Left out: there are no bytes. */
  bytes?(block: number): Uint8Array | undefined;
}

/** Samples that these lists can have in a span at most; counted up to a limit. */
export function mostSamples(lists: readonly BlockList[], fromUs: number, toUs: number, limit: number): number {
  let samples = 0;
  for (const list of lists)
    for (let block = seekIn(list, fromUs); block < list.count && list.first(block) < toUs; block++) {
      samples += list.samples(block);
      if (samples >= limit) return limit;
    }
  return samples;
}

/** The first block of a list whose last sample is at a time or behind it; its `count`: there is none. */
export function seekIn(list: BlockList, timeUs: number): number {
  if (list.seek !== undefined) return list.seek(timeUs);
  let low = 0;
  let high = list.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list.last(middle) < timeUs) low = middle + 1;
    else high = middle;
  }
  return low;
}
