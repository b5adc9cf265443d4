import { statSync } from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DuckDBConnection, DuckDBDataChunk, DuckDBInstance, DuckDBPreparedStatement } from '@duckdb/node-api';
import { assert } from '../../core/fault.ts';
import { readColumns, writeColumns } from './columns-file.ts';
import type { DataSet } from './data.ts';
import type { Answer, Bucket, Chart, HistorySystem, LastValues, OpenHistory, Place, Samples, Span } from './system.ts';

/** DuckDB in this process, with all cores: its own appender with whole column chunks, one wide table of samples. */
export const duckdb: HistorySystem = {
  name: 'duckdb',
  promises:
    'in its file, checkpointed and synced; lossless, quality kept; asked in this process with prepared statements, of a copy sorted by tag and time that loading does not pay for',
  tolerance: 0,
  open: (set, place) => Promise.resolve(new DuckDbHistory(set, place)),
};

/** Rows of a data chunk: DuckDB's vector size. */
const CHUNK_ROWS = 2048;
/** Tags by number: their names would cost it more. */
const COLUMNS = 'time_ms BIGINT, value DOUBLE, tag UINTEGER, quality UINTEGER';
const SPAN = 'time_ms >= $from AND time_ms < $to';
/** Rows come in the order in which they were put in, by time; to ask for it makes it a third slower. */
const RAW = `SELECT time_ms::DOUBLE, value, quality FROM samples WHERE tag = $tag AND ${SPAN}`;
const AGGREGATES =
  'count(*)::DOUBLE, avg(value), min(value), max(value), arg_min(value, time_ms), arg_max(value, time_ms)';
const BUCKET = '((time_ms - $from) // $width)::DOUBLE';
const CHART = `SELECT tag, ${BUCKET} AS bucket, ${AGGREGATES} FROM samples WHERE tag = $tag AND ${SPAN} GROUP BY tag, bucket ORDER BY bucket`;
const CHARTS = (tags: readonly number[]): string =>
  `SELECT tag, ${BUCKET} AS bucket, ${AGGREGATES} FROM samples WHERE tag IN (${tags.join(', ')}) AND ${SPAN} GROUP BY tag, bucket ORDER BY tag, bucket`;
const LATEST = 'SELECT max_by(value, time_ms) FROM samples GROUP BY tag';

class DuckDbHistory implements OpenHistory {
  private readonly set: DataSet;
  private readonly place: Place;
  private instance: DuckDBInstance | undefined;
  private connection: DuckDBConnection | undefined;
  /** By their text: to plan a question again takes it longer than to answer it. */
  private readonly statements = new Map<string, DuckDBPreparedStatement>();

  constructor(set: DataSet, place: Place) {
    this.set = set;
    this.place = place;
  }

  prepare(): Promise<void> {
    return writeColumns(this.file('columns'), this.set, this.place.signal);
  }

  async load(): Promise<void> {
    await this.connect('arrived.duckdb');
    await this.run(`CREATE TABLE samples (${COLUMNS})`);
    const { BIGINT, DOUBLE, UINTEGER, DuckDBDataChunk: Chunk } = await import('@duckdb/node-api');
    const appender = await this.opened.createAppender('samples');
    const types = [BIGINT, DOUBLE, UINTEGER, UINTEGER];
    for (const { count, timesMs, values, tags, qualities } of readColumns(this.file('columns'))) {
      for (let start = 0; start < count; start += CHUNK_ROWS) {
        const end = Math.min(count, start + CHUNK_ROWS);
        const chunk = Chunk.create(types, end - start);
        for (const [i, column] of [timesMs, values, tags, qualities].entries())
          fill(chunk, i, column.subarray(start, end));
        appender.appendDataChunk(chunk);
      }
      await nextTurn();
      this.place.signal.throwIfAborted();
    }
    appender.closeSync();
    await this.run('CHECKPOINT');
  }

  /** Into another file, so that what the first order has left behind does not count. */
  async settle(): Promise<void> {
    await this.run(`ATTACH '${this.file('sorted.duckdb')}' AS sorted`);
    await this.run('CREATE TABLE sorted.samples AS SELECT * FROM samples ORDER BY tag, time_ms');
    await this.run('CHECKPOINT sorted');
    await this.restart();
  }

  cpuSeconds(): number {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }

  async points(): Promise<number> {
    const [chunk] = await this.ask('SELECT count(*)::DOUBLE FROM samples', {});
    return chunk === undefined ? 0 : (numbersOf(chunk, 0)[0] ?? 0);
  }

  bytes(): Promise<number> {
    return Promise.resolve(statSync(this.file('sorted.duckdb')).size);
  }

  async restart(): Promise<boolean> {
    await this.connect('sorted.duckdb');
    return true;
  }

  async raw(tag: number, { fromMs, toMs }: Span): Promise<Answer<Samples>> {
    const chunks = await this.ask(RAW, { tag, from: BigInt(fromMs), to: BigInt(toMs) });
    return () => ({ timesMs: joined(chunks, 0), values: joined(chunks, 1) });
  }

  async chart(tag: number, chart: Chart): Promise<Answer<readonly Bucket[]>> {
    const chunks = await this.ask(CHART, { tag, ...bounds(chart) });
    return () => bucketsOf(chunks, chart).map(({ bucket }) => bucket);
  }

  async charts(tags: readonly number[], chart: Chart): Promise<Answer<readonly (readonly Bucket[])[]>> {
    const chunks = await this.ask(CHARTS(tags), bounds(chart));
    return () => {
      const all = Map.groupBy(bucketsOf(chunks, chart), ({ tag }) => tag);
      return tags.map((tag) => (all.get(tag) ?? []).map(({ bucket }) => bucket));
    };
  }

  async latest(): Promise<Answer<LastValues>> {
    const chunks = await this.ask(LATEST, {});
    return () => {
      const values = joined(chunks, 0);
      return { tags: values.length, sum: values.reduce((sum, value) => sum + value, 0) };
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.disconnect();
    return Promise.resolve();
  }

  private get opened(): DuckDBConnection {
    assert(this.connection !== undefined, 'the database is open');
    return this.connection;
  }

  private file(name: string): string {
    return path.join(this.place.folder, name);
  }

  private async connect(name: string): Promise<void> {
    this.disconnect();
    // A native library: not for every command.
    const { DuckDBInstance: Instance } = await import('@duckdb/node-api');
    this.instance = await Instance.create(this.file(name));
    this.connection = await this.instance.connect();
  }

  private disconnect(): void {
    for (const statement of this.statements.values()) statement.destroySync();
    this.statements.clear();
    this.connection?.closeSync();
    this.instance?.closeSync();
    this.connection = undefined;
    this.instance = undefined;
  }

  private async run(sql: string): Promise<void> {
    await this.opened.run(sql);
  }

  /** All chunks of an answer: columns in the memory of this process. */
  private async ask(sql: string, values: Record<string, number | bigint>): Promise<DuckDBDataChunk[]> {
    const statement = this.statements.get(sql) ?? (await this.opened.prepare(sql));
    this.statements.set(sql, statement);
    statement.bind(values);
    const result = await statement.run();
    return result.fetchAllChunks();
  }
}

function bounds({ fromMs, toMs, widthMs }: Chart): { from: bigint; to: bigint; width: bigint } {
  return { from: BigInt(fromMs), to: BigInt(toMs), width: BigInt(widthMs) };
}

/** Columns of fixed width lie in memory that the vector shows. */
interface Column {
  readonly items: { set(values: ArrayLike<number> | ArrayLike<bigint>): void };
}

function fill(chunk: DuckDBDataChunk, column: number, values: ArrayLike<number> | ArrayLike<bigint>): void {
  const vector = chunk.getColumnVector(column);
  (vector as unknown as Column).items.set(values);
  vector.flush();
}

function numbersOf(chunk: DuckDBDataChunk, column: number): ArrayLike<number> {
  return (chunk.getColumnVector(column) as unknown as { readonly items: ArrayLike<number> }).items;
}

function joined(chunks: readonly DuckDBDataChunk[], column: number): Float64Array {
  const all = new Float64Array(chunks.reduce((sum, { rowCount }) => sum + rowCount, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(numbersOf(chunk, column), at);
    at += chunk.rowCount;
  }
  return all;
}

function bucketsOf(
  chunks: readonly DuckDBDataChunk[],
  { fromMs, widthMs }: Chart,
): { readonly tag: number; readonly bucket: Bucket }[] {
  const columns = Array.from({ length: 8 }, (_, column) => joined(chunks, column));
  const at = (column: number, row: number): number => columns[column]?.[row] ?? Number.NaN;
  return Array.from({ length: columns[0]?.length ?? 0 }, (_, row) => ({
    tag: at(0, row),
    bucket: {
      fromMs: fromMs + at(1, row) * widthMs,
      count: at(2, row),
      mean: at(3, row),
      min: at(4, row),
      max: at(5, row),
      first: at(6, row),
      last: at(7, row),
    },
  }));
}
