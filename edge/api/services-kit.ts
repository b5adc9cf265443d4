import { Readable } from 'node:stream';
import { pino } from 'pino';
import { HistoryPage } from '../../historian/queries/history.ts';
import { Latest } from '../../historian/queries/latest.ts';
import type { RebuiltTopic } from '../../historian/store/rebuild.ts';
import { Points } from '../../historian/points/points.ts';
import { putSample } from '../../historian/points/put-sample.ts';
import type { StandingAlarm } from '../alarms/alarm.ts';
import type { AlarmAction } from '../alarms/book.ts';
import type { Address } from '../config/address.ts';
import { Fault } from '../core/fault.ts';
import { type LedgerTotals, UNMAPPED } from '../core/ledger.ts';
import { ValueKind } from '../core/sample.ts';
import type { ErasePreview, EraseProgress } from '../erasures/keeper.ts';
import type { EraseOrder } from '../erasures/order.ts';
import { erasedView, SOME_HISTORIAN } from './care-kit.ts';
import type { ErasureView, HistorianReport } from './care-services.ts';
import { historianFrames } from './analysis/frames.ts';
import type { FoundFrames, FramesQuery } from './analysis/frames-request.ts';
import { memoryDictionary, memoryHistory } from './analysis/memory-history-kit.ts';
import type { SiteCalendar, TablePage, TableQuery } from './analysis/request.ts';
import { historianTables } from './analysis/table-pages.ts';
import { CHART_AGGREGATES } from './historian-pages.ts';
import { ApiServer } from './server.ts';
import type {
  DemoFault,
  Buckets,
  BucketsPage,
  BucketsQuery,
  ClockForecast,
  Forecast,
  HistoryQuery,
  HistorySample,
  LiveSample,
  ModelStatus,
  Services,
  SqlQuestion,
  TagInfo,
  VerifyStep,
} from './services.ts';

/** Time of the first sample, µs: 2020-03-17T10:14:33Z. */
export const START_US = 1_584_440_073_000_000;

/** A good double. */
export function sampleAt(timeUs: number, value: number): HistorySample {
  return { timeUs, deviceTimeUs: null, kind: ValueKind.double, value, quality: 0, flags: 0, serverTimeUs: null };
}

/** Samples in columns. */
export function pointsOf(samples: readonly HistorySample[]): Points {
  const points = new Points(samples.length);
  for (const [i, sample] of samples.entries())
    putSample(points, sample.timeUs, i, sample, sample.deviceTimeUs ?? Number.NaN);
  return points;
}

/** Rows of buckets in columns. */
export function bucketsOf(
  rows: readonly { readonly timeUs: number; readonly values: readonly (number | bigint | null)[] }[],
): Buckets {
  return {
    rows: rows.length,
    times: Float64Array.from(rows, ({ timeUs }) => timeUs),
    value: (row, column) => rows[row]?.values[column] ?? null,
  };
}

function totalsOf(received: number): LedgerTotals {
  const none = { generated: 0, quarantined: 0, duplicate: 0, filtered: 0, refused: 0, lost: 0, inFlight: 0, lag: 0 };
  return { received, logged: received, stored: received, ...none };
}

/** An alarm that stands, of a model, with reasons. */
const SOME_ALARM: StandingAlarm = {
  id: 'model/a-health',
  name: 'a-health',
  kind: 'model',
  tag: 'plant/a-health-score',
  asset: 'plant',
  priority: 'high',
  onReturn: 'normal',
  state: 'UNACK',
  stands: true,
  sinceUs: START_US,
  shelvedUntilUs: null,
  evidence: {
    message: 'a is not as it should be with b',
    value: 1.7,
    limit: 1,
    reasons: [
      { signal: 'plant/a', expected: 1, seen: 2.5, share: 0.8 },
      { signal: 'plant/b', expected: 7, seen: 7.1, share: 0.2 },
    ],
  },
};

const SOME_MODEL: ModelStatus = {
  name: 'a-health',
  asset: 'plant',
  kind: 'autoencoder',
  state: 'learning',
  version: null,
  detail: null,
  progress: { phase: 'collecting', done: 0.25 },
  signals: ['plant/a', 'plant/b'],
  trainedFromUs: null,
  trainedToUs: null,
  backend: null,
  score: null,
  threshold: null,
};

/** Faults of a plant in memory. */
export class MemoryDemo {
  private readonly nowUs: () => number;

  constructor(nowUs: () => number = () => START_US) {
    this.nowUs = nowUs;
  }

  items: DemoFault[] = [
    {
      name: 'valve-partly-closed',
      description: 'The control valve sticks partly closed.',
      asset: 'plant',
      signals: ['plant/a'],
      active: false,
      sinceUs: null,
    },
  ];

  faults(): DemoFault[] {
    return this.items;
  }

  setFault(name: string, on: boolean): void {
    if (!this.items.some((item) => item.name === name)) throw new Fault('not-found', name);
    this.items = this.items.map((item) =>
      item.name === name ? { ...item, active: on, sinceUs: on ? (item.sinceUs ?? this.nowUs()) : null } : item,
    );
  }
}

/**
 * Services for tests of the API: small data in memory that a test may change. What a gateway answers out of its parts is tested with a gateway.
 */
export class MemoryServices implements Services {
  ready = true;
  clock: ClockForecast = { confirmed: true, aheadSeconds: 0 };
  disk: { freeBytes: number; fullInSeconds: number | null } = { freeBytes: 20 * 1024 ** 3, fullInSeconds: 41 * 3600 };
  /** Samples by tag. */
  readonly samples = new Map<string, HistorySample[]>();
  /** Clock, shifts and counters of the site. */
  calendar: SiteCalendar = { timezone: 'Europe/Berlin', shifts: [], counterOf: () => undefined };
  /** Samples of a page. */
  pageSamples = 2;
  /** How often a history was asked for, and how many of them ended. */
  readonly histories = { begun: 0, ended: 0 };
  /** Awaited before each page but the first. */
  beforePage: (query: HistoryQuery) => Promise<void> = () => Promise.resolve();
  verification: VerifyStep[] = [
    { type: 'progress', topic: 'samples', compared: 5, total: 10 },
    { type: 'result', equal: true, topics: [] },
  ];

  /** What the live view gives; then it ends. */
  updates: LiveSample[][] = [];
  /** Actions on alarms, in order. */
  readonly actions: (AlarmAction & { readonly id: string })[] = [];
  standing: StandingAlarm[] = [SOME_ALARM];
  modelItems: ModelStatus[] = [SOME_MODEL];
  demo: MemoryDemo | undefined = new MemoryDemo();

  status() {
    return { site: 'plant', timezone: this.calendar.timezone, timeUs: START_US };
  }

  readiness() {
    const detail = this.ready ? null : 'It is being recovered.';
    return { ready: this.ready, parts: [{ name: 'log', ready: this.ready, detail }] };
  }

  metrics(): Promise<string> {
    return Promise.resolve('# TYPE millrace_samples_logged_total counter\nmillrace_samples_logged_total 3\n');
  }

  tags(): TagInfo[] {
    return Array.from(this.samples.keys(), (path, i) => {
      return {
        path,
        id: i + 1,
        type: 'double',
        unit: null,
        class: 'standard',
        connector: 'floor',
        kind: 'mqtt-broker',
      };
    });
  }

  async *latest(tags: readonly string[] | null): AsyncGenerator<Latest> {
    const wanted = tags?.map((tag) => this.known(tag)) ?? [...this.samples.keys()];
    for (const tag of await Promise.resolve(wanted)) {
      const points = pointsOf((this.samples.get(tag) ?? []).slice(-1));
      const none = { without: new Uint32Array(0), topics: [], gaps: [], standing: [] };
      yield new Latest({ points, places: new Uint32Array(points.count), ...none }, () => tag);
    }
  }

  /** Each sample is a bucket of its own: what is made of many is tested with the historian. */
  async *buckets({ tags, fromUs, toUs, reduction }: BucketsQuery): AsyncGenerator<BucketsPage> {
    const columns = reduction.type === 'points' ? CHART_AGGREGATES : reduction.aggregates;
    for (const tag of await Promise.resolve(tags.map((path) => this.known(path)))) {
      const inside = (this.samples.get(tag) ?? []).filter(({ timeUs }) => timeUs >= fromUs && timeUs < toUs);
      const rows = inside.map(({ timeUs, value }) => {
        return { timeUs, values: columns.map((name) => (name === 'count' ? 1 : (value as number))) };
      });
      yield {
        tag,
        widthUs: reduction.type === 'points' ? null : reduction.widthUs,
        partial: [],
        buckets: bucketsOf(rows),
        gaps: [],
      };
    }
  }

  async *samplePages(query: HistoryQuery): AsyncGenerator<HistoryPage> {
    this.histories.begun++;
    try {
      for (const tag of query.tags.map((path) => this.known(path))) {
        const inside = (this.samples.get(tag) ?? []).filter(
          ({ timeUs }) => timeUs >= query.fromUs && timeUs < query.toUs,
        );
        for (let at = 0; at < inside.length; at += this.pageSamples) {
          if (at > 0) await this.beforePage(query);
          yield new HistoryPage(tag, pointsOf(inside.slice(at, at + this.pageSamples)), [], [], null);
        }
      }
    } finally {
      this.histories.ended++;
    }
  }

  paths(tags: readonly string[]): readonly string[] {
    return [...new Set(tags.map((tag) => this.known(tag)))];
  }

  tables(query: TableQuery): AsyncIterable<TablePage> {
    const { samples, calendar } = this;
    return historianTables(memoryHistory(samples, pointsOf), memoryDictionary(samples), calendar, query);
  }

  frames(query: FramesQuery): AsyncIterable<FoundFrames> {
    return historianFrames(memoryHistory(this.samples, pointsOf), memoryDictionary(this.samples), query);
  }

  private known(tag: string): string {
    const path = [...this.samples.keys()].find((each) => each.toLowerCase() === tag.toLowerCase());
    if (path === undefined) throw new Fault('tag-unknown', tag);
    return path;
  }

  /** What a gateway answers out of its files is tested with a gateway. */
  async sql({ sql, format }: SqlQuestion) {
    if (sql === 'SELECT wrong') throw new Fault('sql-invalid', 'Line 1, column 8: no such column.');
    const texts = {
      json: '{"columns":[{"name":"n","type":"INTEGER"}],"rows":[\n[1]\n],"gaps":0,"more":false}\n',
      csv: 'n\n1\n',
      arrow: '',
    };
    const bytes = Readable.from([Buffer.from(texts[format])]);
    return await Promise.resolve({ bytes, end: () => ({ rows: 1, gaps: 2, more: true }) });
  }

  ledger() {
    const items = [
      { tag: 'plant/a', connector: 'floor', ...totalsOf(2) },
      { tag: UNMAPPED, connector: 'floor', ...totalsOf(1) },
    ];
    return { total: totalsOf(3), items, balanced: true };
  }

  connectors() {
    const up = { state: 'up', address: '127.0.0.1:1883', detail: null, sources: 1, received: 3 } as const;
    return [{ name: 'floor', kind: 'mqtt-broker', ...up }];
  }

  links() {
    const state = { state: 'mirroring', detail: null, warnings: ['retention.ms is short'] };
    const topics = [{ topic: 'samples', destination: 'plant.samples', ...state, end: 10, mirrored: 8, lag: 2 }];
    return [{ name: 'cloud', state: 'mirroring', detail: null, brokers: ['k:9092'], topics }];
  }

  fromQuestdb() {
    return this;
  }

  questdb() {
    const state = { state: 'following', detail: null, lagRecords: 2, rows: 8, refused: 0 } as const;
    const topics = [{ topic: 'samples', end: 10, confirmed: 8 }];
    return { address: 'http://127.0.0.1:9000', table: 'samples', ...state, topics };
  }

  historian(): HistorianReport {
    return SOME_HISTORIAN;
  }

  async *rebuildHistorian(): AsyncGenerator<EraseProgress | readonly RebuiltTopic[]> {
    yield await Promise.resolve({ place: 'historian', done: 5, total: 10, unit: 'records' });
    yield [{ topic: 'samples', first: 2, last: 9, samples: 8, kept: 2 }];
  }

  /** What was ordered. */
  erased: ErasureView[] = [];

  erasures(): ErasureView[] {
    return this.erased;
  }

  async *previewErasure(order: EraseOrder): AsyncGenerator<EraseProgress | ErasePreview> {
    const paths = await Promise.resolve(order.tags.map((tag) => this.known(tag)));
    yield { place: 'counting', done: 1, total: paths.length, unit: 'tags' };
    const tags = paths.map((tag) => ({ tag, samples: this.samples.get(tag)?.length ?? 0 }));
    const samples = tags.reduce((sum, each) => sum + each.samples, 0);
    yield { tagCount: tags.length, samples, uncounted: ['log'], unreadable: 0, tags };
  }

  async *erase(order: EraseOrder): AsyncGenerator<EraseProgress | ErasureView> {
    const paths = await Promise.resolve(order.tags.map((tag) => this.known(tag)));
    for (const path of paths) this.samples.set(path, []);
    const view = erasedView(order, paths);
    this.erased = [view, ...this.erased];
    yield view;
  }

  forecast(): Forecast[] {
    const { bytes, topic } = { bytes: 1000, topic: 'samples' };
    const sizes = { bytes, budgetBytes: 20 * 1024 ** 3, limitBytes: 20 * 1024 ** 3, bytesPerSecond: 100 };
    const lasts = { fullInSeconds: 86_400, lastsSeconds: 864_000 };
    const topics = [{ topic, bytes, bytesPerSecond: 100, oldestUs: START_US, retentionSeconds: null }];
    return [
      { name: 'disk', ...this.disk },
      { name: 'log', ...sizes, ...lasts, clock: this.clock, topics },
      { name: 'link/cloud', waitingBytes: 500, losesInSeconds: 43_200 },
    ];
  }

  confirmClock(): ClockForecast {
    this.clock = { confirmed: true, aheadSeconds: 0 };
    return this.clock;
  }

  async *verifyLink(name: string): AsyncGenerator<VerifyStep> {
    if (name !== 'cloud') throw new Fault('link-unknown', name);
    yield* await Promise.resolve(this.verification);
  }

  logTopics() {
    return [{ topic: 'samples', start: 0, end: 10, segments: 1, bytes: 1000 }];
  }

  events(limit: number) {
    const value = { v: 1, at: START_US, type: 'started' };
    return [{ offset: 0, key: 'gateway', value }].slice(-limit);
  }

  live(_patterns: readonly string[], _signal: AbortSignal): AsyncIterable<readonly LiveSample[]> {
    return Readable.from(this.updates);
  }

  alarms(): StandingAlarm[] {
    return this.standing;
  }

  /** As an alarm does that stays as long as its cause. */
  alarmAction(id: string, action: AlarmAction): StandingAlarm | null {
    const alarm = this.standing.find((each) => each.id === id);
    if (alarm === undefined) throw new Fault('alarm-unknown', id);
    if (action.action === 'acknowledge' && alarm.state === 'ACKED') throw new Fault('alarm-state', `${id} is ACKED.`);
    this.actions.push({ id, ...action });
    const state = ({ acknowledge: 'ACKED', shelve: 'SHLVD', unshelve: 'UNACK' } as const)[action.action];
    const after = { ...alarm, state, shelvedUntilUs: action.action === 'shelve' ? action.untilUs : null };
    this.standing = this.standing.map((each) => (each.id === id ? after : each));
    return after;
  }

  models(): ModelStatus[] {
    return this.modelItems;
  }
}

/** A server over these services that does not listen yet. */
export function serverOf(services: Services, listen: Address = { host: '127.0.0.1', port: 0 }): ApiServer {
  return new ApiServer({ services, logger: pino({ level: 'silent' }), listen });
}
