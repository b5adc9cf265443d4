import { type Disk, readFile } from './disk.ts';
import type { BatchHeader } from './record-batch.ts';
import { segmentFile } from './segment-files.ts';

/** An index entry is due when more than this went by since the last one. */
const INDEX_INTERVAL_BYTES = 4096;
const ENTRY_BYTES = 8;
const TIME_ENTRY_BYTES = 12;
/** Entries are kept back until so many wait: one write for 256 KiB and more of log. */
const FLUSH_ENTRIES = 64;

/** Makes the offset index and the time index of one segment as its batches go by (FORMAT.md, "Log folder"). Written, never synced: both can be built again. */
export class SegmentIndex {
  private readonly disk: Disk;
  private readonly baseOffset: number;
  private readonly offsets: Appended;
  private readonly times: Appended;
  private sinceEntry = 0;
  private maxTimestampMs = -1;
  private maxTimestampOffset = 0;
  private lastTimeEntryMs = -1;

  /** Begins an empty index; files that are there are replaced. */
  constructor(disk: Disk, folder: string, baseOffset: number) {
    this.disk = disk;
    this.baseOffset = baseOffset;
    this.offsets = new Appended(disk, segmentFile(folder, baseOffset, 'index'));
    this.times = new Appended(disk, segmentFile(folder, baseOffset, 'timeindex'));
  }

  /** Notes the batch that begins at `position`. */
  add(batch: BatchHeader, position: number): void {
    const lastOffset = batch.baseOffset + batch.count - 1;
    if (batch.maxTimestampMs > this.maxTimestampMs) {
      this.maxTimestampMs = batch.maxTimestampMs;
      this.maxTimestampOffset = lastOffset;
    }
    if (this.sinceEntry > INDEX_INTERVAL_BYTES) {
      const entry = this.offsets.entry(ENTRY_BYTES);
      entry.setUint32(0, lastOffset - this.baseOffset);
      entry.setUint32(4, position);
      this.addTime();
      this.sinceEntry = 0;
    }
    this.sinceEntry += batch.bytes;
    if (this.offsets.waiting >= FLUSH_ENTRIES * ENTRY_BYTES) this.write();
  }

  private addTime(): void {
    if (this.maxTimestampMs <= this.lastTimeEntryMs) return;
    const entry = this.times.entry(TIME_ENTRY_BYTES);
    entry.setBigInt64(0, BigInt(this.maxTimestampMs));
    entry.setUint32(8, this.maxTimestampOffset - this.baseOffset);
    this.lastTimeEntryMs = this.maxTimestampMs;
  }

  /** Writes what waits. */
  write(): void {
    this.offsets.write();
    this.times.write();
  }

  /** Writes the last time entry, syncs and closes: the segment is complete. */
  finish(): void {
    this.addTime();
    this.write();
    for (const file of [this.offsets, this.times]) file.close(this.disk);
  }
}

/** A file that grows by small entries, gathered in memory. */
class Appended {
  private readonly disk: Disk;
  private readonly fd: number;
  private buffer = new Uint8Array(1024);
  private position = 0;
  waiting = 0;

  constructor(disk: Disk, file: string) {
    this.disk = disk;
    this.fd = disk.open(file, 'w');
  }

  entry(bytes: number): DataView {
    if (this.waiting + bytes > this.buffer.length) {
      const grown = new Uint8Array(this.buffer.length * 2);
      grown.set(this.buffer);
      this.buffer = grown;
    }
    const view = new DataView(this.buffer.buffer, this.waiting, bytes);
    this.waiting += bytes;
    return view;
  }

  write(): void {
    if (this.waiting === 0) return;
    this.disk.write(this.fd, [this.buffer.subarray(0, this.waiting)], this.position);
    this.position += this.waiting;
    this.waiting = 0;
  }

  close(disk: Disk): void {
    disk.sync(this.fd);
    disk.close(this.fd);
  }
}

/** An entry of an offset index: a batch that ends with `lastOffset` begins at `position`. A hint: the file may be missing, short or damaged. */
export interface IndexEntry {
  readonly lastOffset: number;
  readonly position: number;
}

/** The last indexed batch that ends at or before an offset, or undefined: the index does not help. */
export function lookUpPosition(disk: Disk, folder: string, baseOffset: number, offset: number): IndexEntry | undefined {
  const view = readEntries(disk, segmentFile(folder, baseOffset, 'index'));
  let low = 0;
  let high = Math.floor(view.byteLength / ENTRY_BYTES);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (view.getUint32(middle * ENTRY_BYTES) <= offset - baseOffset) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return undefined;
  const at = (low - 1) * ENTRY_BYTES;
  return { lastOffset: baseOffset + view.getUint32(at), position: view.getUint32(at + 4) };
}

/** An entry of a time index: nothing in the segment up to `lastOffset`, where a batch ends, is later than `timestampMs`. A hint, as above. */
export interface TimeEntry {
  readonly timestampMs: number;
  readonly lastOffset: number;
}

/** The last time entry before a time, or undefined: the index does not help. */
export function lookUpTime(disk: Disk, folder: string, baseOffset: number, timestampMs: number): TimeEntry | undefined {
  const view = readEntries(disk, segmentFile(folder, baseOffset, 'timeindex'));
  let low = 0;
  let high = Math.floor(view.byteLength / TIME_ENTRY_BYTES);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Number(view.getBigInt64(middle * TIME_ENTRY_BYTES)) < timestampMs) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return undefined;
  const at = (low - 1) * TIME_ENTRY_BYTES;
  return { timestampMs: Number(view.getBigInt64(at)), lastOffset: baseOffset + view.getUint32(at + 8) };
}

function readEntries(disk: Disk, file: string): DataView {
  const bytes = readFile(disk, file) ?? new Uint8Array(0);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
