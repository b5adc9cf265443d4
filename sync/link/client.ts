import type { DurableEnds } from '../../edge/core/durable-ends.ts';
import { Fault, fromFaultMessage, messageOf } from '../../edge/core/fault.ts';
import type { TopicGap } from '../../edge/core/reader.ts';
import { Thread } from '../../edge/core/thread.ts';
import { destinationOf, type LinkConfig } from './link-config.ts';
import type { LinkCommand, LinkNotice, LinkWorkerData } from './messages.ts';
import { type LinkStatus, linkStatus, measured, type TopicStatus } from './status.ts';
import type { Timing } from './timing.ts';
import type { VerifyProgress, VerifyResult } from './verify.ts';

export interface LinkClientOptions {
  readonly link: LinkConfig;
  readonly logFolder: string;
  readonly logId: string;
  readonly ends: DurableEnds;
  /** Told to the brokers; digits, letters, `.` and `-`. */
  readonly softwareVersion?: string;
  /** Called at most four times a second, when something has changed. */
  readonly onStatus?: (status: LinkStatus) => void;
  readonly timing?: Partial<Timing>;
  /** Told of damaged records in place of which null records go out; each once or more. */
  readonly onGap?: (gap: TopicGap) => void;
}

interface Verification {
  readonly onProgress: (progress: VerifyProgress) => void;
  readonly resolve: (results: readonly VerifyResult[]) => void;
  readonly reject: (error: Error) => void;
}

/** The main thread's handle of one link, which mirrors topics of the log from a worker thread of its own. */
export class LinkClient {
  private readonly options: LinkClientOptions;
  private readonly verifications = new Map<number, Verification>();
  private last: LinkStatus | undefined;
  private readonly thread: Thread<LinkCommand, LinkNotice>;
  private paused = false;
  private lastId = 0;

  constructor(options: LinkClientOptions) {
    this.options = options;
    this.thread = new Thread({
      name: `link ${options.link.name}`,
      script: new URL('./worker.ts', import.meta.url),
      onNotice: (notice) => this.note(notice),
    });
  }

  get name(): string {
    return this.options.link.name;
  }

  /** The state as it was last told, with the lag of this moment; `starting` while there is no worker. */
  status(): LinkStatus {
    const { link, ends } = this.options;
    const known = this.last?.topics ?? link.topics.map((topic) => unknown(link, topic));
    const topics = known.map((topic) => measured(topic, ends));
    return linkStatus(link, topics);
  }

  /**
   * Starts the worker. Settles when it ends: rejects with `worker-failed` if it was not told to. Called again after the worker was lost, it goes on with what is known of
   * the destination.
   */
  async run(): Promise<void> {
    const { link, logFolder, logId, ends, softwareVersion = 'unknown', timing = {} } = this.options;
    const { paused } = this;
    const before = this.last?.topics ?? [];
    const data: LinkWorkerData = { link, logFolder, logId, ends: ends.shared, softwareVersion, paused, before, timing };
    try {
      await this.thread.run(data);
      this.giveUp(new Fault('not-ready', `The link ${this.name} was stopped.`));
    } catch (error) {
      this.lost(error instanceof Error ? error : new Error(messageOf(error)));
      throw error;
    }
  }

  /** The worker ended without being told to. */
  private lost(why: Error): void {
    this.giveUp(why);
    const topics = this.status().topics.map((topic): TopicStatus => {
      const stays = topic.state === 'failed' || topic.state === 'paused';
      return stays ? topic : { ...topic, state: 'starting', detail: why.message };
    });
    this.last = linkStatus(this.options.link, topics);
    this.options.onStatus?.(this.last);
  }

  /** No worker will answer the verifications that are under way. */
  private giveUp(why: Error): void {
    for (const verification of this.verifications.values()) verification.reject(why);
    this.verifications.clear();
  }

  /** Finishes what is in flight and stops writing, until `resume`. */
  pause(): void {
    this.paused = true;
    this.thread.post({ type: 'pause' });
  }

  /** Goes on after a pause, or tries again after a failure. */
  resume(): void {
    this.paused = false;
    this.thread.post({ type: 'resume' });
  }

  /** Compares both ends record by record, beside the mirroring. Throws as `verifyLink`, `not-ready` without a worker or when the link is stopped, `worker-failed`. */
  async verify(
    signal: AbortSignal,
    onProgress: (progress: VerifyProgress) => void = () => undefined,
  ): Promise<readonly VerifyResult[]> {
    signal.throwIfAborted();
    if (!this.thread.running) throw new Fault('not-ready', `The link ${this.options.link.name} does not run.`);
    const id = ++this.lastId;
    const { promise, resolve, reject } = Promise.withResolvers<readonly VerifyResult[]>();
    this.verifications.set(id, { onProgress, resolve, reject });
    this.thread.post({ type: 'verify', id });
    const cancel = (): void => {
      this.verifications.delete(id);
      this.thread.post({ type: 'cancel-verify', id });
      reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    };
    signal.addEventListener('abort', cancel, { once: true });
    return promise.finally(() => signal.removeEventListener('abort', cancel));
  }

  /** Finishes what is in flight, at most 3 s, and ends the worker. */
  stop(): Promise<void> {
    return this.thread.stop({ type: 'stop' });
  }

  private note(notice: LinkNotice): void {
    if (notice.type === 'gap') return this.options.onGap?.(notice.gap);
    if (notice.type === 'status') {
      this.last = notice.status;
      this.options.onStatus?.(notice.status);
      return;
    }
    const verification = this.verifications.get(notice.id);
    if (notice.type === 'verify-progress') return verification?.onProgress(notice.progress);
    this.verifications.delete(notice.id);
    if (notice.type === 'verified') verification?.resolve(notice.results);
    else verification?.reject(fromFaultMessage(notice.fault));
  }
}

function unknown(link: LinkConfig, topic: string): Parameters<typeof measured>[0] {
  const nothing = { mirrored: undefined, lastError: undefined, topicId: undefined, warnings: [], detail: '' };
  return { topic, destination: destinationOf(link, topic), state: 'starting', ...nothing };
}
