import path from 'node:path';
import { type Disk, replaceFile } from './disk.ts';
import { assert } from './fault.ts';
import { SegmentIndex } from './index-file.ts';
import { IndexRepair } from './index-repair.ts';
import { batchCount, batchLength, batchMaxTimestampMs, placeBatchIn } from './record-batch.ts';
import { type DamagedRange, type RecoveryReport, TopicRecovery } from './recovery.ts';
import { listSegments, segmentFile, SEGMENT_BYTES } from './segment-files.ts';

/** A recovery point is due when so much was synced since the last. */
const RECOVERY_POINT_BYTES = 32 * 1024 * 1024;

/** A complete segment. */
export interface ClosedSegment {
  readonly baseOffset: number;
  readonly endOffset: number;
  readonly bytes: number;
}

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
  private readonly disk: Disk;
  private readonly folder: string;
  private readonly epoch: number;
  private readonly segmentBytes: number;
  private readonly closed: ClosedSegment[] = [];
  private readonly indexRepair: IndexRepair;
  private fd = -1;
  private base = 0;
  private position = 0;
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

  constructor(disk: Disk, folder: string, epoch: number, segmentBytes: number = SEGMENT_BYTES) {
    this.disk = disk;
    this.folder = folder;
    this.topic = path.basename(folder).slice(0, -2);
    this.epoch = epoch;
    this.segmentBytes = segmentBytes;
    this.indexRepair = new IndexRepair(disk, folder);
  }

  /** Opens the topic, or makes it. */
  open({ recoveryPoint, start, lostAndFound, stamp }: TopicOpenOptions): RecoveryReport | undefined {
    this.disk.makeFolder(this.folder);
    if (listSegments(this.disk, this.folder).length === 0) {
      this.begin(recoveryPoint);
      this.reachRecoveryPoint();
      if (recoveryPoint === 0) return undefined;
      return { damage: [this.lostBefore(start ?? 0)], repaired: 0, cut: undefined, rewrittenBytes: 0 };
    }
    const { disk, folder, epoch } = this;
    const recovered = new TopicRecovery({ disk, folder, lostAndFound, recoveryPoint, epoch, stamp }).run();
    const { bases, endOffset, report } = recovered;
    for (const [i, baseOffset] of bases.slice(0, -1).entries()) {
      const segment = { baseOffset, endOffset: bases[i + 1] ?? 0, bytes: this.sizeOf(baseOffset) };
      this.closed.push(segment);
      this.indexRepair.look(segment);
    }
    this.base = bases.at(-1) ?? 0;
    this.position = recovered.activeBytes;
    this.index = recovered.activeIndex;
    this.fd = this.disk.open(segmentFile(this.folder, this.base, 'log'), 'r+');
    // Acknowledged records that the disk has lost: their offsets are never used again.
    this.nextOffset = Math.max(endOffset, recoveryPoint);
    this.markSynced();
    // Behind damage a new segment begins: the next start does not look at it, and does not report it, again.
    if (recovered.activeDamaged) this.roll();
    this.reachRecoveryPoint();
    if (start !== undefined && start < this.start) report.damage.unshift(this.lostBefore(start));
    return report;
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

  /** The oldest segment that is complete. */
  get oldest(): ClosedSegment | undefined {
    return this.closed[0];
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
    this.disk.write(this.fd, this.staged, this.position);
    this.position += this.stagedBytes;
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
    if (this.sinceRecoveryPoint >= RECOVERY_POINT_BYTES) this.reachRecoveryPoint();
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
    this.index?.finish();
    this.disk.close(this.fd);
    this.closed.push({ baseOffset: this.base, endOffset: this.nextOffset, bytes: this.position });
    this.begin(this.nextOffset);
    this.reachRecoveryPoint();
  }

  /** Makes an empty active segment whose name is on the disk. */
  private begin(baseOffset: number): void {
    this.base = baseOffset;
    this.position = 0;
    this.nextOffset = baseOffset;
    this.fd = this.disk.open(segmentFile(this.folder, baseOffset, 'log'), 'wx+');
    this.index = new SegmentIndex(this.disk, this.folder, baseOffset);
    replaceFile(this.disk, path.join(this.folder, 'leader-epoch-checkpoint'), `0\n1\n${this.epoch} 0\n`);
    this.disk.syncFolder(this.folder);
    this.markSynced();
  }

  /** Gives up the oldest complete segment: the topic starts behind it. Its files go with `remove`, once the new start is on record. */
  releaseOldest(): ClosedSegment | undefined {
    const segment = this.closed.shift();
    if (segment !== undefined) this.indexRepair.forget(segment.baseOffset);
    return segment;
  }

  /** Deletes a released segment, its indexes first: they mean nothing without it. */
  remove(segment: ClosedSegment): void {
    const names = this.disk.list(this.folder);
    for (const kind of ['index', 'timeindex', 'log'] as const) {
      const file = segmentFile(this.folder, segment.baseOffset, kind);
      if (names.includes(path.basename(file))) this.disk.unlink(file);
    }
    this.disk.syncFolder(this.folder);
  }

  /** Builds a piece of an index that was found missing or not whole. Returns whether there was one. */
  repairIndex(): boolean {
    return this.indexRepair.step();
  }

  /** Clean stop: everything synced, the index complete. */
  close(): void {
    this.write();
    this.sync();
    this.index?.finish();
    this.disk.close(this.fd);
    this.indexRepair.close();
    this.reachRecoveryPoint();
  }
}
