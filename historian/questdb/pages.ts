import { AnswerTooLarge, type QuestdbHttp, quoted } from './http.ts';
import {
  compareRows,
  isBehind,
  placeOf,
  type QuestdbPlace,
  type Row,
  ROW_COLUMNS,
  type TopicNumbers,
  withoutReplaced,
} from './rows.ts';
import { FIRST_TIME_US } from './limits.ts';
import { tableTime } from './table.ts';

/** Rows of one time are looked at together up to this many; more of them are sorted by the server. */
const TIES = 1000;

/** Which rows of a tag. */
export interface RowQuery {
  readonly tag: string;
  readonly fromUs: number;
  readonly toUs: number;
  readonly after?: QuestdbPlace | undefined;
  /** Also those that a correction has replaced. */
  readonly replaced?: boolean | undefined;
}

/** The span as the table can have it: both ends whole µs within its times, so that they can stand in SQL. */
function clamp(fromUs: number, toUs: number): { fromUs: number; toUs: number } {
  return { fromUs: tableTime(fromUs), toUs: tableTime(toUs) };
}

/**
 * Reads the rows of a tag in the order of its history. The table gives them by time, which costs nothing, for it lies in that order; those of equal times are put in order here, so that no
 * page makes the server sort what it does not send.
 */
export class RowPages {
  private readonly db: QuestdbHttp;
  private readonly table: string;
  private readonly topics: TopicNumbers;

  constructor(db: QuestdbHttp, table: string, topics: TopicNumbers) {
    this.db = db;
    this.table = table;
    this.topics = topics;
  }

  /** The first `count` rows, fewer where there are no more or where they are too large for one answer (then at least one). */
  async read(query: RowQuery, count: number): Promise<{ rows: Row[]; more: boolean }> {
    for (let want = count; ; want = Math.max(1, Math.floor(want / 4))) {
      try {
        const rows = await this.collect(query, want + 1);
        return { rows: rows.slice(0, want), more: rows.length > want };
      } catch (error) {
        if (!(error instanceof AnswerTooLarge) || want === 1) throw error;
      }
    }
  }

  /** The last row before a time. */
  async lastBefore({ tag, replaced }: RowQuery, timeUs: number): Promise<Row | undefined> {
    const span = clamp(FIRST_TIME_US, timeUs);
    const [last] = await this.select(tag, span.fromUs, span.toUs, 'ORDER BY ts DESC LIMIT 1');
    if (last === undefined) return undefined;
    const [timeOfLast] = last;
    return (
      await this.ties({ tag, fromUs: timeOfLast, toUs: timeOfLast + 1, replaced }, timeOfLast, undefined, TIES)
    ).at(-1);
  }

  private async collect(query: RowQuery, want: number): Promise<Row[]> {
    const { tag, after, replaced } = query;
    let { fromUs, toUs } = clamp(query.fromUs, query.toUs);
    const out: Row[] = [];
    if (after !== undefined && after.timeUs >= fromUs) {
      out.push(...(await this.ties(query, after.timeUs, after, want)));
      fromUs = after.timeUs + 1;
    }
    while (out.length < want && fromUs < toUs) {
      const limit = want - out.length;
      const rows = await this.select(tag, fromUs, toUs, `ORDER BY ts LIMIT ${limit}`);
      const isAll = rows.length < limit;
      const lastUs = rows.at(-1)?.[0] ?? 0;
      // The last time may have more rows than were asked for.
      const whole = (isAll ? rows : rows.filter(([timeUs]) => timeUs < lastUs)).toSorted(compareRows(this.topics));
      out.push(...(replaced === true ? whole : withoutReplaced(whole)));
      if (isAll) break;
      if (out.length < want) out.push(...(await this.ties(query, lastUs, undefined, want - out.length)));
      fromUs = lastUs + 1;
    }
    return out;
  }

  /** Rows of one time, behind a place. */
  private async ties(query: RowQuery, timeUs: number, after: QuestdbPlace | undefined, count: number): Promise<Row[]> {
    const { tag, replaced } = query;
    const { topics } = this;
    const rows = await this.select(tag, timeUs, timeUs + 1, `LIMIT ${TIES}`);
    if (rows.length === TIES) return this.manyTies(query, timeUs, after, count);
    const sorted = rows.toSorted(compareRows(topics));
    const shown = replaced === true ? sorted : withoutReplaced(sorted);
    return shown.filter((row) => after === undefined || isBehind(row, after, topics)).slice(0, count);
  }

  /** The same where a device gives one time again and again. */
  private async manyTies(
    query: RowQuery,
    timeUs: number,
    after: QuestdbPlace | undefined,
    count: number,
  ): Promise<Row[]> {
    const { tag, replaced } = query;
    const rank = this.topics.sql;
    const order = (way: string): string => `ORDER BY ${rank} ${way}, epoch ${way}, "offset" ${way}`;
    const bounds: string[] = [];
    if (replaced !== true) {
      const [last] = await this.select(tag, timeUs, timeUs + 1, `AND (flags & 16) <> 0 ${order('DESC')} LIMIT 1`);
      if (last !== undefined) bounds.push(`AND ${behind(rank, placeOf(last, this.topics), '>=')}`);
    }
    if (after !== undefined) bounds.push(`AND ${behind(rank, after, '>')}`);
    return this.select(tag, timeUs, timeUs + 1, `${bounds.join(' ')} ${order('ASC')} LIMIT ${count}`);
  }

  private async select(tag: string, fromUs: number, toUs: number, rest: string): Promise<Row[]> {
    const { rows } = await this.db.exec(
      `SELECT ${ROW_COLUMNS} FROM ${this.table} WHERE tag = ${quoted(tag)} AND kind >= 0 AND ts >= ${fromUs} AND ts < ${toUs} ${rest}`,
    );
    return rows as unknown as Row[];
  }
}

/** Behind a place, or at it too, among rows of its time. */
function behind(rank: string, { topic, epoch = 0, offset }: QuestdbPlace, than: '>' | '>='): string {
  const later = `(epoch > ${epoch} OR (epoch = ${epoch} AND "offset" ${than} ${offset}))`;
  return `((${rank}) > ${topic} OR ((${rank}) = ${topic} AND ${later}))`;
}
