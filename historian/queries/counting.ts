import { lowerBound } from '../points/points.ts';
import { Fault } from '../../edge/core/fault.ts';
import type { BlockList } from '../files/block-list.ts';
import type { HiddenSpan } from '../reading/hidden.ts';
import { withoutHidden } from '../reading/hidden.ts';
import type { View } from '../reading/view.ts';

/** Whose samples are counted: with `fromUs` ≤ effective time < `toUs`, µs. At most 1,000 tags. */
export interface CountQuery {
  readonly tags: readonly string[];
  readonly fromUs: number;
  readonly toUs: number;
}

/** Samples of a tag: also those that a correction has replaced, as long as they are in the files. */
export interface TagCount {
  readonly tag: string;
  readonly samples: number;
  /** Of them in blocks that cannot be read, as the index of their file says. */
  readonly unreadable: number;
}

/** The first of the tags, as many as there was time for, at least one; the asker asks again for the others. */
export function countSamples(view: View, { tags, fromUs, toUs }: CountQuery, outOfTime: () => boolean): TagCount[] {
  const counts: TagCount[] = [];
  for (const tag of tags) {
    counts.push(countOf(view, tag, fromUs, toUs));
    if (outOfTime()) break;
  }
  return counts;
}

function countOf(view: View, tag: string, fromUs: number, toUs: number): TagCount {
  const count = new Count(fromUs, toUs);
  const { files, memtable, series } = view.parts;
  for (const id of view.seriesOf(tag)) {
    const topic = series.topic(id);
    for (const file of files) {
      const list = file.blocks(id, topic, fromUs, toUs);
      if (list !== undefined) count.add(list, view.hidden(id, file.entry));
    }
    if (memtable.has(id)) count.add(memtable.blocks(id, topic), view.hidden(id));
  }
  return { tag, samples: count.samples, unreadable: count.unreadable };
}

class Count {
  samples = 0;
  unreadable = 0;
  private readonly fromUs: number;
  private readonly toUs: number;

  constructor(fromUs: number, toUs: number) {
    this.fromUs = fromUs;
    this.toUs = toUs;
  }

  /** A block that lies in the span, with nothing hidden near it, is not read. */
  add(list: BlockList, hidden: readonly HiddenSpan[]): void {
    const visible = withoutHidden(list, hidden);
    for (let block = 0; block < list.count; block++) {
      const firstUs = list.first(block);
      const lastUs = list.last(block);
      if (lastUs < this.fromUs || firstUs >= this.toUs) continue;
      // Of what has expired there is nothing left but its summary.
      if (list.summary?.(block)?.expired === true) continue;
      const isInside = firstUs >= this.fromUs && lastUs < this.toUs;
      const isPlain = hidden.every((span) => span.toUs <= firstUs || span.fromUs > lastUs);
      if (isInside && isPlain) this.samples += list.samples(block);
      else this.addRows(visible, block);
    }
  }

  private addRows(list: BlockList, block: number): void {
    const points = list.load(block);
    if (points instanceof Fault) {
      this.samples += list.samples(block);
      this.unreadable += list.samples(block);
      return;
    }
    const { times, count } = points;
    this.samples += lowerBound(times, count, this.toUs) - lowerBound(times, count, this.fromUs);
  }
}
