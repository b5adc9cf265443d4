import { Fault } from '../edge/core/fault.ts';
import type { BlockList } from './block-list.ts';
import type { Points } from './points.ts';

/** Place of a sample in the order of a tag's history: by effective time, then topic, then log offset. */
export interface HistoryPlace {
  readonly timeUs: number;
  readonly topic: number;
  readonly offset: number;
}

/** What a scan covers: `fromUs` ≤ time < `toUs`, behind `after`. */
export interface ScanRange {
  readonly fromUs: number;
  readonly toUs: number;
  readonly after?: HistoryPlace | undefined;
}

/** A block that cannot be read. */
export interface DamagedBlock {
  readonly firstUs: number;
  readonly lastUs: number;
  readonly samples: number;
  readonly fault: Fault;
}

/** One list in the merge: a block is loaded only when the merge has come to its first sample. */
class Source {
  readonly list: BlockList;
  block: number;
  points: Points | undefined;
  row = 0;
  end = 0;

  constructor(list: BlockList, fromUs: number) {
    this.list = list;
    let low = 0;
    let high = list.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (list.last(middle) < fromUs) low = middle + 1;
      else high = middle;
    }
    this.block = low;
  }

  /** Time of the next sample, or a time that it cannot be before. */
  get timeUs(): number {
    return this.points === undefined ? this.list.first(this.block) : (this.points.times[this.row] ?? 0);
  }

  get offset(): number {
    return this.points?.offsets[this.row] ?? 0;
  }
}

/** Merges the lists of one tag into one order, bounded: a block of each at a time. */
export class Scan {
  private readonly sources: Source[];
  private readonly range: ScanRange;
  private readonly onDamage: (damage: DamagedBlock) => void;

  constructor(lists: readonly BlockList[], range: ScanRange, onDamage: (damage: DamagedBlock) => void) {
    this.range = { ...range, fromUs: Math.max(range.fromUs, range.after?.timeUs ?? Number.NEGATIVE_INFINITY) };
    this.onDamage = onDamage;
    this.sources = lists.map((list) => new Source(list, this.range.fromUs)).filter((source) => this.hasBlock(source));
  }

  /** Appends samples to `out` until it has `maxRows` or `maxHeapBytes` or a little more. True: there may be more. */
  collect(out: Points, maxRows: number, maxHeapBytes: number): boolean {
    for (;;) {
      const source = this.loadedLeast();
      if (source?.points === undefined) return false;
      if (out.count >= maxRows || out.heapLength >= maxHeapBytes) return true;
      const stop = this.runEnd(source, Math.min(source.end, source.row + maxRows - out.count));
      out.append(source.points, source.row, stop);
      this.take(source, stop);
    }
  }

  /** Gives the samples to `take` as rows of the blocks that they lie in, without copying, until it returns false or there are none left. True: it returned false. */
  eachRun(take: (points: Points, start: number, end: number) => boolean): boolean {
    for (;;) {
      const source = this.loadedLeast();
      if (source?.points === undefined) return false;
      const { points, row } = source;
      const stop = this.runEnd(source, source.end);
      this.take(source, stop);
      if (!take(points, row, stop)) return true;
    }
  }

  /** The source with the next sample, its block loaded; undefined: there is no sample left. */
  private loadedLeast(): Source | undefined {
    for (;;) {
      const source = this.least();
      if (source === undefined || source.points !== undefined) return source;
      this.load(source);
    }
  }

  private take(source: Source, stop: number): void {
    source.row = stop;
    if (stop === source.end) this.nextBlock(source);
  }

  private hasBlock(source: Source): boolean {
    return source.block < source.list.count && source.list.first(source.block) < this.range.toUs;
  }

  /** The source with the next sample; one that is not loaded goes before a loaded one of the same time. */
  private least(): Source | undefined {
    let best: Source | undefined;
    for (const source of this.sources) if (best === undefined || before(source, best)) best = source;
    return best;
  }

  /** Rows of `source` up to here come before everything of the others. */
  private runEnd(source: Source, limit: number): number {
    let second: Source | undefined;
    for (const other of this.sources) {
      if (other !== source && (second === undefined || before(other, second))) second = other;
    }
    if (second === undefined || source.points === undefined) return limit;
    const { times, offsets } = source.points;
    const { timeUs, offset } = second;
    const topicFirst = source.list.topic - second.list.topic;
    let at = source.row + 1;
    while (at < limit) {
      const time = times[at] ?? 0;
      if (time > timeUs) break;
      if (time === timeUs) {
        if (second.points === undefined || topicFirst > 0) break;
        if (topicFirst === 0 && (offsets[at] ?? 0) > offset) break;
      }
      at++;
    }
    return at;
  }

  private load(source: Source): void {
    const { list, block } = source;
    const loaded = list.load(block);
    if (loaded instanceof Fault) {
      const damage = { firstUs: list.first(block), lastUs: list.last(block), samples: list.samples(block) };
      this.onDamage({ ...damage, fault: loaded });
      return this.nextBlock(source);
    }
    source.points = loaded;
    source.row = this.firstRow(loaded, list.topic);
    source.end = lowerBound(loaded.times, loaded.count, this.range.toUs);
    if (source.row >= source.end) this.nextBlock(source);
  }

  private firstRow(points: Points, topic: number): number {
    const { fromUs, after } = this.range;
    let row = lowerBound(points.times, points.count, fromUs);
    if (after === undefined || fromUs !== after.timeUs || topic > after.topic) return row;
    while (row < points.count && points.times[row] === fromUs) {
      if (topic === after.topic && (points.offsets[row] ?? 0) > after.offset) break;
      row++;
    }
    return row;
  }

  private nextBlock(source: Source): void {
    source.block++;
    source.points = undefined;
    if (!this.hasBlock(source)) this.sources.splice(this.sources.indexOf(source), 1);
  }
}

function before(a: Source, b: Source): boolean {
  const byTime = a.timeUs - b.timeUs;
  if (byTime !== 0) return byTime < 0;
  if (a.points === undefined || b.points === undefined) return a.points === undefined;
  const byTopic = a.list.topic - b.list.topic;
  return byTopic === 0 ? a.offset < b.offset : byTopic < 0;
}

/** First of `count` ascending times that is not below `timeUs`. */
export function lowerBound(times: Float64Array, count: number, timeUs: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? 0) < timeUs) low = middle + 1;
    else high = middle;
  }
  return low;
}
