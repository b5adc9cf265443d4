import type { DurableEnds } from '../../edge/core/durable-ends.ts';
import { Fault, fromFaultMessage } from '../../edge/core/fault.ts';
import type { Positions } from '../../edge/core/progress/snapshot.ts';
import type { TopicGap } from '../../edge/core/reader.ts';
import type { Secret } from '../../edge/core/secret.ts';
import { Thread } from '../../edge/core/thread.ts';
import type { Eraser } from '../eraser.ts';
import type { QuestdbFeedOptions, QuestdbState } from './feed.ts';
import type { QuestdbCommand, QuestdbNotice, QuestdbProgress, QuestdbWorkerData } from './protocol.ts';

/** How a gateway feeds its log into QuestDB. */
export interface QuestdbOptions extends Pick<QuestdbFeedOptions, 'logFolder' | 'folder' | 'log' | 'topics'> {
  /** As of `QuestdbAddress` and `PgAddress`. */
  readonly http: string;
  readonly pg: string;
  readonly password: Secret;
  readonly table: string;
  readonly lanes: number;
  readonly ends: DurableEnds;
  /** Told of each new reason why it does not go on, and of rows that QuestDB cannot take. */
  readonly report?: (fault: Fault) => void;
  /** Told twice a second how far it has come. */
  readonly onState?: (state: QuestdbState) => void;
  readonly onGap?: (gap: TopicGap) => void;
}

/** Its name as a place of erasures. */
export const QUESTDB_PLACE = 'questdb';

interface Erasing {
  readonly resolve: () => void;
  readonly reject: (fault: Fault) => void;
}

/** The main thread's handle of what feeds QuestDB: a worker of its own, because rows are encoded there. When the worker has ended, `run` runs it again. */
export class QuestdbClient implements Eraser {
  readonly name = QUESTDB_PLACE;
  private readonly options: QuestdbOptions;
  private readonly thread: Thread<QuestdbCommand, QuestdbNotice>;
  private progress: QuestdbProgress | undefined;
  private readonly erasing = new Map<number, Erasing>();
  private nextId = 1;

  constructor(options: QuestdbOptions) {
    this.options = options;
    this.thread = new Thread({
      name: 'questdb',
      script: new URL('./worker.ts', import.meta.url),
      onNotice: (notice) => this.take(notice),
    });
  }

  /** Feeds until `stop`. Rejects with `worker-failed`. */
  run(): Promise<void> {
    const { http, pg, password, table, lanes, logFolder, folder, ends, log, topics } = this.options;
    const places = { logFolder, folder, ends: ends.shared, log, topics };
    const data: QuestdbWorkerData = { http, pg, password, table, lanes, ...places };
    return this.thread.run(data).finally(() => this.refuseErasures(new Fault('not-ready', 'QuestDB is not fed now.')));
  }

  /** Clean stop: what is under way is waited for, 3 s at most. */
  stop(): Promise<void> {
    return this.thread.stop({ type: 'stop' });
  }

  /** How far it has come, half a second ago. */
  status(): QuestdbState {
    const { progress, thread } = this;
    const { topics, ends } = this.options;
    const confirmed = progress?.confirmed ?? {};
    const lagRecords = topics.reduce((sum, topic) => sum + Math.max(0, ends.end(topic) - (confirmed[topic] ?? 0)), 0);
    const problem = progress?.problem ?? null;
    return {
      state: thread.running ? (progress?.state ?? 'starting') : 'stopped',
      problem: problem === null ? null : fromFaultMessage(problem),
      confirmed,
      lagRecords,
      rows: progress?.rows ?? 0,
      refused: progress?.refused ?? 0,
    };
  }

  /** For each topic the offset from which on the log must be kept for it. */
  holds(): Positions {
    return this.progress?.holds ?? Object.fromEntries(this.options.topics.map((topic) => [topic, 0]));
  }

  /** See `Eraser`. What the table was given before is erased there, and never sent again. A row stays that says that the tag had a sample at the time. */
  erase(
    tags: readonly string[],
    fromUs: number,
    toUs: number,
    upTo: Readonly<Record<string, number>>,
    signal: AbortSignal,
  ): Promise<void> {
    if (!this.thread.running) return Promise.reject(new Fault('not-ready', 'QuestDB is not fed now.'));
    const id = this.nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abort = (): void => reject(new Fault('not-ready', 'The gateway stops.'));
    signal.addEventListener('abort', abort, { once: true });
    this.erasing.set(id, { resolve, reject });
    this.thread.post({ type: 'erase', id, erasure: { tags, fromUs, toUs, upTo } });
    return promise.finally(() => {
      signal.removeEventListener('abort', abort);
      this.erasing.delete(id);
    });
  }

  private refuseErasures(fault: Fault): void {
    for (const { reject } of this.erasing.values()) reject(fault);
  }

  private take(notice: QuestdbNotice): void {
    if (notice.type === 'progress') {
      this.progress = notice.progress;
      this.options.onState?.(this.status());
    } else if (notice.type === 'failed') this.thread.failed(fromFaultMessage(notice.fault));
    else if (notice.type === 'erased') this.erasing.get(notice.id)?.resolve();
    else if (notice.type === 'not-erased') this.erasing.get(notice.id)?.reject(fromFaultMessage(notice.fault));
    else if (notice.type === 'report') this.options.report?.(fromFaultMessage(notice.fault));
    else this.options.onGap?.(notice.gap);
  }
}
