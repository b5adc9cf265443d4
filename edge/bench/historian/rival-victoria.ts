import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { assert } from '../../core/fault.ts';
import { BodiesFile } from './bodies-file.ts';
import type { DataSet } from './data.ts';
import { type Bodies, HttpClient } from './http-client.ts';
import type { Answer, Bucket, Chart, HistorySystem, LastValues, OpenHistory, Place, Samples, Span } from './system.ts';

/** Samples of a request: they are gathered by tag, as its import wants them. */
const SAMPLES = 200_000;
const METRIC = 'millrace_bench';
/** Its page of metrics is made anew when it is a second old: a look sooner than that shows what was before. */
const PAGE_MS = 1050;
/** Merges under way. */
const MERGES = /^vm_active_(?:force_)?merges(?:\{[^}]*\})? (\S+)$/gm;
/** What is in memory, and comes into files within ten seconds: its size is that of buffers, whatever is in them. */
const MEMORY = /^vm_(?:pending_rows\{[^}]*|data_size_bytes\{type="[a-z]+\/inmemory")\} (\S+)$/gm;
/** Parts of samples and of the index. */
const SIZES = /^vm_data_size_bytes\{[^}]*\} (\S+)$/gm;
const ROLLUPS = [
  'count_over_time',
  'avg_over_time',
  'min_over_time',
  'max_over_time',
  'first_over_time',
  'last_over_time',
] as const;

/**
 * A VictoriaMetrics server that the user has (`host:port`), which must keep data for as long as the sets are old. Each set has a label of its own, and its series are deleted again. Its bytes are what
 * the server's files have grown by: right to 0.3 %, of 20,000 samples to 0.7 %, where nothing else is written into it (beside the files of
 * a fresh server for each set).
 */
export function victoria(address: string): HistorySystem {
  const client = new HttpClient('victoriametrics', address);
  return {
    name: 'victoriametrics',
    promises:
      'in parts, flushed, synced at most some seconds later; values as decimals of about 12 digits where they are noisy (lossy), no quality; asked over HTTP (JSON), with what that costs; its own caches of answers are off',
    // Noise was off by 1e-12 of its value.
    tolerance: 1e-9,
    open: (set, place) => Promise.resolve(new VictoriaHistory(client, set, place)),
  };
}

/** Samples of a tag that wait to be written as one line. */
interface Waiting {
  readonly values: number[];
  readonly timestamps: number[];
}

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
  readonly value: readonly [number, string];
}

class VictoriaHistory implements OpenHistory {
  private readonly client: HttpClient;
  private readonly set: DataSet;
  private readonly place: Place;
  private readonly label = randomUUID();
  private bodies: Bodies = { file: '', ends: [] };
  private bytesBefore = 0;
  private lookedMs = performance.now();
  private hasSeries = false;

  constructor(client: HttpClient, set: DataSet, place: Place) {
    this.client = client;
    this.set = set;
    this.place = place;
  }

  async prepare(): Promise<void> {
    // The samples of sets that were deleted go.
    await this.merge();
    using file = new BodiesFile(path.join(this.place.folder, 'import.json')).open();
    const waiting = new Map<number, Waiting>();
    let samples = 0;
    const write = (): void => {
      const lines = Array.from(waiting, ([tag, { values, timestamps }]) => {
        const metric = { __name__: METRIC, set: this.label, tag: nameOf(tag) };
        return `${JSON.stringify({ metric, values, timestamps })}\n`;
      });
      file.add(lines.join(''));
      waiting.clear();
      samples = 0;
    };
    for (const { tags, timesMs, values, count } of this.set.rows()) {
      for (let row = 0; row < count; row++) {
        const tag = tags[row] ?? 0;
        const line = waiting.get(tag) ?? { values: [], timestamps: [] };
        waiting.set(tag, line);
        line.values.push(values[row] ?? 0);
        line.timestamps.push(timesMs[row] ?? 0);
        if (++samples === SAMPLES) write();
      }
      await nextTurn();
      this.place.signal.throwIfAborted();
    }
    if (samples > 0) write();
    this.bodies = file.bodies();
    this.bytesBefore = await this.bytesInFiles();
  }

  async load(): Promise<void> {
    this.hasSeries = true;
    await this.client.postFile('/api/v1/import', {}, this.bodies, this.place.signal);
    // Until then they may be in memory alone, and not be found.
    await this.client.ask('/internal/force_flush');
  }

  settle(): Promise<void> {
    return this.merge();
  }

  cpuSeconds(): undefined {
    return undefined;
  }

  async points(): Promise<number> {
    const { fromMs, toMs } = this.set;
    const query = `sum(count_over_time(${this.selector()}[${toMs - fromMs}ms]))`;
    const [series] = await this.query('/api/v1/query', { query, time: seconds(toMs - 1), nocache: '1' });
    return Number(series?.value[1]);
  }

  async bytes(): Promise<number> {
    return (await this.bytesInFiles()) - this.bytesBefore;
  }

  restart(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async raw(tag: number, { fromMs, toMs }: Span): Promise<Answer<Samples>> {
    const bounds = { start: seconds(fromMs), end: seconds(toMs - 1) };
    const text = await this.client.ask('/api/v1/export', { 'match[]': this.selector([tag]), ...bounds });
    const lines = text.split('\n').filter((line) => line !== '');
    const parts = lines.map((line) => JSON.parse(line) as Waiting);
    return () => ({
      timesMs: parts.flatMap(({ timestamps }) => timestamps),
      values: parts.flatMap(({ values }) => values),
    });
  }

  async chart(tag: number, chart: Chart): Promise<Answer<readonly Bucket[]>> {
    const charts = await this.charts([tag], chart);
    return () => charts()[0] ?? [];
  }

  /** A window of its ends with the time of the row and does not have its beginning: a bucket is the window that ends 1 ms before the next bucket begins. */
  async charts(tags: readonly number[], chart: Chart): Promise<Answer<readonly (readonly Bucket[])[]>> {
    const { fromMs, toMs, widthMs } = chart;
    const buckets = Math.ceil((toMs - fromMs) / widthMs);
    const firstMs = fromMs + widthMs - 1;
    const rollups = ROLLUPS.map((rollup) => `"${rollup}"`).join(', ');
    const series = await this.query('/api/v1/query_range', {
      query: `aggr_over_time((${rollups}), ${this.selector(tags)}[${widthMs}ms])`,
      start: seconds(firstMs),
      end: seconds(firstMs + (buckets - 1) * widthMs),
      step: `${widthMs}ms`,
      nocache: '1',
    });
    return () => tags.map((tag) => bucketsOf(series, nameOf(tag), chart));
  }

  async latest(): Promise<Answer<LastValues>> {
    const { fromMs, toMs } = this.set;
    const query = `last_over_time(${this.selector()}[${toMs - fromMs}ms])`;
    const series = await this.query('/api/v1/query', { query, time: seconds(toMs - 1), nocache: '1' });
    return () => ({ tags: series.length, sum: series.reduce((sum, { value }) => sum + Number(value[1]), 0) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.hasSeries) await this.client.ask('/api/v1/admin/tsdb/delete_series', { 'match[]': this.selector() });
  }

  private selector(tags?: readonly number[]): string {
    const names = tags?.map(nameOf).join('|');
    const tag = names === undefined ? '' : tags?.length === 1 ? `, tag="${names}"` : `, tag=~"${names}"`;
    return `${METRIC}{set="${this.label}"${tag}}`;
  }

  private async query(route: string, query: Readonly<Record<string, string>>): Promise<readonly Series[]> {
    const answer = (await this.client.json(route, query)) as { readonly data: { readonly result: readonly Series[] } };
    return answer.data.result;
  }

  /** Merges all that there is of a month into one part. */
  private async merge(): Promise<void> {
    // It does nothing where another merge is under way.
    await this.rests(MERGES);
    await this.client.ask('/internal/force_merge');
    await this.rests(MERGES);
  }

  /** Bytes of its files, as it counts them itself, when everything is in them. */
  private async bytesInFiles(): Promise<number> {
    return sumOf(await this.rests(MERGES, MEMORY), SIZES);
  }

  /** The server's metrics as soon as these are zero. */
  private async rests(...metrics: readonly RegExp[]): Promise<string> {
    for (;;) {
      const stillMs = this.lookedMs + PAGE_MS - performance.now();
      await delay(Math.max(0, stillMs), undefined, { signal: this.place.signal });
      const page = await this.client.ask('/metrics');
      this.lookedMs = performance.now();
      if (metrics.every((metric) => sumOf(page, metric) === 0)) return page;
    }
  }
}

function nameOf(tag: number): string {
  return `t${tag}`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

/** Of all series of a metric. */
function sumOf(page: string, metric: RegExp): number {
  const series = [...page.matchAll(metric)];
  assert(series.length > 0, `the server has the metric ${metric.source}`);
  return series.reduce((sum, [, value]) => sum + Number(value), 0);
}

/** Six series a tag, which the name of the rollup tells apart. */
function bucketsOf(series: readonly Series[], tag: string, { widthMs }: Chart): Bucket[] {
  const own = series.filter(({ metric }) => metric['tag'] === tag);
  const columns = new Map(
    own.map(({ metric, values }) => [
      metric['rollup'] ?? '',
      new Map(values.map(([time, value]) => [time, Number(value)])),
    ]),
  );
  const at = (rollup: (typeof ROLLUPS)[number], time: number): number => columns.get(rollup)?.get(time) ?? Number.NaN;
  return [...(columns.get('count_over_time')?.keys() ?? [])].map((time) => ({
    fromMs: Math.round(time * 1000) + 1 - widthMs,
    count: at('count_over_time', time),
    mean: at('avg_over_time', time),
    min: at('min_over_time', time),
    max: at('max_over_time', time),
    first: at('first_over_time', time),
    last: at('last_over_time', time),
  }));
}
