import { BucketPage, type BucketQuery } from '../queries/bucket-page.ts';
import { toldGaps } from '../reading/gaps.ts';
import { bucketPagesOf, HistoryPage, pagesOf, type RawQuery, type TagSummary } from '../queries/history.ts';
import type { History } from '../questions/history.ts';
import { Latest } from '../queries/latest.ts';
import { MAX_PAGE_TAGS, pageLimit } from '../limits.ts';
import type { AnalysisPage, AnalysisQuery } from '../questions/analysis-query.ts';
import { analysisOfPages } from '../questions/analysis-of-pages.ts';
import { type BucketSource, bucketPage } from './buckets.ts';
import { standingGaps } from './gap-rows.ts';
import { QuestdbHttp, type QuestdbAddress } from './http.ts';
import { RowPages } from './pages.ts';
import { type PgAddress, PgQuestions } from './pg.ts';
import { compareRows, placeOf, pointsOf, type Row, ROW_COLUMNS, TopicNumbers } from './rows.ts';
import { type TableNames, tableNames } from './table.ts';

/** Tags of one question for last samples. */
const LATEST_TAGS = 50;
/** Answers that are read at once, each over a connection of its own. */
const CONNECTIONS = 4;
const ANSWER_BYTES = 16 * 1024 * 1024;

/** Where history is read from. */
export interface QuestdbHistoryOptions extends QuestdbAddress, PgAddress {
  /** `samples` if left out. */
  readonly table?: string;
  /** In the order in which the embedded historian numbers them; others come behind. */
  readonly topics: readonly string[];
}

/**
 * History out of QuestDB: the same questions as to the embedded historian, the same answers. What lies in the table in bulk is read over `/exec`, twice as fast as pg; questions about many
 * tags go over pg, with parameters.
 */
export class QuestdbHistory implements History {
  private readonly names: TableNames;
  private readonly topics: TopicNumbers;
  private readonly db: QuestdbHttp;
  private readonly questions: PgQuestions;
  private readonly pages: RowPages;
  private readonly source: BucketSource;

  /** Connects when it is asked. */
  constructor({ table = 'samples', topics, http, pg, password }: QuestdbHistoryOptions) {
    this.names = tableNames(table);
    this.topics = new TopicNumbers(topics);
    this.db = new QuestdbHttp({ http, password }, { maxAnswerBytes: ANSWER_BYTES, connections: CONNECTIONS });
    this.questions = new PgQuestions({ pg, password });
    this.pages = new RowPages(this.db, this.names.samples, this.topics);
    this.source = {
      db: this.db,
      table: this.names.samples,
      topics: this.topics,
      pages: this.pages,
      gapsOf: (query) => standingGaps(this.db, this.names, query),
    };
  }

  /** Ends its connections. */
  async close(): Promise<void> {
    this.db.close();
    await this.questions.close();
  }

  async page(query: RawQuery): Promise<HistoryPage> {
    const { tag, after } = query;
    const gaps = await standingGaps(this.db, this.names, query);
    const limit = pageLimit(query.limit);
    const { rows, more } = await this.pages.read(query, limit);
    const points = pointsOf(rows, this.topics);
    const last = rows[points.count - 1];
    const isCut = more || points.count < rows.length;
    const next = isCut && last !== undefined ? placeOf(last, this.topics) : null;
    return new HistoryPage(tag, points, [...this.topics.names], toldGaps(gaps, query, after, next), next);
  }

  query(query: RawQuery, signal?: AbortSignal): AsyncIterable<HistoryPage> {
    return pagesOf(this, query, signal);
  }

  async bucketPage(query: BucketQuery): Promise<BucketPage> {
    return new BucketPage(await bucketPage(this.source, query));
  }

  buckets(query: BucketQuery, signal?: AbortSignal): AsyncIterable<BucketPage> {
    return bucketPagesOf(this, query, signal);
  }

  /** The server knows none of these calculations: its rows are fetched, and the embedded historian's own code computes them here. */
  analysisPage(query: AnalysisQuery): Promise<AnalysisPage> {
    return analysisOfPages(this, query);
  }

  async *latest(tags: readonly string[] | null): AsyncGenerator<Latest> {
    if (tags === null) {
      for await (const page of this.tags()) yield* this.latest(page.map(({ tag }) => tag));
      return;
    }
    for (let at = 0; at < tags.length; at += LATEST_TAGS) yield* this.latestOf(tags.slice(at, at + LATEST_TAGS));
  }

  /** The time of each tag's last row, then all rows of these times: which of them is the last one is not the server's to say. */
  private async *latestOf(tags: readonly string[]): AsyncGenerator<Latest> {
    const { samples } = this.names;
    const list = tags.map((_, i) => `$${i + 1}`).join(', ');
    const found = await this.questions.ask(
      `SELECT tag, ts::long FROM ${samples} WHERE tag IN (${list}) AND kind >= 0 LATEST ON ts PARTITION BY tag`,
      tags,
    );
    const lasts = new Map(found.map(([tag, timeUs]) => [String(tag), Number(timeUs)]));
    if (lasts.size === 0) return;
    const times = [...new Set(lasts.values())].map((timeUs) => `'${isoOf(timeUs)}'`);
    const rows = await this.questions.ask(
      `SELECT tag, ${ROW_COLUMNS} FROM ${samples} WHERE tag IN (${list}) AND kind >= 0 AND ts IN (${times.join(', ')})`,
      tags,
    );
    const best = new Map<string, Row>();
    const compare = compareRows(this.topics);
    for (const [tag, ...cells] of rows) {
      const name = String(tag);
      const row = fromPg(cells);
      if (row[0] !== lasts.get(name)) continue;
      const other = best.get(name);
      if (other === undefined || compare(other, row) < 0) best.set(name, row);
    }
    const places = Uint32Array.from(tags.keys().filter((place) => best.has(tags[place] ?? '')));
    const last = Array.from(places, (place) => best.get(tags[place] ?? '')).filter((row) => row !== undefined);
    const { names } = this.topics;
    const none = { without: new Uint32Array(0), gaps: [], standing: [] };
    // Large values make several parts.
    for (let at = 0; at < last.length;) {
      const points = pointsOf(last.slice(at), this.topics);
      const columns = { points, places: places.slice(at, at + points.count), topics: [...names], ...none };
      yield new Latest(columns, (place) => tags[place] ?? '');
      at += points.count;
    }
  }

  async summaries(tags: readonly string[]): Promise<readonly TagSummary[]> {
    if (tags.length === 0) return [];
    const list = tags.map((_, i) => `$${i + 1}`).join(', ');
    const rows = await this.questions.ask(`${SUMMARIES} FROM ${this.names.samples} WHERE tag IN (${list})`, tags);
    const found = new Map(rows.map((row) => [String(row[0]), summaryOf(row)]));
    // Of a tag that was erased nothing is left to be told.
    return tags.flatMap((tag) => found.get(tag) ?? []).filter(({ firstUs, lastUs }) => firstUs <= lastUs);
  }

  async *tags(): AsyncGenerator<readonly TagSummary[]> {
    const { rows } = await this.db.exec(`${SUMMARIES} FROM ${this.names.samples}`);
    const all = rows
      .map((row) => ({ key: Buffer.from(String(row[0])), summary: summaryOf(row) }))
      .toSorted((a, b) => Buffer.compare(a.key, b.key));
    for (let at = 0; at < all.length; at += MAX_PAGE_TAGS)
      yield all.slice(at, at + MAX_PAGE_TAGS).map(({ summary }) => summary);
  }
}

/** Rows that were erased count as samples ever stored; their times are not told. */
const SUMMARIES =
  'SELECT tag, count(), min(CASE WHEN kind >= 0 THEN ts::long END), max(CASE WHEN kind >= 0 THEN ts::long END)';

function summaryOf([tag, samples, firstUs, lastUs]: readonly unknown[]): TagSummary {
  const times = firstUs === null ? { firstUs: 0, lastUs: -1 } : { firstUs: Number(firstUs), lastUs: Number(lastUs) };
  return { tag: String(tag), samples: Number(samples), ...times };
}

/** With its microseconds. */
function isoOf(timeUs: number): string {
  const ms = Math.floor(timeUs / 1000);
  return new Date(ms).toISOString().replace('Z', `${String(timeUs - ms * 1000).padStart(3, '0')}Z`);
}

function numberOf(cell: unknown): number | null {
  return cell === null ? null : Number(cell);
}

/** pg gives 64-bit integers as text. */
function fromPg(cells: readonly unknown[]): Row {
  const [timeUs, topic, epoch, offset, kind, value, text, quality, flags, deviceTimeUs, serverTimeUs] = cells;
  return [
    Number(timeUs),
    String(topic),
    Number(epoch),
    Number(offset),
    Number(kind),
    numberOf(value),
    typeof text === 'string' ? text : null,
    Number(quality),
    numberOf(flags),
    numberOf(deviceTimeUs),
    numberOf(serverTimeUs),
  ];
}
