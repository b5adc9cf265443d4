import { ByteWriter } from '../../edge/core/byte-writer.ts';
import { Fault } from '../../edge/core/fault.ts';
import { writeBlock } from '../files/block.ts';
import type { BlockList, SummarizedBlock } from '../files/block-list.ts';
import { Points } from '../points/points.ts';

/** For tests: what a list of blocks orders a sample by, and its flags. */
export interface Row {
  readonly timeUs: number;
  readonly topic: number;
  readonly offset: number;
  readonly flags: number;
}

export const NO_ROW: Row = { timeUs: 0, topic: 0, offset: 0, flags: 0 };

/** For tests: the order of history. */
export const byPlace = (a: Row, b: Row): number => a.timeUs - b.timeUs || a.topic - b.topic || a.offset - b.offset;

/** For tests: a list in memory, cut into blocks of `size`, all of which are loaded into the same memory; `bad` blocks cannot be loaded. */
export function listOf(
  topic: number,
  rows: readonly Row[],
  size: number,
  bad: ReadonlySet<number> = new Set(),
): BlockList {
  const sorted = rows.toSorted(byPlace);
  const blocks: Row[][] = [];
  for (let i = 0; i < sorted.length; i += size) blocks.push(sorted.slice(i, i + size));
  const row = (block: number, at: number): Row => blocks[block]?.at(at) ?? NO_ROW;
  const points = new Points(size);
  return {
    topic,
    count: blocks.length,
    first: (block) => row(block, 0).timeUs,
    last: (block) => row(block, -1).timeUs,
    samples: (block) => blocks[block]?.length ?? 0,
    load: (block) => {
      if (bad.has(block)) return new Fault('historian-damaged', `block ${block}`);
      const content = blocks[block] ?? [];
      points.reset();
      points.count = content.length;
      points.times.set(content.map(({ timeUs }) => timeUs));
      points.offsets.set(content.map(({ offset }) => offset));
      // A column that no row needs is not made.
      if (points.hasMore || content.some(({ flags }) => flags !== 0))
        points.flags.set(content.map(({ flags }) => flags));
      points.topics.fill(topic);
      return points;
    },
  };
}

/** For tests: the rows of points. */
export function rowsOf(points: Points): Row[] {
  return Array.from({ length: points.count }, (_, i) => ({
    timeUs: points.times[i] ?? 0,
    topic: points.topics[i] ?? 0,
    offset: points.offsets[i] ?? 0,
    flags: points.flags[i] ?? 0,
  }));
}

/** For tests: what an index would say of a block of such a list. */
export function summarized(list: BlockList, block: number): SummarizedBlock {
  const points = list.load(block);
  if (points instanceof Fault) throw points;
  const { summary, leastOffset, greatestOffset } = writeBlock(new ByteWriter(), points, 0, points.count);
  return { summary, topic: list.topic, leastOffset, greatestOffset, expired: false };
}
