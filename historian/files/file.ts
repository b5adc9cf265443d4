import path from 'node:path';
import { crc32c } from '@node-rs/crc32';
import type { Disk } from '../../edge/core/disk.ts';
import { assert, errnoOf, Fault, messageOf } from '../../edge/core/fault.ts';
import { appendBlock, type BlockKey, decodeBlock } from './block.ts';
import {
  directoryBytes,
  INDEX_READ_BYTES,
  type IndexPiece,
  parseDirectory,
  parsePiece,
  type PieceFacts,
} from './block-index.ts';
import type { BlockList } from './block-list.ts';
import { type BlockEntries, Mark } from '../codec/entries.ts';
import { BlockRoom, type BlockSource, FileBlocks } from './file-blocks.ts';
import { FILE_HEADER_BYTES, FILE_MAGIC, FILE_TRAILER_BYTES, FILE_VERSION, type FileEntry } from './file-writer.ts';
import { type Gone, NOTHING_GONE } from './gone.ts';
import { LastSamples } from './last-samples.ts';
import { IndexCache, type KeptPiece } from './index-cache.ts';
import { BLOCK_POINTS, INDEX_CACHE_BYTES } from '../limits.ts';
import type { Points } from '../points/points.ts';
import { unitName } from './rollups.ts';
import type { SeriesIndex } from './series-index.ts';
import { emptyTable, parseTable, type SeriesTable } from './series-table.ts';

/** Blocks and index of a series that take no more than this are read at once: a question for what is on the disk alone waits for it once and not three times. */
const SERIES_READ_BYTES = 64 * 1024;

/** Of all files that this thread reads. */
const cache = new IndexCache(INDEX_CACHE_BYTES);

/** The index of one series, as far as it was read. */
interface OpenIndex {
  readonly pieces: readonly PieceFacts[];
  readonly kept: Map<number, KeptPiece>;
}

/** What was read of an index: its directory, and the bytes of its one piece, if they came with it. */
interface ReadIndex {
  readonly pieces: readonly PieceFacts[];
  readonly only: Uint8Array | undefined;
}

/** An immutable file of the historian, opened for reading (FORMAT.md, "File"). Counted: open it once, `retain` for each who reads, it is closed when all have released it. */
export class StoredFile {
  /** As the manifest has it. */
  entry: FileEntry;
  readonly path: string;
  /** Set when a part of it turned out to be damaged: it is not merged with others any more. */
  damaged = false;
  private readonly disk: Disk;
  private readonly report: (fault: Fault) => void;
  private fd = -1;
  private references = 1;
  private table: SeriesTable = emptyTable();
  /** By entry; none without a piece that is kept. */
  private readonly indexes = new Map<number, OpenIndex>();

  /** `report` is told of the first part that turns out to be damaged. */
  constructor(disk: Disk, folder: string, entry: FileEntry, report: (fault: Fault) => void = () => undefined) {
    this.disk = disk;
    this.report = report;
    this.entry = entry;
    this.path = path.join(folder, entry.name);
  }

  /** Opens it and reads its table; new tags and topics get numbers. Throws `historian-damaged`. */
  open(series: SeriesIndex, topicNumber: (name: string) => number): void {
    try {
      this.fd = this.disk.open(this.path, 'r');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT')
        throw new Fault('historian-damaged', `${this.path} is missing.`, { cause: error });
      throw new Fault('data-unreadable', `${this.path}: ${messageOf(error)}`, { cause: error });
    }
    try {
      this.readTable(series, topicNumber);
    } catch (error) {
      this.release();
      if (!(error instanceof Fault)) throw error;
      throw new Fault('historian-damaged', `${this.path}: ${error.detail}`, { cause: error });
    }
  }

  retain(): this {
    this.references++;
    return this;
  }

  release(): void {
    this.references--;
    if (this.references > 0 || this.fd < 0) return;
    this.disk.close(this.fd);
    this.fd = -1;
    for (const { kept } of this.indexes.values()) for (const piece of kept.values()) cache.remove(piece);
    this.indexes.clear();
  }

  /** Ids of the series in it, in the order of the file. */
  get series(): Uint32Array {
    return this.table.series;
  }

  /** The last sample of each series in it, by entry: once, then it is let go of. */
  takeLast(): LastSamples {
    const { last } = this.table;
    this.table.last = new LastSamples(0);
    return last;
  }

  /** What there was of the entry-th series in it and is there no more. */
  gone(entry: number): Gone {
    return this.table.gone.get(entry) ?? NOTHING_GONE;
  }

  /** What there was of a series. */
  goneOf(series: number): Gone {
    return this.gone((this.table.places[series] ?? 0) - 1);
  }

  /** Samples of a series in it, and their first and last effective time; undefined: there are none. */
  summaryOf(series: number): { samples: number; firstUs: number; lastUs: number } | undefined {
    const entry = (this.table.places[series] ?? 0) - 1;
    return entry < 0 || this.table.samples[entry] === 0 ? undefined : this.summary(entry);
  }

  /** Samples of the entry-th series in it, and their first and last effective time. */
  summary(entry: number): { samples: number; firstUs: number; lastUs: number } {
    const { samples, firsts, lasts } = this.table;
    return { samples: samples[entry] ?? 0, firstUs: firsts[entry] ?? 0, lastUs: lasts[entry] ?? 0 };
  }

  /** Last effective time of a series in this file, or undefined if there are no samples of it. */
  lastOf(series: number): number | undefined {
    const entry = (this.table.places[series] ?? 0) - 1;
    return entry < 0 || this.table.samples[entry] === 0 ? undefined : this.table.lasts[entry];
  }

  /** Samples of a series in this file, or undefined if there are none with `fromUs` ≤ time < `toUs`. */
  blocks(series: number, topic: number, fromUs: number, toUs: number): BlockList | undefined {
    const entry = (this.table.places[series] ?? 0) - 1;
    if (entry < 0 || this.table.samples[entry] === 0) return undefined;
    if ((this.table.lasts[entry] ?? 0) < fromUs || (this.table.firsts[entry] ?? 0) >= toUs) return undefined;
    return this.listOf(entry, topic);
  }

  /** All samples of a series in this file, for who goes through them once: nothing of its index is kept, for which something would go that questions ask for again and again. */
  blocksOnce(series: number, topic: number): BlockList | undefined {
    const entry = (this.table.places[series] ?? 0) - 1;
    return entry < 0 || this.table.samples[entry] === 0 ? undefined : this.listOf(entry, topic, true);
  }

  private listOf(entry: number, topic: number, once = false): BlockList {
    const room = new BlockRoom();
    const index = this.orDamage(() => (once ? this.readIndex(entry, room) : this.index(entry, room)));
    if (index instanceof Fault) return this.unreadable(entry, topic, index);
    const readPiece = (number: number): IndexPiece =>
      'only' in index ? this.readPiece(entry, index, number) : this.piece(entry, number);
    const source: BlockSource = {
      piece: (number) => this.orDamage(() => readPiece(number)),
      decode: (piece, block) => this.decode(piece, block, topic, room),
      bytes: (piece, block) => this.blockBytes(piece, block, room),
      append: (piece, block, to) => this.append(piece, block, topic, room, to),
    };
    return new FileBlocks(source, index.pieces, topic);
  }

  /** A series whose block index is damaged: one block that cannot be read. */
  private unreadable(entry: number, topic: number, fault: Fault): BlockList {
    const { samples, firstUs, lastUs } = this.summary(entry);
    return {
      topic,
      count: 1,
      first: () => firstUs,
      last: () => lastUs,
      samples: () => samples,
      load: () => fault,
    };
  }

  private decode({ entries, positions }: IndexPiece, block: number, topic: number, room: BlockRoom): Points | Fault {
    if (((entries.marks[block] ?? 0) & Mark.expired) !== 0)
      return this.expired(entries.firsts[block] ?? 0, entries.lasts[block] ?? 0);
    const key = keyOf(entries, block);
    return this.orDamage(() => {
      const bytes = this.bytesOf({ entries, positions }, block, room);
      return decodeBlock(bytes, key, topic, room.points(entries.count === 1 ? key.count : BLOCK_POINTS));
    }, positions[block]);
  }

  private append(piece: IndexPiece, block: number, topic: number, room: BlockRoom, to: Points): boolean {
    const key = keyOf(piece.entries, block);
    const read = (): boolean => appendBlock(this.bytesOf(piece, block, room), key, topic, to);
    // Damage is told of when it is decoded.
    return this.orDamage(read, piece.positions[block]) === true;
  }

  /** The bytes of a block, if they are what was written. Damage is told of when it is decoded. */
  private blockBytes(piece: IndexPiece, block: number, room: BlockRoom): Uint8Array | undefined {
    if (((piece.entries.marks[block] ?? 0) & Mark.expired) !== 0) return undefined;
    const bytes = this.orDamage(() => this.bytesOf(piece, block, room), piece.positions[block]);
    return bytes instanceof Fault || crc32c(bytes) !== piece.entries.crcs[block] ? undefined : bytes;
  }

  private bytesOf({ entries, positions }: IndexPiece, block: number, room: BlockRoom): Uint8Array {
    const end = (positions.at(-1) ?? 0) + (entries.lengths.at(-1) ?? 0);
    return room.bytes(positions[block] ?? 0, entries.lengths[block] ?? 0, end, (part, at) => this.read(part, at));
  }

  /** Says for which intervals there would be an answer. */
  private expired(firstUs: number, lastUs: number): Fault {
    const unit = unitName(firstUs, lastUs);
    return new Fault('historian-expired', `Only a roll-up is left: aggregates of whole ${unit} (UTC) have an answer.`);
  }

  /** What was read, or why it cannot be. */
  private orDamage<T>(read: () => T, position?: number): T | Fault {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return this.damage(error, position);
    }
  }

  private damage(fault: Fault, position?: number): Fault {
    const place = position === undefined ? '' : ` at byte ${position}`;
    const damage = new Fault('historian-damaged', `${this.path}${place}: ${fault.detail}`, { cause: fault });
    if (!this.damaged) this.report(damage);
    this.damaged = true;
    return damage;
  }

  private bytes(position: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.readWhole(bytes, position);
    return bytes;
  }

  private readWhole(into: Uint8Array, position: number): void {
    const got = this.read(into, position);
    if (got < into.length)
      throw new Fault('historian-damaged', `${got} bytes at ${position} instead of ${into.length}.`);
  }

  /** A sector that the disk cannot read is damage like any other. */
  private read(into: Uint8Array, position: number): number {
    try {
      return this.disk.read(this.fd, into, position);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      throw new Fault('historian-damaged', `${into.length} bytes at ${position}: ${messageOf(error)}.`, {
        cause: error,
      });
    }
  }

  private readTable(series: SeriesIndex, topicNumber: (name: string) => number): void {
    const size = this.disk.size(this.fd);
    if (size !== this.entry.bytes || size < FILE_HEADER_BYTES + FILE_TRAILER_BYTES)
      throw new Fault('historian-damaged', `${size} bytes instead of ${this.entry.bytes}.`);
    const head = viewOf(this.bytes(0, FILE_HEADER_BYTES));
    const version = head.getUint8(4);
    if (head.getUint32(0, true) !== FILE_MAGIC || version !== FILE_VERSION)
      throw new Fault('historian-damaged', `Not a file of version ${FILE_VERSION}.`);
    const end = this.bytes(size - FILE_TRAILER_BYTES, FILE_TRAILER_BYTES);
    const tail = viewOf(end);
    if (tail.getUint32(16, true) !== crc32c(end.subarray(0, 16)) || tail.getUint32(20, true) !== FILE_MAGIC)
      throw new Fault('historian-damaged', 'The checksum of the trailer differs.');
    const position = Number(tail.getBigUint64(0, true));
    const length = tail.getUint32(8, true);
    if (position < FILE_HEADER_BYTES || position + length + FILE_TRAILER_BYTES !== size)
      throw new Fault('historian-damaged', `A table of ${length} bytes at ${position}.`);
    const bytes = this.bytes(position, length);
    if (crc32c(bytes) !== tail.getUint32(12, true))
      throw new Fault('historian-damaged', 'The checksum of the table differs.');
    const table = parseTable(bytes, position, series, topicNumber);
    this.checkTotals(table);
    this.table = table;
  }

  /** A sound file that is not the one which the manifest means, such as one of an older backup, would give wrong data. */
  private checkTotals({ samples, firsts, lasts }: SeriesTable): void {
    const { entry } = this;
    let total = 0;
    let firstUs = Number.POSITIVE_INFINITY;
    let lastUs = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < samples.length; i++) {
      const count = samples[i] ?? 0;
      if (count === 0) continue;
      total += count;
      firstUs = Math.min(firstUs, firsts[i] ?? 0);
      lastUs = Math.max(lastUs, lasts[i] ?? 0);
    }
    const sameTimes = total === 0 || (firstUs === entry.firstUs && lastUs === entry.lastUs);
    if (total !== entry.samples || !sameTimes)
      throw new Fault('historian-damaged', 'Not the file that the manifest names.');
  }

  /** The index of a series: its directory, and where there is one piece alone that too. */
  private index(entry: number, room: BlockRoom): OpenIndex {
    const known = this.indexes.get(entry);
    if (known !== undefined) return known;
    const { pieces, only } = this.readIndex(entry, room);
    const index = { pieces, kept: new Map() };
    if (only !== undefined) this.keep(entry, index, 0, only);
    this.indexes.set(entry, index);
    return index;
  }

  /** The blocks are left in `room` where there are few. */
  private readIndex(entry: number, room: BlockRoom): ReadIndex {
    const position = this.table.indexPositions[entry] ?? 0;
    const length = this.table.indexLengths[entry] ?? 0;
    let bytes = this.wholeIndex(entry, room) ?? this.bytes(position, Math.min(length, INDEX_READ_BYTES));
    const wanted = directoryBytes(bytes, length);
    if (wanted > bytes.length) bytes = this.bytes(position, wanted);
    const pieces = parseDirectory(bytes, { position, length, ...this.summary(entry) });
    const isWhole = pieces.length === 1 && bytes.length === length;
    return { pieces, only: isWhole ? bytes.subarray(pieces[0]?.at) : undefined };
  }

  /** The index of a series, read with the blocks, which lie in front of it; undefined: there are many, or something of them cannot be read. */
  private wholeIndex(entry: number, room: BlockRoom): Uint8Array | undefined {
    const { indexPositions, indexLengths } = this.table;
    let before = entry - 1;
    // A series of which everything is gone has no index.
    while (before >= 0 && indexLengths[before] === 0) before--;
    const start = before < 0 ? FILE_HEADER_BYTES : (indexPositions[before] ?? 0) + (indexLengths[before] ?? 0);
    const position = indexPositions[entry] ?? 0;
    const length = position + (indexLengths[entry] ?? 0) - start;
    if (start > position || length > SERIES_READ_BYTES) return undefined;
    return room.fill(start, length, (into, at) => this.read(into, at))?.subarray(position - start);
  }

  /** A piece of the index of a series, which is kept. */
  private piece(entry: number, number: number): IndexPiece {
    const index = this.index(entry, new BlockRoom());
    const known = index.kept.get(number);
    if (known === undefined) return this.keep(entry, index, number, this.pieceBytes(entry, index, number));
    cache.touch(known);
    return known.piece;
  }

  /** The same, not kept. */
  private readPiece(entry: number, index: ReadIndex, number: number): IndexPiece {
    const facts = index.pieces[number];
    assert(facts !== undefined, 'a piece of the directory');
    return parsePiece(index.only ?? this.pieceBytes(entry, index, number), facts);
  }

  private pieceBytes(entry: number, { pieces }: Pick<OpenIndex, 'pieces'>, number: number): Uint8Array {
    const { at, length } = pieces[number] ?? { at: 0, length: 0 };
    return this.bytes((this.table.indexPositions[entry] ?? 0) + at, length);
  }

  private keep(entry: number, index: OpenIndex, number: number, bytes: Uint8Array): IndexPiece {
    const facts = index.pieces[number];
    assert(facts !== undefined, 'a piece of the directory');
    const piece = parsePiece(bytes, facts);
    const kept = {
      piece,
      forget: (): void => {
        index.kept.delete(number);
        if (index.kept.size === 0) this.indexes.delete(entry);
      },
    };
    index.kept.set(number, kept);
    cache.add(kept);
    return piece;
  }
}

/** What the index says of a block. */
function keyOf(entries: BlockEntries, block: number): BlockKey {
  return {
    count: entries.samples[block] ?? 0,
    firstUs: entries.firsts[block] ?? 0,
    lastUs: entries.lasts[block] ?? 0,
    leastOffset: entries.leastOffsets[block] ?? 0,
    greatestOffset: entries.greatestOffsets[block] ?? 0,
    crc: entries.crcs[block] ?? 0,
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
