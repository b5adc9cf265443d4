import { basename, dirname } from 'node:path';
import { crc32c } from '@node-rs/crc32';
import { ByteWriter } from '../edge/core/byte-writer.ts';
import type { Disk } from '../edge/core/disk.ts';
import { assert } from '../edge/core/fault.ts';
import { writeBlock } from './block.ts';
import { writeDelta } from './columns.ts';
import { BLOCK_HEAP_BYTES, BLOCK_POINTS } from './limits.ts';
import { isBlob, Points } from './points.ts';

/** First and last four bytes of a file. */
export const FILE_MAGIC = 0x4648524d; // "MRHF", little-endian
export const FILE_VERSION = 1;
export const FILE_HEADER_BYTES = 8;
export const FILE_TRAILER_BYTES = 24;

const WRITE_BYTES = 256 * 1024;

/** What the manifest says of a file. */
export interface FileEntry {
  readonly name: string;
  readonly bytes: number;
  /** CRC-32C of the whole file. */
  readonly crc32c: number;
  readonly samples: number;
  /** Effective time of its earliest and its latest sample, µs. */
  readonly firstUs: number;
  readonly lastUs: number;
  /** When its youngest sample was written out, ms: none was ingested later. */
  readonly writtenMs: number;
}

/** Writes one file (FORMAT.md, "File"): for each series, in order, `beginSeries` and its samples, then `finish`. Bounded memory but for the table of series. */
export class FileWriter {
  readonly path: string;
  private readonly disk: Disk;
  private fd = -1;
  /** What is not yet written begins here. */
  private written = 0;
  private crc = 0;
  private readonly out = new ByteWriter(2 * WRITE_BYTES);
  /** Samples of the current series that make no whole block yet. */
  private readonly pending = new Points(BLOCK_POINTS);
  private readonly table = new ByteWriter(64 * 1024);
  private readonly index = new ByteWriter(1024);
  private seriesCount = 0;
  private series: SeriesSoFar | undefined;
  private samples = 0;
  private firstUs = Number.POSITIVE_INFINITY;
  private lastUs = Number.NEGATIVE_INFINITY;

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
    this.series = { key, topic, samples: 0, blocks: 0, firstUs: 0, lastUs: 0, position: this.position };
    this.index.reset();
  }

  /** Adds rows of the current series: by time, then by log offset. */
  add(points: Points, start = 0, end = points.count): void {
    const { pending } = this;
    for (let at = start; at < end;) {
      const until = this.rowsThatFit(points, at, end);
      pending.append(points, at, until);
      at = until;
      if (at < end || pending.count === BLOCK_POINTS) this.endBlock();
    }
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

  private endBlock(): void {
    const { pending, series, index } = this;
    assert(series !== undefined, 'samples belong to a series');
    if (pending.count === 0) return;
    const firstUs = pending.times[0] ?? 0;
    const lastUs = pending.times[pending.count - 1] ?? 0;
    const { position } = this;
    writeBlock(this.out, pending, 0, pending.count);
    index.varlong(this.position - position);
    index.varlong(pending.count);
    writeDelta(index, firstUs, series.lastUs);
    writeDelta(index, lastUs, firstUs);
    if (series.blocks === 0) series.firstUs = firstUs;
    series.lastUs = lastUs;
    series.blocks++;
    series.samples += pending.count;
    pending.reset();
    if (this.out.length >= WRITE_BYTES) this.drain();
  }

  private endSeries(): void {
    const { series, table, index } = this;
    if (series === undefined) return;
    this.endBlock();
    this.series = undefined;
    if (series.blocks === 0) return;
    const indexPosition = this.position;
    writeIndex(this.out, series.blocks, series.position, index);
    table.varlong(series.key.length);
    table.raw(series.key);
    table.varlong(series.topic);
    table.varlong(series.samples);
    table.varlong(series.firstUs);
    writeDelta(table, series.lastUs, series.firstUs);
    table.varlong(indexPosition);
    table.varlong(this.position - indexPosition);
    this.seriesCount++;
    this.samples += series.samples;
    this.firstUs = Math.min(this.firstUs, series.firstUs);
    this.lastUs = Math.max(this.lastUs, series.lastUs);
  }

  /** Writes the table and the trailer, syncs file and folder. The file is closed. `topics`: the historian's list. At least one sample was added. */
  finish(topics: readonly string[], writtenMs: number): FileEntry {
    this.endSeries();
    assert(this.samples > 0, 'a file has at least one sample');
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
    const { samples, firstUs, lastUs } = this;
    const name = basename(this.path);
    return { name, bytes: this.written, crc32c: this.crc, samples, firstUs, lastUs, writtenMs };
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
  }
}

interface SeriesSoFar {
  readonly key: Uint8Array;
  readonly topic: number;
  samples: number;
  blocks: number;
  firstUs: number;
  lastUs: number;
  /** Of its first block. */
  readonly position: number;
}

/** Appends a block index: its checksum, then how many blocks there are, where the first one lies, and an entry each. */
function writeIndex(out: ByteWriter, blocks: number, position: number, entries: ByteWriter): void {
  out.ensure(4);
  const start = out.length + 4;
  out.length = start;
  out.varlong(blocks);
  out.varlong(position);
  out.raw(entries.bytes.subarray(0, entries.length));
  out.view.setUint32(start - 4, crc32c(out.bytes.subarray(start, out.length)), true);
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
