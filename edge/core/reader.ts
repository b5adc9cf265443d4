import { BatchScanner } from './batch-scanner.ts';
import { type Disk, realDisk } from './disk.ts';
import { DurableEnds } from './durable-ends.ts';
import { errnoOf, Fault } from './fault.ts';
import { type IndexEntry, lookUpPosition, lookUpTime, type TimeEntry } from './index-file.ts';
import {
  BATCH_HEADER_BYTES,
  batchCount,
  batchLength,
  checkBatch,
  MAX_BATCH_BYTES,
  placeBatch,
  readBatchHeader,
} from './record-batch.ts';
import { RecordCursor } from './record-cursor.ts';
import { listSegments, listTopics, segmentFile, topicFolder } from './segment-files.ts';

const DEFAULT_READ_BYTES = 1024 * 1024;
const LEAST_READ_BYTES = 4096;

/** What one `read` gives. */
export type ReadResult =
  /** Whole, verified batches back to back; the memory is used again by the next read. May begin before the position if that lies inside a batch. */
  | { readonly kind: 'data'; readonly bytes: Uint8Array; readonly baseOffset: number; readonly nextOffset: number }
  /** Records `first` to `last` are not to be had; the reader has moved on behind them. */
  | { readonly kind: 'gap'; readonly first: number; readonly last: number; readonly reason: 'damage' | 'retention' }
  /** Caught up with the durable end. */
  | { readonly kind: 'end' };

/** Records of a topic that a consumer could not have: what it tells of a gap. */
export interface TopicGap {
  readonly topic: string;
  readonly first: number;
  readonly last: number;
  readonly reason: 'damage' | 'retention';
}

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
  /** How often something had been erased in the topic when the segment was opened. */
  private erasures = 0;
  /** Bytes of a record as the last read found them. */
  private recordBytes = 100;

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

  /**
   * First offset whose record timestamp is at or after this time; the durable end if there is none. The position stays. Where a clock was set back, record times do not grow:
   * then it is the first such offset behind a segment that begins earlier, of which there may be more than one. Looks into few segments, however many there are.
   */
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

  /** An offset from which on to look for this time: in the last segment that begins earlier, by its time index where that has an entry and the entry is true. `other` looks. */
  private offsetBefore(timestampMs: number, other: LogReader): number {
    const end = this.ends.end(this.topic);
    const start = this.ends.start(this.topic);
    // The next segment may have begun before anything of it is durable.
    const bases = listSegments(this.disk, this.folder).filter((each) => each < end);
    const base = bases[lastEarlier(bases.length, (i) => other.beginsBefore(bases[i] ?? 0, timestampMs))];
    if (base === undefined) return start;
    const entry = lookUpTime(this.disk, this.folder, base, timestampMs);
    const isTrue = entry !== undefined && other.confirms(entry);
    return Math.max(isTrue ? entry.lastOffset : base, start);
  }

  /** Whether a segment begins with a batch of an earlier time. False also where it is not there, or damaged. */
  private beginsBefore(base: number, timestampMs: number): boolean {
    this.seek(base);
    try {
      this.fd = this.disk.open(segmentFile(this.folder, base, 'log'), 'r');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
    this.place = 0;
    const first = this.readBatches(base + 1, BATCH_HEADER_BYTES);
    return first !== undefined && readBatchHeader(viewOf(first.bytes), 0).baseTimestampMs < timestampMs;
  }

  /** Whether the batch that a time entry speaks of is there and has that time. */
  private confirms(entry: TimeEntry): boolean {
    if (entry.lastOffset >= this.ends.end(this.topic)) return false;
    this.seek(entry.lastOffset);
    const result = this.read(BATCH_HEADER_BYTES);
    if (result.kind !== 'data') return false;
    const batch = readBatchHeader(viewOf(result.bytes), 0);
    return batch.baseOffset + batch.count - 1 === entry.lastOffset && batch.maxTimestampMs === entry.timestampMs;
  }

  /**
   * Reads on: at most `maxBytes`, but at least one batch. Where something was erased since the last call, the segment is opened anew; a batch may then begin before the position, as
   * after `seek`. Throws `log-position-ahead` behind the durable end: the
   * records that will get those offsets are not the ones that the reader takes for read.
   */
  read(maxBytes: number = DEFAULT_READ_BYTES): ReadResult {
    const end = this.ends.end(this.topic);
    if (this.next === end) return { kind: 'end' };
    if (this.next > end)
      throw new Fault('log-position-ahead', `${this.topic}: offset ${this.next}, the log ends at ${end}.`);
    const start = this.ends.start(this.topic);
    if (this.next < start) return this.gap(start, 'retention');
    if (this.fd >= 0 && this.erasures !== this.ends.erasures(this.topic)) this.seek(this.next);
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
      // Somebody has deleted what there was.
      return this.gap(this.limit(bases, this.next), 'damage');
    }
    this.erasures = this.ends.erasures(this.topic);
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
      // A count that is wrong must not make this the batch of a later offset.
      const whole = batch.count >= 1 && view.getInt32(23) === batch.count - 1;
      if (!sane || !whole || batch.baseOffset !== expected || expected > target) return false;
      expected += batch.count;
      if (expected > target) {
        this.place = at;
        this.next = batch.baseOffset;
        return true;
      }
      at += batch.bytes;
    }
  }

  private readBatches(end: number, maxBytes: number): Extract<ReadResult, { kind: 'data' }> | undefined {
    // A read costs as much as it asks for, also where only zeros lie, filled in ahead: not much more than there can be.
    const likely = LEAST_READ_BYTES + 2 * this.recordBytes * (end - this.next);
    const wanted = Math.max(Math.min(maxBytes, likely), BATCH_HEADER_BYTES);
    if (this.buffer.length < wanted) this.buffer = new Uint8Array(Math.min(wanted * 2, Math.max(wanted, maxBytes)));
    let length = this.disk.read(this.fd, this.buffer.subarray(0, wanted), this.place);
    const first = length < 12 ? 0 : batchLength(viewOf(this.buffer), 0);
    if (first > length && first <= MAX_BATCH_BYTES) {
      if (this.buffer.length < first) this.buffer = new Uint8Array(first);
      length = this.disk.read(this.fd, this.buffer.subarray(0, first), this.place);
    }
    const baseOffset = this.next;
    const bytes = this.buffer.subarray(0, length);
    const view = viewOf(bytes);
    let at = 0;
    while (this.next < end) {
      const problem = checkBatch(bytes, at, this.next);
      if (problem !== undefined && problem !== 'offset') break;
      // Only bytes outside the checksum differ: continuity knows them.
      if (problem === 'offset') placeBatch(bytes, at, this.next, view.getInt32(at + 12));
      this.next += batchCount(view, at);
      at += batchLength(view, at);
    }
    if (at === 0) return undefined;
    this.place += at;
    this.recordBytes = Math.ceil(at / (this.next - baseOffset));
    return { kind: 'data', bytes: this.buffer.subarray(0, at), baseOffset, nextOffset: this.next };
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

/**
 * The last of so many for which `isEarlier` holds, if it holds up to some and for none behind; else one that it holds for and not for the next; 0 if there is none. Asks few:
 * first the last, then further and further back, for mostly it is a late one that is wanted.
 */
function lastEarlier(count: number, isEarlier: (i: number) => boolean): number {
  let high = count;
  let low = count - 1;
  for (let step = 2; low > 0 && !isEarlier(low); step *= 2) {
    high = low;
    low -= step;
  }
  low = Math.max(low, 0);
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (isEarlier(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** Offset of the first record at or after a time in whole batches; undefined: there is none. */
function firstSince(bytes: Uint8Array, timestampMs: number): number | undefined {
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length;) {
    const batch = readBatchHeader(view, at);
    if (batch.maxTimestampMs >= timestampMs) return firstRecordSince(bytes, at, timestampMs) ?? batch.baseOffset;
    at += batch.bytes;
  }
  return undefined;
}

/** A batch that was merged (`repack-batches.ts`) holds records of different times. */
function firstRecordSince(bytes: Uint8Array, at: number, timestampMs: number): number | undefined {
  const cursor = new RecordCursor();
  cursor.open(bytes, at);
  while (cursor.next()) if (cursor.timestampMs >= timestampMs) return cursor.offset;
  return undefined;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
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
