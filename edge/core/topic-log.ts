import path from 'node:path';
import { type Disk, readFile, replaceFile } from './disk.ts';
import { assert } from './fault.ts';
import { lastTime, SegmentIndex } from './index-file.ts';
import { IndexRepair } from './index-repair.ts';
import { batchCount, batchLength, batchMaxTimestampMs, placeBatchIn } from './record-batch.ts';
import { type DamagedRange, type RecoveryReport, TopicRecovery } from './recovery.ts';
import type { SegmentFacts, TopicFacts } from './retention/retention.ts';
import { hasCleaned, removeCleaned, swapCleaned } from './repack/files.ts';
import { Disposal } from './retention/disposal.ts';
import { listSegments, segmentFile, SEGMENT_BYTES } from './segment-files.ts';
import { firstTime, lastTimeHolds } from './retention/segment-times.ts';
import { TailFile, type TailOptions } from './tail-file.ts';
import { isLazy } from './topics.ts';

const RECOVERY_POINT_BYTES = 32 * 1024 * 1024;

/** Sizes of a topic's files: those of FORMAT.md where left out. */
export interface TopicLogSizes {
  readonly segmentBytes?: number;
  /** A recovery point is due when so much was synced since the last. */
  readonly recoveryPointBytes?: number;
  /** When zeros are written ahead. */
  readonly tail?: TailOptions;
  /** So much of a deleted segment is given back to the disk at a time. */
  readonly disposalBytes?: number;
}

/** A complete segment. */
export type ClosedSegment = SegmentFacts;

/** What the files beside the topics say about one of them, and where a recovery puts what it cuts off. */
export interface TopicOpenOptions {
  readonly recoveryPoint: number;
  /** Where the topic began when that was last put on record; undefined: it never was. */
  readonly start: number | undefined;
  readonly lostAndFound: string;
  /** Names cut tails. */
  readonly stamp: string;
}

/** One topic of the log as its writer sees it: batches are staged, written, synced. Nobody else writes to its folder. */
export class TopicLog {
  readonly topic: string;
  /** Whether it may be synced later than others. */
  readonly isLazy: boolean;
  private readonly disk: Disk;
  private readonly folder: string;
  private readonly epoch: number;
  private readonly segmentBytes: number;
  private readonly recoveryPointBytes: number;
  private readonly tailOptions: TailOptions | undefined;
  private readonly closed: ClosedSegment[] = [];
  private readonly indexRepair: IndexRepair;
  private readonly disposal: Disposal;
  private fd = -1;
  private base = 0;
  private tail: TailFile | undefined;
  private index: SegmentIndex | undefined;
  private staged: Uint8Array[] = [];
  /** The last piece of what is staged. */
  private runMemory: Uint8Array | undefined;
  private runStart = 0;
  private runEnd = 0;
  private stagedBytes = 0;
  private nextOffset = 0;
  private written = 0;
  private synced = 0;
  /** Every record below it was synced: to be put on record when `recoveryPointDue`. */
  recoveryPoint = 0;
  recoveryPointDue = false;
  private sinceRecoveryPoint = 0;
  /** Since the topic was opened: bytes of segments that were completed, without what was there before. */
  private completedBytes = 0;
  private openedAt = 0;
  /** Segments whose time index was found wrong when they were about to expire: it is built again once. */
  private readonly mended = new Set<number>();
  /** When the oldest record came, and the segment in which it lies. */
  private oldestTime: { readonly baseOffset: number; readonly ms: number | undefined } | undefined;

  constructor(disk: Disk, folder: string, epoch: number, sizes: TopicLogSizes = {}) {
    this.disk = disk;
    this.folder = folder;
    this.topic = path.basename(folder).slice(0, -2);
    this.isLazy = isLazy(this.topic);
    this.epoch = epoch;
    this.segmentBytes = sizes.segmentBytes ?? SEGMENT_BYTES;
    this.recoveryPointBytes = sizes.recoveryPointBytes ?? RECOVERY_POINT_BYTES;
    this.tailOptions = sizes.tail;
    this.indexRepair = new IndexRepair(disk, folder);
    this.disposal = new Disposal(disk, folder, sizes.disposalBytes);
  }

  /** Opens the topic, or makes it. */
  open({ recoveryPoint, start, lostAndFound, stamp }: TopicOpenOptions): RecoveryReport | undefined {
    this.disk.makeFolder(this.folder);
    removeCleaned(this.disk, this.folder);
    this.disposal.open();
    this.noteEpoch();
    if (listSegments(this.disk, this.folder).length === 0) {
      // What was released is not lost, and no offset that was given is given again.
      this.begin(Math.max(recoveryPoint, start ?? 0));
      this.openedAt = this.synced;
      this.reachRecoveryPoint();
      if (recoveryPoint <= (start ?? 0)) return undefined;
      return { damage: [this.lostBefore(start ?? 0)], repaired: 0, cut: undefined, rewrittenBytes: 0 };
    }
    const { disk, folder, epoch } = this;
    const recovered = new TopicRecovery({ disk, folder, lostAndFound, recoveryPoint, epoch, stamp }).run();
    const { bases, endOffset, report } = recovered;
    for (const [i, baseOffset] of bases.slice(0, -1).entries()) {
      const segment = { baseOffset, endOffset: bases[i + 1] ?? 0, bytes: this.sizeOf(baseOffset) };
      this.closed.push({ ...segment, greatestMs: this.indexRepair.look(segment) });
    }
    this.base = bases.at(-1) ?? 0;
    this.index = recovered.activeIndex;
    this.openTail(segmentFile(this.folder, this.base, 'log'), 'r+', recovered.activeBytes);
    // Acknowledged records that the disk has lost: their offsets are never used again.
    this.nextOffset = Math.max(endOffset, recoveryPoint);
    this.markSynced();
    this.completedBytes = -this.position;
    this.openedAt = this.synced;
    // Behind damage a new segment begins: the next start does not look at it, and does not report it, again.
    if (recovered.activeDamaged) this.roll();
    this.reachRecoveryPoint();
    if (start !== undefined && start < this.start) report.damage.unshift(this.lostBefore(start));
    return report;
  }

  /** The file that Kafka takes the epochs from says ours. */
  private noteEpoch(): void {
    const file = path.join(this.folder, 'leader-epoch-checkpoint');
    const content = new TextEncoder().encode(`0\n1\n${this.epoch} 0\n`);
    const there = readFile(this.disk, file);
    if (there === undefined || !Buffer.from(there).equals(content)) replaceFile(this.disk, file, content);
  }

  /** There were records from an offset on, and their segments are gone. */
  private lostBefore(first: number): DamagedRange {
    return { first, last: this.start - 1, fromMs: 0, toMs: 0, file: this.folder, position: 0 };
  }

  private sizeOf(baseOffset: number): number {
    const fd = this.disk.open(segmentFile(this.folder, baseOffset, 'log'), 'r');
    try {
      return this.disk.size(fd);
    } finally {
      this.disk.close(fd);
    }
  }

  /** Offset behind the last synced record. */
  get end(): number {
    return this.synced;
  }

  /** Offset of the oldest record. */
  get start(): number {
    return this.closed[0]?.baseOffset ?? this.base;
  }

  /** Bytes of all segments. */
  get bytes(): number {
    return this.closed.reduce((sum, segment) => sum + segment.bytes, this.position);
  }

  /** What retention goes by. */
  get facts(): TopicFacts {
    const { topic, closed, base: baseOffset, synced: endOffset, position: bytes } = this;
    const active = { baseOffset, endOffset, bytes, greatestMs: this.index?.greatestMs };
    return { topic, segments: [...closed], active };
  }

  /** Bytes and records that were appended since the topic was opened. */
  get appended(): { readonly bytes: number; readonly records: number } {
    return { bytes: this.completedBytes + this.position, records: this.synced - this.openedAt };
  }

  /** When the last record came, ms; undefined: there is none, or its time index does not tell. */
  get latestMs(): number | undefined {
    return this.index?.latestMs ?? this.closed.at(-1)?.greatestMs;
  }

  /** When the oldest record came, ms; undefined: there is none, or it cannot be read. */
  get oldestMs(): number | undefined {
    const { start } = this;
    if (start === this.synced) return undefined;
    if (this.oldestTime?.ms === undefined || this.oldestTime.baseOffset !== start)
      this.oldestTime = { baseOffset: start, ms: this.beginMs(start) };
    return this.oldestTime.ms;
  }

  /** When the first record of a segment came, ms; undefined: it has none, or it cannot be read. */
  beginMs(baseOffset: number): number | undefined {
    return firstTime(this.disk, this.folder, baseOffset);
  }

  get segments(): number {
    return this.closed.length + 1;
  }

  /** Gives the batch in `length` bytes of `memory` from `at` on its place, and keeps it for `write`. Returns its base offset. `view` is of the same memory. */
  stage(memory: Uint8Array, view: DataView, at: number, length: number, records: number): number {
    assert(batchCount(view, at) === records && batchLength(view, at) === length, 'a batch says what it holds');
    if (this.position + this.stagedBytes + length > this.segmentBytes && this.position + this.stagedBytes > 0) {
      this.write();
      this.sync();
      this.roll();
    }
    const baseOffset = this.nextOffset;
    placeBatchIn(view, at, baseOffset, this.epoch);
    const position = this.position + this.stagedBytes;
    this.index?.note(baseOffset + records - 1, length, batchMaxTimestampMs(view, at), position);
    this.extend(memory, at, length);
    this.stagedBytes += length;
    this.nextOffset += records;
    return baseOffset;
  }

  /** Batches that lie behind one another in memory are written as one piece. */
  private extend(memory: Uint8Array, at: number, length: number): void {
    if (memory !== this.runMemory || at !== this.runEnd) {
      this.endRun();
      this.runMemory = memory;
      this.runStart = at;
    }
    this.runEnd = at + length;
  }

  private endRun(): void {
    if (this.runMemory !== undefined) this.staged.push(this.runMemory.subarray(this.runStart, this.runEnd));
    this.runMemory = undefined;
  }

  /** Writes what was staged. */
  write(): void {
    if (this.stagedBytes === 0) return;
    this.endRun();
    this.tail?.append(this.staged, this.stagedBytes);
    this.sinceRecoveryPoint += this.stagedBytes;
    this.staged = [];
    this.stagedBytes = 0;
    this.written = this.nextOffset;
  }

  /** Makes durable what was written. */
  sync(): void {
    if (this.written === this.synced) return;
    this.disk.sync(this.fd);
    this.synced = this.written;
    if (this.sinceRecoveryPoint >= this.recoveryPointBytes) this.reachRecoveryPoint();
  }

  private markSynced(): void {
    this.written = this.nextOffset;
    this.synced = this.nextOffset;
  }

  private reachRecoveryPoint(): void {
    this.recoveryPoint = this.synced;
    this.recoveryPointDue = true;
    this.sinceRecoveryPoint = 0;
  }

  /** Closes the active segment, all synced, and begins the next at `nextOffset`. */
  private roll(): void {
    const bytes = this.position;
    const greatestMs = this.index?.greatestMs;
    this.closeTail();
    this.completedBytes += bytes;
    this.closed.push({ baseOffset: this.base, endOffset: this.nextOffset, bytes, greatestMs });
    this.begin(this.nextOffset);
    this.reachRecoveryPoint();
  }

  /** Bytes of the active segment that are written. */
  private get position(): number {
    return this.tail?.position ?? 0;
  }

  private openTail(file: string, flags: 'r+' | 'wx+', position: number): void {
    this.fd = this.disk.open(file, flags);
    this.tail = new TailFile(this.disk, this.fd, position, this.segmentBytes, this.tailOptions);
  }

  /** The active segment is complete: nothing lies behind its last batch any more. */
  private closeTail(): void {
    this.tail?.trim();
    this.disk.sync(this.fd);
    this.index?.finish();
    this.disk.close(this.fd);
  }

  /** Makes an empty active segment whose name is on the disk. */
  private begin(baseOffset: number): void {
    this.base = baseOffset;
    this.nextOffset = baseOffset;
    this.openTail(segmentFile(this.folder, baseOffset, 'log'), 'wx+', 0);
    this.index = new SegmentIndex(this.disk, this.folder, baseOffset);
    this.disk.syncFolder(this.folder);
    this.markSynced();
  }

  /** Completes the active segment, so that it can go for its age. */
  completeActive(): void {
    this.write();
    this.sync();
    if (this.position > 0) this.roll();
  }

  /** Whether a segment is as old as its time index says; where that is wrong it is built again, once, and the segment's age is not known until then. */
  isAged(baseOffset: number): boolean {
    const at = this.closed.findIndex((segment) => segment.baseOffset === baseOffset);
    const segment = this.closed[at];
    if (segment === undefined || lastTimeHolds(this.disk, this.folder, baseOffset)) return true;
    this.closed[at] = { ...segment, greatestMs: undefined };
    if (!this.mended.has(baseOffset)) this.indexRepair.mend(segment);
    this.mended.add(baseOffset);
    return false;
  }

  /** Gives up the oldest complete segment: the topic starts behind it. Its files go with `remove`, once the new start is on record. */
  releaseOldest(): ClosedSegment | undefined {
    const segment = this.closed.shift();
    if (segment !== undefined) {
      this.indexRepair.forget(segment.baseOffset);
      this.mended.delete(segment.baseOffset);
    }
    return segment;
  }

  /** Deletes the indexes of a segment that is about to be released. Returns how many files there were. */
  removeIndexes(segment: ClosedSegment): number {
    return this.disposal.removeIndexes(segment.baseOffset);
  }

  /** Deletes a released segment: no start finds it again. Its bytes go with `dispose`. */
  remove(segment: ClosedSegment): void {
    this.disposal.remove(segment.baseOffset, segment.bytes);
  }

  /** Bytes of deleted segments that the disk does not have back yet. */
  get deletedBytes(): number {
    return this.disposal.bytes;
  }

  /** Gives a piece of what was deleted back to the disk. Returns whether there was one. */
  dispose(): boolean {
    return this.disposal.step();
  }

  /**
   * Puts a repacked segment (`repackSegment`) in the place of the one that it was made of. Returns by how many bytes the topic has become smaller; undefined: there is no such
   * segment any more, and what was made of it is deleted.
   */
  replaceSegment(baseOffset: number, endOffset: number): number | undefined {
    const { disk, folder, closed } = this;
    const at = closed.findIndex((segment) => segment.baseOffset === baseOffset && segment.endOffset === endOffset);
    const segment = closed[at];
    if (segment === undefined || !hasCleaned(disk, folder, baseOffset)) {
      removeCleaned(disk, folder, baseOffset);
      return undefined;
    }
    this.indexRepair.forget(baseOffset);
    swapCleaned(disk, folder, baseOffset);
    const bytes = this.sizeOf(baseOffset);
    const greatestMs = segment.greatestMs ?? lastTime(disk, folder, baseOffset)?.timestampMs;
    closed[at] = { ...segment, bytes, greatestMs };
    return segment.bytes - bytes;
  }

  /** Builds a piece of an index that was found missing or not whole. Returns whether there was one. */
  repairIndex(): boolean {
    if (!this.indexRepair.step()) return false;
    for (const [i, segment] of this.closed.entries()) {
      if (segment.greatestMs !== undefined || this.indexRepair.mends(segment.baseOffset)) continue;
      this.closed[i] = { ...segment, greatestMs: lastTime(this.disk, this.folder, segment.baseOffset)?.timestampMs };
    }
    return true;
  }

  /** Clean stop: everything synced, the index complete. */
  close(): void {
    this.write();
    this.sync();
    this.closeTail();
    this.indexRepair.close();
    this.reachRecoveryPoint();
  }
}
