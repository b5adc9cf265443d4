import path from 'node:path';
import { systemClock } from './clock.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.ts';
import type { Disk } from './disk.ts';
import type { DurableEnds } from './durable-ends.ts';
import { assert, errnoOf, Fault, type FaultCode, type FaultMessage, messageOf, toFaultMessage } from './fault.ts';
import { STOP_STEPS } from './index-repair.ts';
import { type LogIdentity, openIdentity } from './log-identity.ts';
import { figuresOf, type LogFigures } from './retention/log-figures.ts';
import { type LogEvent, LogRetention, type RetentionSettings } from './retention/log-retention.ts';
import { BatchEncoder } from './record-batch.ts';
import type { RecoveryReport } from './recovery.ts';
import type { RepackedSegment } from './repack/log.ts';
import type { Holds, Release } from './retention/retention.ts';
import { SpareSpace } from './retention/spare.ts';
import { REFUSED } from './ring.ts';
import { topicFolder } from './segment-files.ts';
import { type ClosedSegment, TopicLog, type TopicLogSizes } from './topic-log.ts';

/** How a log is opened. */
export interface LogWriterOptions extends RetentionSettings, TopicLogSizes {
  readonly disk: Disk;
  readonly logFolder: string;
  /** Where recoveries put what they cut off. */
  readonly lostAndFound: string;
  readonly ends: DurableEnds;
  /** Id for a log that has none yet. */
  readonly newLogId: string;
  /** Makes names of cut tails unique, such as the time. */
  readonly stamp: string;
}

/** An event that the writer appended to topic `events`. */
export interface RecordedEvent extends LogEvent {
  readonly offset: number;
}

/** The log as its one writer owns it: all topics, their commits, recovery points and retention. Knows nothing of threads. */
export class LogWriter {
  private readonly options: LogWriterOptions;
  /** Of the topics, by the numbers that these have among the ends. */
  private readonly logs: TopicLog[] = [];
  /** Topics with batches that are not durable yet. */
  private readonly touched = new Set<TopicLog>();
  private readonly recoveryPoints: string;
  private readonly logStarts: string;
  private readonly retention: LogRetention;
  private readonly spare: SpareSpace;
  /** Events of the log itself that are not on record yet: on a full disk they come behind what they tell. */
  private readonly owed: LogEvent[] = [];
  private readonly recorded: RecordedEvent[] = [];
  /** A checkpoint file is being replaced. */
  private saving = false;
  /** As the files had them; topics that are not open keep theirs. */
  private points = new Map<string, number>();
  private starts = new Map<string, number>();
  private failure: FaultMessage | undefined;
  identity: LogIdentity = { v: 1, logId: '', epoch: 0 };

  constructor(options: LogWriterOptions) {
    this.options = options;
    this.retention = new LogRetention(options);
    this.spare = new SpareSpace(options.disk, path.join(options.logFolder, 'spare'));
    this.recoveryPoints = path.join(options.logFolder, 'recovery-point-offset-checkpoint');
    this.logStarts = path.join(options.logFolder, 'log-start-offset-checkpoint');
  }

  /** Opens all topics, recovers them, publishes their ends. Returns what was found, per topic. Throws a Fault; the writer then refuses everything. */
  open(): Record<string, RecoveryReport> {
    try {
      return this.openTopics();
    } catch (error) {
      const fault = asFault(error);
      this.failure = toFaultMessage(fault);
      throw fault;
    }
  }

  private openTopics(): Record<string, RecoveryReport> {
    const { disk, logFolder, lostAndFound, stamp, ends, newLogId } = this.options;
    disk.makeFolder(logFolder);
    this.spare.open();
    this.identity = openIdentity(disk, logFolder, newLogId);
    this.points = readCheckpoint(disk, this.recoveryPoints);
    this.starts = readCheckpoint(disk, this.logStarts);
    const reports: Record<string, RecoveryReport> = {};
    for (const topic of ends.topics) {
      const folder = topicFolder(logFolder, topic);
      const log = new TopicLog(disk, folder, this.identity.epoch, this.options);
      this.logs.push(log);
      const recoveryPoint = this.points.get(topic) ?? 0;
      const report = log.open({ recoveryPoint, start: this.starts.get(topic), lostAndFound, stamp });
      if (report !== undefined) reports[topic] = report;
    }
    this.saveRecoveryPoints();
    this.saveStarts();
    for (const log of this.logs) ends.publish(log.topic, log.end, log.start);
    ends.notify();
    this.retention.open(this.logs);
    this.keepSpare();
    return reports;
  }

  /** There is one only where it is known how full the disk is. */
  private keepSpare(): void {
    if (this.retention.hasSpaceFor(this.spare.missingBytes)) this.spare.refill();
  }

  private logOf(topic: string): TopicLog | undefined {
    return this.logs.find((log) => log.topic === topic);
  }

  /** Bytes of all topics. */
  get bytes(): number {
    return this.logs.reduce((sum, log) => sum + log.bytes, 0);
  }

  /** Why the writer writes no more, or undefined. */
  get failed(): FaultMessage | undefined {
    return this.failure;
  }

  /**
   * Takes the batch in `length` bytes of `memory` from `at` on into the group that the next `commit` makes durable; the memory stays as it is until then. Returns its base
   * offset, or `REFUSED`: then the whole group is. `topic` is its number among those of the ends.
   */
  stage(topic: number, memory: Uint8Array, view: DataView, at: number, length: number, records: number): number {
    const log = this.logs[topic];
    assert(log !== undefined, `there is a topic ${topic}`);
    if (this.failure !== undefined) return REFUSED;
    try {
      this.touched.add(log);
      return log.stage(memory, view, at, length, records);
    } catch (error) {
      this.fail(error);
      return REFUSED;
    }
  }

  /** Whether batches of this topic may wait for a later commit. */
  isLazy(topic: number): boolean {
    return this.logs[topic]?.isLazy === true;
  }

  /**
   * Makes everything that was staged durable and publishes the new ends; without `lazy`, topics that may wait are only written. Returns why that was not possible: then all of
   * it is refused. A failed write or sync is final: nothing is ever acknowledged after it, since nobody knows what reached the disk.
   */
  commit(lazy = true): FaultMessage | undefined {
    if (this.failure !== undefined) return this.failure;
    const synced = [...this.touched].filter((log) => lazy || !log.isLazy);
    try {
      for (const log of this.touched) log.write();
      for (const log of synced) log.sync();
      this.saveRecoveryPoints();
    } catch (error) {
      return this.fail(error);
    }
    this.publish();
    for (const log of synced) this.touched.delete(log);
    return undefined;
  }

  /** Says what has become durable, of a topic that may wait too: what its roll has synced. */
  private publish(): void {
    const { ends } = this.options;
    const longer = [...this.touched].filter((log) => log.end !== ends.end(log.topic));
    for (const log of longer) ends.publish(log.topic, log.end);
    if (longer.length > 0) ends.notify();
  }

  private saveRecoveryPoints(): void {
    if (!this.logs.some((log) => log.recoveryPointDue)) return;
    for (const log of this.logs) this.points.set(log.topic, log.recoveryPoint);
    this.save(this.recoveryPoints, this.points);
    for (const log of this.logs) log.recoveryPointDue = false;
  }

  private saveStarts(): void {
    for (const log of this.logs) this.starts.set(log.topic, log.start);
    this.save(this.logStarts, this.starts);
  }

  private save(file: string, offsets: ReadonlyMap<string, number>): void {
    this.saving = true;
    try {
      writeCheckpoint(this.options.disk, file, offsets);
    } finally {
      this.saving = false;
    }
  }

  /** Notes what consumers still need. Before the first call nothing is deleted: a consumer that still starts may need it. */
  hold(holds: Holds): void {
    this.retention.hold(holds);
  }

  /** Somebody says that the wall clock is right: what is too old goes again. */
  confirmClock(): void {
    try {
      if (this.failure === undefined) this.retention.confirmClock();
    } catch (error) {
      this.fail(error);
    }
  }

  /** What is to be known of retention: sizes, ages, the clock. */
  figures(): LogFigures {
    return figuresOf(this.logs, this.retention);
  }

  /** Whether so little of the disk is free that nothing must be appended: what is written now would keep others from making room. As of the last `retain`. */
  get isStarved(): boolean {
    return this.retention.isStarved;
  }

  /** Events that the writer has put on record since the last call. */
  takeRecorded(): RecordedEvent[] {
    return this.recorded.splice(0);
  }

  /**
   * Deletes what must go and may: what is over the budget, takes the reserve of the disk, or is too old (`retention.ts`). What a link loses by it is on record before it goes.
   * To be called once a second, between two commits. Returns whether the log is within its bounds.
   */
  retain(): boolean {
    try {
      if (this.failure === undefined) {
        this.retention.look();
        const releases = this.retention.plan();
        this.record([...this.retention.takeEvents(), ...this.owed.splice(0), ...this.retention.gaps(releases)]);
        this.release(releases);
        this.keepSpare();
      }
    } catch (error) {
      this.fail(error);
    }
    return this.retention.isWithin;
  }

  /**
   * A write waits for space, in the middle of a commit: deletes what may go. The indexes first, so that the new starts can be put on record; what links lose by it is put on record when
   * there is room. Returns whether anything was deleted.
   */
  makeRoom(): boolean {
    if (this.failure !== undefined) return false;
    if (this.disposeAll()) return true;
    this.retention.look();
    const releases = this.retention.plan().filter(({ topic, segment }) => this.isComplete(topic, segment.baseOffset));
    let unlinked = 0;
    for (const { topic, segment } of releases) unlinked += this.logOf(topic)?.removeIndexes(segment) ?? 0;
    // A checkpoint file that waits for space is not written in between; the indexes are room for it, or else what was put aside.
    if (this.saving) return unlinked > 0 || this.giveSpare();
    this.owed.push(...this.retention.gaps(releases));
    this.release(releases);
    this.disposeAll();
    return releases.length > 0;
  }

  /** Making room has found no room for what it must write: gives up some of what is put aside for that. Returns whether there was any. */
  giveSpare(): boolean {
    return this.failure === undefined && this.spare.give();
  }

  /** Gives a piece of what was deleted back to the disk: to be called between two commits. Returns whether there was one. */
  dispose(): boolean {
    if (this.failure !== undefined) return false;
    try {
      return this.logs.some((log) => log.dispose());
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  /** Returns whether there was anything. */
  private disposeAll(): boolean {
    let any = false;
    while (this.dispose()) any = true;
    return any;
  }

  private isComplete(topic: string, baseOffset: number): boolean {
    return this.logOf(topic)?.facts.active.baseOffset !== baseOffset;
  }

  /** Readers first, then the record, then the files: nobody is sent to what is gone. */
  private release(releases: readonly Release[]): void {
    if (this.failure !== undefined) return;
    const gone: [TopicLog, ClosedSegment][] = [];
    for (const { topic, segment } of releases) {
      const log = this.logOf(topic);
      // What made room since this was planned has taken it already; the next one is not part of the plan.
      if (log === undefined || log.start !== segment.baseOffset) continue;
      if (!this.isComplete(topic, segment.baseOffset)) log.completeActive();
      const released = log.releaseOldest();
      if (released !== undefined) gone.push([log, released]);
    }
    if (gone.length === 0) return;
    for (const log of new Set(gone.map(([each]) => each))) this.options.ends.publish(log.topic, log.end, log.start);
    this.options.ends.notify();
    this.saveStarts();
    this.saveRecoveryPoints();
    for (const [log, segment] of gone) {
      log.remove(segment);
      this.retention.released(segment.bytes);
    }
  }

  /** Appends events of the log itself, durable when this returns. A log without that topic does without. */
  private record(events: readonly LogEvent[]): void {
    const topic = this.logs.findIndex((log) => log.topic === 'events');
    if (events.length === 0 || topic < 0) return;
    const clock = this.options.clock ?? systemClock();
    const encoder = new BatchEncoder();
    const text = new TextEncoder();
    for (const { key, type, members } of events)
      encoder.addRecord(text.encode(key), text.encode(JSON.stringify({ v: 1, at: clock.nowUs(), type, ...members })));
    const batch = encoder.finish(clock.nowMs());
    const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
    const first = this.stage(topic, batch, view, 0, batch.length, events.length);
    if (this.commit() !== undefined) return;
    for (const [i, event] of events.entries()) this.recorded.push({ ...event, offset: first + i });
  }

  /** Records that came into complete segments, deleted ones too: grows when a segment is completed. */
  get completed(): number {
    return this.logs.reduce((sum, log) => sum + log.facts.active.baseOffset, 0);
  }

  /** Puts a repacked segment in the place of the one that it was made of (`TopicLog.replaceSegment`). Returns the bytes that this saves, undefined where it is refused. */
  replaceSegment({ topic, baseOffset, endOffset, isErased = false }: RepackedSegment): number | undefined {
    if (this.failure !== undefined) return undefined;
    try {
      const savedBytes = this.logOf(topic)?.replaceSegment(baseOffset, endOffset);
      if (isErased) this.options.ends.noteErased(topic);
      return savedBytes;
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  /** Completes the segment of a topic that is written to, if it begins below this offset and holds anything, and puts the recovery points on record: between two commits. */
  roll(topic: string, below: number): void {
    const log = this.logOf(topic);
    if (this.failure !== undefined || log === undefined) return;
    try {
      if (log.facts.active.baseOffset < below) log.completeActive();
      this.saveRecoveryPoints();
      this.options.ends.publish(topic, log.end);
      this.options.ends.notify();
    } catch (error) {
      this.fail(error);
    }
  }

  /** Builds a piece of an index that was found missing or not whole at start (see `IndexRepair`): to be called now and then. Returns whether there was one. */
  repairIndex(): boolean {
    return this.failure === undefined && this.logs.some((log) => log.repairIndex());
  }

  private fail(error: unknown): FaultMessage {
    this.failure = { code: failureCode(error), detail: messageOf(error) };
    return this.failure;
  }

  /** Clean stop: indexes built again as far as that is quick, everything synced and trimmed, recovery points at the end. After a failure nothing is touched; one here is noted in `failed`. */
  close(): void {
    this.disposeAll();
    if (this.failure !== undefined) return;
    try {
      for (let step = 0; step < STOP_STEPS && this.repairIndex(); step++);
      for (const log of this.logs) log.close();
      this.saveRecoveryPoints();
    } catch (error) {
      this.fail(error);
    }
  }
}

/** What went wrong while the log was opened: errors of the system become faults, those of the program stay what they are. */
function asFault(error: unknown): unknown {
  const code = errnoOf(error);
  if (error instanceof Fault || code === undefined) return error;
  const unreadable = ['EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP'].includes(code);
  return new Fault(unreadable ? 'data-unreadable' : failureCode(error), messageOf(error), { cause: error });
}

/** Why an open log can be written no more. */
function failureCode(error: unknown): FaultCode {
  const code = errnoOf(error);
  if (code === 'EROFS') return 'disk-read-only';
  return code === 'ENOENT' || code === 'ENOTDIR' ? 'log-segment-missing' : 'log-write-failed';
}
