import type { HistoryPage } from '../../historian/queries/history.ts';
import type { Latest } from '../../historian/queries/latest.ts';
import type { SqlFormat } from '../../historian/sql/messages.ts';
import type { SqlAnswer, SqlLimits } from '../../historian/sql/query.ts';
import type { RebuiltTopic } from '../../historian/store/rebuild.ts';
import type { StandingAlarm } from '../alarms/alarm.ts';
import type { AlarmAction } from '../alarms/book.ts';
import type { LedgerItem, LedgerTotals } from '../core/ledger.ts';
import type { TagType } from '../core/sample.ts';
import type { TagClass } from '../core/topics.ts';
import type { ErasePreview, EraseProgress } from '../erasures/keeper.ts';
import type { EraseOrder } from '../erasures/order.ts';
import type { ErasureView, HistorianReport } from './care-services.ts';
import type { FoundFrames, FramesQuery } from './analysis/frames-request.ts';
import type { TablePage, TableQuery } from './analysis/request.ts';
import type { BucketsPage, BucketsQuery, HistoryQuery, TagSample } from './history-services.ts';

export type {
  Buckets,
  BucketsPage,
  BucketsQuery,
  HistoryGap,
  HistoryQuery,
  HistorySample,
  Reduction,
  TagSample,
} from './history-services.ts';

/*
 * What the API asks the gateway for: plain data, so that routes know nothing of threads and files. `edge/gateway.ts` implements it, tests do with data in memory.
 * Every function may throw a Fault, which becomes a problem document.
 */

/** A value that is there at once or soon. */
type Awaitable<T> = T | Promise<T>;

export interface Services {
  /** Whether the gateway takes and keeps data now, and what does not. */
  readiness(): Readiness;
  /** Who and when this gateway is. */
  status(): Awaitable<GatewayStatus>;
  /** Metrics in Prometheus' text format. */
  metrics(): Promise<string>;
  /** All tags, in any order. */
  tags(): Awaitable<Iterable<TagInfo>>;
  /** Last sample of each of these tags (null: of all tags), without those that have none, in parts. Throws `tag-unknown` before the first. */
  latest(tags: readonly string[] | null): AsyncIterable<Latest>;
  /** Samples tag by tag in the order of `query.tags`, each in the order of effective time, then of the log. Throws `tag-unknown` before the first page. */
  samplePages(query: HistoryQuery): AsyncIterable<HistoryPage>;
  /** The paths of these tags as the gateway writes them, each once, in their order. Throws `tag-unknown`. */
  paths(tags: readonly string[]): readonly string[];
  /** Aggregates or chart points tag by tag, at least one page of each. Throws `tag-unknown`, `aggregate-type`, `request-invalid` (too many intervals) before the first page. */
  buckets(query: BucketsQuery): AsyncIterable<BucketsPage>;
  /** Tables: aggregates of Part 13, of a calendar, counters, values at times, charts; tag by tag. Throws like `buckets`. */
  tables(query: TableQuery): AsyncIterable<TablePage>;
  /** Stretches of time in which a condition was met, tag by tag. Throws `tag-unknown`, `aggregate-type` before the first page. */
  frames(query: FramesQuery): AsyncIterable<FoundFrames>;
  /** Begins to answer a question in SQL. Throws `sql-invalid`, `sql-refused`, `sql-limit`; so does the answer. */
  sql(question: SqlQuestion): Promise<Pick<SqlAnswer, 'bytes' | 'end'>>;
  ledger(): Awaitable<LedgerReport>;
  connectors(): Awaitable<readonly ConnectorStatus[]>;
  links(): Awaitable<readonly LinkStatus[]>;
  /** Whoever answers about history out of that QuestDB. Throws `request-invalid` where none is configured, `secret-missing`. */
  fromQuestdb(): Awaitable<Pick<Services, 'samplePages' | 'buckets' | 'tables' | 'paths'>>;
  /** How far the QuestDB beside the historian has come; null: none is configured. */
  questdb(): Awaitable<QuestdbStatus | null>;
  /** The historian's files and what has become of them. Throws `not-ready`. */
  historian(): Awaitable<HistorianReport>;
  /** Fills the historian again from the log: progress, then what became of each topic. Throws `not-ready`, `historian-write-failed`. */
  rebuildHistorian(signal: AbortSignal): AsyncIterable<EraseProgress | readonly RebuiltTopic[]>;
  /** What was ordered to be erased, the newest first. */
  erasures(): Awaitable<readonly ErasureView[]>;
  /** Counts what an order would erase: progress, then the result. Throws `tag-unknown`, `erase-refused`, `not-ready`. */
  previewErasure(order: EraseOrder, signal: AbortSignal): AsyncIterable<EraseProgress | ErasePreview>;
  /** Erases: progress, then what has become of it. It goes on when the asker has gone. Throws like `previewErasure`. */
  erase(order: EraseOrder, signal: AbortSignal): AsyncIterable<EraseProgress | ErasureView>;
  /** What will run out, and when. */
  forecast(): Awaitable<readonly Forecast[]>;
  /** Compares both ends of a link record by record: progress, then one result. Throws `link-unknown`. */
  verifyLink(name: string, signal: AbortSignal): AsyncIterable<VerifyStep>;
  logTopics(): Awaitable<readonly LogTopic[]>;
  /** Says that the gateway's clock is right: data goes by its age again. Throws `not-ready` while the log does not answer. */
  confirmClock(): Awaitable<ClockForecast>;
  /** The last `limit` records of topic `events`, oldest first. */
  events(limit: number): Awaitable<readonly GatewayEvent[]>;
  /**
   * New samples of tags that fit one of the patterns (as `match` of the tag list), at most four times a second, until the signal ends it. Who is slow gets the last
   * sample of each tag. Throws `not-ready`, `too-many-requests` before the first.
   */
  live(patterns: readonly string[], signal: AbortSignal): AsyncIterable<readonly LiveSample[]>;
  /** Alarms that are not NORM, the newest first. */
  alarms(): Awaitable<readonly StandingAlarm[]>;
  /** Does it, durably, and returns the alarm behind it; null: it is NORM now. Throws `alarm-unknown`, `alarm-state`. */
  alarmAction(id: string, action: AlarmAction): Awaitable<StandingAlarm | null>;
  models(): Awaitable<readonly ModelStatus[]>;
  /** Only in the demo: the simulated plant. */
  readonly demo?: DemoServices | undefined;
}

export interface GatewayStatus {
  /** First level of every tag path. */
  readonly site: string;
  /** Of the site's clock. */
  readonly timezone: string;
  /** The gateway's clock, µs. */
  readonly timeUs: number;
}

/** A sample of the live view. */
export type LiveSample = Pick<TagSample, 'tag' | 'timeUs' | 'kind' | 'value' | 'quality' | 'flags'>;

export interface ModelStatus {
  readonly name: string;
  /** Absolute path. */
  readonly asset: string;
  /** Such as `autoencoder`. */
  readonly kind: string;
  readonly state: 'learning' | 'candidate' | 'shadow' | 'active' | 'retired' | 'failed';
  /** Null: nothing has been trained yet. */
  readonly version: string | null;
  /** What it waits for, or why it failed. */
  readonly detail: string | null;
  /** While it learns: what it does and how much of that is done, 0 to 1. */
  readonly progress: { readonly phase: 'collecting' | 'training'; readonly done: number } | null;
  /** Absolute paths. */
  readonly signals: readonly string[];
  /** Span that it learned from, µs. */
  readonly trainedFromUs: number | null;
  readonly trainedToUs: number | null;
  /** What computes it, such as `wasm`. */
  readonly backend: string | null;
  /** Last score; null: none yet. */
  readonly score: number | null;
  /** Beyond it a score is abnormal. */
  readonly threshold: number | null;
}

/** What only the demo has. */
export interface DemoServices {
  faults(): Awaitable<readonly DemoFault[]>;
  /** Switches a fault of the plant on or off; nothing happens where it is so already. Throws `not-found`. */
  setFault(name: string, on: boolean): Awaitable<void>;
}

export interface DemoFault {
  readonly name: string;
  /** What it does, in a sentence. */
  readonly description: string;
  /** Absolute path. */
  readonly asset: string;
  /** Absolute paths of the signals that show it first. */
  readonly signals: readonly string[];
  readonly active: boolean;
  /** Since when it is active, µs. */
  readonly sinceUs: number | null;
}

/** Ready only if every part is. */
export interface Readiness {
  readonly ready: boolean;
  readonly parts: readonly PartState[];
}

export interface PartState {
  /** Such as `log`, `historian`, `connector/floor`. */
  readonly name: string;
  readonly ready: boolean;
  /** Why it is not ready; what there is to say about it otherwise. */
  readonly detail: string | null;
}

export interface TagInfo {
  /** Absolute path. */
  readonly path: string;
  readonly id: number;
  /** Null: not learned yet. */
  readonly type: TagType | null;
  /** After UCUM; null where none is known. */
  readonly unit: string | null;
  /** Says in which topic of the log its samples lie. */
  readonly class: TagClass;
  readonly connector: string;
  /** Kind of the connector, as in the configuration. */
  readonly kind: string;
}

/** One SELECT statement, and what it may take. */
export interface SqlQuestion {
  readonly sql: string;
  readonly format: SqlFormat;
  readonly limits: SqlLimits;
  /** The asker has gone. */
  readonly signal: AbortSignal;
}

export interface LedgerReport {
  readonly total: LedgerTotals;
  readonly items: readonly LedgerItem[];
  readonly balanced: boolean;
}

export interface ConnectorStatus {
  readonly name: string;
  readonly kind: string;
  /** `up`: it is open. `starting`: it opens. `down`: it failed and is opened again after a while. */
  readonly state: 'up' | 'starting' | 'down';
  /** Where it listens or connects. */
  readonly address: string;
  /** Why it is down; else what there is to say. */
  readonly detail: string | null;
  /** Sources that are connected now. */
  readonly sources: number;
  /** Samples since the data folder was made, as in the ledger. */
  readonly received: number;
}

/** When something that is used up will be gone, at the rate of the last ten minutes. */
export type Forecast = DiskForecast | LogForecast | LinkForecast;

interface DiskForecast {
  readonly name: 'disk';
  /** Bytes free on the file system of the data folder. */
  readonly freeBytes: number;
  /** Null: no end in sight, or not known yet. */
  readonly fullInSeconds: number | null;
}

export interface LogForecast {
  readonly name: 'log';
  readonly bytes: number;
  readonly budgetBytes: number;
  /** So much it may take now: less than its budget where too little of the disk is free. */
  readonly limitBytes: number;
  readonly bytesPerSecond: number;
  /** Until its oldest data goes; null: no end in sight, or not known yet. */
  readonly fullInSeconds: number | null;
  /** How far back the log reaches once it is full; null: no end in sight, or not known yet. */
  readonly lastsSeconds: number | null;
  readonly clock: ClockForecast;
  readonly topics: readonly TopicForecast[];
}

/** Whether the gateway's clock is believed when data is deleted by its age. */
export interface ClockForecast {
  readonly confirmed: boolean;
  /** While it is not: by how much it is ahead of what was expected; negative: behind. */
  readonly aheadSeconds: number;
}

interface TopicForecast {
  readonly topic: string;
  readonly bytes: number;
  readonly bytesPerSecond: number;
  /** When its oldest record came, µs; null: it has none. */
  readonly oldestUs: number | null;
  /** How long its records are kept at most; null: as long as the budget lasts. */
  readonly retentionSeconds: number | null;
}

interface LinkForecast {
  /** `historian/questdb` is held back for as a link is. */
  readonly name: `link/${string}` | 'historian/questdb';
  /** Bytes of the log that it has not had. */
  readonly waitingBytes: number;
  /** Until data goes that it has not had, if it is down from now on; null: nothing comes to its topics. */
  readonly losesInSeconds: number | null;
}

export interface LinkStatus {
  readonly name: string;
  /** `starting`, `connecting`, `mirroring`, `paused` or `failed`: of the topic that is worst off. */
  readonly state: string;
  /** What it waits for, or why it failed; null while all is well. */
  readonly detail: string | null;
  readonly brokers: readonly string[];
  readonly topics: readonly LinkTopicStatus[];
}

interface LinkTopicStatus {
  readonly topic: string;
  /** Name at the destination. */
  readonly destination: string;
  /** As of the link, for this topic. */
  readonly state: string;
  readonly detail: string | null;
  /** Settings of the destination that lose or delay data sooner or later. */
  readonly warnings: readonly string[];
  /** Offset behind the last durable record of the log. */
  readonly end: number;
  /** Offset behind the last record that the destination is known to have; null before it was asked. */
  readonly mirrored: number | null;
  /** Records that the destination lacks; null before it was asked. */
  readonly lag: number | null;
}

export interface QuestdbStatus {
  /** Where it is. */
  readonly address: string;
  /** Table of the samples. */
  readonly table: string;
  /** `waiting`: it is tried again by itself. `unreadable`: rows go in, and questions are refused. */
  readonly state: 'stopped' | 'starting' | 'following' | 'waiting' | 'unreadable';
  /** Why it waits or cannot be asked, and what to do; null while all is well. */
  readonly detail: string | null;
  /** Durable records that are not known to be in the table, of all topics. */
  readonly lagRecords: number;
  /** Rows sent since the start, also those that were sent again. */
  readonly rows: number;
  /** Rows that QuestDB could not take since the start. */
  readonly refused: number;
  readonly topics: readonly { readonly topic: string; readonly end: number; readonly confirmed: number }[];
}

export type VerifyStep = VerifyProgress | VerifyResult;

interface VerifyProgress {
  readonly type: 'progress';
  readonly topic: string;
  /** Records compared so far, out of `total`. */
  readonly compared: number;
  readonly total: number;
}

export interface VerifyResult {
  readonly type: 'result';
  /** Every record of the source is at the destination, the same and at the same offset, and nothing else is. */
  readonly equal: boolean;
  readonly topics: readonly VerifiedTopic[];
}

interface VerifiedTopic {
  readonly topic: string;
  readonly destination: string;
  /** First offset that both ends claim to have: what is older was deleted at one of them. */
  readonly from: number;
  /** Records found equal: offset, timestamp, key, value, headers. */
  readonly compared: number;
  /** Records from there on that the log itself has lost: there is nothing to compare them with. */
  readonly unknown: number;
  /** Records whose values were erased in the log, and that the destination has with their values. */
  readonly erased: number;
  /** Records that differ, as far as the comparison went: it ends at the first. */
  readonly different: number;
  /** Records that the log had when the verification began, and the destination does not have yet. */
  readonly missing: number;
  /** Records at the destination's end that the log does not have. */
  readonly extra: number;
  /** The first differences, for people. */
  readonly examples: readonly string[];
}

export interface LogTopic {
  readonly topic: string;
  /** Oldest offset that the log holds. */
  readonly start: number;
  /** Offset behind the last durable record. */
  readonly end: number;
  readonly segments: number;
  /** Bytes on disk. */
  readonly bytes: number;
}

/** A record of topic `events` (FORMAT.md, "Topics"). */
export interface GatewayEvent {
  readonly offset: number;
  /** Who it is about: `connector/<name>`, `topic/<name>`, `gateway`. */
  readonly key: string;
  /** The record's JSON: `v`, `at` (µs), `type` and what the type adds. */
  readonly value: Readonly<Record<string, unknown>>;
}
