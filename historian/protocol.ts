import type { SharedEnds } from '../edge/core/durable-ends.ts';
import type { FaultMessage } from '../edge/core/fault.ts';
import type { TopicGap } from '../edge/core/reader.ts';
import type { BucketPageMessage, BucketQuery } from './queries/bucket-page.ts';
import type { CareAnswers, CareQuestion, CareState, WorkProgress } from './store/care.ts';
import type { CountQuery, TagCount } from './queries/counting.ts';
import type { Gap } from './reading/gap.ts';
import type { RawQuery, TagSummary } from './queries/history.ts';
import type { Expiry } from './files/manifest.ts';
import type { PointsMessage } from './points/points.ts';
import type { AnalysisPage, AnalysisQuery } from './questions/analysis-query.ts';
import type { RepairReport } from './store/repair.ts';
import type { SharedProgressMemory } from './follow/shared-progress.ts';
import type { LatestMessage, LatestQuestion, TagsMessage, TagsQuestion } from './queries/tag-questions.ts';
import type { HistoryPlace } from './reading/place.ts';

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
  /** How long samples of a topic are kept, ms; those of others for ever. */
  readonly retentionMs: Readonly<Record<string, number>>;
  /** How long their roll-ups of minutes, hours and days are kept, ms; none: there are no roll-ups. */
  readonly rollupsMs: readonly number[];
}

/** Questions that the worker answers, each with one bounded message. */
export type Question =
  | { readonly ask: 'page'; readonly query: RawQuery }
  | { readonly ask: 'buckets'; readonly query: BucketQuery }
  | { readonly ask: 'analysis'; readonly query: AnalysisQuery }
  | LatestQuestion
  /** At most 1,000 tags. */
  | { readonly ask: 'summaries'; readonly tags: readonly string[]; readonly elsewhereFromUs?: number | undefined }
  | TagsQuestion
  /** At most 1,000 tags; the answer is of the first of them. */
  | { readonly ask: 'count'; readonly query: CountQuery }
  | { readonly ask: 'status' }
  /** Writes out what is in memory. */
  | { readonly ask: 'flush' };

/** What the main thread posts. */
export type HistorianRequest =
  | { readonly type: 'question'; readonly id: number; readonly question: Question | CareQuestion }
  /** A time that can be believed, ms: what is older than it is kept may go. */
  | { readonly type: 'believe'; readonly nowMs: number }
  | { readonly type: 'stop' };

/** Answer to `page`. */
interface PageMessage {
  readonly tag: string;
  readonly points: PointsMessage;
  readonly topics: readonly string[];
  readonly gaps: readonly Gap[];
  readonly next: HistoryPlace | null;
  readonly expired: readonly Expiry[];
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
export interface Answers extends CareAnswers {
  page: PageMessage;
  buckets: BucketPageMessage;
  analysis: AnalysisPage;
  latest: LatestMessage;
  summaries: readonly TagSummary[];
  tags: TagsMessage;
  count: readonly TagCount[];
  status: HistorianStatus;
  flush: null;
}

/** What the worker posts. */
export type HistorianNotice =
  | { readonly type: 'opened' }
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answers[keyof Answers] }
  | { readonly type: 'refusal'; readonly id: number; readonly fault: FaultMessage }
  /** How far the work for a question is. */
  | { readonly type: 'progress'; readonly id: number; readonly progress: WorkProgress }
  /** What has become of the files; when it has changed. */
  | { readonly type: 'care'; readonly care: CareState }
  | { readonly type: 'repaired'; readonly report: RepairReport }
  /** Something is wrong and does not stop it. */
  | { readonly type: 'report'; readonly fault: FaultMessage }
  /** Records that the log does not have are noted as lost. */
  | { readonly type: 'gap'; readonly gap: TopicGap }
  /** A clean stop: everything is written out. */
  | { readonly type: 'stopped' }
  /** It ends because of this. */
  | { readonly type: 'failed'; readonly fault: FaultMessage };
