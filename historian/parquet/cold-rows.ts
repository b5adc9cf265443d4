import type { FaultMessage } from '../../edge/core/fault.ts';
import { Flag } from '../../edge/core/flags.ts';
import type { Gap } from '../reading/gap.ts';
import type { Expiry } from '../files/manifest.ts';
import { CORRECTIONS_FUNCTION } from '../duckdb/store-tables.ts';
import { FILE_COLUMNS } from './columns.ts';

/** Rows that are to be left out of a cold tier until they are out of its files. */
export interface PendingErasure {
  readonly tags: readonly string[];
  readonly fromUs: number;
  readonly toUs: number;
  readonly upTo: Readonly<Record<string, number>>;
}

/** What of the cold tier belongs to an answer: files of days, and what is not to be seen of them. */
export interface ColdFiles {
  /** On the local disk. */
  readonly files: readonly string[];
  readonly erased: readonly PendingErasure[];
  /** Spans in which samples may be missing from these days. */
  readonly gaps: readonly Gap[];
  /** Time from which on the tier has what expired, µs: what expired before is gone. */
  readonly beginUs: number;
}

/** A span of which the store has given up something, µs. */
export interface ColdSpan {
  readonly fromUs: number;
  readonly toUs: number;
}

/** Files of the cold tier, or why they are not to be had. */
export type ColdReply = { readonly files: ColdFiles } | { readonly fault: FaultMessage };

/** The columns of a day file as `samples` has them. */
const AS_SAMPLES: Readonly<Partial<Record<string, string>>> = {
  unsigned: 'unsigned::UBIGINT',
  quality: 'quality::UINTEGER',
  flags: 'flags::UINTEGER',
};

/**
 * SQL for the rows of day files that the store has given up (`expired`; null: for all of them), in the columns of `samples`: with those that it has they are all, and none of them is there twice.
 * Undefined: there are none.
 */
export function coldSelect({ files, erased }: ColdFiles, expired: readonly Expiry[] | null): string | undefined {
  if (files.length === 0 || expired?.length === 0) return undefined;
  const columns = Object.keys(FILE_COLUMNS).map((name) => `${AS_SAMPLES[name] ?? `"${name}"`} AS "${name}"`);
  return `SELECT ${columns.join(', ')} FROM ${filesSql(files)} WHERE ${expired === null ? 'true' : expiredSql(expired)}${notErasedSql(erased)}`;
}

/** Rows in the order of the store, without those that a correction among them has replaced. A tag lies in one topic, so that later is a greater log offset. */
export function settled(rows: string): string {
  const corrected = `max(CASE WHEN flags & ${Flag.correction} <> 0 THEN log_offset END) OVER (PARTITION BY tag, time)`;
  return `SELECT * FROM (${rows}) QUALIFY log_offset >= coalesce(${corrected}, log_offset) ORDER BY tag, time, topic, log_offset`;
}

/** Rows of the cold tier without those that a correction which the store has replaces: the tier does not know of it until its day is written again. */
export function withoutReplaced(rows: string): string {
  const late = `SELECT tag, time, max(log_offset) AS upto FROM ${CORRECTIONS_FUNCTION}() GROUP BY tag, time`;
  return `SELECT old.* FROM (${rows}) old LEFT JOIN (${late}) late ON old.tag = late.tag AND old.time = late.time WHERE late.upto IS NULL OR old.log_offset >= late.upto`;
}

/** Each sample once, of rows of which some may stand in the store and in the cold tier. */
export function once(rows: string): string {
  return `SELECT * FROM (${rows}) QUALIFY row_number() OVER (PARTITION BY topic, log_offset) = 1`;
}

/** The files as one table. */
export function filesSql(files: readonly string[]): string {
  // What a folder is named after is not in the file.
  return `read_parquet([${files.map(quoted).join(', ')}], hive_partitioning = false)`;
}

/** Which rows the store does not give any more. */
export function expiredSql(expired: readonly Expiry[]): string {
  const terms = expired.map(
    ({ topic, beforeUs, below }) =>
      `(topic = ${quoted(topic)} AND time < ${timeSql(beforeUs)} AND log_offset < ${wholeSql(below)})`,
  );
  return terms.length === 0 ? 'false' : `(${terms.join(' OR ')})`;
}

/** What stands behind a condition so that rows which were erased are left out. */
export function notErasedSql(erased: readonly PendingErasure[]): string {
  return erased.map((erasure) => ` AND NOT ${erasedSql(erasure)}`).join('');
}

/** Which rows an erasure is about. */
export function erasedSql({ tags, fromUs, toUs, upTo }: PendingErasure): string {
  const offsets = Object.entries(upTo).map(
    ([topic, below]) => `(topic = ${quoted(topic)} AND log_offset < ${wholeSql(below)})`,
  );
  if (tags.length === 0 || offsets.length === 0) return 'false';
  return `(tag IN (${tags.map(quoted).join(', ')}) AND ${spanSql(fromUs, toUs)} AND (${offsets.join(' OR ')}))`;
}

/** `fromUs` ≤ effective time < `toUs`. */
export function spanSql(fromUs: number, toUs: number): string {
  return `time >= ${timeSql(fromUs)} AND time < ${timeSql(toUs)}`;
}

function timeSql(us: number): string {
  return `make_timestamptz(${wholeSql(us)}::BIGINT)`;
}

/** Within ±2^53. */
function wholeSql(value: number): string {
  return String(Math.min(Math.max(Math.ceil(value), -Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER));
}

/** A text as a literal. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
