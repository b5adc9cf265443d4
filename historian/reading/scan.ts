import { Fault } from '../../edge/core/fault.ts';
import { Flag } from '../../edge/core/flags.ts';
import { type BlockList, seekIn, type SummarizedBlock } from '../files/block-list.ts';
import { lowerBound, Points } from '../points/points.ts';
import type { HistoryPlace } from './place.ts';

/** What a scan covers: `fromUs` ≤ time < `toUs`, behind `after`. */
export interface ScanRange {
  readonly fromUs: number;
  readonly toUs: number;
  readonly after?: HistoryPlace | undefined;
  /** Also samples that a correction has replaced. */
  readonly replaced?: boolean | undefined;
  /** From this time on, µs, a block whose samples have expired counts as given only when all of its span lies before `after`: else it is lacking, and what is left of it comes from elsewhere. */
  readonly elsewhereFromUs?: number | undefined;
  /** What is collected may end a tenth early, in front of a block that does not fit: else it is read twice. */
  readonly wholeBlocks?: boolean | undefined;
}

/** A page of whole blocks may end behind this part of what it may have. */
export const NEARLY_FULL = 0.9;

/** A block whose samples are not to be had. */
export interface DamagedBlock {
  readonly firstUs: number;
  readonly lastUs: number;
  readonly samples: number;
  /** `historian-damaged`; `historian-expired`: its samples have expired, and the summary that is left was of no use. */
  readonly fault: Fault;
}

/**
 * Takes a block (of a list, by its number there) as a whole, in place of its samples: `taken`; `samples`: they must be looked at (of a block whose samples have expired there are none: it is missing); `stop`: neither now.
 */
export type TakeBlock = (block: SummarizedBlock, list: BlockList, number: number) => 'taken' | 'samples' | 'stop';

/** Takes rows; false: it takes no more. `goesOn`: there may be more samples of the last one's time. */
export type TakeRows = (points: Points, start: number, end: number, goesOn: boolean) => boolean;

/** One list in the merge: a block is loaded only when the merge has come to its first sample. */
class Source {
  readonly list: BlockList;
  block: number;
  points: Points | undefined;
  row = 0;
  end = 0;
  /** Whether one of its rows is a correction. */
  corrected = false;

  constructor(list: BlockList, fromUs: number) {
    this.list = list;
    this.block = seekIn(list, fromUs);
  }

  /** Time of the next sample, or a time that it cannot be before. */
  get timeUs(): number {
    return this.points === undefined ? this.list.first(this.block) : (this.points.times[this.row] ?? 0);
  }

  get offset(): number {
    return this.points?.offsets[this.row] ?? 0;
  }
}

/**
 * Merges the lists of one tag into one order, bounded: a block of each at a time. A sample with the flag correction replaces what stands before it at the same time: that is left out,
 * unless it is asked for.
 */
export class Scan {
  /** Samples that were left out so far. */
  replaced = 0;
  private readonly sources: Source[];
  private readonly range: ScanRange;
  private readonly onDamage: (damage: DamagedBlock) => void;
  /** The time that was looked ahead for, and the last correction there. */
  private aheadUs = Number.NaN;
  private ahead: HistoryPlace | undefined;

  constructor(lists: readonly BlockList[], range: ScanRange, onDamage: (damage: DamagedBlock) => void) {
    this.range = { ...range, fromUs: Math.max(range.fromUs, range.after?.timeUs ?? Number.NEGATIVE_INFINITY) };
    this.onDamage = onDamage;
    this.sources = lists.map((list) => new Source(list, this.range.fromUs)).filter((source) => this.hasBlock(source));
  }

  /** Appends samples to `out` until it has `maxRows` or `maxHeapBytes` or a little more, or `takeBlock` (as for `eachRun`) says stop. True: there may be more. */
  collect(out: Points, maxRows: number, maxHeapBytes: number, takeBlock?: TakeBlock): boolean {
    for (;;) {
      if (this.range.wholeBlocks === true && this.isNearlyFull(out.count, maxRows)) return true;
      const source = this.loadedLeast(takeBlock);
      if (source === undefined) return false;
      if (source.points === undefined) return true;
      if (out.count >= maxRows || out.heapLength >= maxHeapBytes) return true;
      const stop = this.runEnd(source, Math.min(source.end, source.row + maxRows - out.count));
      if (this.isPlain(source, stop)) out.append(source.points, source.row, stop);
      else this.eachShown(source, stop, (points, start, end) => (out.append(points, start, end), true));
      this.take(source, stop);
    }
  }

  /** Whether so many rows are nearly all that are wanted, and the next block has too many. */
  private isNearlyFull(rows: number, maxRows: number): boolean {
    if (rows < maxRows * NEARLY_FULL) return false;
    const next = this.least();
    return next?.points === undefined && next !== undefined && rows + next.list.samples(next.block) > maxRows;
  }

  /**
   * Gives the samples to `take` as rows of the blocks that they lie in, without copying, until it returns false or there are none left. True: it returned false. With `takeBlock` blocks of
   * which all samples count, with nothing of another place between or beside them, are given to it first, and not read if it takes them.
   */
  eachRun(take: TakeRows, takeBlock?: TakeBlock): boolean {
    for (;;) {
      const source = this.loadedLeast(takeBlock);
      if (source === undefined) return false;
      // It has been told to stop before this block.
      if (source.points === undefined) return true;
      const { points, row } = source;
      const stop = this.runEnd(source, source.end);
      const goesOn = this.goesOn(source, stop);
      const isPlain = this.range.replaced === true || (!source.corrected && !goesOn);
      const wantsMore = isPlain
        ? take(points, row, stop, goesOn)
        : this.eachShown(source, stop, (shown, start, end) => take(shown, start, end, true));
      if (!wantsMore) return true;
      this.take(source, stop);
    }
  }

  /** The source with the next sample, its block loaded unless `takeBlock` says stop; undefined: there is no sample left. */
  private loadedLeast(takeBlock?: TakeBlock): Source | undefined {
    for (;;) {
      const source = this.least();
      if (source === undefined || source.points !== undefined) return source;
      const verdict = takeBlock === undefined ? 'samples' : this.offer(source, takeBlock);
      if (verdict === 'stop') return source;
      if (verdict === 'taken') this.nextBlock(source);
      else this.load(source);
    }
  }

  /** Offers the next block of a source as a whole, if it can stand for its samples. */
  private offer(source: Source, takeBlock: TakeBlock): ReturnType<TakeBlock> {
    const { list, block } = source;
    const { fromUs, toUs, after, replaced } = this.range;
    const firstUs = list.first(block);
    const lastUs = list.last(block);
    if (firstUs < fromUs || lastUs >= toUs || (after !== undefined && firstUs <= after.timeUs)) return 'samples';
    const whole = list.summary?.(block);
    if (whole === undefined) return 'samples';
    // Nothing of it can be left out: it counts as it is, whatever has come late.
    if (whole.expired) return takeBlock({ ...whole, overlapped: this.isOverlapped(source, lastUs) }, list, block);
    const { distinct, corrected } = whole.summary;
    if (corrected && !distinct && replaced !== true) return 'samples';
    return this.isOverlapped(source, lastUs) ? 'samples' : takeBlock(whole, list, block);
  }

  /** Whether something else comes before the end of the next block of a source, or with it. */
  private isOverlapped(source: Source, lastUs: number): boolean {
    const { list, block } = source;
    if (block + 1 < list.count && list.first(block + 1) <= lastUs) return true;
    for (const other of this.sources) if (other !== source && other.timeUs <= lastUs) return true;
    return false;
  }

  /** Whether no correction can have replaced anything up to `stop`: nearly always. */
  private isPlain(source: Source, stop: number): boolean {
    return this.range.replaced === true || (!source.corrected && !this.goesOn(source, stop));
  }

  /** Whether there may be more samples of the time of the row before `stop`. */
  private goesOn(source: Source, stop: number): boolean {
    const { points, list, block, end } = source;
    const timeUs = points?.times[stop - 1] ?? 0;
    if (stop < end ? points?.times[stop] === timeUs : block + 1 < list.count && list.first(block + 1) === timeUs)
      return true;
    for (const other of this.sources) if (other !== source && other.timeUs === timeUs) return true;
    return false;
  }

  /** Gives those rows of a source up to `stop` that no correction has replaced, until `give` returns false; then it does too. */
  private eachShown(
    source: Source,
    stop: number,
    give: (points: Points, start: number, end: number) => boolean,
  ): boolean {
    let end = stop;
    if (this.goesOn(source, stop)) end = this.endBeforeReplaced(source, stop);
    const { points } = source;
    if (points === undefined) return true;
    this.replaced += stop - end;
    let from = source.row;
    // A column that is not there is not made.
    if (!points.hasMore) return from === end || give(points, from, end);
    const { times, flags } = points;
    for (let i = from; i < end; i++) {
      if (((flags[i] ?? 0) & Flag.correction) === 0) continue;
      let group = i;
      while (group > from && times[group - 1] === times[i]) group--;
      this.replaced += i - group;
      if (group > from && !give(points, from, group)) return false;
      from = i;
    }
    return from === end || give(points, from, end);
  }

  /** Where the rows of the time before `stop` begin if a later sample of that time, of whatever block or list, replaces them; else `stop`. */
  private endBeforeReplaced(source: Source, stop: number): number {
    const timeUs = source.points?.times[stop - 1] ?? 0;
    if (this.aheadUs !== timeUs) {
      this.ahead = this.lastCorrection(timeUs);
      this.aheadUs = timeUs;
    }
    const { ahead } = this;
    const offset = source.points?.offsets[stop - 1] ?? 0;
    if (ahead === undefined || (ahead.topic - source.list.topic || ahead.offset - offset) <= 0) return stop;
    let end = stop;
    while (end > source.row && source.points?.times[end - 1] === timeUs) end--;
    return end;
  }

  /** The last correction at this time, which is not behind any source. Looks into the blocks from the last one on; what cannot be read is told of when its turn comes. */
  private lastCorrection(timeUs: number): HistoryPlace | undefined {
    let last: HistoryPlace | undefined;
    for (const source of this.sources) {
      if (source.timeUs > timeUs) continue;
      const offset = this.lastCorrectionIn(source, timeUs);
      const { topic } = source.list;
      if (offset === undefined || (last !== undefined && (topic - last.topic || offset - last.offset) <= 0)) continue;
      last = { timeUs, topic, offset };
    }
    return last;
  }

  private lastCorrectionIn(source: Source, timeUs: number): number | undefined {
    const { list } = source;
    let block = source.block;
    while (block + 1 < list.count && list.first(block + 1) <= timeUs) block++;
    // A list may use the memory of its block for the next one.
    if (block > source.block && source.points !== undefined) source.points = copyOf(source.points);
    for (; block >= source.block; block--) {
      const points = block === source.block && source.points !== undefined ? source.points : list.load(block);
      if (points instanceof Fault) continue;
      const { times, flags, offsets } = points;
      let row = lowerBound(times, points.count, timeUs + 1) - 1;
      while (row >= 0 && times[row] === timeUs && ((flags[row] ?? 0) & Flag.correction) === 0) row--;
      if (row >= 0 && times[row] === timeUs) return offsets[row];
    }
    return undefined;
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
    // Nearly always: what else there is comes behind all of it.
    if ((times[limit - 1] ?? 0) < timeUs) return limit;
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
    if (this.isBehind(list, block)) return this.nextBlock(source);
    const loaded = list.load(block);
    if (loaded instanceof Fault) {
      if (loaded.code === 'historian-expired' && this.wasGiven(list, block)) return this.nextBlock(source);
      const damage = { firstUs: list.first(block), lastUs: list.last(block), samples: list.samples(block) };
      this.onDamage({ ...damage, fault: loaded });
      return this.nextBlock(source);
    }
    source.points = loaded;
    source.row = this.firstRow(loaded, list.topic);
    source.end = lowerBound(loaded.times, loaded.count, this.range.toUs);
    source.corrected = isCorrected(loaded, source.row, source.end);
    if (source.row >= source.end) this.nextBlock(source);
  }

  /** Whether a block of which only the summary is left belongs to what was given before: its place is that of its first sample, or of its last one where the rest may come from elsewhere. */
  private wasGiven(list: BlockList, block: number): boolean {
    const { after, elsewhereFromUs = Number.POSITIVE_INFINITY } = this.range;
    if (after === undefined) return false;
    const lastUs = list.last(block);
    if (lastUs < elsewhereFromUs) return list.first(block) <= after.timeUs;
    if (lastUs !== after.timeUs) return lastUs < after.timeUs;
    return list.topic === after.topic && (list.summary?.(block)?.greatestOffset ?? Infinity) <= after.offset;
  }

  /** Whether all samples of a block are known to be no later than where the range begins. */
  private isBehind(list: BlockList, block: number): boolean {
    const { after } = this.range;
    if (after === undefined || list.topic !== after.topic || list.last(block) !== after.timeUs) return false;
    const whole = list.summary?.(block);
    return whole !== undefined && !whole.expired && whole.greatestOffset <= after.offset;
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

function isCorrected(points: Points, start: number, end: number): boolean {
  // A column that is not there is not made.
  if (!points.hasMore) return false;
  const { flags } = points;
  for (let i = start; i < end; i++) if (((flags[i] ?? 0) & Flag.correction) !== 0) return true;
  return false;
}

function copyOf(points: Points): Points {
  const copy = new Points(points.count);
  copy.append(points, 0, points.count);
  return copy;
}
