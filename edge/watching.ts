import path from 'node:path';
import type { Logger } from 'pino';
import type { HistorianClient } from '../historian/client.ts';
import type { SampleHistory } from '../historian/queries/history.ts';
import type { Config } from './config/schema.ts';
import type { ConsumerGaps } from './consumer-gaps.ts';
import type { Clock } from './core/clock.ts';
import { newCounts, Term } from './core/ledger.ts';
import type { Log } from './core/log.ts';
import type { GatewayEvents } from './gateway-events.ts';
import type { LedgerBook } from './ledger/book.ts';
import { ModelKeeper } from './model-keeper.ts';
import type { TagRegistrar } from './tags/registrar.ts';
import { WatchClient } from './watch/client.ts';
import type { WrittenNotice } from './watch/messages.ts';
import { MODELS_CONNECTOR } from './watch/score-writer.ts';
import { limitAlarms, watchedModels } from './watched.ts';

/** What alarms and models are made with. */
export interface WatchingOptions {
  readonly config: Config;
  readonly log: Log;
  readonly registrar: TagRegistrar;
  readonly book: LedgerBook;
  readonly historian: Pick<HistorianClient, 'state'>;
  /** What models learn from: the historian's samples, with the cold tier behind it if there is one. */
  readonly history: Pick<SampleHistory, 'query' | 'summaries'>;
  readonly events: GatewayEvents;
  readonly gaps: ConsumerGaps;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Alarms and models of a gateway: the worker that watches, and the keeper of the models. */
export class Watching {
  readonly client: WatchClient;
  readonly models: ModelKeeper;
  /** False: nothing is configured that would have to be watched. */
  readonly needed: boolean;
  private readonly book: LedgerBook;

  constructor(options: WatchingOptions) {
    const { config, log, registrar, book, historian, history, events, gaps, clock, logger } = options;
    const alarms = limitAlarms(config);
    const models = watchedModels(config);
    const folder = path.join(config.data, 'models');
    this.book = book;
    this.needed = alarms.length + models.length > 0;
    this.client = new WatchClient({
      site: config.site.name,
      log,
      registrar,
      alarms,
      models,
      modelFolder: folder,
      onWritten: (notice) => this.written(notice),
      onScore: (notice) => this.models.scored(notice),
      onWaiting: (notice) => this.models.waits(notice),
      onUnreadable: ({ topic, offset, why }) =>
        logger.warn({ topic, offset }, `alarms: a record is passed over: ${why}`),
      onGap: (gap) => void gaps.tell('watch', gap),
      onModelFailed: (model, fault) => this.models.failed(model, fault.message),
    });
    this.models = new ModelKeeper({
      models,
      minimumUs: config.models.map(({ train }) => train.minimum * 1000),
      folder,
      historian,
      history,
      watch: this.client,
      events,
      clock,
      logger,
    });
  }

  /** Records that the watch appended: scores are `generated`, lines of the journal nothing. */
  private written({ topic, first, last, tag }: WrittenNotice): void {
    // Told again by a worker that was started again: the one before may not have come to it.
    if (this.book.covers(topic, first)) return;
    if (tag === null) return this.book.cover(topic, first, last);
    const counts = newCounts();
    counts[Term.generated] = last - first + 1;
    this.book.apply([{ tag, connector: MODELS_CONNECTOR, counts }], [{ topic, first, last }]);
  }

  /** Activates the models that there are. */
  start(): void {
    this.models.start();
  }

  /** For each topic the offset from which on the log must be kept. */
  holds(): Readonly<Record<string, number>> {
    return this.needed ? this.client.holds() : {};
  }

  /** Ends a training that is under way. */
  async stop(): Promise<void> {
    await this.models.stop();
  }
}
