import { isBlob, type Points } from '../points/points.ts';

const PAGE_SHIFT = 10;
const PAGE_ENTRIES = 1 << PAGE_SHIFT;
const PAGE_MASK = PAGE_ENTRIES - 1;
/** Of an entry: slot; quality and flags; device time; server time. */
const ENTRY_NUMBERS = 4;
const PAGE_BYTES = PAGE_ENTRIES * ENTRY_NUMBERS * 8;
const HEAP_SHIFT = 20;
const HEAP_PIECE_BYTES = 1 << HEAP_SHIFT;
const HEAP_MASK = HEAP_PIECE_BYTES - 1;

class Page {
  readonly numbers = new Float64Array(PAGE_ENTRIES * ENTRY_NUMBERS);
  readonly words = new Uint32Array(this.numbers.buffer);
}

/** What samples have beyond time, offset and a number: quality, flags, further times, and strings, bytes and arrays, which lie in pieces of 1 MiB. Only grows. */
export class Annex {
  /** Entries so far. */
  private count = 0;
  private readonly pages: Page[] = [];
  private readonly pieces: Uint8Array<ArrayBuffer>[] = [];
  private heapLength = 0;

  /** Memory that it takes, in whole pages and pieces. */
  get bytes(): number {
    return this.pages.length * PAGE_BYTES + this.pieces.length * HEAP_PIECE_BYTES;
  }

  /** Whether any value lies in the heap. */
  get hasHeap(): boolean {
    return this.heapLength > 0;
  }

  /** Takes over a row with all of its columns, and returns its entry. */
  add(from: Points, row: number): number {
    const entry = this.count++;
    const page = (this.pages[entry >>> PAGE_SHIFT] ??= new Page());
    const at = (entry & PAGE_MASK) * ENTRY_NUMBERS;
    const { numbers, words } = page;
    const low = from.words[row * 2] ?? 0;
    words[at * 2] = isBlob(from.kinds[row] ?? 0) ? this.putBytes(from.blob(row)) : low;
    words[at * 2 + 1] = from.words[row * 2 + 1] ?? 0;
    words[at * 2 + 2] = from.qualities[row] ?? 0;
    words[at * 2 + 3] = from.flags[row] ?? 0;
    numbers[at + 2] = from.deviceTimes[row] ?? Number.NaN;
    numbers[at + 3] = from.serverTimes[row] ?? Number.NaN;
    return entry;
  }

  /** A value lies in one piece of the heap: a record has at most 512,000 bytes. */
  private putBytes(bytes: Uint8Array): number {
    let at = this.heapLength;
    const room = HEAP_PIECE_BYTES - (at & HEAP_MASK);
    if (bytes.length > room) at += room;
    while (at + bytes.length > this.pieces.length * HEAP_PIECE_BYTES)
      this.pieces.push(new Uint8Array(HEAP_PIECE_BYTES));
    this.pieces[at >>> HEAP_SHIFT]?.set(bytes, at & HEAP_MASK);
    this.heapLength = at + bytes.length;
    return at;
  }

  /** Bytes that the value of an entry takes in the heap, which is of a kind that lies there. */
  heapBytes(entry: number): number {
    return this.pages[entry >>> PAGE_SHIFT]?.words[(entry & PAGE_MASK) * ENTRY_NUMBERS * 2 + 1] ?? 0;
  }

  /** Gives an entry back to a row, whose kind stands there. */
  get(entry: number, into: Points, row: number): void {
    const page = this.pages[entry >>> PAGE_SHIFT];
    if (page === undefined) return;
    const at = (entry & PAGE_MASK) * ENTRY_NUMBERS;
    const { numbers, words } = page;
    const low = words[at * 2] ?? 0;
    const high = words[at * 2 + 1] ?? 0;
    into.words[row * 2] = isBlob(into.kinds[row] ?? 0) ? this.copyBytes(low, high, into) : low;
    into.words[row * 2 + 1] = high;
    into.qualities[row] = words[at * 2 + 2] ?? 0;
    into.flags[row] = words[at * 2 + 3] ?? 0;
    into.deviceTimes[row] = numbers[at + 2] ?? Number.NaN;
    into.serverTimes[row] = numbers[at + 3] ?? Number.NaN;
  }

  private copyBytes(at: number, length: number, out: Points): number {
    const place = out.claim(length);
    const start = at & HEAP_MASK;
    const piece = this.pieces[at >>> HEAP_SHIFT];
    if (piece !== undefined) out.heap.set(piece.subarray(start, start + length), place);
    return place;
  }
}
