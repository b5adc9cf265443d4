import type { FaultMessage } from '../../edge/core/fault.ts';
import type { Gap } from '../reading/gap.ts';
import type { Expiry } from '../files/manifest.ts';
import type { PointsMessage } from '../points/points.ts';
import type { HistoryFolders } from '../open-read-only.ts';
import type { ColdReply, ColdSpan, PendingErasure } from './cold-rows.ts';
import type { HistoryPlace } from '../reading/place.ts';

/** What files of samples are written as. */
export type FileFormat = 'parquet' | 'csv';

/** Samples that are written into a file. */
export interface WriteJob {
  readonly source: HistoryFolders;
  /** Null: all. */
  readonly tags: readonly string[] | null;
  readonly fromUs: number;
  readonly toUs: number;
  /** It must not exist. */
  readonly file: string;
  readonly format: FileFormat;
  /** Whether there is a cold tier to be asked for what the store has given up. */
  readonly cold?: boolean;
  /** Memory for what the log holds beyond the files; what does not fit is left out. As for all readers if left out. */
  readonly tailBytes?: number;
  /** What comes from both is put in order, and corrections are applied: for a day, which fits on the disk twice. */
  readonly settled?: boolean;
  /** What the cold tier has is taken from there also where the store has not given it up: it may be damaged there. */
  readonly mended?: boolean;
}

/** What a written file holds. */
export interface WrittenFile {
  readonly rows: number;
  readonly bytes: number;
  /** Spans in which samples of some tag may be missing, each once. */
  readonly gaps: readonly Gap[];
  /** First and last tag and time, µs; null: no rows, or not Parquet. */
  readonly span: { readonly tags: readonly [string, string]; readonly timesUs: readonly [number, number] } | null;
}

/** A file of samples that is written again without some. */
export interface RewriteJob {
  readonly from: string;
  /** It must not exist. */
  readonly file: string;
  readonly without: PendingErasure;
}

/** Samples of a tag out of a Parquet file. */
export interface ReadJob {
  readonly file: string;
  readonly tag: string;
  readonly fromUs: number;
  readonly toUs: number;
  readonly limit: number;
  readonly after: HistoryPlace | undefined;
  /** Names of topics by the numbers that places have. */
  readonly topics: readonly string[];
  /** Only what the store has given up; undefined: everything. */
  readonly expired?: readonly Expiry[] | undefined;
  readonly erased?: readonly PendingErasure[] | undefined;
}

/** Part of the samples; there are more of them in the file. */
export interface ReadRows {
  readonly points: PointsMessage;
  readonly more: boolean;
}

/** Answers by question. */
export interface ParquetAnswers {
  write: WrittenFile;
  /** Null: there was nothing of it, no file was written. */
  rewrite: Pick<WrittenFile, 'rows' | 'bytes' | 'span'> | null;
  read: ReadRows;
}

/** What the process is asked. */
export type ParquetQuestion =
  | { readonly ask: 'write'; readonly job: WriteJob }
  | { readonly ask: 'rewrite'; readonly job: RewriteJob }
  | { readonly ask: 'read'; readonly job: ReadJob };

/** What it is told. */
export type ParquetRequest =
  | { readonly type: 'question'; readonly id: number; readonly question: ParquetQuestion }
  | { readonly type: 'cold'; readonly id: number; readonly cold: ColdReply };

/** What it tells. */
export type ParquetNotice =
  | { readonly type: 'answer'; readonly id: number; readonly answer: ParquetAnswers[keyof ParquetAnswers] }
  | { readonly type: 'refusal'; readonly id: number; readonly fault: FaultMessage }
  /** It waits for what the cold tier has of a span. */
  | { readonly type: 'cold'; readonly id: number; readonly span: ColdSpan }
  /** Samples written so far. */
  | { readonly type: 'progress'; readonly id: number; readonly samples: number };
