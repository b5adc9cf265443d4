import type { Rows } from './rows.ts';

/**
 * Rows of a series lie together, so many at most; at first few: of 100,000 tags some may come once an hour. Where a tenth of the samples comes late, chunks lie anywhere in memory, and each is a
 * way to where no cache has been: with 120 instead of 64 rows writing out takes 9 to 12 ns a row less of 130 then, and 2 of 57 where none is late.
 */
export const MOST_ROWS = 120;
const LEAST_ROWS = 4;
/** A chunk's entries in the table, bytes. */
const CHUNK_BYTES = 12;
/** What a series takes, bytes. */
const SERIES_BYTES = 12;

/** Which rows belong to a series, in the order in which they came: in chunks that grow with the series, so that no more than half of the memory is ever in wait. */
export class Chains {
  /** Of each series the row of its next sample, and the end of its last chunk; the same: it has no room. */
  next = new Uint32Array(64);
  ends = new Uint32Array(64);
  /** Last chunk + 1; 0: the series has none. */
  private last = new Uint32Array(64);
  /** Of each chunk its first row, the rows of its series in it and in those before it, and the one before it, + 1. */
  private starts = new Uint32Array(64);
  private held = new Uint32Array(64);
  private before = new Uint32Array(64);
  private chunks = 0;

  get bytes(): number {
    return this.next.length * SERIES_BYTES + this.starts.length * CHUNK_BYTES;
  }

  /** Whether a series has rows. */
  has(series: number): boolean {
    return (this.last[series] ?? 0) !== 0;
  }

  /** Gives a series whose rows are all filled room for more, and returns its next row. */
  extend(series: number, rows: Rows): number {
    if (this.chunks === this.starts.length) this.growChunks();
    const chunk = this.chunks++;
    const before = this.last[series] ?? 0;
    const held = before === 0 ? 0 : (this.held[before - 1] ?? 0);
    const start = rows.claim(Math.min(MOST_ROWS, Math.max(LEAST_ROWS, held)));
    const end = rows.claimedUntil;
    this.starts[chunk] = start;
    this.held[chunk] = held + end - start;
    this.before[chunk] = before;
    this.last[series] = chunk + 1;
    this.ends[series] = end;
    return start;
  }

  /** The rows of a series from the one numbered `from` up to its `count`th, in the order in which they came. */
  walk(series: number, from: number, count: number, into: Uint32Array): void {
    let chunk = (this.last[series] ?? 0) - 1;
    for (let until = count; until > from;) {
      const before = (this.before[chunk] ?? 0) - 1;
      const first = before < 0 ? 0 : (this.held[before] ?? 0);
      const shift = (this.starts[chunk] ?? 0) - first;
      for (let k = Math.max(first, from); k < until; k++) into[k - from] = k + shift;
      until = first;
      chunk = before;
    }
  }

  /** Gives the rows of a series from the one numbered `from` up to its `count`th, some at a time that lie one behind the other, in the order in which they came. */
  eachRun(series: number, from: number, count: number, take: (row: number, count: number) => void): void {
    const chain: number[] = [];
    for (let chunk = (this.last[series] ?? 0) - 1; chunk >= 0; chunk = (this.before[chunk] ?? 0) - 1) {
      chain.push(chunk);
      if (this.heldBefore(chunk) <= from) break;
    }
    for (let k = chain.length - 1; k >= 0; k--) {
      const chunk = chain[k] ?? 0;
      const first = this.heldBefore(chunk);
      const start = Math.max(first, from);
      const until = Math.min(count, this.held[chunk] ?? 0);
      if (until > start) take((this.starts[chunk] ?? 0) + start - first, until - start);
    }
  }

  /** Rows of its series in the chunks before this one. */
  private heldBefore(chunk: number): number {
    const before = (this.before[chunk] ?? 0) - 1;
    return before < 0 ? 0 : (this.held[before] ?? 0);
  }

  /** Makes room for a series. */
  grow(series: number): void {
    let capacity = this.next.length;
    while (capacity <= series) capacity *= 2;
    this.next = enlarged(this.next, capacity);
    this.ends = enlarged(this.ends, capacity);
    this.last = enlarged(this.last, capacity);
  }

  private growChunks(): void {
    const capacity = this.starts.length * 2;
    this.starts = enlarged(this.starts, capacity);
    this.held = enlarged(this.held, capacity);
    this.before = enlarged(this.before, capacity);
  }
}

/** The same numbers in more room. */
export function enlarged(from: Uint32Array, capacity: number): Uint32Array<ArrayBuffer> {
  const grown = new Uint32Array(capacity);
  grown.set(from);
  return grown;
}
