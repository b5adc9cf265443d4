import type { Clock } from '../../edge/core/clock.ts';
import type { DurableEnds } from '../../edge/core/durable-ends.ts';
import type { Fault } from '../../edge/core/fault.ts';
import { LogReader } from '../../edge/core/reader.ts';
import type { EraseRequest, Erasure } from '../files/erasures.ts';
import type { Follower } from '../follow/follower.ts';
import type { Expiry } from '../files/manifest.ts';
import { rewriteFault } from './merging.ts';
import type { RebuiltTopic } from './rebuild.ts';
import type { RepairReport } from './repair.ts';
import type { LogSource } from './replay.ts';
import type { Store } from './store.ts';

/** A repair that failed is tried again after this. */
const REPAIR_AGAIN_MS = 10 * 60 * 1000;
const PROGRESS_EVERY_MS = 100;

/** What can be asked for beside history. */
export type CareQuestion =
  /** Takes an erasure on record: it is out of every answer from then on. Answered with its number. */
  | { readonly ask: 'erase'; readonly request: EraseRequest }
  /** Waits until nothing of an erasure is in the files any more. Answered with the names of those that cannot be opened and may still hold something of it. */
  | { readonly ask: 'erased'; readonly erasure: number }
  /** Fills the files again from what the log covers. Answered with what became of each topic. */
  | { readonly ask: 'rebuild' };

/** Answers by question. */
export interface CareAnswers {
  erase: number;
  erased: readonly string[];
  rebuild: readonly RebuiltTopic[];
}

/** How far long work is. */
export interface WorkProgress {
  readonly done: number;
  readonly total: number;
  /** What is counted. */
  readonly unit: 'files' | 'records';
}

/** What has become of the care for a historian since it was opened. */
export interface CareState {
  /** What of the topics has expired. */
  readonly expired: readonly Expiry[];
  /** Erasures that are not out of all files yet. */
  readonly erasing: number;
  /** Erasures on record: the log may still hold something of them. */
  readonly erasures: number;
  /** Files that are damaged as a whole or in part. */
  readonly damaged: readonly string[];
  /** Samples that were written anew out of the log since the start, where they could not be read. */
  readonly repairedSamples: number;
}

/** What the care needs. */
export interface CareOptions {
  readonly store: Store;
  readonly follower: Pick<Follower, 'flushSoon'>;
  readonly logFolder: string;
  readonly ends: DurableEnds;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Told of a repair when it is done. */
  readonly onRepair: (report: RepairReport) => void;
  /** Told of what failed and is tried again. */
  readonly report: (fault: Fault) => void;
}

/**
 * What has to be done with the files of a historian beside filling them: what is too old expires, what is damaged comes back out of the log, erasures are forgotten when the log has let go of
 * what they erase, and the long work that somebody has asked for.
 */
export class Care {
  private readonly options: CareOptions;
  private readonly log: LogSource;
  /** A time that can be believed, ms, until it has been used. */
  private believedMs: number | undefined;
  /** By file, when its repair may be tried again. */
  private readonly tried = new Map<string, number>();
  private repairing = false;
  /** Tell how far erasures are that somebody waits for. */
  private readonly telling = new Set<() => void>();
  private repairedSamples = 0;

  constructor(options: CareOptions) {
    const { logFolder, ends } = options;
    this.options = options;
    this.log = {
      start: (topic) => ends.start(topic),
      reader: (topic) => new LogReader({ logFolder, topic, ends }),
    };
  }

  /** Somebody who watches the clock says that it is at least so late: what is older than it is kept may go. */
  believe(nowMs: number): void {
    this.believedMs = nowMs;
  }

  /** To be called once a second. */
  tick(): void {
    const { store } = this.options;
    try {
      store.logStartsAt((topic) => this.log.start(topic));
      if (this.believedMs !== undefined) store.expire(this.believedMs);
    } catch (error) {
      // The store is of no use any more, and whoever fills it ends with that.
      if (store.failed === undefined) throw error;
      return;
    }
    this.believedMs = undefined;
    for (const tell of this.telling) tell();
    void this.repair();
  }

  get state(): CareState {
    const { store } = this.options;
    const { expired, erasures } = store.manifest;
    const erasing = erasures.filter((erasure) => isUnderWay(store, erasure)).length;
    const { repairedSamples } = this;
    return { expired, erasing, erasures: erasures.length, damaged: store.damaged, repairedSamples };
  }

  /** Does what is asked; `onProgress` is told now and then how far it is. Throws `erase-refused`, `historian-write-failed`. */
  async work(
    question: CareQuestion,
    onProgress: (progress: WorkProgress) => void,
  ): Promise<CareAnswers[keyof CareAnswers]> {
    if (question.ask === 'erase') return this.options.store.erase(question.request).id;
    return question.ask === 'erased' ? this.erased(question.erasure, onProgress) : this.rebuild(onProgress);
  }

  private rebuild(onProgress: (progress: WorkProgress) => void): Promise<readonly RebuiltTopic[]> {
    const { store, clock } = this.options;
    let nextMs = 0;
    return store.rebuild(this.log, (done, total) => {
      const nowMs = clock.monotonicMs();
      if (nowMs < nextMs) return;
      nextMs = nowMs + PROGRESS_EVERY_MS;
      onProgress({ done, total, unit: 'records' });
    });
  }

  private async erased(id: number, onProgress: (progress: WorkProgress) => void): Promise<readonly string[]> {
    const { store, follower } = this.options;
    const { files: total, memory } = store.eraseLeft({ id });
    const tell = (): void => onProgress({ done: total - store.eraseLeft({ id }).files, total, unit: 'files' });
    this.telling.add(tell);
    try {
      if (memory) void follower.flushSoon();
      await store.erased({ id });
    } finally {
      this.telling.delete(tell);
    }
    const view = store.pin();
    const { damagedFiles } = view.parts;
    view.release();
    return damagedFiles.filter(({ entry }) => entry.erased < id).map(({ entry }) => entry.name);
  }

  /** Each damage once, as far as the log has what was there; one whose repair failed, again after a while. */
  private async repair(): Promise<void> {
    const { store, clock } = this.options;
    const { damaged } = store;
    for (const name of this.tried.keys()) if (!damaged.includes(name)) this.tried.delete(name);
    const nowMs = clock.monotonicMs();
    if (this.repairing || damaged.every((name) => (this.tried.get(name) ?? Number.NEGATIVE_INFINITY) > nowMs)) return;
    this.repairing = true;
    try {
      const report = await store.repair(this.log, true);
      for (const name of report.left) this.tried.set(name, Number.POSITIVE_INFINITY);
      this.repairedSamples += report.rebuilt;
      this.options.onRepair(report);
    } catch (error) {
      for (const name of damaged) this.tried.set(name, nowMs + REPAIR_AGAIN_MS);
      if (!isEnd(error)) this.options.report(rewriteFault('Repair', error));
    } finally {
      this.repairing = false;
    }
  }
}

function isUnderWay(store: Store, { id }: Erasure): boolean {
  const { files, memory } = store.eraseLeft({ id });
  return files > 0 || memory;
}

/** The historian is being stopped. */
function isEnd(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
