import { Fault } from '../../edge/core/fault.ts';
import type { BlockList } from '../files/block-list.ts';
import type { View } from '../reading/view.ts';
import { type Covered, DAY_US } from './cold-table.ts';

/** A block that spans more days is read, to know which of them it has. */
const FEW_DAYS = 2;

/**
 * The days before `untilUs` (µs) of which the store has something that the tier has not: those behind what is covered, older ones with samples that came since, and those that wait. Blocks are read only where they
 * must be: late samples are few, and what was seen lies in files of its own.
 */
export function dueDays(view: View, covered: Covered | undefined, untilUs: number): number[] {
  const { files, series, topics } = view.parts;
  const days = new Set<number>(covered?.waiting?.map(({ day }) => day));
  const fromUs = covered?.untilUs ?? Number.NEGATIVE_INFINITY;
  for (let id = 0; id < series.count; id++) {
    const topic = topics[series.topic(id)] ?? '';
    const known = covered?.positions[topic] ?? 0;
    for (const file of files) {
      const isSeen = (file.entry.offsets[topic]?.[1] ?? -1) < known;
      const list = view.fileBlocks(file, id, isSeen ? fromUs : Number.NEGATIVE_INFINITY, untilUs);
      if (list !== undefined)
        addDays(list, { fromUs, untilUs, known: isSeen ? Number.POSITIVE_INFINITY : known }, days);
    }
    const memory = view.memoryBlocks(id);
    if (memory !== undefined) addDays(memory, { fromUs, untilUs, known }, days);
  }
  return [...days].toSorted((a, b) => a - b);
}

interface Wanted {
  readonly fromUs: number;
  readonly untilUs: number;
  /** First log offset that was not seen. */
  readonly known: number;
}

function addDays(list: BlockList, { fromUs, untilUs, known }: Wanted, days: Set<number>): void {
  for (let block = 0; block < list.count && list.first(block) < untilUs; block++) {
    const [firstUs, lastUs] = [list.first(block), list.last(block)];
    if (lastUs < fromUs && known === Number.POSITIVE_INFINITY) continue;
    const [first, last] = [dayOf(firstUs), dayOf(lastUs)];
    const points = firstUs >= fromUs && lastUs < untilUs && last - first < FEW_DAYS ? undefined : list.load(block);
    if (points === undefined || points instanceof Fault) {
      // What cannot be read is told of when its day is put away.
      for (let day = first; day <= Math.min(last, dayOf(untilUs - 1)); day++) days.add(day);
      continue;
    }
    for (let row = 0; row < points.count; row++) {
      const timeUs = points.times[row] ?? 0;
      if (timeUs < untilUs && (timeUs >= fromUs || (points.offsets[row] ?? 0) >= known)) days.add(dayOf(timeUs));
    }
  }
}

function dayOf(timeUs: number): number {
  return Math.floor(timeUs / DAY_US);
}
