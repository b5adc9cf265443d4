import path from 'node:path';
import { BatchScanner } from './batch-scanner.ts';
import type { Disk } from './disk.ts';
import { Fault } from './fault.ts';
import { SegmentIndex } from './index-file.ts';
import { placeBatch } from './record-batch.ts';
import { PAGE_BYTES } from './tail-file.ts';
import { COMMIT_GROUP_BYTES, listSegments, segmentFile } from './segment-files.ts';

/** A range of offsets that cannot be read any more, with the record times around it (0: unknown). */
export interface DamagedRange {
  readonly first: number;
  readonly last: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly file: string;
  readonly position: number;
}

/** What a recovery found and did. */
export interface RecoveryReport {
  readonly damage: DamagedRange[];
  /** Batches beyond the recovery point whose base offset or epoch was put right. */
  repaired: number;
  /** The unacknowledged tail that was cut off: next offset to be written, bytes, and where they went. */
  cut: { readonly offset: number; readonly bytes: number; readonly file: string } | undefined;
  /** Bytes beyond the recovery point that were written and synced again. */
  rewrittenBytes: number;
}

/** The last segment, ready to go on, and the end of the topic. */
export interface Recovered {
  readonly bases: number[];
  readonly endOffset: number;
  readonly activeBytes: number;
  readonly activeIndex: SegmentIndex;
  /** Something of the last segment cannot be read. */
  readonly activeDamaged: boolean;
  readonly report: RecoveryReport;
}

/** What a recovery needs to know. */
export interface TopicRecoveryOptions {
  readonly disk: Disk;
  /** Of the topic. */
  readonly folder: string;
  readonly lostAndFound: string;
  readonly recoveryPoint: number;
  /** Of the log: no batch can have a later one. */
  readonly epoch: number;
  /** Makes the names of cut tails unique, such as the time. */
  readonly stamp: string;
}

interface BadPlace {
  readonly position: number;
  readonly first: number;
  /** First offset that is readable behind it, or undefined: nothing valid follows. */
  readonly resumeOffset: number | undefined;
  readonly fromMs: number;
  readonly toMs: number;
}

interface Walk {
  readonly bad: BadPlace[];
  /** Behind the last valid batch. */
  readonly end: number;
  readonly nextOffset: number;
  /** Where the last valid batch begins, -1 if there is none. */
  readonly lastValid: number;
}

/**
 * Checks a topic from its recovery point on (FORMAT.md, "Recovery point"): cuts the unacknowledged tail, reports damage, builds the indexes again, and writes everything
 * beyond the recovery point once more, synced: what the page cache shows after a kill may never have reached the disk. Changes nothing below the recovery point.
 */
export class TopicRecovery {
  private readonly disk: Disk;
  private readonly folder: string;
  private readonly lostAndFound: string;
  private readonly recoveryPoint: number;
  private readonly epoch: number;
  private readonly stamp: string;
  private readonly report: RecoveryReport = { damage: [], repaired: 0, cut: undefined, rewrittenBytes: 0 };

  constructor(options: TopicRecoveryOptions) {
    this.disk = options.disk;
    this.folder = options.folder;
    this.lostAndFound = options.lostAndFound;
    this.recoveryPoint = options.recoveryPoint;
    this.epoch = options.epoch;
    this.stamp = options.stamp;
  }

  /** Recovers a topic that has at least one segment. */
  run(): Recovered {
    const bases = listSegments(this.disk, this.folder);
    let first = bases.findLastIndex((base) => base <= this.recoveryPoint);
    if (first < 0) first = 0;
    let expected = bases[first] ?? 0;
    for (let i = first; i < bases.length - 1; i++) {
      const base = bases[i] ?? 0;
      this.noteHole(expected, base);
      const next = bases[i + 1] ?? 0;
      expected = this.closed(base, next);
    }
    const last = bases.at(-1) ?? 0;
    this.noteHole(expected, last);
    const active = this.active(last);
    this.disk.syncFolder(this.folder);
    return { bases, ...active, report: this.report };
  }

  private noteHole(expected: number, base: number): void {
    if (base < expected) throw new Fault('log-damaged', `${this.folder}: segment ${base} begins before ${expected}.`);
    if (base > expected) this.noteDamage(expected, base - 1, segmentFile(this.folder, base, 'log'), 0, 0, 0);
  }

  private noteDamage(first: number, last: number, file: string, position: number, fromMs: number, toMs: number): void {
    this.report.damage.push({ first, last, file, position, fromMs, toMs });
  }

  /** A segment that was complete: nothing is cut. Returns the offset behind it. */
  private closed(base: number, nextBase: number): number {
    const file = segmentFile(this.folder, base, 'log');
    const fd = this.disk.open(file, 'r+');
    try {
      const scanner = new BatchScanner(this.disk, fd);
      const walk = this.walk(scanner, base, nextBase);
      for (const bad of walk.bad)
        this.noteDamage(bad.first, (bad.resumeOffset ?? nextBase) - 1, file, bad.position, bad.fromMs, bad.toMs);
      this.index(scanner, fd, base, walk.end, nextBase).finish();
      this.disk.sync(fd);
      return walk.bad.at(-1)?.resumeOffset === undefined && walk.bad.length > 0 ? nextBase : walk.nextOffset;
    } finally {
      this.disk.close(fd);
    }
  }

  /** The last segment: its tail may be torn. */
  private active(base: number): Omit<Recovered, 'bases' | 'report'> {
    const file = segmentFile(this.folder, base, 'log');
    const fd = this.disk.open(file, 'r+');
    try {
      const walk = this.walk(new BatchScanner(this.disk, fd), base, Infinity);
      const tail = walk.bad.find(
        (bad) => bad.first >= this.recoveryPoint && walk.lastValid < bad.position + COMMIT_GROUP_BYTES,
      );
      const damage = tail === undefined ? walk.bad : walk.bad.slice(0, walk.bad.indexOf(tail));
      for (const bad of damage) {
        const last = (bad.resumeOffset ?? this.recoveryPoint) - 1;
        this.noteDamage(bad.first, last, file, bad.position, bad.fromMs, bad.toMs);
      }
      const end = tail?.position ?? walk.end;
      const endOffset = tail?.first ?? walk.nextOffset;
      if (tail !== undefined) this.cut(fd, tail.position, tail.first);
      // Short of the recovery point: what was acknowledged is lost. It is left as it is, and nothing is appended to it.
      const short = endOffset < this.recoveryPoint;
      if (!short) this.disk.truncate(fd, end);
      const activeIndex = this.index(new BatchScanner(this.disk, fd), fd, base, end);
      this.disk.sync(fd);
      const noted = damage.some((bad) => bad.resumeOffset === undefined);
      if (short && !noted) this.noteDamage(endOffset, this.recoveryPoint - 1, file, end, 0, 0);
      const activeBytes = short ? this.disk.size(fd) : end;
      return { endOffset, activeBytes, activeIndex, activeDamaged: short || damage.length > 0 };
    } finally {
      this.disk.close(fd);
    }
  }

  /** Finds valid batches and bad places in one pass; no offset reaches `limit`. */
  private walk(scanner: BatchScanner, base: number, limit: number): Walk {
    const bad: BadPlace[] = [];
    let position = 0;
    let expected = base;
    let lastValid = -1;
    let lastMs = 0;
    for (;;) {
      const found = scanner.at(position, expected);
      if (found.kind === 'end') break;
      if (found.kind === 'batch') {
        lastValid = position;
        lastMs = found.header.maxTimestampMs;
        position += found.header.bytes;
        expected += found.header.count;
        continue;
      }
      const next = scanner.resynchronise(position, expected, limit);
      bad.push({
        position,
        first: expected,
        resumeOffset: next?.header.baseOffset,
        fromMs: lastMs,
        toMs: next?.header.baseTimestampMs ?? 0,
      });
      if (next === undefined) break;
      position = next.position;
      expected = next.header.baseOffset;
    }
    return { bad, end: position, nextOffset: expected, lastValid };
  }

  /** Second pass up to `end`: indexes anew, and writes again what lies beyond the recovery point, with what lies outside the checksums put right. */
  private index(scanner: BatchScanner, fd: number, base: number, end: number, limit = Infinity): SegmentIndex {
    const index = new SegmentIndex(this.disk, this.folder, base);
    let epoch = 0;
    for (const { position, header, repairedFrom } of scanner.batches(base, limit)) {
      if (position >= end) break;
      // Epochs never fall, and none is later than the log's.
      const wrongEpoch = header.epoch < epoch || header.epoch > this.epoch;
      if (!wrongEpoch) ({ epoch } = header);
      if (header.baseOffset >= this.recoveryPoint) {
        const bytes = scanner.bytes(position, header.bytes);
        if (repairedFrom !== undefined || wrongEpoch) {
          placeBatch(bytes, 0, header.baseOffset, epoch);
          this.report.repaired++;
        }
        this.disk.write(fd, [bytes], position);
        this.report.rewrittenBytes += header.bytes;
      }
      index.add(header, position);
    }
    return index;
  }

  /** Behind the page of the last byte that is not zero: the zeros that are written ahead of the data are nothing that could be lost. */
  private endOfContent(fd: number, from: number): number {
    const part = new Uint8Array(64 * 1024);
    const size = this.disk.size(fd);
    for (let end = size; end > from;) {
      const start = Math.max(from, end - part.length);
      const count = this.disk.read(fd, part.subarray(0, end - start), start);
      const last = part.subarray(0, count).findLastIndex((byte) => byte !== 0);
      if (last >= 0) return Math.min(size, Math.ceil((start + last + 1) / PAGE_BYTES) * PAGE_BYTES);
      end = start;
    }
    return from;
  }

  private cut(fd: number, position: number, offset: number): void {
    const bytes = this.endOfContent(fd, position) - position;
    const name = `${path.basename(this.folder)}.${offset}.${this.stamp}.bin`;
    const file = path.join(this.lostAndFound, name);
    this.disk.makeFolder(this.lostAndFound);
    const to = this.disk.open(file, 'w');
    try {
      const part = new Uint8Array(Math.min(bytes, 1024 * 1024));
      for (let done = 0; done < bytes;) {
        const count = this.disk.read(fd, part.subarray(0, Math.min(part.length, bytes - done)), position + done);
        if (count === 0) break;
        this.disk.write(to, [part.subarray(0, count)], done);
        done += count;
      }
      this.disk.sync(to);
    } finally {
      this.disk.close(to);
    }
    this.disk.syncFolder(this.lostAndFound);
    this.report.cut = { offset, bytes, file };
  }
}
