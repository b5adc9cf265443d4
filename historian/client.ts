import type { DurableEnds } from '../edge/core/durable-ends.ts';
import { assert, Fault, fromFaultMessage } from '../edge/core/fault.ts';
import type { TopicGap } from '../edge/core/reader.ts';
import { Thread } from '../edge/core/thread.ts';
import { BucketPage, type BucketQuery } from './queries/bucket-page.ts';
import { bucketPagesOf, HistoryPage, pagesOf, type RawQuery, type TagSummary } from './queries/history.ts';
import type { History } from './questions/history.ts';
import type { CareQuestion, CareState, WorkProgress } from './store/care.ts';
import type { CountQuery, TagCount } from './queries/counting.ts';
import type { EraseRequest } from './files/erasures.ts';
import type { Latest } from './queries/latest.ts';
import { Points } from './points/points.ts';
import type { AnalysisPage, AnalysisQuery } from './questions/analysis-query.ts';
import type {
  Answers,
  HistorianNotice,
  HistorianRequest,
  HistorianStatus,
  HistorianWorkerData,
  Question,
} from './protocol.ts';
import type { RebuiltTopic } from './store/rebuild.ts';
import type { RepairReport } from './store/repair.ts';
import { SeriesNames } from './queries/series-names.ts';
import { SharedProgress } from './follow/shared-progress.ts';
import { askLatest, askTags } from './queries/tag-questions.ts';

/** A slow disk takes its time for what is in memory; whoever takes longer hangs, and has it from the log after the next start. */
const STOP_LIMIT_MS = 60_000;
/** Questions under way at once: more are refused with `not-ready`. */
const MAX_QUESTIONS = 256;
/** Tags of one `latest` question. */
const LATEST_TAGS = 1000;
/** Tags of one `count` question. */
const COUNTED_TAGS = 1000;

/** What writes: refused with the reason when the worker cannot go on. To whoever only asks for history it is a part that is not ready. */
const WRITING: ReadonlySet<(Question | CareQuestion)['ask']> = new Set(['flush', 'erase', 'erased', 'rebuild']);

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
  /** How long samples of a topic are kept, ms; those of others for ever. */
  readonly retentionMs?: Readonly<Record<string, number>>;
  /** How long their roll-ups of whole minutes, hours and days are kept, ms. Left out: there are no roll-ups, and what has expired goes. */
  readonly rollupsMs?: readonly number[];
  /** Told of what is wrong and does not stop it: a damaged file, a merge that failed. */
  readonly report?: (fault: Fault) => void;
  /** Told of what was written anew out of the log because it could not be read. */
  readonly onRepair?: (report: RepairReport) => void;
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
  readonly ask: (Question | CareQuestion)['ask'];
  readonly resolve: (answer: never) => void;
  readonly reject: (fault: Fault) => void;
  readonly onProgress: ((progress: WorkProgress) => void) | undefined;
}

const NO_CARE: CareState = { expired: [], erasing: 0, erasures: 0, damaged: [], repairedSamples: 0 };

/** The main thread's handle of the historian: starts its worker, asks it, reads its progress out of shared memory. When the worker has ended, `start` starts it again. */
export class HistorianClient implements History {
  private readonly options: HistorianOptions;
  private readonly topics: readonly string[];
  private readonly progress: SharedProgress;
  private readonly thread: Thread<HistorianRequest, HistorianNotice>;
  private readonly waiting = new Map<number, Waiting>();
  private careTold = NO_CARE;
  /** Of the worker that runs: the next one numbers the series anew. */
  private names = new SeriesNames();
  private nextId = 1;
  private opened = Promise.withResolvers<void>();
  /** Everything is written out: it may end. */
  private hasStopped = false;
  private whenEnded: Promise<Fault | undefined> = Promise.resolve(undefined);

  constructor(options: HistorianOptions) {
    this.options = options;
    this.topics = options.topics ?? ['samples'];
    this.progress = SharedProgress.create(this.topics);
    this.thread = new Thread({
      name: 'historian',
      script: new URL('./worker.ts', import.meta.url),
      onNotice: (notice) => this.take(notice),
    });
  }

  /** Starts the worker; resolves when it answers. Throws `historian-damaged`, `historian-log-differs`, or what else keeps it from opening. */
  start(): Promise<void> {
    assert(!this.thread.running, 'the historian is started once');
    this.names = new SeriesNames();
    this.opened = Promise.withResolvers();
    this.hasStopped = false;
    this.whenEnded = this.thread.run(this.workerData()).then(
      () =>
        this.end(this.hasStopped ? undefined : new Fault('worker-failed', 'historian: ended before it had stopped')),
      // Why the worker could not go on, as it has told.
      (fault: Fault) => this.end(fault.cause instanceof Fault ? fault.cause : fault),
    );
    return this.opened.promise;
  }

  /** It has ended: nobody waits for it any more. */
  private end(fault: Fault | undefined): Fault | undefined {
    const refusal = new Fault('not-ready', fault ? `The historian has ended: ${fault.message}` : 'It was stopped.');
    this.opened.reject(fault ?? refusal);
    for (const { ask, reject } of this.waiting.values()) reject((WRITING.has(ask) && fault) || refusal);
    this.waiting.clear();
    return fault;
  }

  private workerData(): HistorianWorkerData {
    const { logFolder, folder, ends, logId, epoch = 0, memtableBytes = null, flushAfterMs = null } = this.options;
    const { retentionMs = {}, rollupsMs = [] } = this.options;
    const progress = this.progress.shared;
    return {
      logFolder,
      folder,
      ends: ends.shared,
      progress,
      logId,
      epoch,
      memtableBytes,
      flushAfterMs,
      retentionMs,
      rollupsMs,
    };
  }

  /** Resolves when the worker has ended: with why, or undefined after `stop`. */
  get ended(): Promise<Fault | undefined> {
    return this.whenEnded;
  }

  /** Clean stop: what is in memory is written out, within a minute. Throws why that was not possible. Does nothing if it does not run. */
  async stop(): Promise<void> {
    if (!this.thread.running) return;
    await this.thread.stop({ type: 'stop' }, STOP_LIMIT_MS);
    const fault = await this.whenEnded;
    if (fault !== undefined) throw fault;
  }

  /** How far it has come, now. */
  state(): HistorianState {
    const { ends } = this.options;
    const lag = this.topics.map((topic) => Math.max(0, ends.end(topic) - this.progress.applied(topic)));
    return {
      running: this.thread.running,
      position: this.progress.saved(this.topics[0] ?? ''),
      lagSamples: lag.reduce((sum, records) => sum + records, 0),
      points: this.progress.samples,
    };
  }

  /** For each topic the offset below which everything can be asked for. */
  applied(): Record<string, number> {
    return Object.fromEntries(this.topics.map((topic) => [topic, this.progress.applied(topic)]));
  }

  /** For each topic the offset from which on the log must be kept. */
  holds(): Record<string, number> {
    return Object.fromEntries(this.topics.map((topic) => [topic, this.progress.saved(topic)]));
  }

  /** What has become of expiry, erasures and damage; as the worker told last, without asking. */
  get care(): CareState {
    return this.careTold;
  }

  /** Says that it is at least so late, ms, by a clock that can be believed: what is older than it is kept may go. */
  believe(nowMs: number): void {
    this.thread.post({ type: 'believe', nowMs });
  }

  /** Samples of each tag with `fromUs` ≤ effective time < `toUs`, in their order. Throws `not-ready`. */
  async *count({ tags, ...span }: CountQuery): AsyncGenerator<TagCount> {
    for (let at = 0; at < tags.length;) {
      const counts = await this.ask({ ask: 'count', query: { tags: tags.slice(at, at + COUNTED_TAGS), ...span } });
      yield* counts;
      at += counts.length;
    }
  }

  /** Takes an erasure on record: it is out of every answer when this resolves, for good. Resolves with its number. Throws `erase-refused`, `historian-write-failed`, `not-ready`. */
  erase(request: EraseRequest): Promise<number> {
    return this.ask({ ask: 'erase', request });
  }

  /**
   * Resolves when nothing of an erasure is in the memory and the files any more, with the names of files that cannot be opened and may still hold something of it. Throws
   * `historian-write-failed`: it goes on by itself when there is room, and `not-ready`: after the next start.
   */
  erased(erasure: number, onProgress?: (progress: WorkProgress) => void): Promise<readonly string[]> {
    return this.ask({ ask: 'erased', erasure }, onProgress);
  }

  /** Fills the files again from what the log covers, beside those that there are, and swaps. Throws `historian-write-failed`; what there was then stays. */
  rebuild(onProgress?: (progress: WorkProgress) => void): Promise<readonly RebuiltTopic[]> {
    return this.ask({ ask: 'rebuild' }, onProgress);
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
    const { tag, points, topics, gaps, next, expired } = await this.ask({ ask: 'page', query });
    return new HistoryPage(tag, Points.fromMessage(points), topics, gaps, next, expired);
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

  analysisPage(query: AnalysisQuery): Promise<AnalysisPage> {
    return this.ask({ ask: 'analysis', query });
  }

  async *latest(tags: readonly string[] | null, elsewhereFromUs?: number): AsyncGenerator<Latest> {
    const parts: (readonly string[] | null)[] = [];
    if (tags === null) parts.push(null);
    else for (let at = 0; at < tags.length; at += LATEST_TAGS) parts.push(tags.slice(at, at + LATEST_TAGS));
    for (const part of parts) yield* askLatest((question) => this.ask(question), this.names, part, elsewhereFromUs);
  }

  summaries(tags: readonly string[], elsewhereFromUs?: number): Promise<readonly TagSummary[]> {
    return this.ask({ ask: 'summaries', tags, elsewhereFromUs });
  }

  tags(): AsyncIterable<readonly TagSummary[]> {
    return askTags((question) => this.ask(question), this.names);
  }

  /** Samples ever stored, by tag: the ledger's `stored`. */
  async stored(): Promise<Map<string, number>> {
    const stored = new Map<string, number>();
    for await (const page of this.tags()) for (const { tag, samples } of page) stored.set(tag, samples);
    return stored;
  }

  private ask<Q extends Question | CareQuestion>(
    question: Q,
    onProgress?: (progress: WorkProgress) => void,
  ): Promise<Answers[Q['ask']]> {
    if (!this.thread.running) return Promise.reject(new Fault('not-ready', 'The historian does not run.'));
    if (this.waiting.size >= MAX_QUESTIONS)
      return Promise.reject(new Fault('not-ready', `The historian has ${MAX_QUESTIONS} questions to answer.`));
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { ask: question.ask, resolve, reject, onProgress });
      this.thread.post({ type: 'question', id, question });
    });
  }

  private take(notice: HistorianNotice): void {
    if (notice.type === 'opened') this.opened.resolve();
    else if (notice.type === 'stopped') this.hasStopped = true;
    else if (notice.type === 'failed') this.thread.failed(fromFaultMessage(notice.fault));
    else if (notice.type === 'report') this.options.report?.(fromFaultMessage(notice.fault));
    else if (notice.type === 'gap') this.options.onGap?.(notice.gap);
    else if (notice.type === 'care') this.careTold = notice.care;
    else if (notice.type === 'repaired') this.options.onRepair?.(notice.report);
    else if (notice.type === 'progress') this.waiting.get(notice.id)?.onProgress?.(notice.progress);
    else if (notice.type === 'answer' || notice.type === 'refusal') this.settle(notice);
  }

  private settle(notice: Extract<HistorianNotice, { type: 'answer' | 'refusal' }>): void {
    const waiting = this.waiting.get(notice.id);
    this.waiting.delete(notice.id);
    if (notice.type === 'answer') waiting?.resolve(notice.answer as never);
    else waiting?.reject(fromFaultMessage(notice.fault));
  }
}
