import { Worker } from 'node:worker_threads';
import type { DurableEnds } from '../core/durable-ends.ts';
import { Fault, fromFaultMessage } from '../core/fault.ts';
import type { LiveCommand, LiveItem, LiveNotice, LiveWorkerData } from './messages.ts';
import { MAX_SUBSCRIPTIONS } from './view.ts';

/** What the live view of a gateway is started with. */
export interface LiveOptions {
  readonly logFolder: string;
  readonly ends: DurableEnds;
  /** Topics of samples. */
  readonly topics: readonly string[];
}

/** One who looks on: at most one update waits for it, since the worker sends the next only when one was taken. */
class Follower {
  private items: readonly LiveItem[] | undefined;
  private ended: { readonly fault: Fault | undefined } | undefined;
  private changed = Promise.withResolvers<void>();

  update(items: readonly LiveItem[]): void {
    this.items = items;
    this.changed.resolve();
  }

  /** No more comes; with a fault, because of it. */
  end(fault: Fault | undefined): void {
    this.ended ??= { fault };
    this.changed.resolve();
  }

  /** The next update; undefined at the end. Throws the fault that ended it. */
  async next(): Promise<readonly LiveItem[] | undefined> {
    while (this.items === undefined && this.ended === undefined) {
      await this.changed.promise;
      this.changed = Promise.withResolvers();
    }
    if (this.ended?.fault !== undefined) throw this.ended.fault;
    const { items } = this;
    this.items = undefined;
    return this.ended === undefined ? items : undefined;
  }
}

/** The main thread's handle of the live view: a part for a supervisor. */
export class LiveClient {
  private readonly options: LiveOptions;
  private readonly followers = new Map<number, Follower>();
  private worker: Worker | undefined;
  private stopping = false;
  private nextId = 1;

  constructor(options: LiveOptions) {
    this.options = options;
  }

  /** Starts the worker. Settles when it ends: rejects with why if it was not told to. */
  run(): Promise<void> {
    const { logFolder, ends, topics } = this.options;
    const data: LiveWorkerData = { logFolder, ends: ends.shared, topics };
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: data, name: 'live' });
    this.worker = worker;
    return new Promise((resolve, reject) => {
      let cause: Error | undefined;
      worker.on('message', (notice: LiveNotice) => {
        if (notice.type === 'failed') cause = fromFaultMessage(notice.fault);
        else this.followers.get(notice.id)?.update(notice.items);
      });
      worker.on('error', (error: Error) => {
        cause = error;
      });
      worker.on('exit', (code) => {
        this.worker = undefined;
        const asked = this.stopping && cause === undefined;
        const fault = new Fault('worker-failed', `live: ${cause?.message ?? `exit code ${code}`}`, { cause });
        for (const follower of this.followers.values()) follower.end(asked ? undefined : fault);
        if (asked) resolve();
        else reject(fault);
      });
    });
  }

  /**
   * Last samples of tags that fit one of the patterns, as they come, until the signal ends it. Who is slow gets fewer updates, not older ones. Throws `not-ready`,
   * `too-many-requests` before the first, and `worker-failed` when the worker ends: who wants more asks again.
   */
  async *follow(patterns: readonly string[], signal: AbortSignal): AsyncGenerator<readonly LiveItem[]> {
    if (this.worker === undefined) throw new Fault('not-ready', 'The live view does not run.');
    if (this.followers.size >= MAX_SUBSCRIPTIONS)
      throw new Fault('too-many-requests', `${MAX_SUBSCRIPTIONS} live views are open.`);
    const id = this.nextId++;
    const follower = new Follower();
    const stop = (): void => follower.end(undefined);
    this.followers.set(id, follower);
    signal.addEventListener('abort', stop, { once: true });
    this.post({ type: 'subscribe', id, patterns });
    try {
      while (!signal.aborted) {
        const items = await follower.next();
        if (items === undefined) return;
        yield items;
        this.post({ type: 'more', id });
      }
    } finally {
      signal.removeEventListener('abort', stop);
      this.followers.delete(id);
      this.post({ type: 'unsubscribe', id });
    }
  }

  /** Ends the worker; whoever looks on is told. */
  async stop(): Promise<void> {
    const { worker } = this;
    this.stopping = true;
    if (worker === undefined) return;
    const exited = new Promise((resolve) => worker.once('exit', resolve));
    this.post({ type: 'stop' });
    await exited;
  }

  private post(command: LiveCommand): void {
    this.worker?.postMessage(command);
  }
}
