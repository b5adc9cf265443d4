import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { Doorbell } from './doorbell.ts';
import { DurableEnds } from './durable-ends.ts';
import { Fault, type FaultMessage, fromFaultMessage } from './fault.ts';
import type { LogCommand, LogNotice, LogWorkerData } from './log-worker.ts';
import type { Holds, LogIdentity } from './log-writer.ts';
import { type Producer, type ProducerPort, RingProducer } from './producer.ts';
import type { RecoveryReport } from './recovery.ts';
import { createRing } from './ring.ts';

/** Topics of this version, one partition each. */
export const TOPICS = ['samples', 'derived', 'events', 'quarantine', 'tags', 'audit', '__state.alarms'] as const;

/** How the log of a gateway is opened. */
export interface LogOptions {
  /** The gateway's data folder: the log lies in `log/`, cut tails in `lost+found/`. */
  readonly dataFolder: string;
  readonly budgetBytes: number;
  readonly nowMs: number;
  readonly topics?: readonly string[];
  readonly segmentBytes?: number;
}

/** State of the log as the main thread sees it. */
export interface LogState {
  identity: LogIdentity;
  reports: Record<string, RecoveryReport>;
  /** Set once: the writer writes no more. */
  failed: FaultMessage | undefined;
  diskFull: boolean;
  bytes: number;
  /** False: consumers hold so much that the log cannot keep to its budget. */
  withinBudget: boolean;
}

/** The main thread's handle of the log: starts the writer's worker, hands out producers, shares the durable ends. */
export class Log {
  readonly folder: string;
  readonly ends: DurableEnds;
  readonly state: LogState = {
    identity: { v: 1, logId: '', epoch: 0 },
    reports: {},
    failed: undefined,
    diskFull: false,
    bytes: 0,
    withinBudget: true,
  };
  private readonly options: LogOptions;
  /** Set to 1: a writer that waits for a full disk gives up. */
  private readonly stop = new Int32Array(new SharedArrayBuffer(4));
  private readonly doorbell = Doorbell.create();
  /** Our ends of the producers' lives. */
  private readonly lives = new Set<MessagePort>();
  private nextRing = 1;
  private worker: Worker | undefined;
  private exited: Promise<void> = Promise.resolve();
  private closing = false;
  private onFailed: ((fault: Fault) => void) | undefined;

  constructor(options: LogOptions) {
    this.options = options;
    this.folder = path.join(options.dataFolder, 'log');
    this.ends = DurableEnds.create(options.topics ?? TOPICS);
  }

  /** Recovers and opens the log. `onFailed` is called once if it must stop writing later. Throws the Fault of a log that cannot be opened: its worker has then ended. */
  async open(onFailed: (fault: Fault) => void): Promise<void> {
    const { dataFolder, budgetBytes, nowMs, segmentBytes } = this.options;
    const data: LogWorkerData = {
      logFolder: this.folder,
      lostAndFound: path.join(dataFolder, 'lost+found'),
      ends: this.ends.shared,
      doorbell: this.doorbell.memory,
      budgetBytes,
      newLogId: randomUUID(),
      stamp: String(nowMs),
      segmentBytes: segmentBytes ?? null,
      stop: this.stop,
    };
    const worker = new Worker(new URL('./log-worker.ts', import.meta.url), { workerData: data, name: 'log' });
    this.worker = worker;
    this.exited = new Promise((resolve) => {
      worker.once('exit', () => {
        this.worker = undefined;
        for (const life of this.lives) life.close();
        if (!this.closing) this.fail(new Fault('worker-failed', 'The log writer has ended.'));
        resolve();
      });
    });
    worker.on('message', (notice: LogNotice) => this.note(notice));
    worker.on('error', (error: Error) =>
      this.fail(new Fault('worker-failed', `The log writer: ${error.message}`, { cause: error })),
    );
    await new Promise<void>((resolve) => {
      worker.on('message', (notice: LogNotice) => {
        if (notice.type === 'opened') resolve();
      });
      worker.once('exit', resolve);
    });
    const { failed } = this.state;
    if (failed !== undefined) throw fromFaultMessage(failed);
    // From here on a failure is news; before, it was the reason why this throws.
    this.onFailed = onFailed;
  }

  private note(notice: LogNotice): void {
    const { state } = this;
    if (notice.type === 'opened') {
      state.identity = notice.identity;
      state.reports = notice.reports;
    } else if (notice.type === 'failed') this.fail(fromFaultMessage(notice.fault));
    else if (notice.type === 'disk-full') state.diskFull = notice.full;
    else if (notice.type === 'size') {
      state.bytes = notice.bytes;
      state.withinBudget = notice.withinBudget;
    }
  }

  private fail(fault: Fault): void {
    if (this.state.failed !== undefined) return;
    this.state.failed = { code: fault.code, detail: fault.detail };
    this.onFailed?.(fault);
  }

  /** A producer for this thread. */
  producer(): Producer {
    return new RingProducer(this.producerPort()).start();
  }

  /** What a producer in another thread is made of: post it there, its `life` in the transfer list. */
  producerPort(): ProducerPort {
    const { port1: life, port2: ours } = new MessageChannel();
    const port = { ring: createRing(), doorbell: this.doorbell.memory, topics: this.ends.topics, life };
    const id = this.nextRing++;
    if (this.worker === undefined) {
      // Nobody will answer: the producer learns it at once.
      ours.close();
      return port;
    }
    this.lives.add(ours);
    ours.on('close', () => {
      this.lives.delete(ours);
      this.post({ type: 'release', id });
    });
    ours.unref();
    this.post({ type: 'ring', id, ring: port.ring });
    return port;
  }

  /** Tells the writer the oldest offsets that consumers still need. */
  hold(holds: Holds): void {
    this.post({ type: 'hold', holds });
  }

  private post(command: LogCommand): void {
    this.worker?.postMessage(command);
    this.doorbell.ring();
  }

  /** Clean stop: what was posted before is durable and answered, files are trimmed. Later appends get `log-closed`. After a failure nothing is written. */
  async close(): Promise<void> {
    this.closing = true;
    Atomics.store(this.stop, 0, 1);
    Atomics.notify(this.stop, 0);
    this.post({ type: 'close' });
    await this.exited;
  }
}
