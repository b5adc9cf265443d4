import type { Aggregate } from '../../historian/bucket-page.ts';
import type { StandingAlarm } from '../alarms/alarm.ts';
import type { AlarmAction } from '../alarms/book.ts';
import type { LedgerItem, LedgerTotals } from '../core/ledger.ts';
import type { TagType, Value, ValueKind } from '../core/sample.ts';
import type { TagClass } from '../core/topics.ts';

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
  /** Last sample of each of these tags (null: of all tags), without those that have none. Throws `tag-unknown` before the first. */
  latest(tags: readonly string[] | null): AsyncIterable<TagSample>;
  /** Samples tag by tag in the order of `query.tags`, each in the order of effective time, then of the log. Throws `tag-unknown` before the first page. */
  history(query: HistoryQuery): AsyncIterable<HistoryPage>;
  /** Aggregates or chart points tag by tag, at least one page of each. Throws `tag-unknown`, `aggregate-type`, `request-invalid` (too many intervals) before the first page. */
  buckets(query: BucketsQuery): AsyncIterable<BucketsPage>;
  ledger(): Awaitable<LedgerReport>;
  connectors(): Awaitable<readonly ConnectorStatus[]>;
  links(): Awaitable<readonly LinkStatus[]>;
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

/** One sample as history shows it. */
export interface HistorySample {
  /** Effective time, µs: the device's, or the ingest time where its clock is suspect. */
  readonly timeUs: number;
  /** Time of the device, µs, where it is not the effective time; else null. */
  readonly deviceTimeUs: number | null;
  readonly kind: ValueKind;
  readonly value: Value;
  /** StatusCode. */
  readonly quality: number;
  readonly flags: number;
  readonly serverTimeUs: number | null;
}

export interface TagSample extends HistorySample {
  readonly tag: string;
}

export interface HistoryQuery {
  /** Absolute paths, in any case; at least one. */
  readonly tags: readonly string[];
  /** First effective time, µs. */
  readonly fromUs: number;
  /** Effective time, µs, that is no longer wanted. */
  readonly toUs: number;
  /** The asker has gone. */
  readonly signal: AbortSignal;
}

/** What the samples of a span are reduced to: aggregates of each interval, or what a chart of so many points shows. */
export type Reduction =
  | {
      readonly type: 'interval';
      /** As it was asked for, such as `1m`. */
      readonly interval: string;
      readonly widthUs: number;
      readonly aggregates: readonly Aggregate[];
    }
  | { readonly type: 'points'; readonly points: number };

export interface BucketsQuery extends HistoryQuery {
  readonly reduction: Reduction;
}

/** Buckets of one tag, or its samples where a chart has room for all of them. */
export interface BucketsPage {
  /** The path as the gateway writes it. */
  readonly tag: string;
  /** Null: the rows are samples. */
  readonly widthUs: number | null;
  /** Where buckets begin of which the span has only a part; the same on each page. */
  readonly partial: readonly number[];
  readonly rows: Iterable<BucketRow>;
  readonly gaps: readonly HistoryGap[];
}

/** Values of one bucket, or of one sample. */
export interface BucketRow {
  /** Where the bucket begins, or when the sample is, µs. */
  readonly timeUs: number;
  /** In the order of the aggregates; of a chart min, max, first, last, count. Null: no good value. */
  readonly values: readonly (number | bigint | null)[];
}

/** Samples of one tag. A tag may take several pages, or none. */
export interface HistoryPage {
  /** The path as the gateway writes it. */
  readonly tag: string;
  readonly samples: Iterable<HistorySample>;
  /** Spans in which samples may be missing. */
  readonly gaps?: readonly HistoryGap[];
}

/** A span in which samples of a tag may be missing from the answer. */
export interface HistoryGap {
  readonly fromUs: number;
  /** No longer in it. */
  readonly toUs: number;
  /** Such as `damage`, `retention`, `historian-damaged`. */
  readonly reason: string;
  /** Samples of this tag that are missing; null: not known. */
  readonly samples: number | null;
  readonly detail: string;
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
  readonly name: `link/${string}`;
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
