import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Clock, systemClock } from '../../edge/core/clock.ts';
import { type Disk, realDisk } from '../../edge/core/disk.ts';
import type { DurableEnds } from '../../edge/core/durable-ends.ts';
import { Fault, messageOf } from '../../edge/core/fault.ts';
import { TrailingCursor } from '../../edge/core/progress/trailing-cursor.ts';
import type { Positions } from '../../edge/core/progress/snapshot.ts';
import type { TopicGap } from '../../edge/core/reader.ts';
import { Follower } from '../follow/follower.ts';
import type { LogIdentity } from '../files/manifest.ts';
import { SharedProgress } from '../follow/shared-progress.ts';
import { Delivery } from './delivery.ts';
import { eraseStatements } from './erase-rows.ts';
import { Erasures, type TableErasure } from './erasures.ts';
import type { QuestdbAddress } from './http.ts';
import { CHECKPOINT_MS, LINGER_MS, LOOK_MS } from './limits.ts';
import { settlingMs } from './settling.ts';
import { QuestdbSink } from './sink.ts';
import { TableMemory } from './table-memory.ts';
import { type TableNames, tableNames, type WalState } from './table.ts';

/** The name of the table where none is configured. */
const DEFAULT_TABLE = 'samples';
const FIRST_PAUSE_MS = 500;
const LAST_PAUSE_MS = 30_000;
/** At a stop what is under way gets so long; what is not confirmed then is sent again. */
const DRAIN_MS = 3000;

/** How a log is fed into QuestDB. */
export interface QuestdbFeedOptions {
  /** Asked at each beginning: a new password counts then. */
  readonly address: () => Promise<QuestdbAddress>;
  /** `samples` if left out. */
  readonly table?: string | undefined;
  /** Requests under way at once; 2 if left out. */
  readonly lanes?: number | undefined;
  readonly logFolder: string;
  /** Folder of the cursor. */
  readonly folder: string;
  readonly ends: DurableEnds;
  readonly log: LogIdentity;
  readonly topics: readonly string[];
  /** Told of each new reason why it does not go on, of rows that QuestDB cannot take, and of a server that does not sync. */
  readonly report?: (fault: Fault) => void;
  readonly onGap?: (gap: TopicGap) => void;
  readonly clock?: Clock;
  readonly disk?: Disk;
  /** At least 0, below 1. */
  readonly random?: () => number;
  /** How long what is applied must stand on a server that does not sync; a minute if left out. */
  readonly settleMs?: number;
  /** Longest pause between two attempts; 30 s if left out. */
  readonly longestPauseMs?: number;
}

/** How far QuestDB has come. */
export interface QuestdbState {
  /** `waiting`: the problem stands in the way, it is tried again by itself. `unreadable`, said by the thread of the feed: rows go in, and the problem keeps them from being read. */
  readonly state: 'stopped' | 'starting' | 'following' | 'waiting' | 'unreadable';
  readonly problem: Fault | null;
  /** For each topic the offset below which the table is known to have everything. */
  readonly confirmed: Positions;
  /** Durable records that are not known to be in the table, of all topics. */
  readonly lagRecords: number;
  /** Rows sent, and rows that QuestDB could not take, since the start. */
  readonly rows: number;
  readonly refused: number;
}

/** An erasure that is asked for. */
interface Erasing {
  readonly erasure: TableErasure;
  readonly resolve: () => void;
  readonly reject: (fault: Fault) => void;
}

/** Feeds the log into QuestDB, and goes on doing so: the one owner of all retries. After any failure it begins anew from its cursor, over new connections. */
export class QuestdbFeed {
  private readonly options: QuestdbFeedOptions;
  private readonly clock: Clock;
  private readonly disk: Disk;
  private readonly names: TableNames;
  private readonly memory: TableMemory;
  private state: QuestdbState['state'] = 'stopped';
  private problem: Fault | null = null;
  private life: { readonly sink: QuestdbSink; readonly delivery: Delivery } | undefined;
  private held: Positions = {};
  private confirmed: Positions = {};
  private rows = 0;
  private refused = 0;
  private toldUnsynced = false;
  private readonly erasures: Erasures;
  private readonly erasing: Erasing[] = [];
  /** Carried out, and done from a time on: a server that does not sync may yet forget it. */
  private readonly erased: { readonly dueMs: number; readonly erasing: Erasing }[] = [];

  constructor(options: QuestdbFeedOptions) {
    this.options = options;
    this.clock = options.clock ?? systemClock();
    this.disk = options.disk ?? realDisk;
    this.names = tableNames(options.table ?? DEFAULT_TABLE);
    this.memory = new TableMemory(this.disk, path.join(options.folder, 'table'));
    const { ends } = options;
    this.erasures = new Erasures(this.disk, path.join(options.folder, 'erasures'), (topic) => ends.start(topic));
  }

  /** How far it has come, now. */
  status(): QuestdbState {
    const { topics, ends } = this.options;
    const { state, problem, confirmed } = this;
    const lagRecords = topics.reduce((sum, topic) => sum + Math.max(0, ends.end(topic) - (confirmed[topic] ?? 0)), 0);
    const rows = this.rows + (this.life?.delivery.rows ?? 0);
    return { state, problem, confirmed, lagRecords, rows, refused: this.refused + (this.life?.delivery.refused ?? 0) };
  }

  /** For each topic the offset from which on the log must be kept for it. */
  holds(): Positions {
    const { topics } = this.options;
    return Object.fromEntries(topics.map((topic) => [topic, this.held[topic] ?? 0]));
  }

  /**
   * Erases samples in the table, and never sends them again. Resolves when nobody can be given them any more; QuestDB removes the files that hold them by itself soon after. Rejects with what
   * keeps it from that: ask again. Throws `erase-refused`, `state-damaged`.
   */
  erase(erasure: TableErasure): Promise<void> {
    this.erasures.add(erasure);
    return new Promise((resolve, reject) => this.erasing.push({ erasure, resolve, reject }));
  }

  /** Feeds until the signal is aborted. Rejects only where going on makes no sense: `state-damaged`, `config-invalid`. */
  async run(signal: AbortSignal): Promise<void> {
    this.disk.makeFolder(this.options.folder);
    this.erasures.open();
    this.readCursor();
    for (let attempt = 0; !signal.aborted;) {
      const before = this.rows;
      try {
        this.state = 'starting';
        await this.live(signal);
      } catch (error) {
        const fault = error instanceof Fault ? error : new Fault('internal', messageOf(error), { cause: error });
        if (fault.code === 'state-damaged' || fault.code === 'config-invalid') throw fault;
        this.tell(fault);
        const erased = this.erased.splice(0).map(({ erasing }) => erasing);
        for (const { reject } of [...erased, ...this.erasing.splice(0)]) reject(fault);
        if (this.rows > before) attempt = 0;
        this.state = 'waiting';
        await this.wait(attempt++, signal);
      }
    }
    this.state = 'stopped';
  }

  /** What the cursor of the last life holds, before a server has answered. */
  private readCursor(): void {
    const generation = this.memory.lastGeneration();
    if (generation === undefined) return;
    const cursor = this.cursorOf(generation);
    cursor.open();
    this.held = cursor.holds;
    this.confirmed = cursor.holds;
  }

  private cursorOf(generation: string): TrailingCursor {
    const { log, ends, folder } = this.options;
    return new TrailingCursor({
      disk: this.disk,
      file: path.join(folder, 'cursor'),
      consumer: 'questdb',
      log: { logId: `${log.logId}/${generation}`, epoch: log.epoch },
      ends,
    });
  }

  /** One life of the connections. Ends with the signal; rejects with what ended it otherwise. */
  private async live(signal: AbortSignal): Promise<void> {
    const { lanes, log, report } = this.options;
    const address = await this.options.address();
    const delivery = new Delivery({
      address,
      names: this.names,
      epoch: log.epoch,
      clock: this.clock,
      report: (fault) => report?.(fault),
      ...(lanes === undefined ? {} : { lanes }),
    });
    const close = (): void => delivery.close();
    try {
      // Until the server answers there is nothing to drain.
      signal.addEventListener('abort', close);
      const cursor = this.cursorOf(this.generationOf(await delivery.open()));
      const settleMs = await this.settleMs(address);
      signal.removeEventListener('abort', close);
      cursor.open();
      this.held = cursor.holds;
      const sink = new QuestdbSink(delivery, cursor, settleMs, this.erasures);
      this.life = { sink, delivery };
      await this.follow(sink, delivery, settleMs, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener('abort', close);
      delivery.close();
      this.rows += delivery.rows;
      this.refused += delivery.refused;
      this.life = undefined;
    }
  }

  private async follow(sink: QuestdbSink, delivery: Delivery, settleMs: number, signal: AbortSignal): Promise<void> {
    const { logFolder, ends, topics, onGap } = this.options;
    const { clock, disk } = this;
    const shared = SharedProgress.create(topics);
    const follower = new Follower({
      store: sink,
      logFolder,
      ends,
      topics,
      clock,
      shared,
      disk,
      ...(onGap === undefined ? {} : { onGap }),
    });
    follower.open();
    const life = new AbortController();
    const until = AbortSignal.any([signal, life.signal]);
    const tick = setInterval(() => {
      delivery.push();
      if (delivery.failed !== undefined) follower.wake();
    }, LINGER_MS);
    const following = follower.run(until);
    const confirming = this.confirm(sink, settleMs, until);
    let limit: NodeJS.Timeout | undefined;
    const stop = (): void => void (limit = setTimeout(() => delivery.close(), DRAIN_MS));
    signal.addEventListener('abort', stop);
    try {
      // Whichever fails first ends the other one.
      await Promise.all([following, confirming]);
      await sink.checkpoint(() => this.clock.monotonicMs());
      this.note(sink);
    } finally {
      signal.removeEventListener('abort', stop);
      clearTimeout(limit);
      clearInterval(tick);
      life.abort();
      delivery.close();
      await Promise.allSettled([following, confirming]);
    }
  }

  private async confirm(sink: QuestdbSink, settleMs: number, signal: AbortSignal): Promise<void> {
    for (let lookedMs = this.clock.monotonicMs(); !signal.aborted;) {
      // Where nothing comes to be sent, nothing else would find out that the server does not let us in any more.
      const isLook = this.clock.monotonicMs() - lookedMs >= LOOK_MS;
      if (isLook) await sink.delivery.confirm();
      if (isLook) lookedMs = this.clock.monotonicMs();
      await sink.checkpoint(() => this.clock.monotonicMs());
      this.note(sink);
      await this.eraseAsked(sink.delivery, settleMs);
      while ((this.erased[0]?.dueMs ?? Number.POSITIVE_INFINITY) <= this.clock.monotonicMs())
        this.erased.shift()?.erasing.resolve();
      await pause(CHECKPOINT_MS, undefined, { signal }).catch(() => undefined); // aborted: it ends
    }
  }

  /** What was sent before an erasure was on record is in the table first. */
  private async eraseAsked(delivery: Delivery, settleMs: number): Promise<void> {
    const asked = this.erasing.length;
    if (asked === 0) return;
    await delivery.confirm();
    for (const erasing of this.erasing.slice(0, asked)) await this.eraseOne(delivery, erasing);
    await delivery.confirm();
    delivery.renew();
    const dueMs = this.clock.monotonicMs() + settleMs;
    this.erased.push(...this.erasing.splice(0, asked).map((erasing) => ({ dueMs, erasing })));
  }

  /** What the server refuses is told to who asked, and ends nothing else. */
  private async eraseOne(delivery: Delivery, { erasure, reject }: Erasing): Promise<void> {
    try {
      for (const statement of eraseStatements(this.names.samples, erasure, this.options.log.epoch))
        await delivery.change(statement);
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'questdb-refused') throw error;
      reject(error);
    }
  }

  private note(sink: QuestdbSink): void {
    this.held = sink.holds;
    this.confirmed = Object.fromEntries(this.options.topics.map((topic) => [topic, sink.confirmed(topic)]));
    this.memory.applied(sink.transaction);
    this.state = 'following';
    this.problem = null;
  }

  /** That of the table that is there. Another one than before is told: what the log does not have any more is missing in it. */
  private generationOf(state: WalState): string {
    const before = this.memory.lastGeneration();
    const generation = this.memory.generationOf(state);
    if (before !== undefined && before !== generation)
      this.options.report?.(
        new Fault(
          'questdb-rows-lost',
          `${this.names.samples} is not the table that was filled before, or an older state of it.`,
        ),
      );
    return generation;
  }

  /** A server that does not sync is told of once. */
  private settleMs(address: QuestdbAddress): Promise<number> {
    const { settleMs: unsyncedMs, report } = this.options;
    const tellOnce = (fault: Fault): void => {
      if (!this.toldUnsynced) report?.(fault);
      this.toldUnsynced = true;
    };
    return settlingMs(address, tellOnce, unsyncedMs);
  }

  private tell(fault: Fault): void {
    const isNew = this.problem?.message !== fault.message;
    this.problem = fault;
    if (isNew) this.options.report?.(fault);
  }

  private async wait(attempt: number, signal: AbortSignal): Promise<void> {
    const { random = Math.random, longestPauseMs = LAST_PAUSE_MS } = this.options;
    const pauseMs = Math.min(longestPauseMs, FIRST_PAUSE_MS * 2 ** Math.min(attempt, 10)) * (0.5 + random() / 2);
    await pause(pauseMs, undefined, { signal }).catch(() => undefined); // aborted: it ends
  }
}
