import path from 'node:path';
import type { Eraser } from '../historian/eraser.ts';
import { QUESTDB_PLACE } from '../historian/questdb/client.ts';
import type { ErasureView } from './api/care-services.ts';
import type { ErasePreview, EraseProgress } from './erasures/keeper.ts';
import type { Config } from './config/schema.ts';
import { type Clock, systemClock } from './core/clock.ts';
import { realDisk } from './core/disk.ts';
import { Fault, messageOf } from './core/fault.ts';
import { Log } from './core/log.ts';
import { GatewayEvents } from './gateway-events.ts';
import type { EraseOrder } from './erasures/order.ts';
import { outlookOf } from './erasures/outlook.ts';
import { HistorianPart, type HistorianPartOptions } from './historian-part.ts';
import { DataLock } from './lock/data-lock.ts';
import { logRetention } from './log/log-settings.ts';
import { claimSite } from './site.ts';
import { TagDictionary } from './tags/dictionary.ts';
import { joinTier } from './tier-part.ts';

/** Only a gateway that runs reaches QuestDB: what is to be erased there stays on record until then. */
const QUESTDB_LATER: Eraser = {
  name: QUESTDB_PLACE,
  erase: () => Promise.reject(new Fault('not-ready', 'QuestDB is reached by a gateway that runs: start it.')),
};

/** The ledger of the next start counts these records itself. */
const NO_BOOK = { cover: () => undefined };

/**
 * The log and the historian of a gateway that does not run, under the lock of its data folder: for commands that write. The log is recovered as at a start, and gives nothing up: nobody has said
 * what is still needed of it.
 */
export class StoppedGateway {
  readonly historian: HistorianPart;
  private readonly config: Config;
  private readonly log: Log;
  private readonly stops: readonly (() => Promise<void> | void)[];

  private constructor(
    config: Config,
    log: Log,
    historian: HistorianPart,
    stops: readonly (() => Promise<void> | void)[],
  ) {
    this.config = config;
    this.log = log;
    this.historian = historian;
    this.stops = stops;
  }

  /** Opens it; the historian has all of the log when this resolves. Throws `gateway-running`, `data-unreadable` where there is no data, and what keeps a gateway from starting. */
  static async open(config: Config, logger: HistorianPartOptions['logger']): Promise<StoppedGateway> {
    if (!realDisk.list(config.data).includes('log'))
      throw new Fault('data-unreadable', `There is no data of a gateway in ${config.data}.`);
    const clock: Clock = systemClock();
    const stops: (() => Promise<void> | void)[] = [];
    try {
      const lock = await DataLock.take(config.data);
      stops.push(() => lock.release());
      claimSite(realDisk, config.data, config.site.name);
      const log = new Log({ dataFolder: config.data, ...logRetention(config), nowMs: clock.nowMs() });
      await log.open((fault) => logger.error({ code: fault.code }, fault.message));
      stops.push(() => log.close());
      const dictionary = new TagDictionary(realDisk, path.join(config.data, 'tags'));
      dictionary.open();
      stops.push(() => dictionary.close());
      const producer = log.producer();
      stops.push(() => producer.close());
      const events = new GatewayEvents(producer, clock, NO_BOOK, (error) => logger.error(messageOf(error)));
      void events.addRecovery(log);
      const historian = new HistorianPart({ config, log, dictionary, events, clock, logger });
      const tier = joinTier(config, log.folder, historian, logger);
      if (config.historian.questdb !== undefined) historian.erasers.push(QUESTDB_LATER);
      tier?.run().catch((error: unknown) => logger.error(messageOf(error)));
      stops.push(() => tier?.stop());
      historian.open();
      await historian.client.start();
      stops.push(() => historian.client.stop());
      stops.push(() => historian.keeper.stop());
      return new StoppedGateway(config, log, historian, stops);
    } catch (error) {
      await stopAll(stops);
      throw error;
    }
  }

  /** As `Services.previewErasure`. */
  preview(order: EraseOrder, onProgress: (progress: EraseProgress) => void): Promise<ErasePreview> {
    return this.historian.keeper.preview(order, onProgress);
  }

  /** As `Services.erase`. */
  async erase(order: EraseOrder, onProgress: (progress: EraseProgress) => void): Promise<ErasureView> {
    const state = await this.historian.keeper.erase(order, onProgress);
    return { ...state, outlook: outlookOf(state, this.config, this.log.ends) };
  }

  /** Writes out what the historian has, and closes everything. */
  close(): Promise<void> {
    return stopAll(this.stops);
  }
}

async function stopAll(stops: readonly (() => Promise<void> | void)[]): Promise<void> {
  for (const stop of stops.toReversed()) await stop();
}
