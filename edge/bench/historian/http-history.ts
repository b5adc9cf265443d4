import path from 'node:path';
import { assert, Fault } from '../../core/fault.ts';
import { realDisk } from '../../core/disk.ts';
import { ARROW_MEDIA_TYPE } from '../../../historian/arrow/stream.ts';
import { TagDictionary } from '../../tags/dictionary.ts';
import { type Gateway, startGateway } from '../end-to-end.ts';
import { begin } from '../target.ts';
import type { DataSet } from './data.ts';
import { fillLog } from './fill-log.ts';
import { foldersIn } from './fill-store.ts';
import { folderBytes } from './folder-bytes.ts';
import { AnswerRoom, HttpConnection } from './http-connection.ts';
import { MILLRACE } from './millrace.ts';
import { aboutOne, type Question } from './questions.ts';
import { collectYoung } from './young-heap.ts';
import type { Answer, Bucket, Chart, HistorySystem, LastValues, OpenHistory, Place, Samples, Span } from './system.ts';

/** Formats of an answer, as figures name them. */
export const FORMATS = { json: 'application/json', csv: 'text/csv', arrow: ARROW_MEDIA_TYPE } as const;
type Format = keyof typeof FORMATS;

/** What a chart asks of each interval. */
const AGGREGATES = 'mean,min,max,count,first,last';
/** Generated samples are of years ago. */
const CONFIG = 'historian: { retention: forever }\n';
const TAGS_AT_ONCE = 10_000;

/** A whole gateway over a log and tags that were there when it was started, asked over HTTP until the last byte: what a page or a spreadsheet waits for. */
export const httpMillrace: HistorySystem = {
  name: MILLRACE,
  promises: 'as a user has it: a gateway, asked over HTTP on one connection',
  tolerance: 0,
  open: (set, place) => Promise.resolve(new HttpHistory(set, place)),
};

/** The samples of one tag in a format: until the bytes are there. */
export function formatQuestion(name: string, format: Format, span: Span): Question {
  return aboutOne(name, async (history, probe) => {
    assert(history instanceof HttpHistory, 'formats are asked for over HTTP');
    await history.bytesOf(probe.tag, span, format);
    // What they say is compared where JSON is asked for, and by the tests of the formats.
    return () => undefined;
  });
}

interface SamplesText {
  readonly items: readonly { readonly tag: string; readonly time: string; readonly value: number | boolean }[];
}

interface RowsText {
  readonly items: readonly { readonly tag: string; readonly rows: readonly (readonly [string, ...number[]])[] }[];
}

class HttpHistory implements OpenHistory {
  private readonly set: DataSet;
  private readonly place: Place;
  private readonly connection = new HttpConnection();
  private readonly room = new AnswerRoom();
  private gateway: Gateway | undefined;
  private samples = 0;
  /** What the last answer took, without what it left behind in the memory of who asked. */
  ownMs = 0;

  constructor(set: DataSet, place: Place) {
    this.set = set;
    this.place = place;
  }

  async prepare(): Promise<void> {
    const { log } = foldersIn(this.data);
    this.samples = await fillLog(log, this.set, this.place.signal);
    const dictionary = new TagDictionary(realDisk, path.join(this.data, 'tags'));
    dictionary.open();
    const { tags, fromMs } = this.set;
    const common = { unit: null, class: 'standard', connector: 'floor', source: '', createdUs: fromMs * 1000 } as const;
    for (let at = 0; at < tags.length; at += TAGS_AT_ONCE) {
      const some = tags.slice(at, at + TAGS_AT_ONCE);
      dictionary.append(
        some.map(({ path: tag, type }) => ({ path: tag, type, ...common })),
        [],
      );
    }
    dictionary.close();
  }

  async load(): Promise<void> {
    await this.start();
    await this.running.queryable(this.samples, this.place.signal);
  }

  /** So that all of it is in files. */
  async settle(): Promise<void> {
    await this.gateway?.stop();
    await this.start();
  }

  cpuSeconds(): undefined {
    return undefined;
  }

  async points(): Promise<number> {
    const { items } = (await this.json('/api/v1/ledger')) as { readonly items: readonly { readonly stored: number }[] };
    return items.reduce((sum, { stored }) => sum + stored, 0);
  }

  bytes(): Promise<number> {
    return Promise.resolve(folderBytes(foldersIn(this.data).historian));
  }

  /** What a gateway has to do when it begins is another figure. */
  restart(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async raw(tag: number, span: Span): Promise<Answer<Samples>> {
    const bytes = await this.bytesOf(tag, span, 'json');
    return () => {
      const { items } = parsed(bytes) as SamplesText;
      return { timesMs: items.map(({ time }) => Date.parse(time)), values: items.map(({ value }) => Number(value)) };
    };
  }

  /** An answer as it comes, valid until the next one. */
  bytesOf(tag: number, span: Span, format: Format): Promise<Buffer> {
    return this.ask(`/api/v1/history?${this.about([tag], span)}`, FORMATS[format]);
  }

  async chart(tag: number, chart: Chart): Promise<Answer<readonly Bucket[]>> {
    const charts = await this.charts([tag], chart);
    return () => charts()[0] ?? [];
  }

  async charts(tags: readonly number[], chart: Chart): Promise<Answer<readonly (readonly Bucket[])[]>> {
    const query = `${this.about(tags, chart)}&interval=${chart.widthMs}ms&aggregate=${AGGREGATES}`;
    const bytes = await this.ask(`/api/v1/history?${query}`);
    return () => {
      const { items } = parsed(bytes) as RowsText;
      const rows = new Map(items.map((item) => [item.tag, item.rows]));
      return tags.map((tag) => (rows.get(this.path(tag)) ?? []).map(bucketOf));
    };
  }

  async latest(): Promise<Answer<LastValues>> {
    const bytes = await this.ask('/api/v1/latest');
    return () => {
      const { items } = parsed(bytes) as SamplesText;
      return { tags: items.length, sum: items.reduce((sum, { value }) => sum + Number(value), 0) };
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connection.close();
    await this.gateway?.stop();
  }

  private get data(): string {
    return path.join(this.place.folder, 'data');
  }

  private get running(): Gateway {
    assert(this.gateway !== undefined, 'the gateway was started');
    return this.gateway;
  }

  private async start(): Promise<void> {
    const { folder } = this.place;
    this.gateway = await begin((belongings) => startGateway(belongings, { folder, config: CONFIG }));
  }

  private path(tag: number): string {
    return this.set.tags[tag]?.path ?? '';
  }

  private about(tags: readonly number[], { fromMs, toMs }: Span): string {
    const query = new URLSearchParams(tags.map((tag): [string, string] => ['tag', this.path(tag)]));
    query.set('from', new Date(fromMs).toISOString());
    query.set('to', new Date(toMs).toISOString());
    return query.toString();
  }

  private async json(route: string): Promise<unknown> {
    return parsed(await this.ask(route));
  }

  private async ask(route: string, accept: string = FORMATS.json): Promise<Buffer> {
    const { signal } = this.place;
    const { room } = this;
    const askedMs = performance.now();
    const { status, bytes } = await this.connection.ask(`${this.running.url}${route}`, { accept, signal, room });
    this.ownMs = performance.now() - askedMs;
    collectYoung();
    if (status !== 200) throw new Fault('bench-failed', `${route}: ${status} ${bytes.toString('utf8', 0, 300)}`);
    return bytes;
  }
}

function parsed(bytes: Buffer): unknown {
  return JSON.parse(bytes.toString());
}

function bucketOf([time, mean = 0, min = 0, max = 0, count = 0, first = 0, last = 0]: readonly [
  string,
  ...number[],
]): Bucket {
  return { fromMs: Date.parse(time), count, mean, min, max, first, last };
}
