import { statSync } from 'node:fs';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { Fault, messageOf } from '../../edge/core/fault.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { SAMPLES_FUNCTION } from '../duckdb/samples-table.ts';
import { StoreTables } from '../duckdb/store-tables.ts';
import type { Gap } from '../reading/gap.ts';
import type { HistoryPage } from '../queries/history.ts';
import { gapsBeside } from '../reading/lacking.ts';
import { MAX_GAPS } from '../limits.ts';
import { openReadOnly, type ReadOnlyHistory } from '../open-read-only.ts';
import {
  type ColdFiles,
  coldSelect,
  type ColdSpan,
  filesSql,
  once,
  quoted,
  settled,
  spanSql,
  withoutReplaced,
} from './cold-rows.ts';
import { copyOptions, selectFor } from './columns.ts';
import { SETTINGS } from './duckdb-settings.ts';
import type { WriteJob, WrittenFile } from './messages.ts';

const PROGRESS_MS = 250;
/** What the cold tier has of a span; it lies on the local disk until the work is done. */
export type ColdSource = (span: ColdSpan) => Promise<ColdFiles>;

/**
 * Writes samples into a file, in the order of the store: by tag, then time. What the store has given up comes out of the cold tier, if there is one, and stands first, day by day. Throws what the
 * historian throws, `file-unwritable`, `data-unreadable`, `tier-unreadable`.
 */
export async function writeSamples(
  job: WriteJob,
  onProgress: (samples: number) => void,
  cold?: ColdSource,
): Promise<WrittenFile> {
  const { source, tags, fromUs, toUs, file, format, tailBytes } = job;
  const tail = tailBytes === undefined ? {} : { memoryBytes: tailBytes };
  const history = openReadOnly({ ...source, ...tail });
  const seen = new Seen();
  const tables = new StoreTables(history, source.logFolder, (page) => seen.add(page));
  tables.bounds = { tags: tags === null ? null : [...new Set(tags)], wants: [() => true], fromUs, toUs };
  const progress = setInterval(() => onProgress(seen.samples), PROGRESS_MS);
  let coldFiles: readonly string[] = [];
  try {
    const colder = await coldPart(job, history, cold);
    coldFiles = colder?.files.files ?? [];
    return await withDuckdb(async (connection) => {
      for (const table of tables.functions()) connection.registerTableFunction(table);
      const stored = `SELECT * FROM ${SAMPLES_FUNCTION}()`;
      // Who puts the rows in order does it by what is in them.
      const isLate = colder !== undefined && job.settled !== true && tables.hasCorrections;
      const first = isLate ? withoutReplaced(colder.rows) : colder?.rows;
      const both = first === undefined ? stored : `${first} UNION ALL ${stored}`;
      const all = job.mended === true ? once(both) : both;
      const ordered = colder !== undefined && job.settled === true ? settled(all) : all;
      const select = `SELECT ${selectFor(format)} FROM (${ordered})`;
      // What is put in order need not fit into memory.
      if (ordered !== all) await connection.run(`SET temp_directory = ${quoted(`${file}.sorting`)}`);
      const copy = async (signedZeros: boolean): Promise<number> => {
        const copied = await connection.runAndReadAll(
          `COPY (${select}) TO ${quoted(file)} (${copyOptions(format, signedZeros)})`,
        );
        return Number(copied.getRows()[0]?.[0]);
      };
      // What comes from the tier is not looked at on its way.
      const mayHaveZero = colder !== undefined;
      let rows = await copy(format === 'parquet' && mayHaveZero);
      const { gaps: ofDays = [], beginUs = Number.POSITIVE_INFINITY } = colder?.files ?? {};
      const gaps = [...[...seen.gaps.values()].flatMap((gap) => gapsBeside(gap, beginUs)), ...ofDays];
      // Rare: nobody measures -0, but it is computed.
      if (format === 'parquet' && seen.negativeZero && !mayHaveZero) {
        clearInterval(progress);
        rows = await copy(true);
      }
      const span = format === 'parquet' ? await spanOf(connection, file) : null;
      return { rows, bytes: statSync(file).size, gaps, span };
    });
  } catch (error) {
    if (tables.failure instanceof Fault) throw tables.failure;
    if (error instanceof Fault) throw error;
    await readWhole(coldFiles);
    throw new Fault('file-unwritable', messageOf(error), { cause: error });
  } finally {
    clearInterval(progress);
    history.close();
  }
}

/** Reads all of some day files: an error of what was written out of them does not say which of both failed. Throws `tier-unreadable`. */
export async function readWhole(files: readonly string[]): Promise<void> {
  for (const file of files)
    await withDuckdb(async (connection) => {
      try {
        await connection.run(`SELECT bit_xor(hash(days)) FROM ${filesSql([file])} days`);
      } catch (error) {
        throw unreadable(file, error);
      }
    });
}

/** What DuckDB says of a file that it cannot read; the statement behind it is ours and says nothing to others. */
export function unreadable(file: string, error: unknown): Fault {
  const [said = ''] = messageOf(error).split('\n', 1);
  return new Fault('tier-unreadable', `${file}: ${said}`, { cause: error });
}

/** The rows that the store has given up and the cold tier has, as SQL; undefined: none. */
async function coldPart(
  { cold: hasTier, tags, fromUs, toUs, mended }: WriteJob,
  history: ReadOnlyHistory,
  cold: ColdSource | undefined,
): Promise<{ readonly rows: string; readonly files: ColdFiles } | undefined> {
  const { expired } = history.opened.parts.hiding;
  const expiredUs = Math.max(Number.NEGATIVE_INFINITY, ...expired.map(({ beforeUs }) => beforeUs));
  const untilUs = mended === true ? toUs : Math.min(toUs, expiredUs);
  if (hasTier !== true || cold === undefined || fromUs >= untilUs) return undefined;
  const files = await cold({ fromUs, toUs: untilUs });
  const rows = coldSelect(files, mended === true ? null : expired) ?? `SELECT * FROM ${SAMPLES_FUNCTION}() WHERE false`;
  const names = tags?.length === 0 ? ' AND false' : ` AND tag IN (${tags?.map(quoted).join(', ')})`;
  return { rows: `SELECT * FROM (${rows}) WHERE ${spanSql(fromUs, toUs)}${tags === null ? '' : names}`, files };
}

/** What was read. */
class Seen {
  samples = 0;
  negativeZero = false;
  /** By what they say: those of the log come with each page of each tag. */
  readonly gaps = new Map<string, Gap>();

  add({ points, gaps }: HistoryPage): void {
    const { count, kinds, words } = points;
    this.samples += count;
    for (const gap of gaps) this.addGap({ ...gap, samples: null });
    for (let i = 0; i < count; i++) {
      if (words[i * 2 + 1] !== 0x80000000 || words[i * 2] !== 0) continue;
      if (kinds[i] === ValueKind.double || kinds[i] === ValueKind.float) this.negativeZero = true;
    }
  }

  /** Beyond the bound the last one covers what comes. */
  private addGap(gap: Gap): void {
    const text = JSON.stringify(gap);
    if (this.gaps.has(text)) return;
    const last = [...this.gaps].at(-1);
    if (this.gaps.size < MAX_GAPS || last === undefined) return void this.gaps.set(text, gap);
    const [name, before] = last;
    const fromUs = Math.min(before.fromUs, gap.fromUs);
    this.gaps.set(name, { ...before, fromUs, toUs: Math.max(before.toUs, gap.toUs), detail: 'Several gaps.' });
  }
}

/** First and last tag and time of a file. */
export async function spanOf(connection: DuckDBConnection, file: string): Promise<WrittenFile['span']> {
  const sql = `SELECT min(tag), max(tag), epoch_us(min(time)), epoch_us(max(time)) FROM read_parquet(${quoted(file)})`;
  const [first, last, from, to] = (await connection.runAndReadAll(sql)).getRows()[0] ?? [];
  return typeof first === 'string' && typeof last === 'string'
    ? { tags: [first, last], timesUs: [Number(from), Number(to)] }
    : null;
}

/** A DuckDB that may read and write files: what it is told is ours. */
export async function openDuckdb(): Promise<{ connection: DuckDBConnection; close: () => void }> {
  const instance = await DuckDBInstance.create(':memory:', SETTINGS);
  const connection = await instance.connect();
  await connection.run(`SET TimeZone = 'UTC'`);
  const close = (): void => {
    connection.closeSync();
    instance.closeSync();
  };
  return { connection, close };
}

/** Does something with a DuckDB of its own. */
export async function withDuckdb<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const { connection, close } = await openDuckdb();
  try {
    return await work(connection);
  } finally {
    close();
  }
}
