import path from 'node:path';
import { crc32c } from '@node-rs/crc32';
import { ByteReader } from '../edge/core/byte-reader.ts';
import type { Disk } from '../edge/core/disk.ts';
import { errnoOf, Fault, messageOf } from '../edge/core/fault.ts';
import { BLOCK_HEADER_BYTES, decodeBlock } from './block.ts';
import type { BlockList } from './block-list.ts';
import { readDelta } from './columns.ts';
import { FILE_HEADER_BYTES, FILE_MAGIC, FILE_TRAILER_BYTES, FILE_VERSION, type FileEntry } from './file-writer.ts';
import { BLOCK_POINTS, MAX_BLOCK_BYTES } from './limits.ts';
import type { Points } from './points.ts';
import type { SeriesIndex } from './series-index.ts';

/** Block indexes of a file that are kept for the next page of a query. */
const KEPT_INDEXES = 16;

/** Where the blocks of one series lie, and what times they hold. */
interface BlockIndex {
  readonly positions: Float64Array;
  readonly lengths: Uint32Array;
  readonly samples: Uint32Array;
  readonly firsts: Float64Array;
  readonly lasts: Float64Array;
}

/** The table of series of a file: a column each, an entry for each series. */
interface SeriesTable {
  readonly series: Uint32Array;
  readonly samples: Float64Array;
  readonly firsts: Float64Array;
  readonly lasts: Float64Array;
  readonly indexPositions: Float64Array;
  readonly indexLengths: Uint32Array;
}

/** An immutable file of the historian, opened for reading (FORMAT.md, "File"). Counted: open it once, `retain` for each who reads, it is closed when all have released it. */
export class StoredFile {
  readonly entry: FileEntry;
  readonly path: string;
  /** Set when a part of it turned out to be damaged: it is not merged with others any more. */
  damaged = false;
  private readonly disk: Disk;
  private readonly report: (fault: Fault) => void;
  private fd = -1;
  private references = 1;
  private table: SeriesTable = emptyTable(0);
  /** Entry of each series + 1; 0: none. */
  private places = new Uint32Array(0);
  private readonly indexes = new Map<number, BlockIndex>();

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
  }

  /** Ids of the series in it, in the order of the file. */
  get series(): Uint32Array {
    return this.table.series;
  }

  /** Samples of the entry-th series in it, and their first and last effective time. */
  summary(entry: number): { samples: number; firstUs: number; lastUs: number } {
    const { samples, firsts, lasts } = this.table;
    return { samples: samples[entry] ?? 0, firstUs: firsts[entry] ?? 0, lastUs: lasts[entry] ?? 0 };
  }

  /** Last effective time of a series in this file, or undefined if there are no samples of it. */
  lastOf(series: number): number | undefined {
    const entry = (this.places[series] ?? 0) - 1;
    return entry < 0 ? undefined : this.table.lasts[entry];
  }

  /** Samples of a series in this file, or undefined if there are none with `fromUs` ≤ time < `toUs`. */
  blocks(series: number, topic: number, fromUs: number, toUs: number): BlockList | undefined {
    const entry = (this.places[series] ?? 0) - 1;
    if (entry < 0) return undefined;
    if ((this.table.lasts[entry] ?? 0) < fromUs || (this.table.firsts[entry] ?? 0) >= toUs) return undefined;
    let index: BlockIndex;
    try {
      index = this.blockIndex(entry);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      return this.unreadable(entry, topic, this.damage(error));
    }
    return {
      topic,
      count: index.positions.length,
      first: (block) => index.firsts[block] ?? 0,
      last: (block) => index.lasts[block] ?? 0,
      samples: (block) => index.samples[block] ?? 0,
      load: (block) => this.load(index, block, topic),
    };
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

  private load(index: BlockIndex, block: number, topic: number): Points | Fault {
    const position = index.positions[block] ?? 0;
    try {
      const points = decodeBlock(this.bytes(position, index.lengths[block] ?? 0), topic);
      const first = points.times[0];
      const last = points.times[points.count - 1];
      if (points.count !== index.samples[block] || first !== index.firsts[block] || last !== index.lasts[block])
        throw new Fault('historian-damaged', 'Block: not the one that the index names.');
      return points;
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
    const got = this.read(bytes, position);
    if (got < length) throw new Fault('historian-damaged', `${got} bytes at ${position} instead of ${length}.`);
    return bytes;
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
    this.parseTable(bytes, position, series, topicNumber);
  }

  private parseTable(
    bytes: Uint8Array,
    tablePosition: number,
    series: SeriesIndex,
    topicNumber: (name: string) => number,
  ): void {
    const from = new ByteReader('historian-damaged');
    from.open(bytes);
    const topics: number[] = [];
    for (let left = count(from, 1); left > 0; left--) {
      const start = from.skip(from.varint());
      topics.push(topicNumber(new TextDecoder().decode(bytes.subarray(start, from.at))));
    }
    const table = emptyTable(count(from, 7));
    for (let i = 0; i < table.series.length; i++) {
      const start = from.skip(from.varint());
      const end = from.at;
      const topic = topics[from.varint()] ?? from.fail('number of a topic');
      const id = series.idOf(topic, bytes, start, end);
      if (id < 0) from.fail('tag that cannot be one, or one too many');
      table.series[i] = id;
      table.samples[i] = from.varsafe();
      const firstUs = from.varsafe();
      table.firsts[i] = firstUs;
      table.lasts[i] = readDelta(from, firstUs);
      const indexPosition = from.varsafe();
      const indexLength = from.varint();
      if (indexPosition < FILE_HEADER_BYTES || indexLength < 4 || indexPosition + indexLength > tablePosition)
        from.fail(`block index of ${indexLength} bytes at ${indexPosition}`);
      table.indexPositions[i] = indexPosition;
      table.indexLengths[i] = indexLength;
    }
    if (from.at !== from.end) from.fail('bytes behind the table');
    this.checkTotals(table);
    this.table = table;
    this.places = new Uint32Array(series.count);
    for (const [i, id] of table.series.entries()) this.places[id] = i + 1;
  }

  /** A sound file that is not the one which the manifest means, such as one of an older backup, would give wrong data. */
  private checkTotals({ samples, firsts, lasts }: SeriesTable): void {
    const { entry } = this;
    const total = samples.reduce((sum, each) => sum + each, 0);
    const firstUs = firsts.reduce((least, each) => Math.min(least, each), Number.POSITIVE_INFINITY);
    const lastUs = lasts.reduce((greatest, each) => Math.max(greatest, each), Number.NEGATIVE_INFINITY);
    if (total !== entry.samples || firstUs !== entry.firstUs || lastUs !== entry.lastUs)
      throw new Fault('historian-damaged', 'Not the file that the manifest names.');
  }

  private blockIndex(entry: number): BlockIndex {
    const known = this.indexes.get(entry);
    if (known !== undefined) return known;
    const position = this.table.indexPositions[entry] ?? 0;
    const bytes = this.bytes(position, this.table.indexLengths[entry] ?? 0);
    if (viewOf(bytes).getUint32(0, true) !== crc32c(bytes.subarray(4)))
      throw new Fault('historian-damaged', `The checksum of the block index at ${position} differs.`);
    const index = parseIndex(bytes, position);
    const [oldest] = this.indexes.keys();
    if (oldest !== undefined && this.indexes.size >= KEPT_INDEXES) this.indexes.delete(oldest);
    this.indexes.set(entry, index);
    return index;
  }
}

/** Parses a block index; its blocks lie in front of it, one behind the other. */
function parseIndex(bytes: Uint8Array, end: number): BlockIndex {
  const from = new ByteReader('historian-damaged');
  from.open(bytes, 4);
  const blocks = count(from, 4);
  let position = from.varsafe();
  const index: BlockIndex = {
    positions: new Float64Array(blocks),
    lengths: new Uint32Array(blocks),
    samples: new Uint32Array(blocks),
    firsts: new Float64Array(blocks),
    lasts: new Float64Array(blocks),
  };
  let time = 0;
  for (let i = 0; i < blocks; i++) {
    const length = from.varint();
    const samples = from.varint();
    if (
      length < BLOCK_HEADER_BYTES ||
      length > MAX_BLOCK_BYTES ||
      position < FILE_HEADER_BYTES ||
      position + length > end
    )
      from.fail(`block of ${length} bytes`);
    if (samples < 1 || samples > BLOCK_POINTS) from.fail(`block of ${samples} samples`);
    const first = readDelta(from, time);
    if (i > 0 && first < time) from.fail('blocks out of order');
    time = readDelta(from, first);
    if (time < first) from.fail('block that ends before it begins');
    index.positions[i] = position;
    index.lengths[i] = length;
    index.samples[i] = samples;
    index.firsts[i] = first;
    index.lasts[i] = time;
    position += length;
  }
  return index;
}

/** A count of things that take at least `size` bytes each: the bytes that are left bound it. */
function count(from: ByteReader, size: number): number {
  const value = from.varint();
  if (value < 0 || value * size > from.end - from.at) from.fail(`count of ${value}`);
  return value;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function emptyTable(entries: number): SeriesTable {
  return {
    series: new Uint32Array(entries),
    samples: new Float64Array(entries),
    firsts: new Float64Array(entries),
    lasts: new Float64Array(entries),
    indexPositions: new Float64Array(entries),
    indexLengths: new Uint32Array(entries),
  };
}
