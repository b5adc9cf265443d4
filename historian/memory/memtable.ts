import { assert } from '../../edge/core/fault.ts';
import type { Sample } from '../../edge/core/sample.ts';
import { Arrivals } from '../points/arrivals.ts';
import type { BlockList } from '../files/block-list.ts';
import type { SortedRows } from '../files/file-writer.ts';
import { Chains, enlarged, MOST_ROWS } from './chains.ts';
import { BLOCK_HEAP_BYTES, BLOCK_POINTS } from '../limits.ts';
import { Points } from '../points/points.ts';
import { Rows, SLAB_BYTES } from './rows.ts';
import { SeriesTotals } from '../files/series-totals.ts';
import { TimeOrder } from './time-order.ts';

/** Sorted series that are kept for the next page of a query. */
const SORTED_SERIES = 8;
/** Totals and the latest row of a series, bytes. */
const SERIES_BYTES = 29;

interface SortedSeries {
  readonly rows: Uint32Array;
  readonly blocks: BlockList;
}

/**
 * What the log holds beyond the files: rows in chunks of one series each, so that 100,000 tags with ten samples each cost little more than ten tags with 100,000. Bounded in bytes: when it is
 * `full` it must be written out before anything is appended.
 */
export class Memtable {
  /** Views that show it. */
  readers = 0;
  /** Samples. */
  count = 0;
  /** What is in it of each series. */
  readonly totals = new SeriesTotals();
  private readonly limitBytes: number;
  private readonly rows: Rows;
  private readonly chains = new Chains();
  /** Of each series its row with the greatest time, the last of several; of those that have any. */
  private latestRows = new Uint32Array(64);
  /** Of each series 1: samples came late. */
  private disorder = new Uint8Array(64);
  private readonly sorted = new Map<number, SortedSeries>();
  private readonly order = new TimeOrder();
  /** Rows of the samples that are being taken. */
  private places = new Uint32Array(1);
  private list = new Uint32Array(BLOCK_POINTS);
  private one: Arrivals | undefined;

  constructor(limitBytes: number, rows: Rows = new Rows()) {
    this.limitBytes = limitBytes;
    this.rows = rows;
  }

  /** An empty memtable. `reuse`: it takes over this one's memory, which nobody may look at any more. */
  successor(reuse: boolean): Memtable {
    return new Memtable(this.limitBytes, reuse ? this.rows.successor() : new Rows());
  }

  /** Memory that is taken. */
  get bytes(): number {
    return this.usedBytes + this.rows.spareBytes;
  }

  private get usedBytes(): number {
    return this.rows.bytes + this.chains.bytes + this.latestRows.length * SERIES_BYTES;
  }

  /** True: write it out before the next sample. */
  get full(): boolean {
    return this.count > 0 && this.isShort;
  }

  private get isShort(): boolean {
    return this.usedBytes + (this.rows.room < MOST_ROWS ? SLAB_BYTES : 0) > this.limitBytes;
  }

  /** Takes samples, whose offsets grow within each series, up to where it is full, and returns how many. */
  take(arrivals: Arrivals): number {
    if (this.count > 0 && this.usedBytes > this.limitBytes) return 0;
    const count = this.claim(arrivals);
    this.rows.put(this.places, arrivals, count);
    this.note(arrivals, count);
    this.count += count;
    return count;
  }

  /** Takes one sample, where it is not full. `timeUs` is the effective time; `deviceTimeUs` NaN where it is the same. */
  append(series: number, timeUs: number, offset: number, sample: Sample, deviceTimeUs: number): void {
    const one = (this.one ??= new Arrivals(1));
    one.reset();
    one.add(series, timeUs, offset, sample, deviceTimeUs);
    const taken = this.take(one);
    assert(taken === 1, 'nothing is appended to a full memtable');
  }

  /** Finds places for samples as long as it is not full. */
  private claim({ series, count }: Arrivals): number {
    const { chains, rows } = this;
    if (count > this.places.length) this.places = new Uint32Array(count);
    const { places } = this;
    for (let i = 0; i < count; i++) {
      const id = series[i] ?? 0;
      let row = chains.next[id] ?? 0;
      if (row === chains.ends[id] || id >= this.latestRows.length) {
        if (this.count + i > 0 && this.isShort) return i;
        if (id >= this.latestRows.length) this.growSeries(id);
        row = chains.extend(id, rows);
      }
      chains.next[id] = row + 1;
      places[i] = row;
    }
    return count;
  }

  /** Counts samples that have been taken. */
  private note({ series, points: { times } }: Arrivals, count: number): void {
    const { latestRows, places, disorder } = this;
    const { samples, firsts, lasts } = this.totals;
    for (let i = 0; i < count; i++) {
      const id = series[i] ?? 0;
      const timeUs = times[i] ?? 0;
      samples[id] = (samples[id] ?? 0) + 1;
      if (timeUs < (firsts[id] ?? 0)) firsts[id] = timeUs;
      if (timeUs >= (lasts[id] ?? 0)) {
        lasts[id] = timeUs;
        latestRows[id] = places[i] ?? 0;
      } else disorder[id] = 1;
    }
  }

  private growSeries(series: number): void {
    this.chains.grow(series);
    this.totals.ensure(series);
    this.latestRows = enlarged(this.latestRows, this.chains.next.length);
    const disorder = new Uint8Array(this.chains.next.length);
    disorder.set(this.disorder);
    this.disorder = disorder;
  }

  /** Whether it holds samples of the series. */
  has(series: number): boolean {
    return this.chains.has(series);
  }

  /** The sample with the greatest time (of equal ones the last in the log), or undefined. */
  latest(series: number, topic: number): Points | undefined {
    if (!this.has(series)) return undefined;
    const points = new Points(1);
    this.rows.gather(this.latestRows, series, series + 1, topic, points);
    return points;
  }

  /** Row of the sample that `latest` gives, or -1. For who asks about all series: see `latest-page.ts`. */
  latestRow(series: number): number {
    return this.has(series) ? (this.latestRows[series] ?? 0) : -1;
  }

  /** Effective time of a row, µs. */
  timeUs(row: number): number {
    return this.rows.time(row);
  }

  /** Log offset of a row. */
  offset(row: number): number {
    return this.rows.offset(row);
  }

  /** Appends the first `count` of these rows, which are of one topic, to points that have room for them. */
  gather(rows: Uint32Array, count: number, topic: number, out: Points): void {
    this.rows.gather(rows, 0, count, topic, out);
  }

  /** The samples of a series as blocks, kept for the next call; what is appended later is not in it. */
  blocks(series: number, topic: number): BlockList {
    const count = this.totals.samples[series] ?? 0;
    const known = this.sorted.get(series);
    if (known?.rows.length === count) return known.blocks;
    const before = known?.rows.length ?? 0;
    const added = this.inOrder(series, before, count).slice(0, count - before);
    const rows = known === undefined ? added : this.merged(known.rows, added);
    const blocks = this.cut(rows, topic);
    this.sorted.delete(series);
    const [oldest] = this.sorted.keys();
    if (oldest !== undefined && this.sorted.size >= SORTED_SERIES) this.sorted.delete(oldest);
    this.sorted.set(series, { rows, blocks });
    return blocks;
  }

  /** The samples of a series, to be written out as they are; undefined: some lie in the heap, see `eachBlock`. Valid until the next call. */
  sortedRows(series: number, topic: number): SortedRows | undefined {
    const { rows } = this;
    if (rows.hasHeap) return undefined;
    const count = this.totals.samples[series] ?? 0;
    const list = this.inOrder(series, 0, count);
    return {
      count,
      timeUs: (row) => rows.time(list[row] ?? 0),
      append: (start, end, to) => rows.gather(list, start, end, topic, to),
    };
  }

  /** Gives the samples of a series to `take`, a block at a time in `scratch`, which has room for 1,000. For a walk over all series. */
  eachBlock(series: number, topic: number, scratch: Points, take: (points: Points) => void): void {
    const count = this.totals.samples[series] ?? 0;
    const rows = this.inOrder(series, 0, count);
    const starts = this.boundaries(rows, count);
    for (const [block, start] of starts.entries()) {
      scratch.reset();
      this.rows.gather(rows, start, starts[block + 1] ?? count, topic, scratch);
      take(scratch);
    }
  }

  /** The rows of a series from the one numbered `from` up to its `count`th: by time, equal times in the order of the log. Valid until the next call. */
  private inOrder(series: number, from: number, count: number): Uint32Array {
    const { chains, order, rows } = this;
    if (this.disorder[series] === 0) {
      if (count - from > this.list.length) this.list = new Uint32Array(count - from);
      chains.walk(series, from, count, this.list);
      return this.list;
    }
    order.begin(count - from);
    chains.eachRun(series, from, count, (row, length) => rows.giveTimes(row, length, order));
    return order.finish();
  }

  /** Two sorted lists as one; rows of `b` came later. Sorting all of them again at every page of a query would take half a second a page when the memtable is full. */
  private merged(a: Uint32Array, b: Uint32Array): Uint32Array {
    const { rows } = this;
    const both = new Uint32Array(a.length + b.length);
    let from = 0;
    let at = 0;
    for (const row of b) {
      const time = rows.time(row);
      while (from < a.length && rows.time(a[from] ?? 0) <= time) both[at++] = a[from++] ?? 0;
      both[at++] = row;
    }
    both.set(a.subarray(from), at);
    return both;
  }

  private cut(list: Uint32Array, topic: number): BlockList {
    const { rows } = this;
    const starts = this.boundaries(list, list.length);
    const start = (block: number): number => starts[block] ?? list.length;
    return {
      topic,
      count: starts.length,
      first: (block) => rows.time(list[start(block)] ?? 0),
      last: (block) => rows.time(list[start(block + 1) - 1] ?? 0),
      samples: (block) => start(block + 1) - start(block),
      load: (block) => {
        const points = new Points(start(block + 1) - start(block));
        rows.gather(list, start(block), start(block + 1), topic, points);
        return points;
      },
    };
  }

  /** Where the blocks of `count` rows begin: every 1,000 rows, earlier where values are large. */
  private boundaries(list: Uint32Array, count: number): number[] {
    const starts: number[] = [];
    if (!this.rows.hasHeap) {
      for (let k = 0; k < count; k += BLOCK_POINTS) starts.push(k);
      return starts;
    }
    let heap = 0;
    for (let k = 0, begin = 0; k < count; k++) {
      const bytes = this.rows.heapBytes(list[k] ?? 0);
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
