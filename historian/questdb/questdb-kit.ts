import { waitFor } from '../../test/services/wait.ts';
import type { Fault } from '../../edge/core/fault.ts';
import { LogFolder, type OpenLog } from '../../edge/core/kit/log-kit.ts';
import { batchOf, double, EVER, lineOf, LOG, T0, type Tagged } from '../kit/history-kit.ts';
import { QuestdbFeed, type QuestdbFeedOptions } from './feed.ts';
import { QuestdbHttp } from './http.ts';
import { QuestdbHistory } from './reader.ts';
import { tableNames } from './table.ts';

export const TAG = 'northmill/a';
export const TOPICS = ['samples', 'samples.critical'];

let tables = 0;

/** A server, as `startQuestdb` gives it. */
export interface ServerAddress {
  readonly http: string;
  readonly pg: string;
  readonly password: string;
}

/** For tests: a log, what feeds it into a table of its own, and what reads it there. */
export class QuestdbWorld implements AsyncDisposable {
  readonly names = tableNames(`t${process.pid}_${tables++}`);
  readonly folder = new LogFolder();
  readonly log: OpenLog = this.folder.open({ topics: TOPICS });
  readonly reported: Fault[] = [];
  readonly server: ServerAddress;
  readonly db: QuestdbHttp;
  readonly history: QuestdbHistory;
  feed: QuestdbFeed;
  private life = new AbortController();
  private running: Promise<void> | undefined;

  constructor(server: ServerAddress, more: Partial<QuestdbFeedOptions> = {}) {
    this.server = server;
    this.db = new QuestdbHttp({ http: server.http });
    const { http, pg, password } = server;
    this.history = new QuestdbHistory({ http, pg, password, table: this.names.samples, topics: TOPICS });
    this.feed = this.newFeed(more);
  }

  /** Another life of the feed: it knows what the one before has left on the disk. */
  newFeed(more: Partial<QuestdbFeedOptions> = {}): QuestdbFeed {
    this.feed = new QuestdbFeed({
      address: () => Promise.resolve({ http: this.server.http }),
      table: this.names.samples,
      logFolder: this.folder.log,
      folder: `${this.folder.data}/questdb`,
      ends: this.log.ends,
      log: LOG,
      topics: TOPICS,
      report: (fault) => this.reported.push(fault),
      longestPauseMs: 1000,
      ...more,
    });
    return this.feed;
  }

  start(): void {
    this.life = new AbortController();
    this.running = this.feed.run(this.life.signal);
  }

  async stop(): Promise<void> {
    this.life.abort();
    await this.running;
    this.running = undefined;
  }

  /** Appends to the log, and makes it durable. */
  append(samples: readonly Tagged[], topic = 'samples', timestampMs = T0 / 1000): void {
    this.log.writer.append([{ topic, batch: batchOf(samples, 0, timestampMs), records: samples.length }]);
    this.log.ends.notify();
  }

  /** Everything in the log is known to be in the table. */
  async caughtUp(limitMs = 60_000): Promise<void> {
    await waitFor('QuestDB to have everything', () => this.feed.status().lagRecords === 0, limitMs).catch(
      (error: unknown) => {
        const reported = this.reported.map(({ message }) => message);
        throw new Error(`${JSON.stringify(this.feed.status())} ${reported.join('\n')}`, { cause: error });
      },
    );
  }

  /** The feed has met this problem and tells it. */
  async problem(code: Fault['code'], limitMs = 60_000): Promise<void> {
    await waitFor(`the problem ${code}`, () => this.feed.status().problem?.code === code, limitMs);
  }

  /** Everything of a tag, as lines to be compared. */
  async lines(tag = TAG): Promise<string[]> {
    const lines: string[] = [];
    for await (const page of this.history.query({ tag, ...EVER, replaced: true }))
      for (const sample of page.samples()) lines.push(lineOf(sample));
    return lines;
  }

  /** Rows of the table, also such as nobody asks for. */
  async count(): Promise<number> {
    const { rows } = await this.db.exec(`SELECT count() FROM ${this.names.samples}`);
    return Number(rows[0]?.[0]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.history.close();
    this.db.close();
    this.log.writer.close();
    this.folder[Symbol.dispose]();
  }
}

/** Doubles of one tag, a second apart, each its own number. */
export function doubles(from: number, to: number, tag = TAG): Tagged[] {
  return Array.from({ length: to - from }, (_, i) => double(tag, from + i, from + i));
}
