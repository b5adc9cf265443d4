import { type Transferable, Worker } from 'node:worker_threads';
import { Fault, messageOf } from './fault.ts';

/** What a thread is. */
export interface ThreadOptions<Notice> {
  /** For messages, and for tools that show threads. */
  readonly name: string;
  /** The worker's file. */
  readonly script: URL;
  readonly onNotice: (notice: Notice) => void;
}

/** Longer than a worker needs for what it does when it is told to end. */
const STOP_LIMIT_MS = 5000;

/**
 * The main thread's handle of a worker thread, for the handles of parts to build on: started, told, ended, and started again when it was lost.
 * `Command` is what it is told, `Notice` what it tells.
 */
export class Thread<Command, Notice> {
  private readonly options: ThreadOptions<Notice>;
  private worker: Worker | undefined;
  private ended: Promise<void> = Promise.resolve();
  private stopping = false;
  private cause: Error | undefined;

  constructor(options: ThreadOptions<Notice>) {
    this.options = options;
  }

  get running(): boolean {
    return this.worker !== undefined;
  }

  /** Starts the worker. Settles when it ends: rejects with `worker-failed` and why, unless `stop` was called and nothing had failed. */
  run(workerData: object, transferList: Transferable[] = []): Promise<void> {
    const { name, script, onNotice } = this.options;
    const worker = new Worker(script, { workerData, transferList, name });
    this.worker = worker;
    this.stopping = false;
    this.cause = undefined;
    worker.on('message', (notice: Notice) => onNotice(notice));
    worker.on('error', (error: unknown) => this.failed(error instanceof Error ? error : new Error(messageOf(error))));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    worker.on('exit', (code) => {
      this.worker = undefined;
      const { cause } = this;
      if (this.stopping && cause === undefined) return resolve();
      reject(new Fault('worker-failed', `${name}: ${cause?.message ?? `exit code ${code}`}`, { cause }));
    });
    this.ended = promise;
    return promise;
  }

  /** The worker has told why it cannot go on, before it ends. */
  failed(cause: Error): void {
    this.cause ??= cause;
  }

  /** Tells the worker something; without a worker nobody hears it. */
  post(command: Command): void {
    this.worker?.postMessage(command);
  }

  /** Tells the worker to end and waits for that; one that has not ended after the limit is ended. How it ended is told by `run`. */
  async stop(command: Command, limitMs = STOP_LIMIT_MS): Promise<void> {
    const { worker } = this;
    if (worker === undefined) return;
    this.stopping = true;
    this.post(command);
    const limit = setTimeout(() => void worker.terminate(), limitMs);
    await this.ended.catch(() => undefined); // told by `run`
    clearTimeout(limit);
  }
}
