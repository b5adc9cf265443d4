import { ByteWriter } from '../edge/core/byte-writer.ts';
import { type ArrayValue, type Sample, ValueKind } from '../edge/core/sample.ts';
import { writeArrayValue } from './array-codec.ts';
import { isBlob, type Points } from './points.ts';

const CHUNK_SHIFT = 14;
const CHUNK_ROWS = 1 << CHUNK_SHIFT;
const CHUNK_MASK = CHUNK_ROWS - 1;
/** Bytes of a row without device and server time. */
const ROW_BYTES = 37;
/** Bytes of a chunk without device and server times. */
export const CHUNK_BYTES = CHUNK_ROWS * ROW_BYTES;
const HEAP_SHIFT = 20;
const HEAP_PIECE_BYTES = 1 << HEAP_SHIFT;
const HEAP_MASK = HEAP_PIECE_BYTES - 1;

class Chunk {
  readonly times = new Float64Array(CHUNK_ROWS);
  readonly offsets = new Float64Array(CHUNK_ROWS);
  readonly slots = new Float64Array(CHUNK_ROWS);
  readonly words = new Uint32Array(this.slots.buffer);
  readonly qualities = new Uint32Array(CHUNK_ROWS);
  readonly flags = new Int32Array(CHUNK_ROWS);
  readonly kinds = new Uint8Array(CHUNK_ROWS);
  readonly links = new Uint32Array(CHUNK_ROWS);
  /** NaN: none. Made when first needed. */
  deviceTimes: Float64Array | undefined;
  serverTimes: Float64Array | undefined;
}

/** Samples in memory in the order of arrival, in columns of 16,384 rows; strings, bytes and arrays in pieces of 1 MiB. Values are slots as in `Points`. Only grows. */
export class Rows {
  count = 0;
  private readonly chunks: Chunk[] = [];
  private readonly spare: Chunk[];
  private readonly pieces: Uint8Array<ArrayBuffer>[] = [];
  private tail: Chunk | undefined;
  private heapLength = 0;
  private optionalBytes = 0;
  private readonly scratch = new ByteWriter(1024);
  private readonly encoder = new TextEncoder();

  constructor(spare: Chunk[] = []) {
    this.spare = spare;
  }

  /** Empty rows that use the memory of these, which must no longer be looked at. What these did not use themselves is given up. */
  successor(): Rows {
    for (const chunk of this.chunks) {
      chunk.deviceTimes = undefined;
      chunk.serverTimes = undefined;
    }
    return new Rows(this.chunks.splice(0));
  }

  /** Memory that samples take, in whole chunks and pieces. */
  get bytes(): number {
    return this.chunks.length * CHUNK_BYTES + this.optionalBytes + this.pieces.length * HEAP_PIECE_BYTES;
  }

  /** Memory kept for samples to come. */
  get spareBytes(): number {
    return this.spare.length * CHUNK_BYTES;
  }

  /** What the next row will take from memory: a chunk, or nothing. */
  get nextBytes(): number {
    return (this.count & CHUNK_MASK) === 0 ? CHUNK_BYTES : 0;
  }

  /** Whether any value lies in the heap. */
  get hasHeap(): boolean {
    return this.heapLength > 0;
  }

  /** Appends a row. `deviceTimeUs`: NaN for none. `link`: any number that the caller wants to find with the row. */
  append(timeUs: number, offset: number, sample: Sample, deviceTimeUs: number, link: number): void {
    const i = this.count & CHUNK_MASK;
    const chunk = i === 0 || this.tail === undefined ? this.nextChunk() : this.tail;
    this.count++;
    chunk.times[i] = timeUs;
    chunk.offsets[i] = offset;
    chunk.qualities[i] = sample.quality;
    chunk.flags[i] = sample.flags;
    chunk.kinds[i] = sample.kind;
    chunk.links[i] = link;
    this.putValue(chunk, i, sample);
    if (!Number.isNaN(deviceTimeUs)) this.optional(chunk, 'deviceTimes')[i] = deviceTimeUs;
    if (sample.serverTimeUs !== null) this.optional(chunk, 'serverTimes')[i] = sample.serverTimeUs;
  }

  private nextChunk(): Chunk {
    const chunk = this.spare.pop() ?? new Chunk();
    this.chunks.push(chunk);
    this.tail = chunk;
    return chunk;
  }

  private putValue(chunk: Chunk, i: number, sample: Sample): void {
    const { words } = chunk;
    const { value } = sample;
    if (typeof value === 'number' && sample.kind !== ValueKind.long) chunk.slots[i] = value;
    else if (typeof value === 'number') {
      words[i * 2] = value;
      words[i * 2 + 1] = Math.floor(value / 4294967296);
    } else if (typeof value === 'bigint') {
      words[i * 2] = Number(BigInt.asUintN(32, value));
      words[i * 2 + 1] = Number(BigInt.asUintN(32, value >> 32n));
    } else if (typeof value === 'boolean') {
      words[i * 2] = value ? 1 : 0;
      words[i * 2 + 1] = 0;
    } else if (value === null) chunk.slots[i] = 0;
    else if (typeof value === 'string') this.putBytes(chunk, i, this.encoder.encode(value));
    else if (value instanceof Uint8Array) this.putBytes(chunk, i, value);
    else this.putArray(chunk, i, value);
  }

  private putArray(chunk: Chunk, i: number, value: ArrayValue): void {
    this.scratch.reset();
    writeArrayValue(this.scratch, value);
    this.putBytes(chunk, i, this.scratch.bytes.subarray(0, this.scratch.length));
  }

  /** A value lies in one piece of the heap: a record has at most 512,000 bytes. */
  private putBytes(chunk: Chunk, i: number, bytes: Uint8Array): void {
    let at = this.heapLength;
    const room = HEAP_PIECE_BYTES - (at & HEAP_MASK);
    if (bytes.length > room) at += room;
    while (at + bytes.length > this.pieces.length * HEAP_PIECE_BYTES)
      this.pieces.push(new Uint8Array(HEAP_PIECE_BYTES));
    this.pieces[at >>> HEAP_SHIFT]?.set(bytes, at & HEAP_MASK);
    this.heapLength = at + bytes.length;
    chunk.words[i * 2] = at;
    chunk.words[i * 2 + 1] = bytes.length;
  }

  private optional(chunk: Chunk, column: 'deviceTimes' | 'serverTimes'): Float64Array {
    const existing = chunk[column];
    if (existing !== undefined) return existing;
    const made = new Float64Array(CHUNK_ROWS).fill(Number.NaN);
    chunk[column] = made;
    this.optionalBytes += made.byteLength;
    return made;
  }

  time(row: number): number {
    return this.chunks[row >>> CHUNK_SHIFT]?.times[row & CHUNK_MASK] ?? 0;
  }

  link(row: number): number {
    return this.chunks[row >>> CHUNK_SHIFT]?.links[row & CHUNK_MASK] ?? 0;
  }

  /** Bytes that the row's value takes in the heap. */
  heapBytes(row: number): number {
    const chunk = this.chunks[row >>> CHUNK_SHIFT];
    const i = row & CHUNK_MASK;
    return isBlob(chunk?.kinds[i] ?? 0) ? (chunk?.words[i * 2 + 1] ?? 0) : 0;
  }

  /** Appends the rows that `list` names from `start` to `end` to points, which have room for them. */
  gather(list: Uint32Array, start: number, end: number, topic: number, out: Points): void {
    for (let k = start; k < end; k++) {
      const row = list[k] ?? 0;
      const chunk = this.chunks[row >>> CHUNK_SHIFT];
      if (chunk === undefined) continue;
      const i = row & CHUNK_MASK;
      const at = out.count++;
      const kind = chunk.kinds[i] ?? 0;
      const low = chunk.words[i * 2] ?? 0;
      const high = chunk.words[i * 2 + 1] ?? 0;
      out.times[at] = chunk.times[i] ?? 0;
      out.offsets[at] = chunk.offsets[i] ?? 0;
      out.kinds[at] = kind;
      out.topics[at] = topic;
      out.qualities[at] = chunk.qualities[i] ?? 0;
      out.flags[at] = chunk.flags[i] ?? 0;
      out.deviceTimes[at] = chunk.deviceTimes?.[i] ?? Number.NaN;
      out.serverTimes[at] = chunk.serverTimes?.[i] ?? Number.NaN;
      out.words[at * 2 + 1] = high;
      out.words[at * 2] = isBlob(kind) ? this.copyBytes(low, high, out) : low;
    }
  }

  private copyBytes(at: number, length: number, out: Points): number {
    const place = out.claim(length);
    const start = at & HEAP_MASK;
    const piece = this.pieces[at >>> HEAP_SHIFT];
    if (piece !== undefined) out.heap.set(piece.subarray(start, start + length), place);
    return place;
  }
}
