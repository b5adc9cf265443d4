import { Worker } from 'node:worker_threads';
import type { DurableEnds } from '../edge/core/durable-ends.ts';
import { assert, Fault, fromFaultMessage, messageOf } from '../edge/core/fault.ts';
import type { TopicGap } from '../edge/core/reader.ts';
import { BucketPage, type BucketQuery } from './bucket-page.ts';
import {
  bucketPagesOf,
  type History,
  HistoryPage,
  type Latest,
  pagesOf,
  type RawQuery,
  type TagSummary,
} from './history.ts';
import { Points } from './points.ts';
import type {
  Answers,
  HistorianNotice,
  HistorianRequest,
  HistorianStatus,
  HistorianWorkerData,
  Question,
} from './protocol.ts';
import { SharedProgress } from './shared-progress.ts';

/** Questions under way at once: more are refused with `not-ready`. */
const MAX_QUESTIONS = 256;
/** Tags of one `latest` question. */
const LATEST_TAGS = 500;

/** How the historian of a gateway is started. */
export interface HistorianOptions {
  readonly logFolder: string;
  /** Where its files lie. */
  readonly folder: string;
  readonly ends: DurableEnds;
  readonly logId: string;
  readonly epoch?: number;
  /** Topics of samples; `samples` if left out. */
  readonly topics?: readonly string[];
  /** 64 MiB if left out. */
  readonly memtableBytes?: number;
  /** 5 minutes if left out. */
  readonly flushAfterMs?: number;
  /** Told of what is wrong and does not stop it: a damaged file, a merge that failed. */
  readonly report?: (fault: Fault) => void;
  /** Told of records that the log does not have; more than once where it had to be started again. */
  readonly onGap?: (gap: TopicGap) => void;
}

/** How far the historian has come; always up to date, without asking the worker. */
export interface HistorianState {
  readonly running: boolean;
  /** Offset of the first topic from which on the log must be kept for it. */
  readonly position: number;
  /** Durable records that cannot be queried yet, of all its topics. */
  readonly lagSamples: number;
  /** Samples that it has taken over, ever. */
  readonly points: number;
}

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (fault: Fault) => void;
}

/** The main thread's handle of the historian: starts its worker, asks it, reads its progress out of shared memory. When the worker has ended, `start` starts it again. */
export class HistorianClient implements History {
  private readonly options: HistorianOptions;
  private readonly topics: readonly string[];
  private readonly progress: SharedProgress;
  private readonly waiting = new Map<number, Waiting>();
  private worker: Worker | undefined;
  private nextId = 1;
  private failure: Fault | undefined;
  private whenEnded: Promise<Fault | undefined> = Promise.resolve(undefined);

  constructor(options: HistorianOptions) {
    this.options = options;
    this.topics = options.topics ?? ['samples'];
    this.progress = SharedProgress.create(this.topics);
  }

  /** Starts the worker; resolves when it answers. Throws `historian-damaged`, `historian-log-differs`, or what else keeps it from opening. */
  start(): Promise<void> {
    assert(this.worker === undefined, 'the historian is started once');
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: this.workerData(),
      name: 'historian',
    });
    this.worker = worker;
    this.failure = undefined;
    const opened = Promise.withResolvers<void>();
    let clean = false;
    worker.on('message', (notice: HistorianNotice) => {
      if (notice.type === 'opened') opened.resolve();
      if (notice.type === 'stopped') clean = true;
      this.take(notice);
    });
    worker.on('error', (error: unknown) => {
      this.failure = new Fault('worker-failed', `The historian: ${messageOf(error)}`, { cause: error });
    });
    this.whenEnded = new Promise((resolve) => {
      worker.on('exit', () => {
        const fault = clean ? undefined : (this.failure ?? new Fault('worker-failed', 'The historian has ended.'));
        this.worker = undefined;
        const refusal = fault ?? new Fault('not-ready', 'The historian was stopped.');
        opened.reject(refusal);
        for (const { reject } of this.waiting.values()) reject(refusal);
        this.waiting.clear();
        resolve(fault);
      });
    });
    return opened.promise;
  }

  private workerData(): HistorianWorkerData {
    const { logFolder, folder, ends, logId, epoch = 0, memtableBytes = null, flushAfterMs = null } = this.options;
    const progress = this.progress.shared;
    return { logFolder, folder, ends: ends.shared, progress, logId, epoch, memtableBytes, flushAfterMs };
  }

  /** Resolves when the worker has ended: with why, or undefined after `stop`. */
  get ended(): Promise<Fault | undefined> {
    return this.whenEnded;
  }

  /** Clean stop: what is in memory is written out. Throws why that was not possible. Does nothing if it does not run. */
  async stop(): Promise<void> {
    if (this.worker === undefined) return;
    this.post({ type: 'stop' });
    const fault = await this.whenEnded;
    if (fault !== undefined) throw fault;
  }

  /** How far it has come, now. */
  state(): HistorianState {
    const { ends } = this.options;
    const lag = this.topics.map((topic) => Math.max(0, ends.end(topic) - this.progress.applied(topic)));
    return {
      running: this.worker !== undefined,
      position: this.progress.saved(this.topics[0] ?? ''),
      lagSamples: lag.reduce((sum, records) => sum + records, 0),
      points: this.progress.samples,
    };
  }

  /** For each topic the offset from which on the log must be kept. */
  holds(): Record<string, number> {
    return Object.fromEntries(this.topics.map((topic) => [topic, this.progress.saved(topic)]));
  }

  /** Files and memory, asked of the worker. */
  status(): Promise<HistorianStatus> {
    return this.ask({ ask: 'status' });
  }

  /** Writes out what is in memory. */
  async flush(): Promise<void> {
    await this.ask({ ask: 'flush' });
  }

  async page(query: RawQuery): Promise<HistoryPage> {
    const { tag, points, topics, gaps, next } = await this.ask({ ask: 'page', query });
    return new HistoryPage(tag, Points.fromMessage(points), topics, gaps, next);
  }

  query(query: RawQuery, signal?: AbortSignal): AsyncIterable<HistoryPage> {
    return pagesOf(this, query, signal);
  }

  async bucketPage(query: BucketQuery): Promise<BucketPage> {
    return new BucketPage(await this.ask({ ask: 'buckets', query }));
  }

  buckets(query: BucketQuery, signal?: AbortSignal): AsyncIterable<BucketPage> {
    return bucketPagesOf(this, query, signal);
  }

  async *latest(tags: readonly string[] | null): AsyncGenerator<Latest> {
    if (tags === null) {
      for await (const page of this.tags()) yield* this.latest(page.map(({ tag }) => tag));
      return;
    }
    for (let at = 0; at < tags.length; at += LATEST_TAGS)
      yield await this.ask({ ask: 'latest', tags: tags.slice(at, at + LATEST_TAGS) });
  }

  summaries(tags: readonly string[]): Promise<readonly TagSummary[]> {
    return this.ask({ ask: 'summaries', tags });
  }

  async *tags(): AsyncGenerator<readonly TagSummary[]> {
    for (let after: string | null = null; ;) {
      const page: readonly TagSummary[] = await this.ask({ ask: 'tags', after });
      if (page.length === 0) return;
      yield page;
      after = page.at(-1)?.tag ?? null;
    }
  }

  /** Samples ever stored, by tag: the ledger's `stored`. */
  async stored(): Promise<Map<string, number>> {
    const stored = new Map<string, number>();
    for await (const page of this.tags()) for (const { tag, samples } of page) stored.set(tag, samples);
    return stored;
  }

  private ask<Q extends Question>(question: Q): Promise<Answers[Q['ask']]> {
    if (this.worker === undefined) return Promise.reject(new Fault('not-ready', 'The historian does not run.'));
    if (this.waiting.size >= MAX_QUESTIONS)
      return Promise.reject(new Fault('not-ready', `The historian has ${MAX_QUESTIONS} questions to answer.`));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.post({ type: 'question', id, question });
    });
  }

  private post(request: HistorianRequest): void {
    this.worker?.postMessage(request);
  }

  private take(notice: HistorianNotice): void {
    if (notice.type === 'failed') this.failure = fromFaultMessage(notice.fault);
    else if (notice.type === 'report') this.options.report?.(fromFaultMessage(notice.fault));
    else if (notice.type === 'gap') this.options.onGap?.(notice.gap);
    else if (notice.type === 'answer' || notice.type === 'refusal') this.settle(notice);
  }

  private settle(notice: Extract<HistorianNotice, { id: number }>): void {
    const waiting = this.waiting.get(notice.id);
    this.waiting.delete(notice.id);
    if (notice.type === 'answer') waiting?.resolve(notice.answer as never);
    else waiting?.reject(fromFaultMessage(notice.fault));
  }
}
