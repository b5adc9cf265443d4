import { rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Fault, fromFaultMessage } from '../../edge/core/fault.ts';
import { HistoryPage } from '../queries/history.ts';
import type { History } from '../questions/history.ts';
import { OwnProcess } from '../own-process.ts';
import { TieredQuestions } from '../questions/tiered-questions.ts';
import { Points, withOwnSlots } from '../points/points.ts';
import type { ColdQuery } from './cold-days.ts';
import type { ColdFiles, ColdSpan, PendingErasure } from './cold-rows.ts';
import type { TierPlace } from './place.ts';
import type { ColdDoor } from './process.ts';
import type { TierAnswers, TierNotice, TierQuestion, TierRequest } from './tier-messages.ts';
import type { TierContents } from './tier-reader.ts';
import { TieredHistory } from './tiered-history.ts';

const MAIN = fileURLToPath(new URL('./tier-child.ts', import.meta.url));
/** Questions under way at once: more are refused with `not-ready`. */
const MAX_QUESTIONS = 64;

/** Where a tier lies. */
export interface TierOptions {
  /** Where it is, asked when it is opened. */
  readonly place: () => Promise<TierPlace>;
  /** A folder of this machine that nobody else uses, for copies of what is far away. */
  readonly copies: string;
  /** The tier itself, if it is a folder. */
  readonly folder?: string | undefined;
}

interface Waiting {
  readonly resolve: (answer: never) => void;
  readonly reject: (fault: Fault) => void;
}

/** A cold tier for those who read: in a process of its own, which the first question starts, so that a tier that does not answer keeps nothing else from working. */
export class Tier implements ColdDoor {
  /** Below it lies what is read. */
  readonly localFolder: string;
  private readonly options: TierOptions;
  /** By what they say: asked for again they are the same. */
  private readonly pending = new Map<string, PendingErasure>();
  private readonly waiting = new Map<number, Waiting>();
  private child: Promise<OwnProcess<TierRequest>> | undefined;
  private nextId = 1;
  /** What was not looked at may begin at any time. */
  private beginUs = Number.NEGATIVE_INFINITY;
  private changes = 0;

  constructor(options: TierOptions) {
    this.options = options;
    const { folder, copies } = options;
    this.localFolder = path.resolve(folder === undefined ? copies : path.join(folder, 'data'));
  }

  /** What lies there now. Throws `data-unreadable`, `historian-damaged`, `secret-missing`, `worker-failed`. */
  contents(): Promise<TierContents> {
    return this.ask({ ask: 'contents' });
  }

  /** Every question about a history with this tier behind it. */
  behind(store: History): History {
    return new TieredQuestions(store, this.history(store));
  }

  /** The samples of a history with this tier behind it. */
  history(store: Pick<History, 'page'>): TieredHistory {
    return new TieredHistory({
      store,
      cold: { page: (query) => this.page(query) },
      beginUs: () => this.beginUs,
      changes: () => this.changes,
      open: async () => (await this.contents()).beginUs,
      erased: () => [...this.pending.values()],
    });
  }

  /** Throws as `contents`, and `sql-limit`. */
  async lend(span: ColdSpan): Promise<{ readonly files: ColdFiles; release(): void }> {
    const { lease, files, gaps, beginUs } = await this.ask({ ask: 'lend', span });
    const release = (): void => void this.post({ type: 'release', lease });
    return { files: { files, gaps, beginUs, erased: [...this.pending.values()] }, release };
  }

  /** What is erased is out of every answer from now on. Returns how to say that it is out of the files too. */
  hide(erasure: PendingErasure): () => void {
    const key = JSON.stringify(erasure);
    this.pending.set(key, erasure);
    this.changes++;
    return () => void this.pending.delete(key);
  }

  /** Who keeps it says since when it has something, µs: then nobody needs to look. */
  noteBegin(beginUs: number): void {
    this.beginUs = beginUs;
  }

  /** To be called when the tier has changed: what the reader has of it is read again; where that fails, by the next who needs it. */
  async refresh(): Promise<void> {
    this.changes++;
    if (this.child === undefined) return;
    try {
      await this.contents();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
    }
  }

  async close(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    const running = await child?.catch(() => undefined);
    running?.kill();
    await running?.ended;
    rmSync(this.options.copies, { recursive: true, force: true });
  }

  private async page(query: ColdQuery): Promise<HistoryPage> {
    const { points, gaps, next, beginUs } = await this.ask({ ask: 'page', query });
    this.beginUs = beginUs;
    return new HistoryPage(query.tag, Points.fromMessage(withOwnSlots(points)), query.topics, gaps, next);
  }

  private async ask<Q extends TierQuestion>(question: Q): Promise<TierAnswers[Q['ask']]> {
    if (this.waiting.size >= MAX_QUESTIONS)
      throw new Fault('not-ready', `The cold tier has ${MAX_QUESTIONS} questions to answer.`);
    this.child ??= this.start();
    const { child } = this;
    const running = await child.catch((error: unknown) => {
      if (this.child === child) this.child = undefined;
      throw error;
    });
    const id = this.nextId++;
    const answer = await new Promise<TierAnswers[Q['ask']]>((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      running.post({ type: 'question', id, question });
    });
    if (question.ask === 'contents') ({ beginUs: this.beginUs } = answer as TierContents);
    return answer;
  }

  private async post(request: TierRequest): Promise<void> {
    const running = await this.child?.catch(() => undefined);
    running?.post(request);
  }

  private async start(): Promise<OwnProcess<TierRequest>> {
    const place = await this.options.place();
    const child = OwnProcess.start<TierRequest>(MAIN, (notice: TierNotice) => this.take(notice));
    void child.ended.then((how) => this.lost(how));
    // Keys stand in it: not in the environment or the arguments, where others could read them.
    child.post({ type: 'open', place, copies: this.options.copies });
    return child;
  }

  private take(notice: TierNotice): void {
    const waiting = this.waiting.get(notice.id);
    this.waiting.delete(notice.id);
    if (notice.type === 'answer') waiting?.resolve(notice.answer as never);
    else waiting?.reject(fromFaultMessage(notice.fault));
  }

  private lost(why: string): void {
    this.child = undefined;
    for (const { reject } of this.waiting.values()) reject(new Fault('worker-failed', `The cold tier: ${why}`));
    this.waiting.clear();
  }
}
