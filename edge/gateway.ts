import path from 'node:path';
import type { Logger } from 'pino';
import type { HistorianClient } from '../historian/client.ts';
import { ApiServer } from './api/server.ts';
import type { ConnectorStatus, DemoServices } from './api/services.ts';
import type { Address } from './config/address.ts';
import type { Config } from './config/schema.ts';
import { connectorConfigs } from './connector-configs.ts';
import { ConsumerGaps } from './consumer-gaps.ts';
import { type Clock, systemClock } from './core/clock.ts';
import { realDisk } from './core/disk.ts';
import { type Fault, messageOf } from './core/fault.ts';
import { Log } from './core/log.ts';
import type { TopicGap } from './core/reader.ts';
import { lowestOffsets } from './core/retention/retention.ts';
import { HISTORY_TOPICS } from './core/topics.ts';
import { DiskForecast } from './log/disk-forecast.ts';
import { FullDiskWatch } from './log/full-disk.ts';
import { RepackWatch } from './log/repack-watch.ts';
import { damagedSamples, GatewayEvents, recoveryEvents } from './gateway-events.ts';
import { GatewayServices } from './gateway-services.ts';
import { HistorianPart } from './historian-part.ts';
import { importDoor } from './import/door.ts';
import { ImportTaking } from './import/taking.ts';
import { IntakeGroup } from './intake-group.ts';
import { LinkGroup } from './link-group.ts';
import { LinkPositions } from './link-positions.ts';
import { LogForecast } from './log/log-forecast.ts';
import { logRetention } from './log/log-settings.ts';
import { LiveClient } from './live/client.ts';
import { LedgerBook } from './ledger/book.ts';
import { DataLock } from './lock/data-lock.ts';
import { GatewayMetrics } from './metrics.ts';
import { PacedSave } from './paced-save.ts';
import { QUESTDB, QuestdbPart } from './questdb-part.ts';
import { RunningParts } from './running-parts.ts';
import { claimSite } from './site.ts';
import { TagDictionary } from './tags/dictionary.ts';
import { lastPublishedTag } from './tags/published.ts';
import { TagRegistrar } from './tags/registrar.ts';
import { joinTier, TIER } from './tier-part.ts';
import { Watching } from './watching.ts';

/** How a gateway is run. */
export interface GatewayOptions {
  readonly config: Config;
  /** Null: the built-in configuration. */
  readonly configFile: string | null;
  /** Ends the gateway: it drains, closes, and `runGateway` resolves. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /** The simulated plant of the demo. */
  readonly demo?: DemoServices;
  /** Everything has been started: where HTTP listens, and how the connectors are. */
  readonly onStarted?: (http: Address, connectors: readonly ConnectorStatus[]) => void;
}

const SNAPSHOT_EVERY_MS = 1000;
const HOLD_EVERY_MS = 1000;
const LINK_POSITIONS_EVERY_MS = 30_000;
/** The followers of the log wait at most so long for the connectors to open. */
const CONNECTORS_FIRST_MS = 3000;
const DISK_LOOK_EVERY_MS = 10_000;
const FULL_DISK_LOOK_EVERY_MS = 500;
const MODELS_LOOK_EVERY_MS = 2000;

/** Runs a gateway until the signal ends it. Throws the Fault of what keeps it from starting; what was started is stopped again. */
export async function runGateway(options: GatewayOptions): Promise<void> {
  const gateway = new Gateway(options);
  const { signal } = options;
  const ended = new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  try {
    await gateway.start();
    await ended;
  } catch (error) {
    // Who ends a gateway that is starting gets what was asked for.
    if (!signal.aborted) throw error;
    options.log.warn(`ended while it was starting: ${messageOf(error)}`);
  } finally {
    await gateway.stop();
  }
}

/** For whom the log is kept, and who knows what stands in it. */
interface KeptParts {
  readonly historian: HistorianClient;
  readonly watching: Watching;
  readonly links: LinkGroup;
  readonly questdb: QuestdbPart | undefined;
  readonly book: LedgerBook;
}

/** All parts of one gateway, in the order in which they start. Stopped in the opposite order. */
class Gateway {
  private readonly options: GatewayOptions;
  private readonly clock: Clock = systemClock();
  private readonly running = new RunningParts();
  /** Why a follower ended last, by its name. */
  private readonly problems = new Map<string, string>();
  private log: Log | undefined;
  private stopping = false;

  constructor(options: GatewayOptions) {
    this.options = options;
  }

  async start(): Promise<void> {
    const { config, log: logger, signal } = this.options;
    const lock = await DataLock.take(config.data);
    this.running.onStop('lock', () => lock.release());
    claimSite(realDisk, config.data, config.site.name);
    const log = await this.openLog();
    if (signal.aborted) return;

    const parts = this.makeParts(log);
    const { intake, watching } = parts;
    parts.historianPart.open();
    parts.tier?.hideNotDone(parts.historianPart.keeper.list(), parts.dictionary);
    const services = new GatewayServices({
      ...parts,
      config,
      clock: this.clock,
      log,
      demo: this.options.demo,
      problemOf: (worker) => this.problems.get(worker),
    });
    const api = new ApiServer({ services, logger, listen: config.http.listen });
    const { site, clock } = config;
    const tiered = parts.tier?.tier.history(parts.historian);
    const imports = new ImportTaking({
      ...parts,
      tiered,
      log,
      site: site.name,
      aheadMs: clock.ahead,
      clock: this.clock,
    });
    lock.serve(importDoor(imports, await api.handler()));
    const http = await api.listen();
    this.running.onStop('http', () => api.close());
    this.running.onStop('imports', () => imports.stop());
    intake.start();
    this.running.onStop('connectors', () => intake.stop());
    // Devices wait for their acknowledgements, readers of the log do not: after a crash both would want the same cores.
    await intake.settled(CONNECTORS_FIRST_MS);
    this.running.startFollowers();

    this.running.every('models', MODELS_LOOK_EVERY_MS, () => void watching.models.look());
    this.running.every('hold', HOLD_EVERY_MS, () => this.keepLog(log, parts));
    this.running.every('historian', HOLD_EVERY_MS, () => parts.historianPart.tend());
    void this.recordStart(parts.events);
    if (!signal.aborted) this.options.onStarted?.(http, services.connectors());
  }

  /** Everything between the log and HTTP; the followers and the connectors are made, not started. */
  private makeParts(log: Log) {
    const { config, log: logger } = this.options;
    const dictionary = new TagDictionary(realDisk, path.join(config.data, 'tags'));
    dictionary.open();
    this.running.onStop('tags', () => dictionary.close());
    const book = this.openLedger(log, dictionary);

    const events = new GatewayEvents(log.producer(), this.clock, book, (error) => logger.error(messageOf(error)));
    // Before anything can come in: the log has forgotten by its next start what it found at this one.
    void events.addRecovery(log);
    const gaps = new ConsumerGaps({ logFolder: log.folder, ends: log.ends, events });
    gaps.open();
    const registrar = this.startTags(log, dictionary);
    const restarted = (worker: string, error: unknown): void => {
      metrics.workerRestarts.inc({ worker });
      this.problems.set(worker, messageOf(error));
      logger.error({ worker }, messageOf(error));
    };
    const basis = { config, log, dictionary, events, clock: this.clock, logger };
    const historianPart = new HistorianPart({ ...basis, onGap: (gap) => void gaps.tell('historian', gap) });
    const { client: historian } = historianPart;
    this.running.follow('historian', historianPart.part, (error) => restarted('historian', error));
    const tier = joinTier(config, log.folder, historianPart, logger);
    if (tier !== undefined) this.running.follow(TIER, tier, (error) => restarted(TIER, error));
    const positions = this.openLinkPositions();
    const onGap = (name: string, gap: TopicGap): void => void gaps.tell(name, gap);
    const links = new LinkGroup({ links: config.links, log, logger, positions, onGap });
    for (const [name, part] of links.parts()) this.running.follow(name, part, (error) => restarted(name, error));
    const questdb = this.startQuestdb(log, events, onGap, (error) => restarted(QUESTDB, error));
    if (questdb !== undefined) historianPart.erasers.push(questdb.client);
    const live = new LiveClient({ logFolder: log.folder, ends: log.ends, topics: HISTORY_TOPICS });
    this.running.follow('live', live, (error) => restarted('live', error));
    const intake = this.makeIntake(log, registrar, book, () => metrics);
    const history = tier?.tier.behind(historian) ?? historian;
    const watching = new Watching({ ...basis, registrar, book, historian, history, gaps });
    if (watching.needed) this.running.follow('watch', watching.client, (error) => restarted('watch', error));
    watching.start();
    this.running.onStop('models', () => watching.stop());
    const { forecast, logForecast } = this.startForecast(log);
    const metrics = new GatewayMetrics({
      connectors: config.connectors.map(({ name }) => name),
      workers: [...intake.workers, ...this.running.followers],
      ledger: () => book.sums(),
      lost: () => new Map([['damage', damagedSamples(log)]]),
      logEnds: () => log.ends.all(),
      historian: () => historian.state(),
      links: () => links.statuses(),
      diskFullSeconds: () => forecast.now().seconds,
    });
    questdb?.addMetrics(metrics.registry);
    historianPart.addMetrics(metrics.registry);
    tier?.addMetrics(metrics.registry);
    return {
      tier,
      dictionary,
      registrar,
      book,
      events,
      historian,
      historianPart,
      links,
      questdb,
      live,
      intake,
      watching,
      forecast,
      logForecast,
      metrics,
    };
  }

  private openLinkPositions(): LinkPositions {
    const { config, log: logger } = this.options;
    const file = path.join(config.data, 'links.json');
    const positions = new LinkPositions(realDisk, file);
    if (!positions.open())
      logger.warn({ file }, 'It cannot be read: links hold all of the log until they are reached.');
    const saves = new PacedSave('positions of links', positions, this.clock, logger);
    this.running.every('link positions', LINK_POSITIONS_EVERY_MS, () => saves.saveIfDue());
    this.running.onStop('link positions', () => positions.save());
    return positions;
  }

  /** Tells the log what is still needed of it, and takes over what it has put on record itself. */
  private keepLog(log: Log, { historian, watching, links, questdb, book }: KeptParts): void {
    // Whoever makes its state out of the log holds it here: from which offset on, by topic.
    const local = lowestOffsets(historian.holds(), watching.holds());
    log.hold({ local, links: { ...links.holds(), ...questdb?.holds() } });
    for (const { offset, key, type, members } of log.takeRecorded()) {
      book.cover('events', offset, offset);
      this.options.log.warn({ key, ...members }, `log: ${type}`);
    }
  }

  /** Opens the log. The signal ends that too: on a full disk it waits for space. */
  private async openLog(): Promise<Log> {
    const { config, log: logger, signal } = this.options;
    signal.throwIfAborted();
    const log = new Log({ dataFolder: config.data, ...logRetention(config), nowMs: this.clock.nowMs() });
    this.log = log;
    const fullDisk = new FullDiskWatch(() => log.state.diskFull, logger);
    const repacking = new RepackWatch(log.repacking.state, logger);
    this.running.every('disk of the log', FULL_DISK_LOOK_EVERY_MS, () => {
      fullDisk.look();
      repacking.look();
      if (this.stopping) void this.giveUpFullDisk();
    });
    const giveUp = (): void => void log.close();
    signal.addEventListener('abort', giveUp, { once: true });
    await log.open((fault) => this.logFailed(fault));
    signal.removeEventListener('abort', giveUp);
    this.running.onStop('log', () => log.close());
    logger.info({ logId: log.state.identity.logId, ends: Object.fromEntries(log.ends.all()) }, 'log open');
    for (const { type, members } of recoveryEvents(log)) logger.warn(members, `log recovery: ${type}`);
    return log;
  }

  private makeIntake(log: Log, registrar: TagRegistrar, book: LedgerBook, metrics: () => GatewayMetrics): IntakeGroup {
    const { config, log: logger } = this.options;
    const { site, clock } = config;
    return new IntakeGroup({
      site: site.name,
      connectors: connectorConfigs(config),
      aheadMs: clock.ahead,
      log,
      registrar,
      book,
      logger,
      metrics,
    });
  }

  private startForecast(log: Log): { readonly forecast: DiskForecast; readonly logForecast: LogForecast } {
    const forecast = new DiskForecast(this.options.config.data);
    const logForecast = new LogForecast();
    const look = (): void => {
      const nowMs = this.clock.monotonicMs();
      forecast.look(nowMs);
      logForecast.look(nowMs, log.state.figures);
    };
    look();
    this.running.every('disk', DISK_LOOK_EVERY_MS, look);
    return { forecast, logForecast };
  }

  /** Nobody waits for these: on a full disk they become durable when there is space. */
  private async recordStart(events: GatewayEvents): Promise<void> {
    this.running.onStop('event', () => events.add('gateway', 'stopped', {}));
    await events.add('gateway', 'started', { pid: process.pid, configFile: this.options.configFile });
  }

  private openLedger(log: Log, dictionary: TagDictionary): LedgerBook {
    const { config } = this.options;
    const book = new LedgerBook({
      disk: realDisk,
      file: path.join(config.data, 'ledger.json'),
      logFolder: log.folder,
      ends: log.ends,
      connectorOf: (tag) => dictionary.find(tag)?.connector ?? '',
    });
    book.open();
    const snapshots = new PacedSave('ledger snapshot', book, this.clock, this.options.log);
    this.running.every('ledger', SNAPSHOT_EVERY_MS, () => snapshots.saveIfDue());
    this.running.onStop('ledger', () => book.save());
    return book;
  }

  private startTags(log: Log, dictionary: TagDictionary): TagRegistrar {
    const producer = log.producer();
    const registrar = new TagRegistrar(dictionary, this.clock, (batch, records) => {
      producer.append('tags', batch, records).catch((error: unknown) => this.options.log.error(messageOf(error)));
    });
    registrar.start(lastPublishedTag(log.folder, log.ends));
    return registrar;
  }

  /** Undefined: none is configured. */
  private startQuestdb(
    log: Log,
    events: GatewayEvents,
    onGap: (consumer: string, gap: TopicGap) => void,
    onRestart: (error: unknown) => void,
  ): QuestdbPart | undefined {
    const { config, log: logger } = this.options;
    const { questdb } = config.historian;
    if (questdb === undefined) return undefined;
    const part = new QuestdbPart({ config: questdb, data: config.data, log, logger, events, onGap });
    this.running.onStop('readers of QuestDB', () => part.close());
    this.running.follow(QUESTDB, part.client, onRestart);
    return part;
  }

  /** The log writes no more: nothing is acknowledged from now on. The gateway stays up to say so and to be read from. */
  private logFailed(fault: Fault): void {
    this.options.log.fatal({ code: fault.code }, `${fault.message} ${fault.todo}`);
  }

  /** While stopping: what waits for space on a full disk would be waited for. It is not acknowledged, and comes again. */
  private async giveUpFullDisk(): Promise<void> {
    if (this.log?.state.diskFull === true) await this.log.close();
  }

  /** Stops everything that was started, last first; one part that fails does not keep the others. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.giveUpFullDisk();
    await this.running.stop((part, reason) => this.options.log.error({ part }, `stopping: ${reason}`));
  }
}
