import type { FaultMessage } from '../../edge/core/fault.ts';
import type { HistoryFolders } from '../open-read-only.ts';
import type { ColdReply, ColdSpan } from '../parquet/cold-rows.ts';

/** A column of an answer; `type` as DuckDB names it, such as `DOUBLE` or `TIMESTAMP WITH TIME ZONE`. */
export interface SqlColumn {
  readonly name: string;
  readonly type: string;
}

/** How an answer is written. */
export type SqlFormat = 'json' | 'csv' | 'arrow';

/** What the process is given. */
export interface SqlJob {
  readonly source: HistoryFolders;
  readonly sql: string;
  readonly format: SqlFormat;
  /** Rows at most; there may be more. */
  readonly maxRows: number;
  /** Memory of DuckDB; it has no place on a disk to go beyond it. */
  readonly memoryBytes: number;
  readonly threads: number;
  /** Where files of the cold tier lie on the local disk, if there is one. */
  readonly coldFolder: string | undefined;
  /** The rows go into this file instead. */
  readonly parquetFile: string | undefined;
}

/** What the process is told: its one question, then, each time, that the piece before has been taken. */
export type SqlRequest =
  | { readonly type: 'job'; readonly job: SqlJob }
  | { readonly type: 'more' }
  | { readonly type: 'cold'; readonly cold: ColdReply };

/** What it tells. */
export type SqlNotice =
  /** It waits for what the cold tier has of a span. */
  | { readonly type: 'cold'; readonly span: ColdSpan }
  /** The answer begins. */
  | { readonly type: 'columns'; readonly columns: readonly SqlColumn[] }
  /** About 1 MiB of it at most; the next comes when it is told `more`. */
  | { readonly type: 'piece'; readonly bytes: Uint8Array }
  | { readonly type: 'end'; readonly end: SqlEnd }
  | { readonly type: 'failed'; readonly fault: FaultMessage };

/** What is known when the last row has been written. */
export interface SqlEnd {
  readonly rows: number;
  /** In how many spans samples may be missing from what was read. */
  readonly gaps: number;
  /** There are more rows than were asked for. */
  readonly more: boolean;
}
