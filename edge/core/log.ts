import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { Doorbell } from './doorbell.ts';
import { DurableEnds } from './durable-ends.ts';
import { Fault, type FaultMessage, fromFaultMessage } from './fault.ts';
import type { LogFigures } from './retention/log-figures.ts';
import type { LogCommand, LogNotice, LogWorkerData, RetentionConfig } from './log-worker.ts';
import type { LogIdentity } from './log-identity.ts';
import type { RecordedEvent } from './log-writer.ts';
import { type Producer, type ProducerPort, RingProducer } from './producer.ts';
import type { RecoveryReport } from './recovery.ts';
import type { RepackedSegment } from './repack/log.ts';
import { Repacking } from './repack/repacking.ts';
import type { Holds } from './retention/retention.ts';
import { createRing } from './ring.ts';
import { TOPICS } from './topics.ts';

/** How the log of a gateway is opened. */
export interface LogOptions extends RetentionConfig {
  /** The gateway's data folder: the log lies in `log/`, cut tails in `lost+found/`. */
  readonly dataFolder: string;
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
  /** Sizes and ages, told once a second. */
  figures: LogFigures;
}

/** Events of the writer that wait for somebody to look; the oldest are forgotten, and still stand in the topic. */
const MAX_RECORDED = 1000;
/** A writer that waits for space does not answer. */
const CONFIRM_MS = 5000;

const NO_FIGURES: LogFigures = {
  bytes: 0,
  limitBytes: 0,
  withinBudget: true,
  clock: { trusted: true, aheadMs: 0 },
  believedMs: 0,
  topics: [],
  linkBytes: {},
};

/** The main thread's handle of the log: starts the writer's worker, hands out producers, shares the durable ends. */
export class Log {
  readonly folder: string;
  readonly ends: DurableEnds;
  readonly state: LogState = {
    identity: { v: 1, logId: '', epoch: 0 },
    reports: {},
    failed: undefined,
    diskFull: false,
    figures: NO_FIGURES,
  };
  readonly repacking: Repacking;
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
  private readonly recorded: RecordedEvent[] = [];
  private figuresNext = Promise.withResolvers<void>();

  constructor(options: LogOptions) {
    this.options = options;
    this.folder = path.join(options.dataFolder, 'log');
    this.ends = DurableEnds.create(options.topics ?? TOPICS);
    const swap = (segment: RepackedSegment): void => this.post({ type: 'swap', segment });
    const roll = (topic: string, below: number): void => this.post({ type: 'roll', topic, below });
    this.repacking = new Repacking({ logFolder: this.folder, ends: this.ends.shared, swap, roll });
  }

  /** Recovers and opens the log. `onFailed` is called once if it must stop writing later. Throws the Fault of a log that cannot be opened: its worker has then ended. */
  async open(onFailed: (fault: Fault) => void): Promise<void> {
    const { dataFolder, budgetBytes, reserveBytes, retentionMs, othersKeepMs, nowMs, segmentBytes } = this.options;
    const data: LogWorkerData = {
      logFolder: this.folder,
      lostAndFound: path.join(dataFolder, 'lost+found'),
      ends: this.ends.shared,
      doorbell: this.doorbell.memory,
      retention: { budgetBytes, reserveBytes, retentionMs, othersKeepMs },
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
        this.figuresNext.resolve();
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
    else if (notice.type === 'completed') this.repacking.wake();
    else if (notice.type === 'swapped') this.repacking.swapped(notice.savedBytes, notice.isErased);
    else if (notice.type === 'rolled') this.repacking.rolled();
    else if (notice.type === 'recorded') {
      this.recorded.push(notice.event);
      if (this.recorded.length > MAX_RECORDED) this.recorded.shift();
    } else if (notice.type === 'size') {
      state.figures = notice.figures;
      this.figuresNext.resolve();
      this.figuresNext = Promise.withResolvers();
    }
  }

  private fail(fault: Fault): void {
    if (this.state.failed !== undefined) return;
    this.state.failed = { code: fault.code, detail: fault.detail };
    // Nobody would swap in what it makes.
    void this.repacking.stop();
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

  /** Tells the writer what consumers and links still need. */
  hold(holds: Holds): void {
    this.post({ type: 'hold', holds });
  }

  /** Says that the wall clock is right: data goes by its age again. Throws `not-ready` where the writer does not answer: it waits for space, or has ended. */
  async confirmClock(): Promise<void> {
    const limit = performance.now() + CONFIRM_MS;
    this.post({ type: 'confirm-clock' });
    // The figures that come first may be older than the command.
    do await Promise.race([this.figuresNext.promise, delay(CONFIRM_MS, undefined, { ref: false })]);
    while (!this.state.figures.clock.trusted && this.worker !== undefined && performance.now() < limit);
    if (this.worker === undefined || !this.state.figures.clock.trusted)
      throw new Fault('not-ready', 'The log writer does not answer.');
  }

  /** Events that the writer itself has put on record in topic `events` since the last call. */
  takeRecorded(): RecordedEvent[] {
    return this.recorded.splice(0);
  }

  private post(command: LogCommand): void {
    this.worker?.postMessage(command);
    this.doorbell.call();
  }

  /** Clean stop: what was posted before is durable and answered, files are trimmed. Later appends get `log-closed`. After a failure nothing is written. */
  async close(): Promise<void> {
    this.closing = true;
    // What it has ready by then is swapped in before the writer closes.
    await this.repacking.stop();
    Atomics.store(this.stop, 0, 1);
    Atomics.notify(this.stop, 0);
    this.post({ type: 'close' });
    await this.exited;
  }
}
