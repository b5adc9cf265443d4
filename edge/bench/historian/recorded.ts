import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { SECOND_MS, type DataSet, type Tag } from './data.ts';
import { Rows } from './rows.ts';

/** Recorded sets that are not data of ours: measured where they lie, left out where they do not. */
const SETS = [
  { name: 'skab', folders: ['skab/anomaly-free', 'skab/other', 'skab/valve1'], separator: ';' },
  { name: 'ims', folders: ['ims-bearing-features'], separator: ',' },
] as const;

/** Columns of SKAB that people wrote, not sensors. */
const NO_SIGNALS = new Set(['anomaly', 'changepoint']);

/** Where recorded data lies: `MILLRACE_TEST_DATA`, else beside the project. */
function recordedFolder(): string {
  const named = process.env['MILLRACE_TEST_DATA'] ?? '';
  return named === '' ? path.join(import.meta.dirname, '..', '..', '..', '..', 'shared', 'data') : path.resolve(named);
}

/** SKAB (one row a second, eight sensors) and the features of IMS (a row every five or ten minutes), as far as they are there. */
export function recordedSets(folder: string = recordedFolder()): DataSet[] {
  return SETS.flatMap(({ name, folders, separator }) => {
    const there = folders.map((each) => path.join(folder, each)).filter((each) => existsSync(each));
    const files = there.flatMap((each) => readdirSync(each).map((file) => path.join(each, file)));
    const tables = files
      .filter((file) => file.endsWith('.csv'))
      .toSorted()
      .map((file) => readTable(file, separator));
    return tables.length === 0 ? [] : [setOf(name, tables)];
  });
}

/** One file: a column of times, and one for each signal. */
interface Table {
  readonly name: string;
  readonly signals: readonly string[];
  /** Ordered by time; each once. */
  readonly rows: readonly { readonly timeMs: number; readonly values: readonly number[] }[];
}

function readTable(file: string, separator: string): Table {
  const [head = '', ...lines] = readFileSync(file, 'utf8').trim().split('\n');
  const columns = head.trim().split(separator).slice(1);
  const places = columns.flatMap((column, i) => (NO_SIGNALS.has(column) ? [] : [i]));
  const rows = lines.map((line) => {
    const [time = '', ...values] = line.trim().split(separator);
    return {
      timeMs: Date.parse(`${time.replace(' ', 'T')}Z`),
      values: places.map((i) => Number(values[i])),
    };
  });
  const name = path.basename(file, '.csv');
  const ordered = rows.toSorted((a, b) => a.timeMs - b.timeMs);
  // Systems that keep one value of a time would lose the others: the set is the same for all.
  const once = ordered.filter(({ timeMs }, i) => timeMs !== ordered[i - 1]?.timeMs);
  return {
    name: `${path.basename(path.dirname(file))}/${name}`,
    signals: places.map((i) => columns[i] ?? ''),
    rows: once,
  };
}

function setOf(name: string, tables: readonly Table[]): DataSet {
  const tags = tables.flatMap((table) =>
    table.signals.map((signal): Tag => {
      const segment = signal.replaceAll(/[^A-Za-z0-9]+/g, '_');
      return { path: `bench/${name}/${table.name}/${segment}`, class: name, type: 'double' };
    }),
  );
  const times = tables.flatMap(({ rows }) => rows.map(({ timeMs }) => timeMs));
  const fromMs = times.reduce((low, time) => Math.min(low, time), Number.POSITIVE_INFINITY);
  const lastMs = times.reduce((high, time) => Math.max(high, time), Number.NEGATIVE_INFINITY);
  return { name, tags, fromMs, toMs: lastMs + SECOND_MS, lateMs: 0, rows: () => rowsOf(tables) };
}

/** By time, as devices would bring them: a system may take nothing that is older than what it has. */
function* rowsOf(tables: readonly Table[]): Generator<Rows, undefined> {
  const out = new Rows();
  let tags = 0;
  const all = tables.flatMap(({ rows, signals }) => {
    const firstTag = tags;
    tags += signals.length;
    return rows.map((row) => ({ ...row, firstTag }));
  });
  for (const { timeMs, values, firstTag } of all.toSorted((a, b) => a.timeMs - b.timeMs))
    for (const [i, value] of values.entries()) {
      if (!out.add(firstTag + i, timeMs, value, 0)) continue;
      yield out;
      out.count = 0;
    }
  if (out.count > 0) yield out;
  return undefined;
}
