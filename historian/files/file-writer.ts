import { basename, dirname } from 'node:path';
import { crc32c } from '@node-rs/crc32';
import { ByteWriter } from '../../edge/core/byte-writer.ts';
import type { Disk } from '../../edge/core/disk.ts';
import { assert } from '../../edge/core/fault.ts';
import { decodeBlock, writeBlock } from './block.ts';
import type { BlockEntry } from '../codec/entry.ts';
import { cutOf } from './cut.ts';
import { writeDelta } from '../codec/delta.ts';
import { type Gone, goneTogether, NOTHING_GONE } from './gone.ts';
import { IndexWriter } from './index-writer.ts';
import { writeLast } from './last-sample.ts';
import { LastSamples } from './last-samples.ts';
import { BLOCK_HEAP_BYTES, BLOCK_POINTS, LEAST_BLOCK_POINTS } from '../limits.ts';
import { isBlob, Points } from '../points/points.ts';

/** First and last four bytes of a file. */
export const FILE_MAGIC = 0x4648524d; // "MRHF", little-endian
export const FILE_VERSION = 1;
export const FILE_HEADER_BYTES = 8;
export const FILE_TRAILER_BYTES = 24;

const WRITE_BYTES = 256 * 1024;
/** So much is written at most before it is synced: the log's own syncs wait for no more than that. */
const SYNC_BYTES = 16 * 1024 * 1024;

/** What the manifest says of a file. */
export interface FileEntry {
  readonly name: string;
  readonly bytes: number;
  /** CRC-32C of the whole file. */
  readonly crc32c: number;
  readonly samples: number;
  /** Effective time of its earliest and its latest sample, µs; both 0 without samples. */
  readonly firstUs: number;
  readonly lastUs: number;
  /** By topic, first and last log offset of its samples. */
  readonly offsets: Readonly<Record<string, readonly [first: number, last: number]>>;
  /** When its oldest and its youngest sample were written out, ms: none was ingested later. */
  readonly sinceMs: number;
  readonly writtenMs: number;
  /** Nothing that erasures up to this number erase is in it. */
  readonly erased: number;
  /** By topic, for minutes, hours and days: the time up to which nothing is left in it to be summed up to these, µs (`rollups.ts`). */
  readonly thinned?: Readonly<Record<string, readonly number[]>>;
}

/** Rows of a series in the order of a file, no value of which lies in the heap. */
export interface SortedRows {
  readonly count: number;
  /** Effective time of a row, µs. */
  timeUs(row: number): number;
  /** Appends rows `start` to `end` to points that have room for them. */
  append(start: number, end: number, to: Points): void;
}

/** What a file is to say of itself beside its samples. */
export type FileFacts = Pick<FileEntry, 'sinceMs' | 'writtenMs' | 'erased' | 'thinned'>;

/** Writes one file (FORMAT.md, "File"): for each series, in order, `beginSeries` and its samples, then `finish`. Bounded memory but for the table of series. */
export class FileWriter {
  readonly path: string;
  private readonly disk: Disk;
  private fd = -1;
  /** What is not yet written begins here. */
  private written = 0;
  private synced = 0;
  private crc = 0;
  private readonly out = new ByteWriter(2 * WRITE_BYTES);
  /** Samples of the current series that make no whole block yet, and room for those of them that the next block begins with. */
  private pending = new Points(BLOCK_POINTS);
  private spare = new Points(BLOCK_POINTS);
  private readonly table = new ByteWriter(64 * 1024);
  private readonly index = new IndexWriter();
  private seriesCount = 0;
  private series: SeriesSoFar | undefined;
  /** The block that was added last, if it came as it was. */
  private copied: BlockEntry | undefined;
  /** That of the current series, and the log offset of that of the one before. */
  private readonly last = new LastSamples(1);
  private lastOffset = 0;
  private samples = 0;
  private firstUs = Number.POSITIVE_INFINITY;
  private lastUs = Number.NEGATIVE_INFINITY;
  /** By number of the topic. */
  private readonly offsets: [first: number, last: number][] = [];

  constructor(disk: Disk, file: string) {
    this.disk = disk;
    this.path = file;
  }

  /** Creates the file; it must not exist. */
  open(): void {
    this.fd = this.disk.open(this.path, 'wx+');
    const { out } = this;
    out.ensure(FILE_HEADER_BYTES);
    out.length = FILE_HEADER_BYTES;
    out.bytes.fill(0, 0, FILE_HEADER_BYTES);
    out.view.setUint32(0, FILE_MAGIC, true);
    out.view.setUint8(4, FILE_VERSION);
  }

  /** Ends the series before and begins the next: series come in the order of their tags' bytes, then of their topics. */
  beginSeries(key: Uint8Array, topic: number): void {
    this.endSeries();
    this.series = { key, topic, gone: NOTHING_GONE };
    this.index.reset();
    this.last.clear(0);
  }

  /** Notes what there was of the current series and is there no more. */
  addGone(gone: Gone): void {
    const { series } = this;
    assert(series !== undefined, 'what is gone was of a series');
    series.gone = goneTogether(series.gone, gone);
  }

  /** Adds rows of the current series: by time, then by log offset. */
  add(points: Points, start = 0, end = points.count): void {
    for (let at = start; at < end;) {
      const { pending } = this;
      if (pending.count === BLOCK_POINTS) this.endBlock(cutOf(pending.times, pending.count, points.times[at] ?? 0));
      const until = this.rowsThatFit(points, at, end);
      if (until === at) this.endBlock(this.pending.count);
      this.pending.append(points, at, until);
      at = until;
    }
  }

  /** Adds rows of the current series that are still elsewhere: they are copied once, to where their block is made from. */
  addRows(rows: SortedRows): void {
    for (let at = 0; at < rows.count;) {
      const { pending } = this;
      if (pending.count === BLOCK_POINTS) this.endBlock(cutOf(pending.times, pending.count, rows.timeUs(at)));
      const until = Math.min(rows.count, at + BLOCK_POINTS - this.pending.count);
      rows.append(at, until, this.pending);
      at = until;
    }
  }

  /** Adds a block of the current series of which only the summary is left (FORMAT.md, "Entry"): it begins no earlier than what was added before, and what is added behind it no earlier than it. */
  addExpired(entry: Omit<BlockEntry, 'block'>): void {
    const { series } = this;
    assert(series !== undefined, 'a summary belongs to a series');
    this.endBlock(this.pending.count);
    if (this.copied !== undefined) this.lookAtCopied(this.copied);
    this.addEntry(series, { ...entry, block: null });
  }

  /** Whether a block that begins at `firstUs` may follow as it is: what waits for rows behind it would end there anyway, or there is none. */
  isCutAt(firstUs: number): boolean {
    const { times, count } = this.pending;
    return count === 0 || (count >= LEAST_BLOCK_POINTS && cutOf(times, count, firstUs) === count);
  }

  /** Adds a block of the current series as it lies in another file: behind all that was added before, and what is added behind it no earlier than its end. */
  addBlock(entry: Omit<BlockEntry, 'block'>, bytes: Uint8Array): void {
    const { series, out } = this;
    assert(series !== undefined, 'a block belongs to a series');
    this.endBlock(this.pending.count);
    // Not behind it: if it is the last one, its last sample is still to be looked for.
    if (out.length >= WRITE_BYTES) this.drain();
    out.raw(bytes);
    this.copied = { ...entry, block: { length: bytes.length, crc: crc32c(bytes) } };
    this.addEntry(series, this.copied);
  }

  /** Rows from `at` on that still belong to the pending block. */
  private rowsThatFit(points: Points, at: number, end: number): number {
    const { pending } = this;
    const until = Math.min(end, at + BLOCK_POINTS - pending.count);
    if (points.heapLength === 0) return until;
    let heap = pending.heapLength;
    for (let i = at; i < until; i++) {
      heap += isBlob(points.kinds[i] ?? 0) ? (points.words[i * 2 + 1] ?? 0) : 0;
      if (heap > BLOCK_HEAP_BYTES && pending.count + i - at > 0) return i;
    }
    return until;
  }

  /** Writes the first `count` of the pending rows as a block. */
  private endBlock(count: number): void {
    const { pending, series } = this;
    assert(series !== undefined, 'samples belong to a series');
    if (count === 0) return;
    this.addEntry(series, writeBlock(this.out, pending, 0, count));
    this.last.put(0, pending, count - 1);
    this.copied = undefined;
    if (count === pending.count) pending.reset();
    else {
      this.spare.reset();
      this.spare.append(pending, count, pending.count);
      this.pending = this.spare;
      this.spare = pending;
    }
    if (this.out.length >= WRITE_BYTES) this.drain();
  }

  private addEntry({ topic }: SeriesSoFar, entry: BlockEntry): void {
    const { offsets } = this;
    const { leastOffset, greatestOffset } = entry;
    this.index.add(entry);
    const [least, greatest] = offsets[topic] ?? [leastOffset, greatestOffset];
    offsets[topic] = [Math.min(least, leastOffset), Math.max(greatest, greatestOffset)];
  }

  /** Takes the last sample out of the block that was copied last. */
  private lookAtCopied({ summary, block, ...offsets }: BlockEntry): void {
    const { out } = this;
    const { count, firstUs, lastUs } = summary;
    const bytes = out.bytes.subarray(out.length - (block?.length ?? 0), out.length);
    const key = { count, firstUs, lastUs, ...offsets, crc: block?.crc ?? 0 };
    this.last.put(0, decodeBlock(bytes, key, 0), count - 1);
    this.copied = undefined;
  }

  private endSeries(): void {
    const { series, table, index } = this;
    if (series === undefined) return;
    this.endBlock(this.pending.count);
    if (this.copied !== undefined) this.lookAtCopied(this.copied);
    this.series = undefined;
    const { gone } = series;
    if (index.blocks === 0 && gone.samples === 0) return;
    table.varlong(series.key.length);
    table.raw(series.key);
    table.varlong(series.topic);
    table.varlong(gone.samples);
    if (gone.samples > 0) table.varlong(gone.expired);
    if (gone.expired > 0) {
      table.varlong(gone.firstUs);
      writeDelta(table, gone.lastUs, gone.firstUs);
    }
    table.varlong(index.samples);
    this.seriesCount++;
    if (index.blocks === 0) return;
    const indexPosition = this.position;
    index.write(this.out);
    table.varlong(index.firstUs);
    writeDelta(table, index.lastUs, index.firstUs);
    table.varlong(indexPosition);
    table.varlong(this.position - indexPosition);
    writeLast(table, this.last, index.lastUs, this.lastOffset);
    this.lastOffset = this.last.offset(0);
    this.samples += index.samples;
    this.firstUs = Math.min(this.firstUs, index.firstUs);
    this.lastUs = Math.max(this.lastUs, index.lastUs);
  }

  /** Writes the table and the trailer, syncs file and folder. The file is closed. `topics`: the historian's list. Without any sample it holds what is gone, or nothing. */
  finish(topics: readonly string[], facts: FileFacts): FileEntry {
    this.endSeries();
    const tablePosition = this.position;
    const head = new ByteWriter(256);
    head.varlong(topics.length);
    for (const topic of topics) {
      const bytes = new TextEncoder().encode(topic);
      head.varlong(bytes.length);
      head.raw(bytes);
    }
    head.varlong(this.seriesCount);
    const parts = [head, this.table].map((part) => part.bytes.subarray(0, part.length));
    for (const part of parts) this.out.raw(part);
    const tableCrc = parts.reduce((crc, part) => crc32c(part, crc), 0);
    this.out.raw(trailer(tablePosition, this.position - tablePosition, tableCrc));
    this.drain();
    this.disk.sync(this.fd);
    this.close();
    this.disk.syncFolder(dirname(this.path));
    const { samples } = this;
    const times = samples === 0 ? { firstUs: 0, lastUs: 0 } : { firstUs: this.firstUs, lastUs: this.lastUs };
    const offsets = Object.fromEntries(this.offsets.flatMap((span, topic) => [[topics[topic] ?? '', span] as const]));
    const { sinceMs, writtenMs, erased, ...thinned } = facts;
    const name = basename(this.path);
    const content = { name, bytes: this.written, crc32c: this.crc, samples, ...times, offsets };
    return { ...content, sinceMs, writtenMs, erased, ...thinned };
  }

  /** Gives up: the file is closed, not removed. */
  close(): void {
    if (this.fd >= 0) this.disk.close(this.fd);
    this.fd = -1;
  }

  /** Where the next byte goes. */
  private get position(): number {
    return this.written + this.out.length;
  }

  private drain(): void {
    const bytes = this.out.bytes.subarray(0, this.out.length);
    this.disk.write(this.fd, [bytes], this.written);
    this.crc = crc32c(bytes, this.crc);
    this.written += bytes.length;
    this.out.reset();
    if (this.written - this.synced < SYNC_BYTES) return;
    this.disk.sync(this.fd);
    this.synced = this.written;
  }
}

interface SeriesSoFar {
  readonly key: Uint8Array;
  readonly topic: number;
  gone: Gone;
}

function trailer(position: number, length: number, tableCrc: number): Uint8Array {
  const bytes = new Uint8Array(FILE_TRAILER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(position), true);
  view.setUint32(8, length, true);
  view.setUint32(12, tableCrc, true);
  view.setUint32(16, crc32c(bytes.subarray(0, 16)), true);
  view.setUint32(20, FILE_MAGIC, true);
  return bytes;
}
