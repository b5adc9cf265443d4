import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { Fault } from '../../core/fault.ts';
import { BodiesFile } from './bodies-file.ts';
import { DAY_MS, type DataSet } from './data.ts';
import { type Bodies, HttpClient } from './http-client.ts';
import type { Answer, Bucket, Chart, HistorySystem, LastValues, OpenHistory, Place, Samples, Span } from './system.ts';

/** Lines of a request: tens of thousands are what it takes fastest. */
const LINES = 50_000;
const LOOK_EVERY_MS = 20;
const AGGREGATES = 'count(), avg(value), min(value), max(value), first(value), last(value)';

/** A QuestDB server that the user has (`host:port` of its HTTP): rows over ILP, questions over `/exec`, in a table of its own for each set, which is dropped again. */
export function questdb(address: string): HistorySystem {
  const client = new HttpClient('questdb', address);
  return {
    name: 'questdb',
    promises:
      'applied from its WAL and in its table, synced only where cairo.commit.mode=sync; lossless, quality kept; one narrow table, WAL, deduplicated; asked over HTTP (JSON), with what that costs',
    tolerance: 0,
    open: (set, place) => Promise.resolve(new QuestDbHistory(client, set, place)),
  };
}

type Row = readonly (number | string | boolean | null)[];

class QuestDbHistory implements OpenHistory {
  private readonly client: HttpClient;
  private readonly set: DataSet;
  private readonly place: Place;
  private readonly table = `millrace_bench_${randomUUID().replaceAll('-', '')}`;
  private bodies: Bodies = { file: '', ends: [] };
  private hasTable = false;

  constructor(client: HttpClient, set: DataSet, place: Place) {
    this.client = client;
    this.set = set;
    this.place = place;
  }

  async prepare(): Promise<void> {
    using file = new BodiesFile(path.join(this.place.folder, 'lines.txt')).open();
    const heads = this.set.tags.map((_, tag) => `${this.table},tag=${nameOf(tag)} value=`);
    let lines: string[] = [];
    for (const { tags, timesMs, values, qualities, count } of this.set.rows()) {
      for (let row = 0; row < count; row++) {
        lines.push(`${heads[tags[row] ?? 0]}${values[row]},quality=${qualities[row]}i ${timesMs[row]}\n`);
        if (lines.length < LINES) continue;
        file.add(lines.join(''));
        lines = [];
      }
      await nextTurn();
      this.place.signal.throwIfAborted();
    }
    if (lines.length > 0) file.add(lines.join(''));
    this.bodies = file.bodies();
    const symbols = `SYMBOL CAPACITY ${2 ** Math.ceil(Math.log2(this.set.tags.length + 1))} CACHE`;
    await this.ask(
      `CREATE TABLE ${this.table} (ts TIMESTAMP, tag ${symbols}, value DOUBLE, quality LONG) TIMESTAMP(ts) PARTITION BY DAY WAL DEDUP UPSERT KEYS(ts, tag)`,
    );
    this.hasTable = true;
  }

  /** An answer means that rows are in the WAL: they can be asked for when all of it was applied. */
  async load(): Promise<void> {
    await this.client.postFile('/write', { precision: 'ms' }, this.bodies, this.place.signal);
    await this.applied();
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  cpuSeconds(): undefined {
    return undefined;
  }

  async points(): Promise<number> {
    const [row] = await this.ask(`SELECT count() FROM ${this.table}`);
    return Number(row?.[0]);
  }

  /**
   * Of the day that was written last, files are whole pages of 16 MiB a column, whatever is in them (67,108,864 bytes for 200,000 rows); when a later day begins they are cut to what they hold
   * (5,607,424). So one begins, and goes again.
   */
  async bytes(): Promise<number> {
    const later = new Date(this.set.toMs + 2 * DAY_MS).toISOString().slice(0, 10);
    await this.ask(`INSERT INTO ${this.table} VALUES ('${later}', '${nameOf(0)}', 0, 0)`);
    await this.applied();
    const [row] = await this.ask(`SELECT sum(diskSize) FROM table_partitions('${this.table}') WHERE NOT active`);
    await this.ask(`ALTER TABLE ${this.table} DROP PARTITION LIST '${later}'`);
    await this.applied();
    return Number(row?.[0]);
  }

  restart(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async raw(tag: number, span: Span): Promise<Answer<Samples>> {
    const rows = await this.ask(
      `SELECT ts::long, value, quality FROM ${this.table} WHERE tag = '${nameOf(tag)}' AND ${inSpan(span)}`,
    );
    return () => ({ timesMs: rows.map(([us]) => Number(us) / 1000), values: rows.map(([, value]) => Number(value)) });
  }

  async chart(tag: number, chart: Chart): Promise<Answer<readonly Bucket[]>> {
    const rows = await this.ask(
      `SELECT ts::long, ${AGGREGATES} FROM ${this.table} WHERE tag = '${nameOf(tag)}' AND ${inSpan(chart)} ${sampled(chart)}`,
    );
    return () => rows.map(bucketOf);
  }

  async charts(tags: readonly number[], chart: Chart): Promise<Answer<readonly (readonly Bucket[])[]>> {
    const list = tags.map((tag) => `'${nameOf(tag)}'`).join(', ');
    const rows = await this.ask(
      `SELECT ts::long, ${AGGREGATES}, tag FROM ${this.table} WHERE tag IN (${list}) AND ${inSpan(chart)} ${sampled(chart)}`,
    );
    return () => {
      const all = Map.groupBy(rows, (row) => row.at(-1));
      return tags.map((tag) => (all.get(nameOf(tag)) ?? []).map(bucketOf));
    };
  }

  async latest(): Promise<Answer<LastValues>> {
    const rows = await this.ask(`SELECT value, tag FROM ${this.table} LATEST ON ts PARTITION BY tag`);
    return () => ({ tags: rows.length, sum: rows.reduce((sum, [value]) => sum + Number(value), 0) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.hasTable) await this.ask(`DROP TABLE ${this.table}`);
  }

  private async applied(): Promise<void> {
    for (;;) {
      const [row = []] = await this.ask(
        `SELECT writerTxn, sequencerTxn, suspended FROM wal_tables() WHERE name = '${this.table}'`,
      );
      const [writer, sequencer, suspended] = row;
      if (suspended === true) throw new Fault('bench-failed', `questdb: ${this.table} is suspended.`);
      if (writer === sequencer) return;
      await delay(LOOK_EVERY_MS, undefined, { signal: this.place.signal });
    }
  }

  /** Rows of the answer; nothing is looked at that it would be charged for. */
  private async ask(query: string): Promise<readonly Row[]> {
    const answer = (await this.client.json('/exec', { query, nm: 'true' })) as { readonly dataset?: readonly Row[] };
    return answer.dataset ?? [];
  }
}

/** Names that need no escapes in lines and in SQL. */
function nameOf(tag: number): string {
  return `t${tag}`;
}

function inSpan({ fromMs, toMs }: Span): string {
  return `ts >= '${new Date(fromMs).toISOString()}' AND ts < '${new Date(toMs).toISOString()}'`;
}

/** Its calendar begins at the epoch; buckets that begin elsewhere are told where. T is its millisecond. */
function sampled({ fromMs, toMs, widthMs }: Chart): string {
  if (fromMs % widthMs === 0) return `SAMPLE BY ${widthMs}T ALIGN TO CALENDAR`;
  return `SAMPLE BY ${widthMs}T FROM '${new Date(fromMs).toISOString()}' TO '${new Date(toMs).toISOString()}'`;
}

function bucketOf(row: Row): Bucket {
  const at = (column: number): number => Number(row[column] ?? Number.NaN);
  return {
    fromMs: at(0) / 1000,
    count: at(1),
    mean: at(2),
    min: at(3),
    max: at(4),
    first: at(5),
    last: at(6),
  };
}
