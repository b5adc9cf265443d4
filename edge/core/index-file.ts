import { type Disk, readFile } from './disk.ts';
import { errnoOf } from './fault.ts';
import type { BatchHeader } from './record-batch.ts';
import { type CLEANED, segmentFile } from './segment-files.ts';

/** An index entry is due when more than this went by since the last one. */
export const INDEX_INTERVAL_BYTES = 4096;
const ENTRY_BYTES = 8;
const TIME_ENTRY_BYTES = 12;
/** Entries are kept back until so many wait: one write for 256 KiB and more of log. */
const FLUSH_ENTRIES = 64;

/** Makes the offset index and the time index of one segment as its batches go by (FORMAT.md, "Log folder"). Written, never synced: both can be built again. */
export class SegmentIndex {
  private readonly baseOffset: number;
  private readonly offsets: Appended;
  private readonly times: Appended;
  private sinceEntry = 0;
  private maxTimestampMs = -1;
  private maxTimestampOffset = 0;
  private lastMs = -1;
  private lastTimeEntryMs = -1;

  /** Begins an empty index; files that are there are replaced. */
  constructor(disk: Disk, folder: string, baseOffset: number, suffix: '' | typeof CLEANED = '') {
    this.baseOffset = baseOffset;
    this.offsets = new Appended(disk, segmentFile(folder, baseOffset, `index${suffix}`), ENTRY_BYTES);
    this.times = new Appended(disk, segmentFile(folder, baseOffset, `timeindex${suffix}`), TIME_ENTRY_BYTES);
  }

  /** Notes the batch that begins at `position`. */
  add(batch: BatchHeader, position: number): void {
    this.note(batch.baseOffset + batch.count - 1, batch.bytes, batch.maxTimestampMs, position);
  }

  /** The same of a batch that ends with `lastOffset`. */
  note(lastOffset: number, bytes: number, maxTimestampMs: number, position: number): void {
    this.lastMs = maxTimestampMs;
    if (maxTimestampMs > this.maxTimestampMs) {
      this.maxTimestampMs = maxTimestampMs;
      this.maxTimestampOffset = lastOffset;
    }
    if (this.sinceEntry > INDEX_INTERVAL_BYTES) {
      const entry = this.offsets.entry();
      entry.setUint32(0, lastOffset - this.baseOffset);
      entry.setUint32(4, position);
      this.addTime();
      this.sinceEntry = 0;
    }
    this.sinceEntry += bytes;
    if (this.offsets.waiting >= FLUSH_ENTRIES * ENTRY_BYTES) this.write();
  }

  /** Greatest time of all batches, ms; undefined: there is none. */
  get greatestMs(): number | undefined {
    return this.maxTimestampMs < 0 ? undefined : this.maxTimestampMs;
  }

  /** Time of the last batch, ms; undefined: there is none. */
  get latestMs(): number | undefined {
    return this.lastMs < 0 ? undefined : this.lastMs;
  }

  private addTime(): void {
    if (this.maxTimestampMs <= this.lastTimeEntryMs) return;
    const entry = this.times.entry();
    entry.setBigInt64(0, BigInt(this.maxTimestampMs));
    entry.setUint32(8, this.maxTimestampOffset - this.baseOffset);
    this.lastTimeEntryMs = this.maxTimestampMs;
  }

  private write(): void {
    this.times.write();
    this.offsets.write();
  }

  /**
   * The segment is complete: writes the last time entry and syncs. The times first: where the offset index is whole, so is the time index. And the last entry of each last: an index
   * that has it has all others, also after a power cut (`IndexRepair` looks at nothing else).
   */
  sync(): void {
    this.addTime();
    for (const file of [this.times, this.offsets]) file.finish();
  }

  /** The same, and closes. */
  finish(): void {
    this.sync();
    this.close();
  }

  /** Closes the files as they are. */
  close(): void {
    for (const file of [this.times, this.offsets]) file.close();
  }
}

/** A file that grows by small entries, gathered in memory. */
class Appended {
  private readonly disk: Disk;
  private readonly fd: number;
  private readonly entryBytes: number;
  private buffer = new Uint8Array(1024);
  private position = 0;
  waiting = 0;

  constructor(disk: Disk, file: string, entryBytes: number) {
    this.disk = disk;
    this.entryBytes = entryBytes;
    this.fd = disk.open(file, 'w');
  }

  entry(): DataView {
    const bytes = this.entryBytes;
    if (this.waiting + bytes > this.buffer.length) {
      const grown = new Uint8Array(this.buffer.length * 2);
      grown.set(this.buffer);
      this.buffer = grown;
    }
    const view = new DataView(this.buffer.buffer, this.waiting, bytes);
    this.waiting += bytes;
    return view;
  }

  /** Writes all that waits but the last entry. */
  write(): void {
    this.put(this.waiting - this.entryBytes);
  }

  private put(bytes: number): void {
    if (bytes <= 0) return;
    this.disk.write(this.fd, [this.buffer.subarray(0, bytes)], this.position);
    this.buffer.copyWithin(0, bytes, this.waiting);
    this.position += bytes;
    this.waiting -= bytes;
  }

  /** Syncs all but the last entry, then the last. */
  finish(): void {
    this.write();
    if (this.position > 0) this.disk.sync(this.fd);
    this.put(this.waiting);
    this.disk.sync(this.fd);
  }

  close(): void {
    this.disk.close(this.fd);
  }
}

/** An entry of an offset index: a batch that ends with `lastOffset` begins at `position`. A hint: the file may be missing, short or damaged. */
export interface IndexEntry {
  readonly lastOffset: number;
  readonly position: number;
}

/** The last indexed batch that ends at or before an offset, or undefined: the index does not help. */
export function lookUpPosition(disk: Disk, folder: string, baseOffset: number, offset: number): IndexEntry | undefined {
  const bytes = readHint(disk, segmentFile(folder, baseOffset, 'index'));
  const found = lastEntry(bytes, ENTRY_BYTES, (entry) => entry.getUint32(0) <= offset - baseOffset);
  return found && indexEntry(found, baseOffset);
}

/** An entry of a time index: nothing in the segment up to `lastOffset`, where a batch ends, is later than `timestampMs`. A hint, as above. */
export interface TimeEntry {
  readonly timestampMs: number;
  readonly lastOffset: number;
}

/** The last time entry before a time, or undefined: the index does not help. */
export function lookUpTime(disk: Disk, folder: string, baseOffset: number, timestampMs: number): TimeEntry | undefined {
  const bytes = readHint(disk, segmentFile(folder, baseOffset, 'timeindex'));
  const found = lastEntry(bytes, TIME_ENTRY_BYTES, (entry) => Number(entry.getBigInt64(0)) < timestampMs);
  return found && timeEntry(found, baseOffset);
}

/** The last entry of a segment's time index: the greatest time of a complete one. Undefined: there is none. A hint, as above. */
export function lastTime(disk: Disk, folder: string, baseOffset: number): TimeEntry | undefined {
  const bytes = readHint(disk, segmentFile(folder, baseOffset, 'timeindex'), TIME_ENTRY_BYTES);
  const found = lastEntry(bytes, TIME_ENTRY_BYTES, () => true);
  return found && timeEntry(found, baseOffset);
}

/** The last entry of each index of a segment, undefined where it has none. Undefined as a whole: a file is missing, cannot be read, or ends inside an entry. */
export function lastEntries(
  disk: Disk,
  folder: string,
  baseOffset: number,
): { readonly offset: IndexEntry | undefined; readonly time: TimeEntry | undefined } | undefined {
  const offsets = readHint(disk, segmentFile(folder, baseOffset, 'index'), ENTRY_BYTES, true);
  const times = readHint(disk, segmentFile(folder, baseOffset, 'timeindex'), TIME_ENTRY_BYTES, true);
  if (offsets === undefined || times === undefined) return undefined;
  const offset = lastEntry(offsets, ENTRY_BYTES, () => true);
  const time = lastEntry(times, TIME_ENTRY_BYTES, () => true);
  return { offset: offset && indexEntry(offset, baseOffset), time: time && timeEntry(time, baseOffset) };
}

function indexEntry(entry: DataView, baseOffset: number): IndexEntry {
  return { lastOffset: baseOffset + entry.getUint32(0), position: entry.getUint32(4) };
}

function timeEntry(entry: DataView, baseOffset: number): TimeEntry {
  return { timestampMs: Number(entry.getBigInt64(0)), lastOffset: baseOffset + entry.getUint32(8) };
}

/** The last entry that `is` holds for: it holds up to some entry, and for none behind it. */
function lastEntry(
  bytes: Uint8Array | undefined,
  entryBytes: number,
  is: (entry: DataView) => boolean,
): DataView | undefined {
  if (bytes === undefined) return undefined;
  const entry = (i: number): DataView => new DataView(bytes.buffer, bytes.byteOffset + i * entryBytes, entryBytes);
  let low = 0;
  let high = Math.floor(bytes.length / entryBytes);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (is(entry(middle))) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? undefined : entry(low - 1);
}

/** A file of which nothing depends but time, or its last bytes: one that the system cannot read is as good as none. */
function readHint(disk: Disk, file: string, lastBytes?: number, whole = false): Uint8Array | undefined {
  try {
    return lastBytes === undefined ? readFile(disk, file) : readEnd(disk, file, lastBytes, whole);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}

/** The last bytes of a file; undefined where it is shorter, or, if it must be `whole`, where it is no multiple of so many bytes. */
function readEnd(disk: Disk, file: string, count: number, whole: boolean): Uint8Array | undefined {
  const fd = disk.open(file, 'r');
  try {
    const size = disk.size(fd);
    if (whole ? size % count !== 0 : size < count) return undefined;
    const bytes = new Uint8Array(Math.min(size, count));
    return disk.read(fd, bytes, size - bytes.length) < bytes.length ? undefined : bytes;
  } finally {
    disk.close(fd);
  }
}
