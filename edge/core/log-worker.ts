import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { realDisk } from './disk.ts';
import { Doorbell } from './doorbell.ts';
import { DurableEnds, type SharedEnds } from './durable-ends.ts';
import { assert, type FaultMessage, toFaultMessage } from './fault.ts';
import { type Holds, type LogIdentity, LogWriter } from './log-writer.ts';
import { patientDisk } from './patient-disk.ts';
import type { RecoveryReport } from './recovery.ts';
import { RingOutlet } from './ring.ts';
import { COMMIT_GROUP_BYTES } from './segment-files.ts';

/** What the main thread gives the worker at its start. */
export interface LogWorkerData {
  readonly logFolder: string;
  readonly lostAndFound: string;
  readonly ends: SharedEnds;
  readonly doorbell: SharedArrayBuffer;
  readonly budgetBytes: number;
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
  | { readonly type: 'close' };

/** What the worker posts. */
export type LogNotice =
  | { readonly type: 'opened'; readonly identity: LogIdentity; readonly reports: Record<string, RecoveryReport> }
  | { readonly type: 'failed'; readonly fault: FaultMessage }
  | { readonly type: 'disk-full'; readonly full: boolean }
  | { readonly type: 'size'; readonly bytes: number; readonly withinBudget: boolean }
  | { readonly type: 'closed' };

/** Under load at least this much lies between the starts of two commits: without it small batches cost most of a core in syncs. */
const COMMIT_FLOOR_MS = 0.3;
const UPKEEP_EVERY_MS = 1000;

const pause = new Int32Array(new SharedArrayBuffer(4));

/** The thread around the writer: gathers what lies in the rings into commit groups. It never returns to its event loop: it sleeps on the doorbell. */
class LogWorker {
  private readonly writer: LogWriter;
  private readonly doorbell: Doorbell;
  private readonly rings = new Map<number, RingOutlet>();
  private readonly notify: (notice: LogNotice) => void;
  private failureTold = false;
  private lastCommitMs = 0;
  private lastUpkeepMs = 0;

  constructor(data: LogWorkerData, notify: (notice: LogNotice) => void) {
    this.notify = notify;
    this.doorbell = new Doorbell(data.doorbell);
    const onFull = (full: boolean): void => notify({ type: 'disk-full', full });
    this.writer = new LogWriter({
      disk: patientDisk({ disk: realDisk, onFull, stop: data.stop }),
      logFolder: data.logFolder,
      lostAndFound: data.lostAndFound,
      ends: new DurableEnds(data.ends),
      budgetBytes: data.budgetBytes,
      newLogId: data.newLogId,
      stamp: data.stamp,
      ...(data.segmentBytes === null ? {} : { segmentBytes: data.segmentBytes }),
    });
  }

  open(): void {
    const reports = this.writer.open();
    this.notify({ type: 'opened', identity: this.writer.identity, reports });
  }

  /** Works until it is told to close. */
  run(nextCommand: () => LogCommand | undefined): void {
    for (;;) {
      const seen = this.doorbell.generation();
      for (let command = nextCommand(); command !== undefined; command = nextCommand()) {
        if (command.type === 'close') return this.close();
        this.obey(command);
      }
      const worked = this.commit();
      this.keepUp();
      if (!worked) this.doorbell.sleep(seen, UPKEEP_EVERY_MS);
    }
  }

  private obey(command: Exclude<LogCommand, { type: 'close' }>): void {
    if (command.type === 'hold') this.writer.hold(command.holds);
    else if (command.type === 'ring') this.rings.set(command.id, new RingOutlet(command.ring));
    else {
      // What its producer has put there is complete, and comes before what others put there from now on.
      while (this.rings.get(command.id)?.waiting === true) this.commit();
      this.rings.delete(command.id);
    }
  }

  /** One commit group: what lies in all rings by now, at most 4 MiB. Returns whether there was anything. */
  private commit(): boolean {
    if (![...this.rings.values()].some((ring) => ring.waiting)) return false;
    const sinceLastMs = performance.now() - this.lastCommitMs;
    if (sinceLastMs < COMMIT_FLOOR_MS) Atomics.wait(pause, 0, 0, COMMIT_FLOOR_MS - sinceLastMs);
    this.lastCommitMs = performance.now();
    const { writer } = this;
    let group = 0;
    for (const ring of this.rings.values()) {
      const { data, view } = ring;
      const all = ring.take((topic, records, at, bytes) => {
        if (group > 0 && group + bytes > COMMIT_GROUP_BYTES) return undefined;
        group += bytes;
        return writer.stage(topic, data, view, at, bytes, records);
      });
      if (!all) break;
    }
    const failure = writer.commit();
    if (failure !== undefined) this.doorbell.refuse(failure);
    this.tellFailure();
    for (const ring of this.rings.values()) ring.answer(failure !== undefined);
    this.rotate();
    return true;
  }

  /** Another producer comes first in the next group: one that always has 4 MiB ready must not keep the others out. */
  private rotate(): void {
    for (const [id, ring] of this.rings) {
      this.rings.delete(id);
      this.rings.set(id, ring);
      return;
    }
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
    const withinBudget = this.writer.retain();
    this.tellFailure();
    this.notify({ type: 'size', bytes: this.writer.bytes, withinBudget });
    this.writer.repairIndex();
  }

  /** What lies in the rings is committed and answered; then everything is closed. */
  private close(): void {
    // At most what has room in the rings, a commit each: producers that go on meanwhile must not keep the log open.
    for (let groups = 0; groups <= this.rings.size && this.commit(); groups++);
    for (const ring of this.rings.values()) ring.close();
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

if (opened()) worker.run(nextCommand);
