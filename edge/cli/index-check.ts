import { type Disk, readFile } from '../core/disk.ts';
import { INDEX_INTERVAL_BYTES } from '../core/index-file.ts';
import type { BatchHeader } from '../core/record-batch.ts';
import { segmentFile } from '../core/segment-files.ts';

const ENTRY_BYTES = 8;
const TIME_ENTRY_BYTES = 12;

type Report = (file: string, position: number, what: string) => void;

/** Compares the two indexes of a segment with its batches as they go by (FORMAT.md, "Log folder"). */
export class IndexCheck {
  private readonly baseOffset: number;
  private readonly report: Report;
  private readonly indexFile: string;
  private readonly timeFile: string;
  private readonly missing: readonly string[];
  /** By position of the batch: what the index says is its last offset, and where it says so. */
  private readonly entries = new Map<number, { readonly lastOffset: number; readonly at: number }>();
  /** By last offset of the batch: what the time index says is the greatest time so far. */
  private readonly times = new Map<number, { readonly timestampMs: number; readonly at: number }>();
  private readonly skipped: { readonly from: number; readonly to: number }[] = [];
  private maxTimestampMs = -1;
  private lastOffset: number;
  /** Bytes of batches since the last one that has an entry; behind damage the writer may have counted otherwise. */
  private sinceEntry = 0;
  /** Position of the first batch that should have an entry and has none. */
  private lacking: number | undefined;

  constructor(disk: Disk, folder: string, baseOffset: number, report: Report) {
    this.baseOffset = baseOffset;
    this.lastOffset = baseOffset - 1;
    this.report = report;
    this.indexFile = segmentFile(folder, baseOffset, 'index');
    this.timeFile = segmentFile(folder, baseOffset, 'timeindex');
    const index = readFile(disk, this.indexFile);
    const times = readFile(disk, this.timeFile);
    this.missing = [index === undefined ? this.indexFile : [], times === undefined ? this.timeFile : []].flat();
    if (index !== undefined) this.readEntries(index);
    if (times !== undefined) this.readTimes(times);
  }

  private readEntries(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
      const lastOffset = this.baseOffset + view.getUint32(at);
      const position = view.getUint32(at + 4);
      if (this.entries.has(position)) this.report(this.indexFile, at, `position ${position} stands twice`);
      this.entries.set(position, { lastOffset, at });
    }
  }

  private readTimes(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + TIME_ENTRY_BYTES <= bytes.length; at += TIME_ENTRY_BYTES) {
      const timestampMs = Number(view.getBigInt64(at));
      const offset = this.baseOffset + view.getUint32(at + 8);
      if (this.times.has(offset)) this.report(this.timeFile, at, `offset ${offset} stands twice`);
      this.times.set(offset, { timestampMs, at });
    }
  }

  /** A batch that stands at `position`. */
  batch(header: BatchHeader, position: number): void {
    const lastOffset = header.baseOffset + header.count - 1;
    this.lastOffset = lastOffset;
    this.maxTimestampMs = Math.max(this.maxTimestampMs, header.maxTimestampMs);
    const entry = this.entries.get(position);
    if (entry !== undefined) this.sinceEntry = 0;
    else if (this.sinceEntry > INDEX_INTERVAL_BYTES) this.lacking ??= position;
    this.sinceEntry += header.bytes;
    if (entry !== undefined && entry.lastOffset !== lastOffset) {
      const what = `says offset ${entry.lastOffset} for the batch at ${position}, whose last offset is ${lastOffset}`;
      this.report(this.indexFile, entry.at, what);
    }
    this.entries.delete(position);
    const time = this.times.get(lastOffset);
    if (time !== undefined && time.timestampMs !== this.maxTimestampMs) {
      const what = `says time ${time.timestampMs} for offset ${lastOffset}, where the greatest is ${this.maxTimestampMs}`;
      this.report(this.timeFile, time.at, what);
    }
    this.times.delete(lastOffset);
  }

  /** Bytes that could not be read: entries that point there prove nothing. */
  skip(from: number, to: number): void {
    this.skipped.push({ from, to });
    this.sinceEntry = Number.NEGATIVE_INFINITY;
  }

  /**
   * Reports what is missing, and entries that point to no batch. `end`: how far the segment was read. The `last` segment of a log is still written while a gateway runs (`live`):
   * entries behind the end are then of batches that come; after a kill its index may be behind, and the next start builds it again.
   */
  finish(end: number, last: boolean, live: boolean): void {
    const growing = last && live;
    if (!growing)
      for (const file of this.missing) this.report(file, 0, 'is missing: it is built again when the gateway starts');
    // What points elsewhere is said below: that is why it is not here.
    if (!last && this.lacking !== undefined && !this.missing.includes(this.indexFile) && this.entries.size === 0)
      this.report(
        this.indexFile,
        0,
        `has no entry for the batch at ${this.lacking}: delete it, it is built again when the gateway starts`,
      );
    for (const [position, { at }] of this.entries) {
      if (growing && position >= end) continue;
      if (this.skipped.some(({ from, to }) => position >= from && position < to)) continue;
      this.report(this.indexFile, at, `points to byte ${position}, where no batch begins`);
    }
    for (const [offset, { at }] of this.times) {
      if ((growing && offset > this.lastOffset) || this.skipped.length > 0) continue;
      this.report(this.timeFile, at, `names offset ${offset}, which is the last of no batch`);
    }
  }
}
