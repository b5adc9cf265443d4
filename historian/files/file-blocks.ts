import { Fault } from '../../edge/core/fault.ts';
import type { IndexPiece, PieceFacts } from './block-index.ts';
import type { BlockList, SummarizedBlock } from './block-list.ts';
import { type BlockEntries, Mark } from '../codec/entries.ts';
import { INDEX_PIECE_BLOCKS } from '../limits.ts';
import { Points } from '../points/points.ts';

/** Who reads the file of a list. */
export interface BlockSource {
  /** A piece of the index, or why it cannot be read. */
  piece(number: number): IndexPiece | Fault;
  /** Reads and decodes the block-th block of a piece. */
  decode(piece: IndexPiece, block: number): Points | Fault;
  /** The bytes of the block-th block of a piece; undefined: they are not what was written, or there are none. */
  bytes(piece: IndexPiece, block: number): Uint8Array | undefined;
  /** Decodes the block-th block of a piece behind the rows of points; false: it is to be decoded by itself. */
  append(piece: IndexPiece, block: number, to: Points): boolean;
}

/** Bytes of blocks that are read at once where one is read behind the other. */
const AHEAD_BYTES = 32 * 1024;
/** The same with the first one: what is beside it takes less than another read would. */
const FIRST_BYTES = 8 * 1024;

/** Fills memory from a place of the file on, and says how many bytes there were. Throws `historian-damaged`. */
type ReadPart = (into: Uint8Array, at: number) => number;

/** Memory that one block after the other is read into: new memory for each takes longer than the decoding. Strings, bytes and arrays stay in the bytes that were read. */
export class BlockRoom {
  private buffer = new Uint8Array(0);
  /** What of the file is in it. */
  private from = 0;
  private to = 0;
  /** Where the last block ended. */
  private end = -1;
  private decoded: Points | undefined;

  /** Reads `length` bytes, of which blocks will be wanted, at once; undefined: not all of them can be read. */
  fill(position: number, length: number, read: ReadPart): Uint8Array | undefined {
    this.buffer = new Uint8Array(length);
    this.from = position;
    this.to = position;
    if (this.readAhead(position, length, read) < length) return undefined;
    this.to = position + length;
    return this.buffer;
  }

  /** The bytes of a block; those are read with it that come next, up to a limit: a few, or more where it lies behind the last one. `read` says how many bytes there were, or throws. */
  bytes(position: number, length: number, limit: number, read: ReadPart): Uint8Array {
    if (position < this.from || position + length > this.to) {
      const ahead = position === this.end ? AHEAD_BYTES : FIRST_BYTES;
      const wanted = Math.max(length, Math.min(limit - position, ahead));
      if (this.buffer.length < wanted) this.buffer = new Uint8Array(Math.max(wanted, FIRST_BYTES));
      this.to = this.from;
      let got = wanted === length ? 0 : this.readAhead(position, wanted, read);
      if (got < length) got = read(this.buffer.subarray(0, length), position);
      if (got < length) throw new Fault('historian-damaged', `${got} bytes at ${position} instead of ${length}.`);
      this.from = position;
      this.to = position + got;
    }
    this.end = position + length;
    return this.buffer.subarray(position - this.from, position - this.from + length);
  }

  /** How many bytes there were; what lies behind the block that is wanted may be what cannot be read. */
  private readAhead(position: number, wanted: number, read: ReadPart): number {
    try {
      return read(this.buffer.subarray(0, wanted), position);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return 0;
    }
  }

  /** Room for so many samples at least. */
  points(capacity: number): Points {
    if (this.decoded === undefined || this.decoded.capacity < capacity) this.decoded = new Points(capacity);
    return this.decoded;
  }
}

/** The blocks of one series of a file. Pieces of their index are read when they are come to; one that cannot be read is a block that cannot be, and empty ones behind it. */
export class FileBlocks implements BlockList {
  readonly topic: number;
  readonly count: number;
  private readonly source: BlockSource;
  private readonly pieces: readonly PieceFacts[];
  /** The piece that was last looked into, and the number of its first block. */
  private current: IndexPiece | undefined;
  private start = 0;
  private end = 0;
  private readonly lost = new Map<number, Fault>();

  constructor(source: BlockSource, pieces: readonly PieceFacts[], topic: number) {
    this.source = source;
    this.pieces = pieces;
    this.topic = topic;
    this.count = pieces.reduce((sum, { blocks }) => sum + blocks, 0);
  }

  first(block: number): number {
    const facts = this.facts(block);
    if (block % INDEX_PIECE_BLOCKS === 0) return facts?.firstUs ?? 0;
    return this.entries(block)?.firsts[block - this.start] ?? facts?.firstUs ?? 0;
  }

  last(block: number): number {
    return this.entries(block)?.lasts[block - this.start] ?? this.facts(block)?.reachUs ?? 0;
  }

  samples(block: number): number {
    const entries = this.entries(block);
    if (entries !== undefined) return entries.samples[block - this.start] ?? 0;
    return block % INDEX_PIECE_BLOCKS === 0 ? (this.facts(block)?.samples ?? 0) : 0;
  }

  /** Least and greatest log offset of a block; undefined: they cannot be read. */
  offsets(block: number): readonly [least: number, greatest: number] | undefined {
    const entries = this.entries(block);
    const at = block - this.start;
    return entries === undefined ? undefined : [entries.leastOffsets[at] ?? 0, entries.greatestOffsets[at] ?? 0];
  }

  seek(timeUs: number): number {
    const { pieces } = this;
    let low = 0;
    let high = pieces.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((pieces[middle]?.reachUs ?? 0) < timeUs) low = middle + 1;
      else high = middle;
    }
    let block = low * INDEX_PIECE_BLOCKS;
    while (block < this.count && this.last(block) < timeUs) block++;
    return Math.min(block, this.count);
  }

  summary(block: number): SummarizedBlock | undefined {
    const entries = this.entries(block);
    if (entries === undefined) return undefined;
    const at = block - this.start;
    return {
      summary: entries.summary(at),
      topic: this.topic,
      leastOffset: entries.leastOffsets[at] ?? 0,
      greatestOffset: entries.greatestOffsets[at] ?? 0,
      expired: ((entries.marks[at] ?? 0) & Mark.expired) !== 0,
    };
  }

  load(block: number): Points | Fault {
    const piece = this.piece(block);
    if (piece === undefined) {
      const fault = this.lost.get(Math.floor(block / INDEX_PIECE_BLOCKS));
      return fault !== undefined && block % INDEX_PIECE_BLOCKS === 0 ? fault : new Points(0);
    }
    return this.source.decode(piece, block - this.start);
  }

  append(block: number, to: Points): boolean {
    const piece = this.piece(block);
    return piece !== undefined && this.source.append(piece, block - this.start, to);
  }

  bytes(block: number): Uint8Array | undefined {
    const piece = this.piece(block);
    return piece === undefined ? undefined : this.source.bytes(piece, block - this.start);
  }

  private facts(block: number): PieceFacts | undefined {
    return this.pieces[Math.floor(block / INDEX_PIECE_BLOCKS)];
  }

  private entries(block: number): BlockEntries | undefined {
    return this.piece(block)?.entries;
  }

  /** The piece that has a block; undefined: it cannot be read. */
  private piece(block: number): IndexPiece | undefined {
    if (block < this.start || block >= this.end) this.moveTo(Math.floor(block / INDEX_PIECE_BLOCKS));
    return this.current;
  }

  private moveTo(number: number): void {
    const known = this.lost.get(number);
    const found = known ?? this.source.piece(number);
    if (found instanceof Fault) this.lost.set(number, found);
    this.current = found instanceof Fault ? undefined : found;
    this.start = number * INDEX_PIECE_BLOCKS;
    this.end = this.start + (this.pieces[number]?.blocks ?? 0);
  }
}
