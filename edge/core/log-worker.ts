import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { realDisk } from './disk.ts';
import { DurableEnds, type SharedEnds } from './durable-ends.ts';
import { assert, type FaultMessage, toFaultMessage } from './fault.ts';
import { type Holds, type LogIdentity, LogWriter } from './log-writer.ts';
import { patientDisk } from './patient-disk.ts';
import type { AppendRequest } from './producer.ts';
import type { RecoveryReport } from './recovery.ts';
import { COMMIT_GROUP_BYTES } from './segment-files.ts';

/** What the main thread gives the worker at its start. */
export interface LogWorkerData {
  readonly logFolder: string;
  readonly lostAndFound: string;
  readonly ends: SharedEnds;
  readonly budgetBytes: number;
  readonly newLogId: string;
  readonly stamp: string;
  readonly segmentBytes: number | null;
  /** Set to 1 when the log is to be closed: a writer that waits for a full disk gives up. */
  readonly stop: Int32Array;
}

/** What the main thread posts. */
export type LogCommand =
  | { readonly type: 'producer'; readonly port: MessagePort }
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

/** The thread around the writer: gathers what producers posted into commit groups. */
class LogWorker {
  private readonly writer: LogWriter;
  /** What was received and is not committed yet, per producer. */
  private readonly inboxes = new Map<MessagePort, AppendRequest[]>();
  private readonly notify: (notice: LogNotice) => void;
  private scheduled = false;
  private failureTold = false;
  private closing = false;
  private lastCommitMs = 0;
  private lastUpkeepMs = 0;

  constructor(data: LogWorkerData, notify: (notice: LogNotice) => void) {
    this.notify = notify;
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

  addProducer(port: MessagePort): void {
    const inbox: AppendRequest[] = [];
    this.inboxes.set(port, inbox);
    port.on('message', (request: AppendRequest) => {
      inbox.push(request);
      this.schedule();
    });
    port.on('close', () => this.inboxes.delete(port));
  }

  hold(holds: Holds): void {
    this.writer.hold(holds);
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      if (this.closing) return;
      this.commit();
      this.keepUp();
    });
  }

  /** One commit group: what all producers have posted by now, at most 4 MiB. Returns whether there was anything. */
  private commit(): boolean {
    const sinceLastMs = performance.now() - this.lastCommitMs;
    if (sinceLastMs < COMMIT_FLOOR_MS) Atomics.wait(pause, 0, 0, COMMIT_FLOOR_MS - sinceLastMs);
    this.lastCommitMs = performance.now();
    const requests: AppendRequest[] = [];
    const owners: MessagePort[] = [];
    let bytes = 0;
    for (const [port, inbox] of this.inboxes) {
      if (!this.closing) receiveAll(port, inbox);
      let taken = 0;
      for (const request of inbox) {
        if (bytes > 0 && bytes + request.batch.length > COMMIT_GROUP_BYTES) {
          this.schedule();
          break;
        }
        requests.push(request);
        owners.push(port);
        bytes += request.batch.length;
        taken++;
      }
      // In one go: one by one from the front takes seconds where tens of thousands wait.
      inbox.splice(0, taken);
    }
    this.rotate();
    if (requests.length > 0) this.answer(requests, owners);
    return requests.length > 0;
  }

  /** Another producer comes first in the next group: one that always has 4 MiB ready must not keep the others out. */
  private rotate(): void {
    for (const [port, inbox] of this.inboxes) {
      this.inboxes.delete(port);
      this.inboxes.set(port, inbox);
      return;
    }
  }

  private answer(requests: AppendRequest[], owners: MessagePort[]): void {
    const results = this.writer.commit(requests);
    const answers = new Map<MessagePort, (number | FaultMessage)[]>();
    for (const [i, port] of owners.entries()) {
      const answer = answers.get(port) ?? [];
      answer.push(results[i] ?? { code: 'internal', detail: 'no answer' });
      answers.set(port, answer);
    }
    for (const [port, answer] of answers) port.postMessage(answer);
    this.tellFailure();
  }

  private tellFailure(): void {
    const fault = this.writer.failed;
    if (fault === undefined || this.failureTold) return;
    this.failureTold = true;
    this.notify({ type: 'failed', fault });
  }

  /** Once a second: keeps the log within its budget, says how large it is, goes on with the repair of indexes. */
  keepUp(): void {
    if (performance.now() - this.lastUpkeepMs < UPKEEP_EVERY_MS) return;
    this.lastUpkeepMs = performance.now();
    const withinBudget = this.writer.retain();
    this.tellFailure();
    this.notify({ type: 'size', bytes: this.writer.bytes, withinBudget });
    this.writer.repairIndex();
  }

  /** What was posted before is committed and answered; then everything is closed. */
  close(): void {
    // Taken in one go: producers that go on while these are answered must not keep the log open.
    for (const [port, inbox] of this.inboxes) receiveAll(port, inbox);
    this.closing = true;
    while (this.commit());
    for (const port of this.inboxes.keys()) port.close();
    this.writer.close();
    this.tellFailure();
    this.notify({ type: 'closed' });
  }
}

/** What a producer has posted by now; its credit bounds it. */
function receiveAll(port: MessagePort, inbox: AppendRequest[]): void {
  for (;;) {
    const received: { message: AppendRequest } | undefined = receiveMessageOnPort(port);
    if (received === undefined) return;
    inbox.push(received.message);
  }
}

const parent = parentPort;
assert(parent !== null, 'the log worker runs as a worker thread');
const notify = (notice: LogNotice): void => parent.postMessage(notice);
const worker = new LogWorker(workerData as LogWorkerData, notify);
const upkeep = setInterval(() => worker.keepUp(), UPKEEP_EVERY_MS);

/** Ends the thread: nothing is left that would keep it alive. */
function end(): void {
  clearInterval(upkeep);
  parent?.close();
}

parent.on('message', (command: LogCommand) => {
  if (command.type === 'producer') worker.addProducer(command.port);
  else if (command.type === 'hold') worker.hold(command.holds);
  else {
    worker.close();
    end();
  }
});

try {
  worker.open();
} catch (error) {
  notify({ type: 'failed', fault: toFaultMessage(error) });
  end();
}
