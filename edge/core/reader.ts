import { BatchScanner } from './batch-scanner.ts';
import { type Disk, realDisk } from './disk.ts';
import { DurableEnds } from './durable-ends.ts';
import { errnoOf, Fault } from './fault.ts';
import { type IndexEntry, lookUpPosition, lookUpTime, type TimeEntry } from './index-file.ts';
import { BATCH_HEADER_BYTES, checkBatch, MAX_BATCH_BYTES, placeBatch, readBatchHeader } from './record-batch.ts';
import { listSegments, listTopics, segmentFile, topicFolder } from './segment-files.ts';

const DEFAULT_READ_BYTES = 1024 * 1024;

/** What one `read` gives. */
export type ReadResult =
  /** Whole, verified batches back to back; the memory is used again by the next read. May begin before the position if that lies inside a batch. */
  | { readonly kind: 'data'; readonly bytes: Uint8Array; readonly baseOffset: number; readonly nextOffset: number }
  /** Records `first` to `last` are not to be had; the reader has moved on behind them. */
  | { readonly kind: 'gap'; readonly first: number; readonly last: number; readonly reason: 'damage' | 'retention' }
  /** Caught up with the durable end. */
  | { readonly kind: 'end' };

/** What a reader needs. */
export interface LogReaderOptions {
  readonly logFolder: string;
  readonly topic: string;
  readonly ends: DurableEnds;
  readonly disk?: Disk;
}

/** Reads one topic straight from its segment files, up to the durable end. Bounded memory; synchronous; one per consumer. */
export class LogReader {
  private readonly options: LogReaderOptions;
  private readonly disk: Disk;
  private readonly folder: string;
  private readonly topic: string;
  private readonly ends: DurableEnds;
  private buffer = new Uint8Array(0);
  private fd = -1;
  private base = -1;
  /** Where in the open segment the batch of `next` begins. */
  private place = 0;
  private next = 0;

  constructor(options: LogReaderOptions) {
    this.options = options;
    this.disk = options.disk ?? realDisk;
    this.topic = options.topic;
    this.folder = topicFolder(options.logFolder, options.topic);
    this.ends = options.ends;
  }

  /** Next offset to be read. */
  get position(): number {
    return this.next;
  }

  /** Goes on at this offset. */
  seek(offset: number): void {
    this.close();
    this.next = offset;
  }

  close(): void {
    if (this.fd >= 0) this.disk.close(this.fd);
    this.fd = -1;
    this.base = -1;
  }

  /** First offset whose record timestamp is at or after this time, as far as record times grow; the durable end if there is none. The position stays. */
  offsetAt(timestampMs: number): number {
    const other = new LogReader(this.options);
    try {
      other.seek(this.offsetBefore(timestampMs, other));
      for (let result = other.read(); result.kind !== 'end'; result = other.read()) {
        if (result.kind !== 'data') continue;
        const found = firstSince(result.bytes, timestampMs);
        if (found !== undefined) return found;
      }
      return this.ends.end(this.topic);
    } finally {
      other.close();
    }
  }

  /** An offset before which no record is as late as this time: by the last time index that has an entry for it, where that entry is true. `other` looks at the entries. */
  private offsetBefore(timestampMs: number, other: LogReader): number {
    const bases = listSegments(this.disk, this.folder);
    const start = this.ends.start(this.topic);
    for (const base of bases.toReversed()) {
      const entry = lookUpTime(this.disk, this.folder, base, timestampMs);
      if (entry !== undefined && other.confirms(entry)) return Math.max(entry.lastOffset, start);
    }
    return start;
  }

  /** Whether the batch that a time entry speaks of is there and has that time. */
  private confirms(entry: TimeEntry): boolean {
    this.seek(entry.lastOffset);
    const result = this.read(BATCH_HEADER_BYTES);
    if (result.kind !== 'data') return false;
    const batch = readBatchHeader(new DataView(result.bytes.buffer, result.bytes.byteOffset), 0);
    return batch.baseOffset + batch.count - 1 === entry.lastOffset && batch.maxTimestampMs === entry.timestampMs;
  }

  /** Reads on: at most `maxBytes`, but at least one batch. Throws `log-damaged` if what must be there cannot be found at all. */
  read(maxBytes: number = DEFAULT_READ_BYTES): ReadResult {
    const end = this.ends.end(this.topic);
    if (this.next >= end) return { kind: 'end' };
    const start = this.ends.start(this.topic);
    if (this.next < start) return this.gap(start, 'retention');
    if (this.fd < 0) {
      const hole = this.openSegment();
      if (hole !== undefined) return hole;
    }
    const data = this.readBatches(end, maxBytes);
    return data ?? this.behindSegment(maxBytes);
  }

  private gap(resume: number, reason: 'damage' | 'retention'): ReadResult {
    const first = this.next;
    this.seek(resume);
    return { kind: 'gap', first, last: resume - 1, reason };
  }

  /** Opens the segment that holds `next` and finds its batch. */
  private openSegment(): ReadResult | undefined {
    const bases = listSegments(this.disk, this.folder);
    const base = bases.findLast((candidate) => candidate <= this.next);
    if (base === undefined) {
      // Asked after the folder was listed: retention may have been quicker.
      const start = this.ends.start(this.topic);
      if (start > this.next) return this.gap(start, 'retention');
      const [first] = bases;
      if (first === undefined) throw new Fault('log-damaged', `${this.folder} has no segment.`);
      return this.gap(first, 'damage');
    }
    try {
      this.fd = this.disk.open(segmentFile(this.folder, base, 'log'), 'r');
    } catch (error) {
      // Deleted by retention since the folder was listed: the start has moved on.
      if (errnoOf(error) === 'ENOENT' && this.ends.start(this.topic) > this.next)
        return this.gap(this.ends.start(this.topic), 'retention');
      throw error;
    }
    this.base = base;
    this.place = 0;
    if (this.next > base) this.findPlace(base, this.limit(bases, base));
    return undefined;
  }

  /** Where the segment ends that begins at an offset, or holds it: at the next one, or at the durable end. */
  private limit(bases: readonly number[], offset: number): number {
    const end = this.ends.end(this.topic);
    return Math.min(bases.find((base) => base > offset) ?? end, end);
  }

  /** Sets `place` to the batch that holds `next`: by the index where that is right, else by checking every batch from the segment's start. No offset in it reaches `limit`. */
  private findPlace(base: number, limit: number): void {
    const target = this.next;
    if (this.walkTo(lookUpPosition(this.disk, this.folder, base, target), target)) return;
    this.place = 0;
    for (const { position, header } of new BatchScanner(this.disk, this.fd).batches(base, limit)) {
      if (header.baseOffset > target) return;
      if (header.baseOffset + header.count > target) {
        this.place = position;
        this.next = header.baseOffset;
        return;
      }
      this.place = position + header.bytes;
    }
  }

  /** Follows the headers from an indexed batch, or from the segment's start, to the batch of `target`. False: index, headers and offsets do not agree. */
  private walkTo(from: IndexEntry | undefined, target: number): boolean {
    const header = new Uint8Array(BATCH_HEADER_BYTES);
    const view = new DataView(header.buffer);
    let expected = from === undefined ? this.base : -1;
    for (let at = from?.position ?? 0; ;) {
      if (this.disk.read(this.fd, header, at) < header.length) return false;
      const batch = readBatchHeader(view, 0);
      if (from !== undefined && expected < 0) expected = from.lastOffset - batch.count + 1;
      const sane = header[16] === 2 && batch.bytes >= BATCH_HEADER_BYTES && batch.bytes <= MAX_BATCH_BYTES;
      if (!sane || batch.count < 1 || batch.baseOffset !== expected || expected > target) return false;
      expected += batch.count;
      if (expected > target) {
        this.place = at;
        this.next = batch.baseOffset;
        return true;
      }
      at += batch.bytes;
    }
  }

  private readBatches(end: number, maxBytes: number): ReadResult | undefined {
    const wanted = Math.max(maxBytes, BATCH_HEADER_BYTES);
    if (this.buffer.length < wanted) this.buffer = new Uint8Array(wanted);
    let length = this.disk.read(this.fd, this.buffer.subarray(0, wanted), this.place);
    const first = this.batchLength(0, length);
    if (first > length && first <= MAX_BATCH_BYTES) {
      if (this.buffer.length < first) this.buffer = new Uint8Array(first);
      length = this.disk.read(this.fd, this.buffer.subarray(0, first), this.place);
    }
    const baseOffset = this.next;
    let at = 0;
    while (this.next < end) {
      const problem = checkBatch(this.buffer.subarray(0, length), at, this.next);
      if (problem !== undefined && problem !== 'offset') break;
      const batch = readBatchHeader(new DataView(this.buffer.buffer, this.buffer.byteOffset), at);
      // Only bytes outside the checksum differ: continuity knows them.
      if (problem === 'offset') placeBatch(this.buffer, at, this.next, batch.epoch);
      this.next += batch.count;
      at += batch.bytes;
    }
    if (at === 0) return undefined;
    this.place += at;
    return { kind: 'data', bytes: this.buffer.subarray(0, at), baseOffset, nextOffset: this.next };
  }

  private batchLength(at: number, length: number): number {
    if (at + 12 > length) return 0;
    return new DataView(this.buffer.buffer, this.buffer.byteOffset).getInt32(at + 8) + 12;
  }

  /** No valid batch where one must be: the segment has ended, or it is damaged. */
  private behindSegment(maxBytes: number): ReadResult {
    const bases = listSegments(this.disk, this.folder);
    // Asked after the folder was listed: the next segment may just have been deleted.
    const start = this.ends.start(this.topic);
    if (this.next < start) return this.gap(start, 'retention');
    if (bases.includes(this.next) && this.next !== this.base) {
      this.close();
      return this.read(maxBytes);
    }
    const first = this.next;
    const resume = this.limit(bases, first);
    const found = new BatchScanner(this.disk, this.fd).resynchronise(this.place, first, resume);
    if (found !== undefined) {
      this.place = found.position;
      this.next = found.header.baseOffset;
      return { kind: 'gap', first, last: this.next - 1, reason: 'damage' };
    }
    return this.gap(resume, 'damage');
  }
}

function firstSince(bytes: Uint8Array, timestampMs: number): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    const batch = readBatchHeader(view, at);
    if (batch.maxTimestampMs >= timestampMs) return batch.baseOffset;
    at += batch.bytes;
  }
  return undefined;
}

/** Start and end of each topic of a log that no gateway holds open, for tools that only read: the end is behind the last valid batch. */
export function openEnds(logFolder: string, disk: Disk = realDisk): DurableEnds {
  const topics = listTopics(disk, logFolder);
  const ends = DurableEnds.create(topics);
  for (const topic of topics) {
    const folder = topicFolder(logFolder, topic);
    const bases = listSegments(disk, folder);
    const last = bases.at(-1);
    if (last !== undefined) ends.publish(topic, segmentEnd(disk, folder, last), bases[0] ?? 0);
  }
  return ends;
}

function segmentEnd(disk: Disk, folder: string, base: number): number {
  const fd = disk.open(segmentFile(folder, base, 'log'), 'r');
  try {
    let end = base;
    for (const { header } of new BatchScanner(disk, fd).batches(base)) end = header.baseOffset + header.count;
    return end;
  } finally {
    disk.close(fd);
  }
}
