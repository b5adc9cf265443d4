import type { DurableEnds } from '../core/durable-ends.ts';
import { Fault, fromFaultMessage } from '../core/fault.ts';
import { Thread } from '../core/thread.ts';
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
  private readonly thread: Thread<LiveCommand, LiveNotice>;
  private readonly followers = new Map<number, Follower>();
  private nextId = 1;

  constructor(options: LiveOptions) {
    this.options = options;
    this.thread = new Thread({
      name: 'live',
      script: new URL('./worker.ts', import.meta.url),
      onNotice: (notice) => this.note(notice),
    });
  }

  /** Starts the worker. Settles when it ends: rejects with why if it was not told to. */
  async run(): Promise<void> {
    const { logFolder, ends, topics } = this.options;
    const data: LiveWorkerData = { logFolder, ends: ends.shared, topics };
    let fault: Fault | undefined;
    try {
      await this.thread.run(data);
    } catch (error) {
      fault = error instanceof Fault ? error : undefined;
      throw error;
    } finally {
      for (const follower of this.followers.values()) follower.end(fault);
    }
  }

  private note(notice: LiveNotice): void {
    if (notice.type === 'failed') this.thread.failed(fromFaultMessage(notice.fault));
    else this.followers.get(notice.id)?.update(notice.items);
  }

  /**
   * Last samples of tags that fit one of the patterns, as they come, until the signal ends it. Who is slow gets fewer updates, not older ones. Throws `not-ready`,
   * `too-many-requests` before the first, and `worker-failed` when the worker ends: who wants more asks again.
   */
  async *follow(patterns: readonly string[], signal: AbortSignal): AsyncGenerator<readonly LiveItem[]> {
    if (!this.thread.running) throw new Fault('not-ready', 'The live view does not run.');
    if (this.followers.size >= MAX_SUBSCRIPTIONS)
      throw new Fault('too-many-requests', `${MAX_SUBSCRIPTIONS} live views are open.`);
    const id = this.nextId++;
    const follower = new Follower();
    const stop = (): void => follower.end(undefined);
    this.followers.set(id, follower);
    signal.addEventListener('abort', stop, { once: true });
    this.thread.post({ type: 'subscribe', id, patterns });
    try {
      while (!signal.aborted) {
        const items = await follower.next();
        if (items === undefined) return;
        yield items;
        this.thread.post({ type: 'more', id });
      }
    } finally {
      signal.removeEventListener('abort', stop);
      this.followers.delete(id);
      this.thread.post({ type: 'unsubscribe', id });
    }
  }

  /** Ends the worker; whoever looks on is told. */
  stop(): Promise<void> {
    return this.thread.stop({ type: 'stop' });
  }
}
