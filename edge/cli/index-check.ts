import { type Disk, readFile } from '../core/disk.ts';
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
  }

  /** Reports entries that point to no batch. `end`: how far the segment was read; `growing`: entries behind it are of batches that are just being written. */
  finish(end: number, growing: boolean): void {
    if (!growing) for (const file of this.missing) this.report(file, 0, 'is missing');
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
