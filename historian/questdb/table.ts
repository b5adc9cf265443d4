import { Fault } from '../../edge/core/fault.ts';
import { type QuestdbHttp, quoted } from './http.ts';
import { END_TIME_US, FIRST_TIME_US } from './limits.ts';

/** A column as QuestDB names its type. */
export interface ColumnForm {
  readonly name: string;
  readonly type: string;
  /** As it stands in CREATE TABLE, where that is more than the type. */
  readonly declared?: string;
  readonly key?: boolean;
}

/**
 * The one narrow table of samples. Rows of 78 bytes. What stands where, and why:
 * - `ts` is the effective time. `offset` is the place in `topic` of the log whose epoch is `epoch` (after a restore offsets repeat under a new epoch): together with the tag the keys by
 *   which the same row sent again is one row, and two values at one time are two.
 * - `value` is the number as a double (booleans 0 and 1), NULL where there is none. `text` holds what is no double: strings as they are, 64-bit integers that a double would round in
 *   decimal digits, `NaN`, `Infinity` and `-Infinity` (a DOUBLE of them would be NULL), bytes and arrays in base64 (arrays as in FORMAT.md, "Array"). `kind` says which of them it is (`ValueKind`), -1 that it was erased.
 * - `quality` is a LONG: the StatusCode is unsigned, and the INT that Bad (0x80000000) would be is QuestDB's NULL.
 */
const SAMPLE_COLUMNS: readonly ColumnForm[] = [
  { name: 'ts', type: 'TIMESTAMP', key: true },
  { name: 'tag', type: 'SYMBOL', declared: 'SYMBOL CAPACITY 262144 CACHE', key: true },
  { name: 'value', type: 'DOUBLE' },
  { name: 'text', type: 'VARCHAR' },
  { name: 'kind', type: 'BYTE' },
  { name: 'quality', type: 'LONG' },
  { name: 'flags', type: 'INT' },
  { name: 'device_time', type: 'TIMESTAMP' },
  { name: 'server_time', type: 'TIMESTAMP' },
  { name: 'topic', type: 'SYMBOL', declared: 'SYMBOL CAPACITY 256 CACHE', key: true },
  { name: 'epoch', type: 'INT', key: true },
  { name: 'offset', type: 'LONG', key: true },
];

/** Records of the log that are not to be had, so that who reads QuestDB sees the gap: offsets `offset` to `last` of a topic, whose records came between `ts` and `until`. */
const GAP_COLUMNS: readonly ColumnForm[] = [
  { name: 'ts', type: 'TIMESTAMP', key: true },
  { name: 'topic', type: 'SYMBOL', declared: 'SYMBOL CAPACITY 256 CACHE', key: true },
  { name: 'epoch', type: 'INT', key: true },
  { name: 'offset', type: 'LONG', key: true },
  { name: 'last', type: 'LONG' },
  { name: 'until', type: 'TIMESTAMP' },
  { name: 'reason', type: 'VARCHAR' },
];

/** The tables that belong together. */
export interface TableNames {
  readonly samples: string;
  readonly gaps: string;
}

/** Names beside the table of samples. Throws `config-invalid` where it is no plain name: it stands in SQL as it is. */
export function tableNames(samples: string): TableNames {
  if (!/^[a-z][a-z0-9_]{0,99}$/.test(samples))
    throw new Fault('config-invalid', `${samples} cannot be the name of a table: lower-case letters, digits and _.`);
  return { samples, gaps: `${samples}_gaps` };
}

/** Makes the tables where they are missing and checks the form of those that are there. Throws `questdb-table-unfit`; and what the server refuses. */
export async function prepareTables(db: QuestdbHttp, names: TableNames): Promise<void> {
  await prepareTable(db, names.samples, SAMPLE_COLUMNS, 'DAY');
  await prepareTable(db, names.gaps, GAP_COLUMNS, 'MONTH');
}

/** Makes a table where it is missing, with its designated timestamp `ts` and partitions of this length, and checks the form of one that is there. Throws as `prepareTables`. */
export async function prepareTable(
  db: QuestdbHttp,
  table: string,
  columns: readonly ColumnForm[],
  part: 'DAY' | 'MONTH' | 'YEAR',
): Promise<void> {
  const declared = columns.map(({ name, type, declared: more }) => `"${name}" ${more ?? type}`);
  const keys = columns.flatMap(({ name, key }) => (key === true ? [`"${name}"`] : []));
  await db.exec(
    `CREATE TABLE IF NOT EXISTS ${table} (${declared.join(', ')}) TIMESTAMP(ts) PARTITION BY ${part} WAL ` +
      `DEDUP UPSERT KEYS(${keys.join(', ')})`,
  );
  await checkForm(db, table, columns);
}

/** Columns that came with a later version are added; what differs otherwise is the decision of a person. Columns of others are left alone. */
async function checkForm(db: QuestdbHttp, table: string, columns: readonly ColumnForm[]): Promise<void> {
  const { rows } = await db.exec(`SELECT "column", type, designated, upsertKey FROM table_columns(${quoted(table)})`);
  const found = new Map(
    rows.map(([name, type, designated, key]) => [name, { type: String(type), designated, key }] as const),
  );
  const wrong: string[] = [];
  const missing: ColumnForm[] = [];
  for (const each of columns) {
    const { name, type, key } = each;
    const column = found.get(name);
    if (column === undefined && key !== true) missing.push(each);
    else if (column?.type !== type)
      wrong.push(`${name} is ${column === undefined ? 'missing' : column.type} instead of ${type}`);
    if (name === 'ts' && column?.designated !== true) wrong.push('ts is not its designated timestamp');
  }
  const keys = [...found].flatMap(([name, { key }]) => (key === true ? [String(name)] : [])).toSorted();
  const wanted = columns.flatMap(({ name, key }) => (key === true ? [name] : [])).toSorted();
  if (keys.join() !== wanted.join())
    wrong.push(`rows are told apart by (${keys.join(', ')}) instead of (${wanted.join(', ')})`);
  // A table of others is left as it is.
  if (wrong.length > 0) throw new Fault('questdb-table-unfit', `${table}: ${wrong.join('; ')}.`);
  for (const { name, type } of missing) await db.exec(`ALTER TABLE ${table} ADD COLUMN "${name}" ${type}`);
}

/** A time as the table can have it: a whole µs within its times, so that it can stand in SQL. */
export function tableTime(timeUs: number): number {
  return Math.min(Math.max(Math.ceil(timeUs), FIRST_TIME_US), END_TIME_US);
}

/** How far the log of a table (its WAL) is applied. */
export interface WalState {
  /** Changes when the table is dropped and created anew. */
  readonly identity: string;
  readonly suspended: boolean;
  /** Last transaction that can be seen. */
  readonly applied: number;
  /** Last transaction that was accepted. */
  readonly committed: number;
  readonly errorTag: string;
  readonly errorMessage: string;
}

/** Asks for the state of both tables. Throws `questdb-table-unfit` if one is not there. */
export async function walStates(db: QuestdbHttp, names: TableNames): Promise<{ samples: WalState; gaps: WalState }> {
  const rows = await walRows(db, [names.samples, names.gaps]);
  return { samples: stateOf(rows, names.samples), gaps: stateOf(rows, names.gaps) };
}

/** The same of one table. */
export async function walState(db: QuestdbHttp, table: string): Promise<WalState> {
  return stateOf(await walRows(db, [table]), table);
}

async function walRows(db: QuestdbHttp, tables: readonly string[]): Promise<readonly (readonly unknown[])[]> {
  const { rows } = await db.exec(
    'SELECT w.name, t.id, t.directoryName, w.suspended, w.writerTxn, w.sequencerTxn, w.errorTag, w.errorMessage ' +
      `FROM wal_tables() w JOIN tables() t ON t.table_name = w.name WHERE w.name IN (${tables.map(quoted).join(', ')})`,
  );
  return rows;
}

function stateOf(rows: readonly (readonly unknown[])[], table: string): WalState {
  const row = rows.find(([name]) => name === table);
  if (row === undefined) throw new Fault('questdb-table-unfit', `${table} is not there, or is no WAL table.`);
  const [, id, directory, isSuspended, writer, sequencer, errorTag, errorMessage] = row;
  return {
    identity: `${String(id)}:${String(directory)}`,
    suspended: isSuspended === true,
    applied: Number(writer),
    committed: Number(sequencer),
    errorTag: typeof errorTag === 'string' ? errorTag : '',
    errorMessage: typeof errorMessage === 'string' ? errorMessage : '',
  };
}

/** Reasons for a suspension that are the machine's, not the table's: what stopped it may be gone, and RESUME WAL tries the same transaction again and drops nothing. */
const PASSING = new Set(['DISK FULL', 'OUT OF MEMORY', 'TOO MANY OPEN FILES', 'OUT OF MMAP AREAS']);
/** The same without a tag: a full heap never has one, a full disk (ENOSPC) not always. */
const PASSING_MESSAGE = /Java heap space|\[28\]|No space left/;

/**
 * Has a suspended table go on where that is safe: the failed transaction is tried again, none is skipped. A suspension of another cause, or by a person, is left and told. Throws
 * `questdb-suspended`.
 */
export async function resumeIfSafe(db: QuestdbHttp, table: string, state: WalState): Promise<void> {
  if (!state.suspended) return;
  if (!PASSING.has(state.errorTag) && !PASSING_MESSAGE.test(state.errorMessage)) throw suspended(table, state);
  await db.exec(`ALTER TABLE ${table} RESUME WAL`);
}

/** The fault for a suspended table. */
export function suspended(table: string, { errorTag, errorMessage, applied, committed }: WalState): Fault {
  const why = [errorTag, errorMessage].filter((part) => part !== '').join(': ') || 'no reason given';
  return new Fault(
    'questdb-suspended',
    `${table} (${why}): ${committed - applied} transactions wait. ALTER TABLE ${table} RESUME WAL`,
  );
}

/** Whether the server has its files on the disk before it acknowledges. */
export async function syncsFiles(db: QuestdbHttp): Promise<boolean> {
  const { rows } = await db.exec("SELECT value FROM (SHOW PARAMETERS) WHERE property_path = 'cairo.commit.mode'");
  return rows[0]?.[0] === 'sync';
}
