import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { type Disk, realDisk } from './disk.ts';
import { DurableEnds, type SharedEnds } from './durable-ends.ts';
import { assert, errnoOf, type FaultMessage, toFaultMessage } from './fault.ts';
import { type Holds, type LogIdentity, LogWriter } from './log-writer.ts';
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
/** A full disk is tried again this often. */
const FULL_RETRY_MS = 1000;
const RETENTION_EVERY_MS = 1000;

const pause = new Int32Array(new SharedArrayBuffer(4));

/** A disk that waits when it is full: the sender is slowed, nothing is acknowledged, and the writer goes on when there is space again. */
function patient(disk: Disk, onFull: (full: boolean) => void): Disk {
  const write: Disk['write'] = (fd, parts, position) => {
    for (let full = false; ;) {
      try {
        disk.write(fd, parts, position);
        if (full) onFull(false);
        return;
      } catch (error) {
        if (errnoOf(error) !== 'ENOSPC') throw error;
        if (!full) onFull(true);
        full = true;
        Atomics.wait(pause, 0, 0, FULL_RETRY_MS);
      }
    }
  };
  return { ...disk, write };
}

/** The thread around the writer: gathers what producers posted into commit groups. */
class LogWorker {
  private readonly writer: LogWriter;
  private readonly ports = new Set<MessagePort>();
  private readonly notify: (notice: LogNotice) => void;
  private scheduled = false;
  private lastCommitMs = 0;
  private lastRetentionMs = 0;

  constructor(data: LogWorkerData, notify: (notice: LogNotice) => void) {
    this.notify = notify;
    this.writer = new LogWriter({
      disk: patient(realDisk, (full) => notify({ type: 'disk-full', full })),
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
    this.ports.add(port);
    const inbox: AppendRequest[] = [];
    inboxes.set(port, inbox);
    port.on('message', (request: AppendRequest) => {
      inbox.push(request);
      this.schedule();
    });
    port.on('close', () => this.ports.delete(port));
  }

  hold(holds: Holds): void {
    this.writer.hold(holds);
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.commit());
  }

  /** One commit group: what all producers have posted by now, at most 4 MiB. */
  private commit(): void {
    this.scheduled = false;
    const sinceLastMs = performance.now() - this.lastCommitMs;
    if (sinceLastMs < COMMIT_FLOOR_MS) Atomics.wait(pause, 0, 0, COMMIT_FLOOR_MS - sinceLastMs);
    this.lastCommitMs = performance.now();
    const requests: AppendRequest[] = [];
    const owners: MessagePort[] = [];
    let bytes = 0;
    for (const port of this.ports) {
      const inbox = inboxes.get(port) ?? [];
      for (;;) {
        const request = inbox.shift() ?? receive(port);
        if (request === undefined) break;
        if (bytes > 0 && bytes + request.batch.length > COMMIT_GROUP_BYTES) {
          inbox.unshift(request);
          this.schedule();
          break;
        }
        requests.push(request);
        owners.push(port);
        bytes += request.batch.length;
      }
    }
    if (requests.length > 0) this.answer(requests, owners);
    this.retain();
  }

  private answer(requests: AppendRequest[], owners: MessagePort[]): void {
    const failedBefore = this.writer.failed;
    const results = this.writer.commit(requests);
    const answers = new Map<MessagePort, (number | FaultMessage)[]>();
    for (const [i, port] of owners.entries()) {
      const answer = answers.get(port) ?? [];
      answer.push(results[i] ?? { code: 'internal', detail: 'no answer' });
      answers.set(port, answer);
    }
    for (const [port, answer] of answers) port.postMessage(answer);
    if (failedBefore === undefined && this.writer.failed !== undefined)
      this.notify({ type: 'failed', fault: this.writer.failed });
  }

  /** Once a second under load: keeps the log within its budget and says how large it is. */
  retain(): void {
    if (performance.now() - this.lastRetentionMs < RETENTION_EVERY_MS) return;
    this.lastRetentionMs = performance.now();
    const withinBudget = this.writer.retain();
    this.notify({ type: 'size', bytes: this.writer.bytes, withinBudget });
  }

  close(): void {
    for (const port of this.ports) port.close();
    this.writer.close();
    this.notify({ type: 'closed' });
  }
}

const inboxes = new WeakMap<MessagePort, AppendRequest[]>();

function receive(port: MessagePort): AppendRequest | undefined {
  const received: { message: AppendRequest } | undefined = receiveMessageOnPort(port);
  return received?.message;
}

const parent = parentPort;
assert(parent !== null, 'the log worker runs as a worker thread');
const notify = (notice: LogNotice): void => parent.postMessage(notice);
const worker = new LogWorker(workerData as LogWorkerData, notify);
const retention = setInterval(() => worker.retain(), RETENTION_EVERY_MS);

parent.on('message', (command: LogCommand) => {
  try {
    if (command.type === 'producer') worker.addProducer(command.port);
    else if (command.type === 'hold') worker.hold(command.holds);
    else {
      clearInterval(retention);
      worker.close();
      parent.close();
    }
  } catch (error) {
    notify({ type: 'failed', fault: toFaultMessage(error) });
  }
});

try {
  worker.open();
} catch (error) {
  notify({ type: 'failed', fault: toFaultMessage(error) });
}
