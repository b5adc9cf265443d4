import path from 'node:path';
import { type Registry, Counter, Gauge } from 'prom-client';
import type { Logger } from 'pino';
import type { History } from '../historian/questions/history.ts';
import { QuestdbClient } from '../historian/questdb/client.ts';
import type { QuestdbState } from '../historian/questdb/feed.ts';
import { QuestdbHistory } from '../historian/questdb/reader.ts';
import type { QuestdbStatus } from './api/services.ts';
import type { QuestdbConfig } from './config/questdb-schema.ts';
import type { Fault } from './core/fault.ts';
import type { Log } from './core/log.ts';
import type { TopicGap } from './core/reader.ts';
import { readSecret } from './core/secret.ts';
import { HISTORY_TOPICS } from './core/topics.ts';
import type { GatewayEvents } from './gateway-events.ts';

/** Its name in metrics, events, gaps and what the log holds back. */
export const QUESTDB = 'historian/questdb' as const;

/** What it is made with. */
export interface QuestdbPartOptions {
  readonly config: QuestdbConfig;
  /** The gateway's data folder. */
  readonly data: string;
  readonly log: Log;
  readonly logger: Logger;
  readonly events: Pick<GatewayEvents, 'add'>;
  /** It meets records that the log does not have. */
  readonly onGap?: (consumer: string, gap: TopicGap) => void;
}

/**
 * The QuestDB beside the embedded historian. It is fed as a link is: a server that is away slows nothing and makes nothing unready, the log holds back for it within the bounds of links. What
 * goes wrong there is an event, once until it is over.
 */
export class QuestdbPart {
  /** To be supervised. */
  readonly client: QuestdbClient;
  private readonly options: QuestdbPartOptions;
  /** Codes of what was put on record and is not over. */
  private readonly standing = new Set<string>();
  private reader: { readonly password: string; readonly history: QuestdbHistory } | undefined;

  constructor(options: QuestdbPartOptions) {
    const { config, data, log, onGap } = options;
    const { http, pg, password, table, lanes } = config;
    this.options = options;
    this.client = new QuestdbClient({
      http,
      pg,
      password,
      table,
      lanes,
      logFolder: log.folder,
      folder: path.join(data, 'questdb'),
      ends: log.ends,
      log: log.state.identity,
      topics: HISTORY_TOPICS,
      report: (fault) => this.tell(fault),
      onState: (state) => this.look(state),
      onGap: (gap) => onGap?.(QUESTDB, gap),
    });
  }

  /** What it lacks of the log, as of a link. */
  holds(): Record<string, Record<string, number>> {
    return { [QUESTDB]: this.client.holds() };
  }

  /** How far it has come, and what stands in the way. */
  status(): QuestdbStatus {
    const { config, log } = this.options;
    const { state, problem, confirmed, lagRecords, rows, refused } = this.client.status();
    const topics = HISTORY_TOPICS.map((topic) => ({
      topic,
      end: log.ends.end(topic),
      confirmed: confirmed[topic] ?? 0,
    }));
    const detail = problem === null ? null : `${problem.message} ${problem.todo}`;
    return { address: config.http, table: config.table, state, detail, lagRecords, rows, refused, topics };
  }

  /** History out of it. Throws `secret-missing`. */
  async history(): Promise<History> {
    const { http, pg, password: secret, table } = this.options.config;
    const password = await readSecret(secret);
    if (this.reader?.password !== password) {
      await this.reader?.history.close();
      this.reader = { password, history: new QuestdbHistory({ http, pg, password, table, topics: HISTORY_TOPICS }) };
    }
    return this.reader.history;
  }

  /** Its metrics. */
  addMetrics(registry: Registry): void {
    const state = (): QuestdbState => this.client.status();
    const counter = (name: string, help: string, count: () => number): void =>
      registry.registerMetric(
        new Counter({
          name,
          help,
          registers: [],
          collect() {
            this.reset();
            this.inc(count());
          },
        }),
      );
    counter('millrace_questdb_rows_total', 'Rows sent to QuestDB since the start, again ones too.', () => state().rows);
    counter(
      'millrace_questdb_refused_total',
      'Rows that QuestDB could not take since the start.',
      () => state().refused,
    );
    registry.registerMetric(
      new Gauge({
        name: 'millrace_questdb_lag_records',
        help: 'Records that are durable here and not known to be in QuestDB.',
        registers: [],
        collect() {
          this.set(state().lagRecords);
        },
      }),
    );
    registry.registerMetric(
      new Gauge({
        name: 'millrace_questdb_state',
        help: '1 for the state that the way into QuestDB is in; suspended: the table is, whatever is sent; unreadable: rows go in, questions are refused.',
        labelNames: ['state'],
        registers: [],
        collect() {
          this.reset();
          this.set({ state: shownState(state()) }, 1);
        },
      }),
    );
  }

  /** Ends the connections of its readers. */
  async close(): Promise<void> {
    await this.reader?.history.close();
  }

  private tell(fault: Fault): void {
    const { logger, events } = this.options;
    const { code, message, detail } = fault;
    logger.warn({ part: QUESTDB, code }, message);
    if (code === 'questdb-row-refused') void events.add(QUESTDB, 'rows-refused', { reason: detail });
    else if (code !== 'questdb-unsynced' && !this.standing.has(code)) {
      this.standing.add(code);
      void events.add(QUESTDB, 'problem', { code, reason: message });
    }
  }

  /** What stood in the way does so no more. */
  private look({ state, problem }: QuestdbState): void {
    if (state !== 'following' || problem !== null || this.standing.size === 0) return;
    const codes = [...this.standing];
    this.standing.clear();
    this.options.logger.info({ part: QUESTDB, codes }, 'following again');
    void this.options.events.add(QUESTDB, 'recovered', { codes });
  }
}

/** `suspended` besides the states of the feed: it is the one that an operator must end. */
function shownState({ state, problem }: QuestdbState): string {
  return problem?.code === 'questdb-suspended' ? 'suspended' : state;
}
