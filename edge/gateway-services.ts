import type { HistorianClient } from '../historian/client.ts';
import { historianBuckets, historianPages } from './api/historian-pages.ts';
import type {
  BucketsPage,
  BucketsQuery,
  ClockForecast,
  ConnectorStatus,
  DemoServices,
  Forecast,
  GatewayEvent,
  GatewayStatus,
  HistoryPage,
  HistoryQuery,
  LedgerReport,
  LinkStatus,
  LiveSample,
  LogForecast as LogForecastItem,
  LogTopic,
  ModelStatus,
  PartState,
  Readiness,
  Services,
  TagInfo,
  TagSample,
  VerifyStep,
} from './api/services.ts';
import type { StandingAlarm } from './alarms/alarm.ts';
import type { AlarmAction } from './alarms/book.ts';
import type { Config } from './config/schema.ts';
import type { Clock } from './core/clock.ts';
import type { LinkGroup } from './link-group.ts';
import type { LiveClient } from './live/client.ts';
import type { Watching } from './watching.ts';
import { clockDoubt } from './log/clock-doubt.ts';
import { connectorAddress } from './connector-configs.ts';
import { Fault, fromFaultMessage } from './core/fault.ts';
import { Term } from './core/ledger.ts';
import type { Log } from './core/log.ts';
import type { DiskForecast } from './log/disk-forecast.ts';
import { tailEvents } from './event-tail.ts';
import type { IntakeGroup } from './intake-group.ts';
import type { LedgerBook } from './ledger/book.ts';
import type { LogForecast } from './log/log-forecast.ts';
import { logRetention } from './log/log-settings.ts';
import { topicSizes } from './log/log-sizes.ts';
import type { GatewayMetrics } from './metrics.ts';
import type { TagDictionary, TagEntry } from './tags/dictionary.ts';

/** The parts that the services are made of. */
export interface ServiceParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly dictionary: TagDictionary;
  readonly book: LedgerBook;
  readonly historian: HistorianClient;
  readonly links: LinkGroup;
  readonly live: LiveClient;
  readonly watching: Watching;
  readonly demo: DemoServices | undefined;
  readonly intake: IntakeGroup;
  readonly metrics: GatewayMetrics;
  readonly forecast: DiskForecast;
  readonly logForecast: LogForecast;
  /** Why a worker ended last, if it ever did. */
  readonly problemOf: (worker: string) => string | undefined;
}

/** What the HTTP API asks, answered out of the gateway's parts. */
export class GatewayServices implements Services {
  private readonly parts: ServiceParts;

  constructor(parts: ServiceParts) {
    this.parts = parts;
  }

  /** A link that does not reach its cluster does not make the gateway unready: it works with the cable pulled out. */
  readiness(): Readiness {
    const { config, historian, intake, watching, problemOf } = this.parts;
    const parts: PartState[] = [this.logReadiness()];
    const { running } = historian.state();
    parts.push({
      name: 'historian',
      ready: running,
      detail: running ? null : (problemOf('historian') ?? 'It is starting.'),
    });
    if (watching.needed) {
      const { told } = watching.client;
      parts.push({ name: 'watch', ready: told, detail: told ? null : (problemOf('watch') ?? 'It is starting.') });
    }
    for (const { name } of config.connectors) {
      const { state, detail } = intake.state(name);
      parts.push({ name: `connector/${name}`, ready: state === 'up', detail: detail === '' ? state : detail });
    }
    return { ready: parts.every(({ ready }) => ready), parts };
  }

  private logReadiness(): PartState {
    const { failed, diskFull, figures } = this.parts.log.state;
    const { withinBudget, clock } = figures;
    if (failed !== undefined) {
      const { code, message, todo } = fromFaultMessage(failed);
      return { name: 'log', ready: false, detail: `${code}: ${message} ${todo}` };
    }
    if (diskFull) return { name: 'log', ready: false, detail: 'The disk is full: intake waits until there is space.' };
    const details = [
      ...(withinBudget ? [] : ['More than its bounds: what is oldest is still needed.']),
      ...(clock.trusted ? [] : [clockDoubt(clock.aheadMs)]),
    ];
    return { name: 'log', ready: true, detail: details.length === 0 ? null : details.join(' ') };
  }

  metrics(): Promise<string> {
    return this.parts.metrics.registry.metrics();
  }

  tags(): Iterable<TagInfo> {
    const { dictionary, config } = this.parts;
    const kinds = new Map<string, string>(config.connectors.map(({ name, kind }) => [name, kind]));
    return dictionary.all().map(({ path, id, type, unit, class: tagClass, connector }) => {
      return { path, id, type, unit, class: tagClass, connector, kind: kinds.get(connector) ?? '' };
    });
  }

  async *latest(tags: readonly string[] | null): AsyncGenerator<TagSample> {
    const paths = tags?.map((tag) => this.known(tag).path) ?? null;
    for await (const part of this.parts.historian.latest(paths)) yield* part.samples;
  }

  history(query: HistoryQuery): AsyncIterable<HistoryPage> {
    return historianPages(this.parts.historian, this.parts.dictionary, query);
  }

  buckets(query: BucketsQuery): AsyncIterable<BucketsPage> {
    return historianBuckets(this.parts.historian, this.parts.dictionary, query);
  }

  private known(tag: string): TagEntry {
    const entry = this.parts.dictionary.find(tag);
    if (entry === undefined) throw new Fault('tag-unknown', tag.slice(0, 300));
    return entry;
  }

  /** What is stored is asked first: everything stored has been logged, and is reported by then. */
  async ledger(): Promise<LedgerReport> {
    const { historian, intake, book } = this.parts;
    const stored = await historian.stored();
    await intake.flush();
    return book.report(stored);
  }

  connectors(): ConnectorStatus[] {
    const { config, intake, book } = this.parts;
    const sums = book.sums();
    return config.connectors.map((connector) => {
      const { name, kind } = connector;
      const { state, detail } = intake.state(name);
      return {
        name,
        kind,
        state: state === 'stopped' ? 'down' : state,
        address: connectorAddress(connector),
        detail: detail === '' ? null : detail,
        sources: intake.sources(name),
        received: sums.get(name)?.[Term.received] ?? 0,
      };
    });
  }

  forecast(): Forecast[] {
    const { log, logForecast, links, forecast } = this.parts;
    const { freeBytes, seconds } = forecast.now();
    return [
      { name: 'disk', freeBytes, fullInSeconds: finite(seconds) },
      this.logForecast(),
      ...logForecast.links(log.state.figures, links.mirrored()).map(({ name, waitingBytes, losesInSeconds }) => {
        return { name: `link/${name}` as const, waitingBytes, losesInSeconds: finite(losesInSeconds) };
      }),
    ];
  }

  private logForecast(): LogForecastItem {
    const { config, log, logForecast } = this.parts;
    const { figures } = log.state;
    const { bytesPerSecond, fullInSeconds, lastsSeconds, topicRates } = logForecast.log(figures);
    const { retentionMs = {} } = logRetention(config);
    return {
      name: 'log',
      bytes: figures.bytes,
      budgetBytes: config.log.budget,
      limitBytes: figures.limitBytes,
      bytesPerSecond,
      fullInSeconds: finite(fullInSeconds),
      lastsSeconds: finite(lastsSeconds),
      clock: this.clock,
      topics: figures.topics.map(({ topic, bytes, oldestMs }) => {
        const keptMs = retentionMs[topic];
        const retentionSeconds = keptMs === undefined ? null : keptMs / 1000;
        const oldestUs = oldestMs === undefined ? null : oldestMs * 1000;
        return { topic, bytes, bytesPerSecond: topicRates.get(topic) ?? 0, oldestUs, retentionSeconds };
      }),
    };
  }

  private get clock(): ClockForecast {
    const { trusted, aheadMs } = this.parts.log.state.figures.clock;
    return { confirmed: trusted, aheadSeconds: Math.round(aheadMs / 1000) };
  }

  async confirmClock(): Promise<ClockForecast> {
    await this.parts.log.confirmClock();
    return this.clock;
  }

  links(): LinkStatus[] {
    return this.parts.links.statuses();
  }

  verifyLink(name: string, signal: AbortSignal): AsyncIterable<VerifyStep> {
    return this.parts.links.verify(name, signal);
  }

  logTopics(): LogTopic[] {
    const { folder, ends } = this.parts.log;
    return topicSizes(folder, ends);
  }

  events(limit: number): GatewayEvent[] {
    const { folder, ends } = this.parts.log;
    return tailEvents(folder, ends, limit);
  }

  status(): GatewayStatus {
    return { site: this.parts.config.site.name, timeUs: this.parts.clock.nowUs() };
  }

  live(patterns: readonly string[], signal: AbortSignal): AsyncIterable<readonly LiveSample[]> {
    return this.parts.live.follow(patterns, signal);
  }

  alarms(): readonly StandingAlarm[] {
    const { needed, client } = this.parts.watching;
    if (needed && !client.told) throw new Fault('not-ready', 'What stood before the start is not read yet.');
    return client.alarms;
  }

  alarmAction(id: string, action: AlarmAction): Promise<StandingAlarm | null> {
    return this.parts.watching.client.act(id, action);
  }

  models(): ModelStatus[] {
    return this.parts.watching.models.statuses();
  }

  get demo(): DemoServices | undefined {
    return this.parts.demo;
  }
}

/** Infinity becomes null. */
function finite(amount: number): number | null {
  return Number.isFinite(amount) ? amount : null;
}
