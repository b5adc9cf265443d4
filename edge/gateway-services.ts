import { join } from 'node:path';
import type { HistorianClient } from '../historian/client.ts';
import type { HistoryPage } from '../historian/queries/history.ts';
import type { History } from '../historian/questions/history.ts';
import type { Latest } from '../historian/queries/latest.ts';
import type { RebuiltTopic } from '../historian/store/rebuild.ts';
import { querySql, type SqlAnswer } from '../historian/sql/query.ts';
import { historianFrames } from './api/analysis/frames.ts';
import type { FoundFrames, FramesQuery } from './api/analysis/frames-request.ts';
import type { TablePage, TableQuery } from './api/analysis/request.ts';
import { historianTables } from './api/analysis/table-pages.ts';
import type { HistorySource } from './api/history-answer.ts';
import { historySource } from './api/history-source.ts';
import { historianBuckets, pathsOf, samplePages } from './api/historian-pages.ts';
import type {
  BucketsPage,
  BucketsQuery,
  ClockForecast,
  ConnectorStatus,
  DemoServices,
  Forecast,
  GatewayEvent,
  GatewayStatus,
  HistoryQuery,
  LedgerReport,
  LinkStatus,
  LiveSample,
  LogForecast as LogForecastItem,
  LogTopic,
  ModelStatus,
  PartState,
  QuestdbStatus,
  Readiness,
  Services,
  SqlQuestion,
  TagInfo,
  VerifyStep,
} from './api/services.ts';
import type { StandingAlarm } from './alarms/alarm.ts';
import type { AlarmAction } from './alarms/book.ts';
import type { Config } from './config/schema.ts';
import type { Clock } from './core/clock.ts';
import type { LinkGroup } from './link-group.ts';
import { QUESTDB, type QuestdbPart } from './questdb-part.ts';
import type { LiveClient } from './live/client.ts';
import type { HistorianPart } from './historian-part.ts';
import { TIER, type TierPart } from './tier-part.ts';
import type { Watching } from './watching.ts';
import { clockDoubt } from './log/clock-doubt.ts';
import { connectorAddress } from './connector-configs.ts';
import { Fault, fromFaultMessage } from './core/fault.ts';
import { Term } from './core/ledger.ts';
import type { Log } from './core/log.ts';
import { HISTORY_TOPICS } from './core/topics.ts';
import type { DiskForecast } from './log/disk-forecast.ts';
import { tailEvents } from './event-tail.ts';
import type { EraseOrder } from './erasures/order.ts';
import type { ErasureView, HistorianReport } from './api/care-services.ts';
import type { ErasePreview, EraseProgress, ErasureState } from './erasures/keeper.ts';
import { outlookOf } from './erasures/outlook.ts';
import type { IntakeGroup } from './intake-group.ts';
import type { LedgerBook } from './ledger/book.ts';
import type { LogForecast } from './log/log-forecast.ts';
import { logRetention } from './log/log-settings.ts';
import { topicSizes } from './log/log-sizes.ts';
import type { GatewayMetrics } from './metrics.ts';
import { siteCalendar } from './site-calendar.ts';
import type { TagDictionary } from './tags/dictionary.ts';
import { tagAt } from './tags/near-tag.ts';
import { workSteps } from './work-steps.ts';

/** The parts that the services are made of. */
export interface ServiceParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly dictionary: TagDictionary;
  readonly book: LedgerBook;
  readonly historian: HistorianClient;
  readonly historianPart: HistorianPart;
  /** The cold tier; undefined: none is configured. */
  readonly tier: TierPart | undefined;
  readonly links: LinkGroup;
  /** Undefined: none is configured. */
  readonly questdb: QuestdbPart | undefined;
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
  /** The historian, with the cold tier behind it if there is one. */
  private readonly samples: History;

  constructor(parts: ServiceParts) {
    const { historian, tier } = parts;
    this.parts = parts;
    this.samples = tier?.tier.behind(historian) ?? historian;
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
    // What it does not take now stays in the files.
    if (this.parts.tier !== undefined) parts.push({ name: TIER, ready: true, detail: this.parts.tier.detail });
    if (this.parts.questdb !== undefined)
      parts.push({ name: QUESTDB, ready: true, detail: this.parts.questdb.status().detail });
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

  async *latest(tags: readonly string[] | null): AsyncGenerator<Latest> {
    const paths = tags?.map((tag) => tagAt(this.parts.dictionary, tag).path) ?? null;
    yield* this.samples.latest(paths);
  }

  samplePages(query: HistoryQuery): AsyncIterable<HistoryPage> {
    return samplePages(this.samples, this.parts.dictionary, query);
  }

  paths(tags: readonly string[]): readonly string[] {
    return pathsOf(this.parts.dictionary, tags);
  }

  sql({ sql, format, limits, signal }: SqlQuestion): Promise<SqlAnswer> {
    const { config, log } = this.parts;
    const source = { folder: join(config.data, 'historian'), logFolder: log.folder };
    return querySql(source, sql, format, { limits, signal, cold: this.parts.tier?.tier });
  }

  buckets(query: BucketsQuery): AsyncIterable<BucketsPage> {
    return historianBuckets(this.samples, this.parts.dictionary, query);
  }

  tables(query: TableQuery): AsyncIterable<TablePage> {
    const { dictionary, config } = this.parts;
    return historianTables(this.samples, dictionary, siteCalendar(config), query);
  }

  frames(query: FramesQuery): AsyncIterable<FoundFrames> {
    return historianFrames(this.samples, this.parts.dictionary, query);
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
    const { log, logForecast, links, questdb, forecast } = this.parts;
    const { freeBytes, seconds } = forecast.now();
    const fed = questdb === undefined ? [] : [{ name: QUESTDB, topics: HISTORY_TOPICS }];
    const outlooks = [
      ...logForecast
        .links(log.state.figures, links.mirrored())
        .map(({ name, ...rest }) => ({ name: `link/${name}` as const, ...rest })),
      ...logForecast.links(log.state.figures, fed).map((outlook) => ({ ...outlook, name: QUESTDB })),
    ];
    return [
      { name: 'disk', freeBytes, fullInSeconds: finite(seconds) },
      this.logForecast(),
      ...outlooks.map(({ name, waitingBytes, losesInSeconds }) => {
        return { name, waitingBytes, losesInSeconds: finite(losesInSeconds) };
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

  async fromQuestdb(): Promise<HistorySource> {
    const { questdb, dictionary, config } = this.parts;
    if (questdb === undefined)
      throw new Fault('request-invalid', 'source: questdb; the configuration has no historian.questdb.');
    return historySource(await questdb.history(), dictionary, siteCalendar(config));
  }

  questdb(): QuestdbStatus | null {
    return this.parts.questdb?.status() ?? null;
  }

  async historian(): Promise<HistorianReport> {
    const { historianPart, tier } = this.parts;
    return { ...(await historianPart.report()), tier: tier?.report() ?? null };
  }

  rebuildHistorian(signal: AbortSignal): AsyncIterable<EraseProgress | readonly RebuiltTopic[]> {
    return workSteps((onProgress: (progress: EraseProgress) => void) => {
      return this.parts.historianPart.rebuild(onProgress);
    }, signal);
  }

  erasures(): ErasureView[] {
    return this.parts.historianPart.keeper.list().map((state) => this.erasureView(state));
  }

  previewErasure(order: EraseOrder, signal: AbortSignal): AsyncIterable<EraseProgress | ErasePreview> {
    const { keeper } = this.parts.historianPart;
    return workSteps((onProgress: (progress: EraseProgress) => void) => keeper.preview(order, onProgress), signal);
  }

  erase(order: EraseOrder, signal: AbortSignal): AsyncIterable<EraseProgress | ErasureView> {
    const { keeper } = this.parts.historianPart;
    return workSteps(async (onProgress: (progress: EraseProgress) => void) => {
      return this.erasureView(await keeper.erase(order, onProgress));
    }, signal);
  }

  private erasureView(state: ErasureState): ErasureView {
    const { config, log } = this.parts;
    return { ...state, outlook: outlookOf(state, config, log.ends) };
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
    const { name, timezone } = this.parts.config.site;
    return { site: name, timezone, timeUs: this.parts.clock.nowUs() };
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
