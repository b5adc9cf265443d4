import type { SharedEnds } from '../edge/core/durable-ends.ts';
import type { FaultMessage } from '../edge/core/fault.ts';
import type { TopicGap } from '../edge/core/reader.ts';
import type { BucketPageMessage, BucketQuery } from './bucket-page.ts';
import type { Gap } from './gap.ts';
import type { Latest, RawQuery, TagSummary } from './history.ts';
import type { PointsMessage } from './points.ts';
import type { HistoryPlace } from './scan.ts';
import type { SharedProgressMemory } from './shared-progress.ts';

/** What the main thread gives the historian's worker at its start. */
export interface HistorianWorkerData {
  readonly logFolder: string;
  readonly folder: string;
  readonly ends: SharedEnds;
  readonly progress: SharedProgressMemory;
  readonly logId: string;
  readonly epoch: number;
  readonly memtableBytes: number | null;
  readonly flushAfterMs: number | null;
}

/** Questions that the worker answers, each with one bounded message. */
export type Question =
  | { readonly ask: 'page'; readonly query: RawQuery }
  | { readonly ask: 'buckets'; readonly query: BucketQuery }
  /** At most 500 tags. */
  | { readonly ask: 'latest'; readonly tags: readonly string[] }
  /** At most 1,000 tags. */
  | { readonly ask: 'summaries'; readonly tags: readonly string[] }
  | { readonly ask: 'tags'; readonly after: string | null }
  | { readonly ask: 'status' }
  /** Writes out what is in memory. */
  | { readonly ask: 'flush' };

/** What the main thread posts. */
export type HistorianRequest =
  | { readonly type: 'question'; readonly id: number; readonly question: Question }
  | { readonly type: 'stop' };

/** Answer to `page`. */
interface PageMessage {
  readonly tag: string;
  readonly points: PointsMessage;
  readonly topics: readonly string[];
  readonly gaps: readonly Gap[];
  readonly next: HistoryPlace | null;
}

/** State of the files and the memory. */
export interface HistorianStatus {
  readonly files: number;
  readonly fileBytes: number;
  readonly fileSamples: number;
  readonly memorySamples: number;
  readonly memoryBytes: number;
  readonly series: number;
  /** Records of the log that could not be had or could not be read, ever. */
  readonly lostRecords: number;
  /** Names of files that are damaged, as a whole or in part. */
  readonly damaged: readonly string[];
}

/** Answers by question. */
export interface Answers {
  page: PageMessage;
  buckets: BucketPageMessage;
  latest: Latest;
  summaries: readonly TagSummary[];
  tags: readonly TagSummary[];
  status: HistorianStatus;
  flush: null;
}

/** What the worker posts. */
export type HistorianNotice =
  | { readonly type: 'opened' }
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answers[keyof Answers] }
  | { readonly type: 'refusal'; readonly id: number; readonly fault: FaultMessage }
  /** Something is wrong and does not stop it. */
  | { readonly type: 'report'; readonly fault: FaultMessage }
  /** Records that the log does not have are noted as lost. */
  | { readonly type: 'gap'; readonly gap: TopicGap }
  /** A clean stop: everything is written out. */
  | { readonly type: 'stopped' }
  /** It ends because of this. */
  | { readonly type: 'failed'; readonly fault: FaultMessage };
