import type { Sample } from '../edge/core/sample.ts';
import type { BlockList } from './block-list.ts';
import { BLOCK_HEAP_BYTES, BLOCK_POINTS } from './limits.ts';
import { Points } from './points.ts';
import { Rows } from './rows.ts';

/** Sorted series that are kept for the next page of a query. */
const SORTED_SERIES = 8;

interface SortedSeries {
  /** Newest row + 1 when this was made. */
  readonly head: number;
  readonly rows: Uint32Array;
  readonly blocks: BlockList;
}

/**
 * What the log holds beyond the files. One list of rows in the order of arrival, linked per series, so that 100,000 tags with ten samples each cost no more than ten tags with
 * 100,000. Bounded in bytes: when it is `full` it must be written out before anything is appended.
 */
export class Memtable {
  /** Views that show it. */
  readers = 0;
  private readonly limitBytes: number;
  private readonly store: Rows;
  /** Newest row of each series and its row with the greatest time, both + 1; 0: none. */
  private heads = new Uint32Array(64);
  private latestRows = new Uint32Array(64);
  private readonly sorted = new Map<number, SortedSeries>();

  constructor(limitBytes: number, rows: Rows = new Rows()) {
    this.limitBytes = limitBytes;
    this.store = rows;
  }

  /** An empty memtable. `reuse`: it takes over this one's memory, which nobody may look at any more. */
  successor(reuse: boolean): Memtable {
    return new Memtable(this.limitBytes, reuse ? this.store.successor() : new Rows());
  }

  /** Samples. */
  get count(): number {
    return this.store.count;
  }

  /** Memory that is taken. */
  get bytes(): number {
    return this.store.bytes + this.store.spareBytes + this.heads.length * 8;
  }

  /** True: write it out before the next sample. */
  get full(): boolean {
    return this.store.count > 0 && this.store.bytes + this.store.nextBytes > this.limitBytes;
  }

  /** Appends a sample of a series, whose offsets grow. `timeUs` is the effective time; `deviceTimeUs` NaN where it is the same. */
  append(series: number, timeUs: number, offset: number, sample: Sample, deviceTimeUs: number): void {
    if (series >= this.heads.length) this.growSeries(series);
    const mark = this.store.count + 1;
    this.store.append(timeUs, offset, sample, deviceTimeUs, this.heads[series] ?? 0);
    this.heads[series] = mark;
    const latest = this.latestRows[series] ?? 0;
    if (latest === 0 || timeUs >= this.store.time(latest - 1)) this.latestRows[series] = mark;
  }

  private growSeries(series: number): void {
    let capacity = this.heads.length;
    while (capacity <= series) capacity *= 2;
    const heads = new Uint32Array(capacity);
    heads.set(this.heads);
    this.heads = heads;
    const latest = new Uint32Array(capacity);
    latest.set(this.latestRows);
    this.latestRows = latest;
  }

  /** Whether it holds samples of the series. */
  has(series: number): boolean {
    return (this.heads[series] ?? 0) !== 0;
  }

  /** The sample with the greatest time (of equal ones the last in the log), or undefined. */
  latest(series: number, topic: number): Points | undefined {
    const mark = this.latestRows[series] ?? 0;
    if (mark === 0) return undefined;
    const points = new Points(1);
    this.store.gather(Uint32Array.of(mark - 1), 0, 1, topic, points);
    return points;
  }

  /** The samples of a series as blocks, kept for the next call; what is appended later is not in it. */
  blocks(series: number, topic: number): BlockList {
    const head = this.heads[series] ?? 0;
    const known = this.sorted.get(series);
    if (known?.head === head) return known.blocks;
    const added = this.walk(head, known?.head ?? 0);
    this.sort(added);
    const rows = known === undefined ? added : this.merged(known.rows, added);
    const blocks = this.cut(rows, topic);
    this.sorted.delete(series);
    const [oldest] = this.sorted.keys();
    if (oldest !== undefined && this.sorted.size >= SORTED_SERIES) this.sorted.delete(oldest);
    this.sorted.set(series, { head, rows, blocks });
    return blocks;
  }

  /** Gives the samples of a series to `take`, a block at a time in `scratch`, which has room for 1,000. For a walk over all series. */
  eachBlock(series: number, topic: number, scratch: Points, take: (points: Points) => void): void {
    const rows = this.walk(this.heads[series] ?? 0, 0);
    this.sort(rows);
    const starts = this.boundaries(rows);
    for (const [block, start] of starts.entries()) {
      scratch.reset();
      this.store.gather(rows, start, starts[block + 1] ?? rows.length, topic, scratch);
      take(scratch);
    }
  }

  /** Rows from `head` back to `until`, both + 1; the oldest first. */
  private walk(head: number, until: number): Uint32Array {
    let count = 0;
    for (let at = head; at !== until; at = this.store.link(at - 1)) count++;
    const rows = new Uint32Array(count);
    for (let at = head; at !== until; at = this.store.link(at - 1)) rows[--count] = at - 1;
    return rows;
  }

  /** By time, equal times in the order of the log: rows come in that order, so only late data needs the sort. */
  private sort(rows: Uint32Array): void {
    const { store } = this;
    let previous = -Infinity;
    for (const row of rows) {
      const time = store.time(row);
      if (time < previous) {
        rows.sort((a, b) => store.time(a) - store.time(b) || a - b);
        return;
      }
      previous = time;
    }
  }

  /** Two sorted lists as one; rows of `b` came later. Sorting all of them again at every page of a query would take half a second a page when the memtable is full. */
  private merged(a: Uint32Array, b: Uint32Array): Uint32Array {
    const { store } = this;
    const rows = new Uint32Array(a.length + b.length);
    let from = 0;
    let at = 0;
    for (const row of b) {
      const time = store.time(row);
      while (from < a.length && store.time(a[from] ?? 0) <= time) rows[at++] = a[from++] ?? 0;
      rows[at++] = row;
    }
    rows.set(a.subarray(from), at);
    return rows;
  }

  private cut(rows: Uint32Array, topic: number): BlockList {
    const { store } = this;
    const starts = this.boundaries(rows);
    const start = (block: number): number => starts[block] ?? rows.length;
    return {
      topic,
      count: starts.length,
      first: (block) => store.time(rows[start(block)] ?? 0),
      last: (block) => store.time(rows[start(block + 1) - 1] ?? 0),
      samples: (block) => start(block + 1) - start(block),
      load: (block) => {
        const points = new Points(start(block + 1) - start(block));
        store.gather(rows, start(block), start(block + 1), topic, points);
        return points;
      },
    };
  }

  /** Where the blocks of these rows begin: every 1,000 rows, earlier where values are large. */
  private boundaries(rows: Uint32Array): number[] {
    const starts: number[] = [];
    if (!this.store.hasHeap) {
      for (let k = 0; k < rows.length; k += BLOCK_POINTS) starts.push(k);
      return starts;
    }
    let heap = 0;
    for (let k = 0, begin = 0; k < rows.length; k++) {
      const bytes = this.store.heapBytes(rows[k] ?? 0);
      if (k === 0 || k - begin === BLOCK_POINTS || heap + bytes > BLOCK_HEAP_BYTES) {
        starts.push(k);
        begin = k;
        heap = 0;
      }
      heap += bytes;
    }
    return starts;
  }
}
