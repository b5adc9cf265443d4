import {
  type DuckDBConnection,
  DuckDBInstance,
  DuckDBTimestampTZValue,
  type DuckDBType,
  type DuckDBValue,
  StatementType,
} from '@duckdb/node-api';
import { Fault } from '../../edge/core/fault.ts';
import { MAX_TIME_US } from '../../edge/core/sample.ts';
import { SAMPLES_FUNCTION } from '../duckdb/samples-table.ts';
import { type SampleBounds, StoreTables } from '../duckdb/store-tables.ts';
import { openReadOnly, type ReadOnlyHistory } from '../open-read-only.ts';
import { coldSelect, quoted, withoutReplaced } from '../parquet/cold-rows.ts';
import type { ColdSource } from '../parquet/engine.ts';
import type { SqlColumn, SqlJob } from './messages.ts';
import { scansIn } from './plan.ts';
import { saidFault } from './said.ts';
import type { Selection } from './selection.ts';

/** Nothing outside of the tables: no files, no network, no extensions; and no way to change that (`lock_configuration`). */
const LOCKED: Readonly<Record<string, string>> = {
  // Before external access is off: then it can no longer be set.
  temp_directory: '',
  autoinstall_known_extensions: 'false',
  autoload_known_extensions: 'false',
  allow_community_extensions: 'false',
  allow_persistent_secrets: 'false',
};

const PARQUET = 'FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, USE_TMP_FILE false';

/** The first word behind blanks and comments. */
const VERB = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[^]*?\*\/)*([a-z]+)/i;
/** What does not ask. */
const ORDERS: ReadonlySet<string> = new Set([
  'INSERT',
  'UPDATE',
  'DELETE',
  'MERGE',
  'TRUNCATE',
  'CREATE',
  'ALTER',
  'DROP',
  'PRAGMA',
  'CALL',
  'USE',
  'EXECUTE',
]);

const VIEWS = { samples: SAMPLES_FUNCTION, tags: 'millrace_tags', events: 'millrace_events' };

/** A row as DuckDB has it. */
export interface Row {
  readonly cells: readonly DuckDBValue[];
  /** Of its columns. */
  readonly types: readonly DuckDBType[];
}

/** What is asked, and what it may take. */
export type AskJob = Pick<SqlJob, 'source' | 'sql' | 'memoryBytes' | 'threads'> &
  Partial<Pick<SqlJob, 'coldFolder' | 'parquetFile'>>;

/** One question, asked. */
export interface Asked {
  readonly columns: readonly SqlColumn[];
  readonly types: readonly DuckDBType[];
  /** Up to 2,048 rows; null: these were all. */
  next(): Promise<Row['cells'][] | null>;
  /** Writes the rows into a Parquet file instead, at most so many, and returns how many these were. */
  write(file: string, maxRows: number): Promise<number>;
  /** Spans in which samples may be missing from what was read so far. */
  gaps(): number;
  close(): void;
}

/** Asks one question of the history, in this process; `cold` gives what a cold tier has of what the store has given up. Throws `sql-refused`, `sql-invalid`, `sql-limit`, and what the historian throws. */
export async function ask(job: AskJob, cold?: ColdSource): Promise<Asked> {
  DuckDBTimestampTZValue.timezoneOffsetInMinutes = 0;
  const history = openReadOnly(job.source);
  const tables = new StoreTables(history, job.source.logFolder);
  const instance = await DuckDBInstance.create(':memory:', settingsOf(job));
  const connection = await instance.connect();
  const close = (): void => {
    connection.closeSync();
    instance.closeSync();
    history.close();
  };
  try {
    await prepare(connection, tables, job);
    await check(connection, job.sql);
    // One transaction: `now()` is the same in the plan and in the answer.
    await connection.run('BEGIN');
    tables.bounds = await boundsOf(connection, job.sql);
    if (cold !== undefined) await addCold(connection, tables, history, cold);
    return await asked(connection, tables, job, close);
  } catch (error) {
    close();
    throw faultOf(error, tables, job.sql);
  }
}

function settingsOf({ memoryBytes, threads }: AskJob): Record<string, string> {
  return { ...LOCKED, memory_limit: `${memoryBytes}B`, threads: String(threads) };
}

/** Puts what the store has given up and the question may need beside what it has. */
async function addCold(
  connection: DuckDBConnection,
  tables: StoreTables,
  history: ReadOnlyHistory,
  cold: ColdSource,
): Promise<void> {
  const { fromUs, toUs, wants } = tables.bounds;
  const { expired } = history.opened.parts.hiding;
  const untilUs = Math.min(toUs, Math.max(Number.NEGATIVE_INFINITY, ...expired.map(({ beforeUs }) => beforeUs)));
  if (wants.length === 0 || fromUs >= untilUs) return;
  const files = await cold({ fromUs, toUs: untilUs });
  tables.tier = files;
  const rows = coldSelect(files, expired);
  if (rows === undefined) return;
  await connection.run(
    `CREATE OR REPLACE VIEW samples AS SELECT * FROM ${SAMPLES_FUNCTION}() UNION ALL SELECT * FROM (${tables.hasCorrections ? withoutReplaced(rows) : rows})`,
  );
}

async function prepare(
  connection: DuckDBConnection,
  tables: StoreTables,
  { coldFolder, parquetFile }: AskJob,
): Promise<void> {
  for (const table of tables.functions()) connection.registerTableFunction(table);
  for (const [view, table] of Object.entries(VIEWS))
    await connection.run(`CREATE VIEW ${view} AS SELECT * FROM ${table}()`);
  await connection.run(`SET TimeZone = 'UTC'`);
  await connection.run('SET errors_as_json = true');
  if (coldFolder !== undefined) await connection.run(`SET allowed_directories = [${quoted(`${coldFolder}/`)}]`);
  if (parquetFile !== undefined) await connection.run(`SET allowed_paths = [${quoted(parquetFile)}]`);
  await connection.run('SET enable_external_access = false');
  await connection.run('SET lock_configuration = true');
}

/** One statement, and one that asks. */
async function check(connection: DuckDBConnection, sql: string): Promise<void> {
  const statements = await connection.extractStatements(sql);
  if (statements.count !== 1) throw new Fault('sql-refused', `${statements.count} statements.`);
  // DuckDB makes questions of some orders, and others cannot even be prepared here.
  const verb = VERB.exec(sql)?.[1]?.toUpperCase() ?? '';
  if (ORDERS.has(verb)) throw new Fault('sql-refused', `A statement of type ${verb}.`);
  const statement = await statements.prepare(0);
  const { statementType, parameterCount } = statement;
  statement.destroySync();
  if (statementType !== StatementType.SELECT)
    throw new Fault('sql-refused', `A statement of type ${StatementType[statementType]}.`);
  if (parameterCount > 0) throw new Fault('sql-invalid', 'Parameters have no values here.');
}

async function boundsOf(connection: DuckDBConnection, sql: string): Promise<SampleBounds> {
  const plan = await connection.runAndReadAll(`EXPLAIN (FORMAT JSON) ${sql}`);
  const scans = scansIn(String(plan.getRows()[0]?.[1]));
  const times = await timesOf(connection, scans);
  const us = (literals: readonly string[]): number[] => literals.map((literal) => times.get(literal) ?? 0);
  // Of one scan all conditions hold; the scans together need what any of them needs.
  const froms = scans.map(({ from }) => Math.max(-MAX_TIME_US, ...us(from)));
  const tos = scans.map(({ to }) => Math.min(MAX_TIME_US, ...us(to)));
  const named = scans.every(({ tags }) => tags !== null);
  const tags = named ? [...new Set(scans.flatMap((scan) => [...(scan.tags ?? [])]))] : null;
  return {
    tags,
    wants: scans.map((scan) => (tag) => scan.tags?.has(tag) ?? tag.startsWith(scan.prefix)),
    fromUs: Math.min(...froms),
    toUs: Math.max(...tos) + 1,
  };
}

/** The literals of times in µs, as DuckDB itself reads them. */
async function timesOf(connection: DuckDBConnection, scans: readonly Selection[]): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  for (const literal of new Set(scans.flatMap(({ from, to }) => [...from, ...to]))) {
    const read = await connection.runAndReadAll('SELECT epoch_us(CAST($1 AS TIMESTAMPTZ))', [literal]);
    times.set(literal, Number(read.getRows()[0]?.[0]));
  }
  return times;
}

async function asked(
  connection: DuckDBConnection,
  tables: StoreTables,
  { sql, parquetFile }: AskJob,
  close: () => void,
): Promise<Asked> {
  // Of a file only the columns are wanted beforehand.
  const result = await connection.stream(parquetFile === undefined ? sql : emptyOf(sql));
  const types = result.columnTypes();
  const failed = (error: unknown): never => {
    throw faultOf(error, tables, sql);
  };
  return {
    columns: result.columnNames().map((name, i) => ({ name, type: String(types[i]) })),
    types,
    async next() {
      const chunk = await result.fetchChunk().catch(failed);
      return chunk === null || chunk.rowCount === 0 ? null : chunk.getRows();
    },
    async write(file, maxRows) {
      const limit = Number.isFinite(maxRows) ? ` LIMIT ${maxRows}` : '';
      const copy = `COPY (SELECT * FROM query(${quoted(sql)})${limit}) TO ${quoted(file)} (${PARQUET})`;
      const reader = await connection.runAndReadAll(copy).catch((error: unknown) => {
        const fault = faultOf(error, tables, sql);
        const isOfFile = fault.code === 'sql-invalid' && fault.detail.includes(file);
        throw isOfFile ? new Fault('file-unwritable', fault.detail, { cause: error }) : fault;
      });
      return Number(reader.getRows()[0]?.[0]);
    },
    gaps: () => tables.gaps + tables.tier.gaps.length,
    close,
  };
}

/** The question without its rows. */
function emptyOf(sql: string): string {
  return `SELECT * FROM query(${quoted(sql)}) LIMIT 0`;
}

/** Why a question could not be answered. */
function faultOf(error: unknown, tables: StoreTables, sql: string): Fault {
  return tables.failure instanceof Fault ? tables.failure : saidFault(error, sql);
}
