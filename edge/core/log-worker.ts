import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { realDisk } from './disk.ts';
import { diskSpace } from './retention/disk-space.ts';
import { Doorbell } from './doorbell.ts';
import { DurableEnds, type SharedEnds } from './durable-ends.ts';
import { assert, type FaultMessage, toFaultMessage } from './fault.ts';
import { type CommitClock, GroupCommit } from './group-commit.ts';
import type { LogFigures } from './retention/log-figures.ts';
import type { LogIdentity } from './log-identity.ts';
import { LogWriter, type RecordedEvent } from './log-writer.ts';
import { patientDisk } from './patient-disk.ts';
import type { RecoveryReport } from './recovery.ts';
import type { RepackedSegment } from './repack/log.ts';
import type { Holds, Offsets } from './retention/retention.ts';

/** What the log keeps (`RetentionSettings`), as it crosses threads. */
export interface RetentionConfig {
  readonly budgetBytes: number;
  readonly reserveBytes?: number | undefined;
  readonly retentionMs?: Offsets | undefined;
  readonly othersKeepMs?: number | undefined;
}

/** What the main thread gives the worker at its start. */
export interface LogWorkerData {
  readonly logFolder: string;
  readonly lostAndFound: string;
  readonly ends: SharedEnds;
  readonly doorbell: SharedArrayBuffer;
  readonly retention: RetentionConfig;
  readonly newLogId: string;
  readonly stamp: string;
  readonly segmentBytes: number | null;
  /** Set to 1 when the log is to be closed: a writer that waits for a full disk gives up. */
  readonly stop: Int32Array;
}

/** What the main thread posts; it rings the bell behind it. */
export type LogCommand =
  /** A ring from which to take batches. */
  | { readonly type: 'ring'; readonly id: number; readonly ring: SharedArrayBuffer }
  /** Its producer has ended: what is in it is still taken. */
  | { readonly type: 'release'; readonly id: number }
  | { readonly type: 'hold'; readonly holds: Holds }
  /** Somebody says that the wall clock is right. */
  | { readonly type: 'confirm-clock' }
  /** Answered with `swapped`. */
  | { readonly type: 'swap'; readonly segment: RepackedSegment }
  /** The active segment of a topic is to be completed if it begins below this offset. Answered with `rolled`. */
  | { readonly type: 'roll'; readonly topic: string; readonly below: number }
  | { readonly type: 'close' };

/** What the worker posts. */
export type LogNotice =
  | { readonly type: 'opened'; readonly identity: LogIdentity; readonly reports: Record<string, RecoveryReport> }
  | { readonly type: 'failed'; readonly fault: FaultMessage }
  | { readonly type: 'disk-full'; readonly full: boolean }
  | { readonly type: 'size'; readonly figures: LogFigures }
  /** The writer has appended an event of its own. */
  | { readonly type: 'recorded'; readonly event: RecordedEvent }
  /** There are complete segments that may be repacked: more than when it said so last. */
  | { readonly type: 'completed' }
  /** By so many bytes the log has become smaller; undefined: the segment was not wanted any more. */
  | { readonly type: 'swapped'; readonly savedBytes: number | undefined; readonly isErased: boolean }
  | { readonly type: 'rolled' }
  | { readonly type: 'closed' };

const UPKEEP_EVERY_MS = 1000;

const pause = new Int32Array(new SharedArrayBuffer(4));
const clock: CommitClock = {
  now: () => performance.now(),
  pause: (ms) => void Atomics.wait(pause, 0, 0, ms),
};

/** The thread around the writer. It never returns to its event loop: it sleeps on the doorbell. */
class LogWorker {
  private readonly writer: LogWriter;
  private readonly doorbell: Doorbell;
  private readonly groups: GroupCommit;
  private readonly notify: (notice: LogNotice) => void;
  private failureTold = false;
  private lastUpkeepMs = 0;
  private starved = false;
  /** Commands that came while a write waited for space. */
  private readonly later: LogCommand[] = [];
  private completed = 0;

  constructor(data: LogWorkerData, notify: (notice: LogNotice) => void) {
    this.notify = notify;
    this.doorbell = new Doorbell(data.doorbell);
    const onFull = (full: boolean): void => notify({ type: 'disk-full', full });
    const makeRoom = (): boolean => this.makeRoom();
    const giveSpare = (): boolean => this.writer.giveSpare();
    this.writer = new LogWriter({
      disk: patientDisk({ disk: realDisk, onFull, makeRoom, giveSpare, stop: data.stop }),
      logFolder: data.logFolder,
      lostAndFound: data.lostAndFound,
      ends: new DurableEnds(data.ends),
      ...data.retention,
      space: () => diskSpace(data.logFolder),
      newLogId: data.newLogId,
      stamp: data.stamp,
      ...(data.segmentBytes === null ? {} : { segmentBytes: data.segmentBytes }),
    });
    this.groups = new GroupCommit(this.writer, clock, (fault) => {
      this.doorbell.refuse(fault);
      this.tellFailure();
    });
  }

  open(): void {
    const reports = this.writer.open();
    this.notify({ type: 'opened', identity: this.writer.identity, reports });
  }

  /** A write waits for space: what consumers no longer need since it began counts too, all other commands wait with it. */
  private makeRoom(): boolean {
    for (let command = nextCommand(); command !== undefined; command = nextCommand()) {
      if (command.type === 'hold') this.writer.hold(command.holds);
      else this.later.push(command);
    }
    return this.writer.makeRoom();
  }

  private nextCommand(): LogCommand | undefined {
    return this.later.shift() ?? nextCommand();
  }

  /** Works until it is told to close. */
  run(): void {
    for (;;) {
      const seen = this.doorbell.generation();
      for (let command = this.nextCommand(); command !== undefined; command = this.nextCommand()) {
        if (command.type === 'close') return this.close();
        this.obey(command);
      }
      const worked = this.starved ? this.groups.settle() : this.groups.commit();
      this.keepUp();
      const disposed = this.writer.dispose();
      if (!worked && !disposed) this.sleep(seen);
    }
  }

  private obey(command: Exclude<LogCommand, { type: 'close' }>): void {
    if (command.type === 'hold') this.writer.hold(command.holds);
    else if (command.type === 'swap') this.swap(command.segment);
    else if (command.type === 'roll') {
      this.writer.roll(command.topic, command.below);
      this.notify({ type: 'rolled' });
    } else if (command.type === 'confirm-clock') {
      this.writer.confirmClock();
      this.lastUpkeepMs = -UPKEEP_EVERY_MS;
    } else if (command.type === 'ring') this.groups.add(command.id, command.ring);
    else this.groups.release(command.id);
  }

  private swap(segment: RepackedSegment): void {
    const savedBytes = this.writer.replaceSegment(segment);
    this.notify({ type: 'swapped', savedBytes, isErased: segment.isErased === true });
  }

  private sleep(seen: number): void {
    const { groups, doorbell, starved } = this;
    const limitMs = Math.max(0, Math.min(UPKEEP_EVERY_MS, groups.lazyDueMs));
    // Who waits for space takes nothing before the next look at it.
    doorbell.sleep(seen, limitMs, () => !starved && groups.isWaiting);
  }

  private tellFailure(): void {
    const fault = this.writer.failed;
    if (fault === undefined || this.failureTold) return;
    this.failureTold = true;
    this.notify({ type: 'failed', fault });
  }

  /** Once a second: keeps the log within its budget, says how large it is, goes on with the repair of indexes. */
  private keepUp(): void {
    if (performance.now() - this.lastUpkeepMs < UPKEEP_EVERY_MS) return;
    this.lastUpkeepMs = performance.now();
    this.writer.retain();
    this.tellFailure();
    for (const event of this.writer.takeRecorded()) this.notify({ type: 'recorded', event });
    this.notify({ type: 'size', figures: this.writer.figures() });
    this.tellStarved();
    this.writer.repairIndex();
    this.tellCompleted();
  }

  private tellCompleted(): void {
    const { completed } = this.writer;
    if (completed === this.completed) return;
    this.completed = completed;
    this.notify({ type: 'completed' });
  }

  /** The last of the disk is left to those who can make room: senders wait, as on a full disk. */
  private tellStarved(): void {
    const { isStarved } = this.writer;
    if (isStarved === this.starved) return;
    this.starved = isStarved;
    this.notify({ type: 'disk-full', full: isStarved });
  }

  /** What lies in the rings is committed and answered; then everything is closed. */
  private close(): void {
    this.groups.close();
    this.writer.close();
    this.tellFailure();
    this.notify({ type: 'closed' });
  }
}

const parent = parentPort;
assert(parent !== null, 'the log worker runs as a worker thread');
const notify = (notice: LogNotice): void => parent.postMessage(notice);
const nextCommand = (): LogCommand | undefined => {
  const received: { message: LogCommand } | undefined = receiveMessageOnPort(parent);
  return received?.message;
};
const worker = new LogWorker(workerData as LogWorkerData, notify);

/** Whether the log could be opened. */
function opened(): boolean {
  try {
    worker.open();
    return true;
  } catch (error) {
    notify({ type: 'failed', fault: toFaultMessage(error) });
    return false;
  }
}

if (opened()) worker.run();
