import path from 'node:path';
import type { Logger } from 'pino';
import { HistorianClient } from '../historian/client.ts';
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
import { HISTORY_TOPICS, SAMPLE_TOPICS } from './core/topics.ts';
import { DiskForecast } from './log/disk-forecast.ts';
import { FullDiskWatch } from './log/full-disk.ts';
import { RepackWatch } from './log/repack-watch.ts';
import { GatewayEvents, recoveryEvents } from './gateway-events.ts';
import { GatewayServices } from './gateway-services.ts';
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
import { claimSite } from './site.ts';
import { type Part, Supervisor } from './supervise.ts';
import { TagDictionary } from './tags/dictionary.ts';
import { lastPublishedTag } from './tags/published.ts';
import { TagRegistrar } from './tags/registrar.ts';
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
  readonly book: LedgerBook;
}

/** All parts of one gateway, in the order in which they start. Stopped in the opposite order. */
class Gateway {
  private readonly options: GatewayOptions;
  private readonly clock: Clock = systemClock();
  private readonly followers: Supervisor[] = [];
  private readonly stops: { readonly name: string; readonly stop: () => Promise<void> | void }[] = [];
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
    this.onStop('lock', () => lock.release());
    claimSite(realDisk, config.data, config.site.name);
    const log = await this.openLog();
    if (signal.aborted) return;

    const parts = this.makeParts(log);
    const { intake, watching } = parts;
    const services = new GatewayServices({
      ...parts,
      config,
      clock: this.clock,
      log,
      demo: this.options.demo,
      problemOf: (worker) => this.problems.get(worker),
    });
    const api = new ApiServer({ services, logger, listen: config.http.listen });
    lock.serve(await api.handler());
    const http = await api.listen();
    this.onStop('http', () => api.close());
    intake.start();
    this.onStop('connectors', () => intake.stop());
    // Devices wait for their acknowledgements, readers of the log do not: after a crash both would want the same cores.
    await intake.settled(CONNECTORS_FIRST_MS);
    for (const follower of this.followers) follower.start();

    this.every('models', MODELS_LOOK_EVERY_MS, () => void watching.models.look());
    this.every('hold', HOLD_EVERY_MS, () => this.keepLog(log, parts));
    void this.recordStart(parts.events);
    if (!signal.aborted) this.options.onStarted?.(http, services.connectors());
  }

  /** Everything between the log and HTTP; the followers and the connectors are made, not started. */
  private makeParts(log: Log) {
    const { config, log: logger } = this.options;
    const dictionary = new TagDictionary(realDisk, path.join(config.data, 'tags'));
    dictionary.open();
    this.onStop('tags', () => dictionary.close());
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
    const historian = this.startHistorian(log, gaps, (error) => restarted('historian', error));
    const positions = this.openLinkPositions();
    const onGap = (name: string, gap: TopicGap): void => void gaps.tell(name, gap);
    const links = new LinkGroup({ links: config.links, log, logger, positions, onGap });
    for (const [name, part] of links.parts()) this.addFollower(name, part, (error) => restarted(name, error));
    const live = new LiveClient({ logFolder: log.folder, ends: log.ends, topics: HISTORY_TOPICS });
    this.addFollower('live', live, (error) => restarted('live', error));
    const intake = this.makeIntake(log, registrar, book, () => metrics);
    const watching = new Watching({ config, log, registrar, book, historian, events, gaps, clock: this.clock, logger });
    if (watching.needed) this.addFollower('watch', watching.client, (error) => restarted('watch', error));
    watching.start();
    this.onStop('models', () => watching.stop());
    const { forecast, logForecast } = this.startForecast(log);
    const metrics = new GatewayMetrics({
      connectors: config.connectors.map(({ name }) => name),
      workers: [...intake.workers, ...this.followers.map(({ name }) => name)],
      ledger: () => book.sums(),
      lost: () => new Map([['damage', damagedSamples(log)]]),
      logEnds: () => endsOf(log),
      historian: () => historian.state(),
      links: () => links.statuses(),
      diskFullSeconds: () => forecast.now().seconds,
    });
    return { dictionary, book, events, historian, links, live, intake, watching, forecast, logForecast, metrics };
  }

  private openLinkPositions(): LinkPositions {
    const { config, log: logger } = this.options;
    const file = path.join(config.data, 'links.json');
    const positions = new LinkPositions(realDisk, file);
    if (!positions.open())
      logger.warn({ file }, 'It cannot be read: links hold all of the log until they are reached.');
    const saves = new PacedSave('positions of links', positions, this.clock, logger);
    this.every('link positions', LINK_POSITIONS_EVERY_MS, () => saves.saveIfDue());
    this.onStop('link positions', () => positions.save());
    return positions;
  }

  /** Tells the log what is still needed of it, and takes over what it has put on record itself. */
  private keepLog(log: Log, { historian, watching, links, book }: KeptParts): void {
    // Whoever makes its state out of the log holds it here: from which offset on, by topic.
    const local = lowestOffsets(historian.holds(), watching.holds());
    log.hold({ local, links: links.holds() });
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
    this.every('disk of the log', FULL_DISK_LOOK_EVERY_MS, () => {
      fullDisk.look();
      repacking.look();
      if (this.stopping) void this.giveUpFullDisk();
    });
    const giveUp = (): void => void log.close();
    signal.addEventListener('abort', giveUp, { once: true });
    await log.open((fault) => this.logFailed(fault));
    signal.removeEventListener('abort', giveUp);
    this.onStop('log', () => log.close());
    logger.info({ logId: log.state.identity.logId, ends: Object.fromEntries(endsOf(log)) }, 'log open');
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
    this.every('disk', DISK_LOOK_EVERY_MS, look);
    return { forecast, logForecast };
  }

  /** Nobody waits for these: on a full disk they become durable when there is space. */
  private async recordStart(events: GatewayEvents): Promise<void> {
    this.onStop('event', () => events.add('gateway', 'stopped', {}));
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
    this.every('ledger', SNAPSHOT_EVERY_MS, () => snapshots.saveIfDue());
    this.onStop('ledger', () => book.save());
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

  private startHistorian(log: Log, gaps: ConsumerGaps, onRestart: (error: unknown) => void): HistorianClient {
    const { config, log: logger } = this.options;
    const { logId, epoch } = log.state.identity;
    const historian = new HistorianClient({
      logFolder: log.folder,
      folder: path.join(config.data, 'historian'),
      ends: log.ends,
      logId,
      epoch,
      topics: HISTORY_TOPICS,
      report: (fault) => logger.error({ code: fault.code }, fault.message),
      onGap: (gap) => void gaps.tell('historian', gap),
    });
    const part = {
      async run() {
        await historian.start();
        const fault = await historian.ended;
        if (fault !== undefined) throw fault;
      },
      stop: () => historian.stop(),
    };
    this.addFollower('historian', part, onRestart);
    return historian;
  }

  /** A part that follows the log: started when the connectors are open, stopped after them. */
  private addFollower(name: string, part: Part, onRestart: (error: unknown) => void): void {
    const supervisor = new Supervisor({ name, part, onRestart });
    this.followers.push(supervisor);
    this.onStop(name, () => supervisor.stop());
  }

  /** The log writes no more: nothing is acknowledged from now on. The gateway stays up to say so and to be read from. */
  private logFailed(fault: Fault): void {
    this.options.log.fatal({ code: fault.code }, `${fault.message} ${fault.todo}`);
  }

  private every(name: string, ms: number, task: () => void): void {
    const timer = setInterval(task, ms);
    this.onStop(name, () => clearInterval(timer));
  }

  private onStop(name: string, stop: () => Promise<void> | void): void {
    this.stops.push({ name, stop });
  }

  /** While stopping: what waits for space on a full disk would be waited for. It is not acknowledged, and comes again. */
  private async giveUpFullDisk(): Promise<void> {
    if (this.log?.state.diskFull === true) await this.log.close();
  }

  /** Stops everything that was started, last first; one part that fails does not keep the others. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.giveUpFullDisk();
    for (const { name, stop } of this.stops.splice(0).toReversed()) {
      try {
        await stop();
      } catch (error) {
        this.options.log.error({ part: name }, `stopping: ${messageOf(error)}`);
      }
    }
  }
}

function endsOf(log: Log): Map<string, number> {
  return new Map(log.ends.topics.map((topic) => [topic, log.ends.end(topic)]));
}

/** Samples that the recovery of the log found damaged. */
function damagedSamples(log: Log): number {
  const damage = SAMPLE_TOPICS.flatMap((topic) => log.state.reports[topic]?.damage ?? []);
  return damage.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}
