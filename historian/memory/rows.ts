import { Annex } from './annex.ts';
import type { Arrivals } from '../points/arrivals.ts';
import { isBlob, type Points } from '../points/points.ts';
import type { TimeOrder } from './time-order.ts';

const SLAB_SHIFT = 13;
const SLAB_ROWS = 1 << SLAB_SHIFT;
const SLAB_MASK = SLAB_ROWS - 1;
/** Of a row: time, log offset, slot (or, in its first word, an entry of the annex). */
const ROW_NUMBERS = 3;
/** Bytes of a slab: the numbers of its rows and their kinds. */
export const SLAB_BYTES = SLAB_ROWS * (ROW_NUMBERS * 8 + 1);
/** Beside the kind: the row has an entry in the annex. */
const EXTRA = 0x80;

class Slab {
  readonly numbers = new Float64Array(SLAB_ROWS * ROW_NUMBERS);
  readonly words = new Uint32Array(this.numbers.buffer);
  readonly kinds = new Uint8Array(SLAB_ROWS);
}

const NO_SLAB: Pick<Slab, 'numbers' | 'words' | 'kinds'> = {
  numbers: new Float64Array(0),
  words: new Uint32Array(0),
  kinds: new Uint8Array(0),
};

/**
 * Samples in memory by the number of their row, 25 bytes each, in slabs of 8,192 rows; what few samples have stands in an annex. What belongs to a row lies side by side: samples of a thousand
 * tags in turn are written to a thousand places, and each is one line of the processor's cache. Only grows.
 */
export class Rows {
  private readonly slabs: Slab[] = [];
  private readonly spare: Slab[];
  private readonly annex = new Annex();
  private claimed = 0;

  constructor(spare: Slab[] = []) {
    this.spare = spare;
  }

  /** Empty rows that use the memory of these, which must no longer be looked at. What these did not use themselves is given up. */
  successor(): Rows {
    return new Rows(this.slabs.splice(0));
  }

  /** Memory that samples take, in whole slabs, pages and pieces. */
  get bytes(): number {
    return this.slabs.length * SLAB_BYTES + this.annex.bytes;
  }

  /** Memory kept for samples to come. */
  get spareBytes(): number {
    return this.spare.length * SLAB_BYTES;
  }

  /** Rows that can be claimed in memory that is taken already. */
  get room(): number {
    return this.slabs.length * SLAB_ROWS - this.claimed;
  }

  /** Whether any value lies in the heap. */
  get hasHeap(): boolean {
    return this.annex.hasHeap;
  }

  /** Claims up to so many rows, at least one, that lie one behind the other, and returns the first; `claimedUntil` is behind the last. */
  claim(wanted: number): number {
    if (this.room === 0) this.slabs.push(this.spare.pop() ?? new Slab());
    const first = this.claimed;
    this.claimed += Math.min(wanted, this.room);
    return first;
  }

  /** What was claimed last ends in front of this row. */
  get claimedUntil(): number {
    return this.claimed;
  }

  /** Fills rows that were claimed with the first `count` of arrivals. */
  put(rows: Uint32Array, { points, extras }: Arrivals, count: number): void {
    const { slabs, annex } = this;
    const { times, offsets, words: slots, kinds } = points;
    for (let i = 0; i < count; i++) {
      const row = rows[i] ?? 0;
      const slab = slabs[row >>> SLAB_SHIFT];
      if (slab === undefined) continue;
      const at = (row & SLAB_MASK) * ROW_NUMBERS;
      slab.numbers[at] = times[i] ?? 0;
      slab.numbers[at + 1] = offsets[i] ?? 0;
      if (extras[i] === 0) {
        slab.kinds[row & SLAB_MASK] = kinds[i] ?? 0;
        slab.words[at * 2 + 4] = slots[i * 2] ?? 0;
        slab.words[at * 2 + 5] = slots[i * 2 + 1] ?? 0;
      } else {
        slab.kinds[row & SLAB_MASK] = (kinds[i] ?? 0) | EXTRA;
        slab.words[at * 2 + 4] = annex.add(points, i);
      }
    }
  }

  time(row: number): number {
    return this.slabs[row >>> SLAB_SHIFT]?.numbers[(row & SLAB_MASK) * ROW_NUMBERS] ?? 0;
  }

  offset(row: number): number {
    return this.slabs[row >>> SLAB_SHIFT]?.numbers[(row & SLAB_MASK) * ROW_NUMBERS + 1] ?? 0;
  }

  /** Bytes that the row's value takes in the heap. */
  heapBytes(row: number): number {
    const slab = this.slabs[row >>> SLAB_SHIFT];
    const kind = slab?.kinds[row & SLAB_MASK] ?? 0;
    if (kind < EXTRA || !isBlob(kind & ~EXTRA)) return 0;
    return this.annex.heapBytes(slab?.words[(row & SLAB_MASK) * ROW_NUMBERS * 2 + 4] ?? 0);
  }

  /** Gives the times of `count` rows from `row` on, which were claimed together, to who puts them in order. */
  giveTimes(row: number, count: number, order: TimeOrder): void {
    const slab = this.slabs[row >>> SLAB_SHIFT];
    if (slab !== undefined) order.take(row, count, slab.numbers, (row & SLAB_MASK) * ROW_NUMBERS, ROW_NUMBERS);
  }

  /** Appends the rows that `list` names from `start` to `end` to points, which have room for them. */
  gather(list: Uint32Array, start: number, end: number, topic: number, out: Points): void {
    const first = out.count;
    const last = first + end - start;
    out.topics.fill(topic, first, last);
    out.clearQualities(first, last);
    out.clearFlags(first, last);
    out.clearDeviceTimes(first, last);
    out.clearServerTimes(first, last);
    out.count = last;
    this.copy(list, start, end, out, first);
  }

  /** Copies the rows that `list` names from `start` to `end` to rows of points from `to` on: one by one, for where samples come late few lie one behind the other. */
  private copy(list: Uint32Array, start: number, end: number, out: Points, to: number): void {
    const { slabs, annex } = this;
    const { times, offsets, words, kinds } = out;
    let number = -1;
    let slab = NO_SLAB;
    for (let k = start, i = to; k < end; k++, i++) {
      const row = list[k] ?? 0;
      if (row >>> SLAB_SHIFT !== number) {
        number = row >>> SLAB_SHIFT;
        slab = slabs[number] ?? NO_SLAB;
      }
      const at = (row & SLAB_MASK) * ROW_NUMBERS;
      const kind = slab.kinds[row & SLAB_MASK] ?? 0;
      const low = slab.words[at * 2 + 4] ?? 0;
      times[i] = slab.numbers[at] ?? 0;
      offsets[i] = slab.numbers[at + 1] ?? 0;
      kinds[i] = kind & ~EXTRA;
      if (kind >= EXTRA) annex.get(low, out, i);
      else {
        words[i * 2] = low;
        words[i * 2 + 1] = slab.words[at * 2 + 5] ?? 0;
      }
    }
  }
}
