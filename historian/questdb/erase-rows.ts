import { type QuestdbHttp, quoted } from './http.ts';
import type { TableErasure } from './erasures.ts';
import { tableTime } from './table.ts';

/** `kind` of a row that was erased: QuestDB has no DELETE. What is left says that the tag had a sample at a time. */
const ERASED = -1;

/** Bytes of tags in one statement: it travels in the head of a request. */
const TAG_BYTES = 8 * 1024;

/** Parts of one statement that are joined by OR. */
const MAX_PARTS = 20;

/** Time that one question for tags covers, µs, and tags of one answer. */
const PART_US = 31 * 86_400_000_000;
const PAGE_TAGS = 50_000;

/** Everything that a row says but its keys. */
const CONTENT = ['value', 'text', 'quality', 'flags', 'device_time', 'server_time'];

/**
 * Statements that erase rows of a table that one log fills: their contents become NULL, which QuestDB does by writing the columns of the partitions anew and removing the old files when nobody
 * reads them any more (https://questdb.com/docs/operations/updating-data/). Rows of other epochs are of an earlier life of the log, before all of its offsets.
 */
export function eraseStatements(table: string, { tags, fromUs, toUs, upTo }: TableErasure, epoch: number): string[] {
  const places = Object.entries(upTo).map(([topic, end]) => `(topic = ${quoted(topic)} AND "offset" < ${end})`);
  const where = `${timeOf(fromUs, toUs)} AND (epoch <> ${epoch} OR ${places.join(' OR ') || 'false'})`;
  return chunksOf(tags).map((some) => `${updateOf(table)} WHERE tag IN (${some.join(', ')}) AND ${where}`);
}

/** Rows of one topic, below an offset and in a span of effective time (µs), of a table that several logs fill. */
export interface TopicRows {
  readonly topic: string;
  readonly below: number;
  readonly fromUs: number;
  readonly toUs: number;
}

/** Rows of a topic, and the tags of them that are meant. */
interface TopicErasing {
  readonly rows: TopicRows;
  readonly tags: readonly string[];
}

/** Statements that erase these rows of one topic, and no others; few of them, for each writes the columns of all partitions that it touches. */
export function eraseTopicStatements(table: string, topic: string, erasing: readonly TopicErasing[]): string[] {
  const parts = erasing.flatMap(({ rows, tags }) =>
    chunksOf(tags).map((some) => ({ rows, where: `(${spanOf(rows)} AND tag IN (${some.join(', ')}))` })),
  );
  const statements: string[] = [];
  for (let at = 0; at < parts.length;) {
    let end = at;
    let bytes = 0;
    do bytes += Buffer.byteLength(parts[end++]?.where ?? '') * 3;
    while (end < parts.length && end - at < MAX_PARTS && bytes < TAG_BYTES * 3);
    const some = parts.slice(at, end);
    // The outer span tells the server which partitions it need not look at.
    const fromUs = Math.min(...some.map(({ rows }) => rows.fromUs));
    const toUs = Math.max(...some.map(({ rows }) => rows.toUs));
    const any = some.map(({ where }) => where).join(' OR ');
    statements.push(`${updateOf(table)} WHERE ${timeOf(fromUs, toUs)} AND topic = ${quoted(topic)} AND (${any})`);
    at = end;
  }
  return statements;
}

/** The tags of those of these rows that are not erased, with how many each has. Read in parts, so that no question takes long however large the table is. */
export async function tagsLeft(db: QuestdbHttp, table: string, rows: TopicRows): Promise<Map<string, number>> {
  const left = new Map<string, number>();
  // The designated timestamp: known without looking at the rows between.
  const first = (await db.exec(`SELECT ts::long FROM ${table} LIMIT 1`)).rows[0]?.[0];
  const last = (await db.exec(`SELECT ts::long FROM ${table} LIMIT -1`)).rows[0]?.[0];
  if (first === undefined || last === undefined) return left;
  const toUs = Math.min(rows.toUs, Number(last) + 1);
  for (let fromUs = Math.max(rows.fromUs, Number(first)); fromUs < toUs; fromUs += PART_US) {
    const part = whereOf({ ...rows, fromUs, toUs: Math.min(toUs, fromUs + PART_US) });
    for (let at = 0, more = true; more; at += PAGE_TAGS) {
      const page = await db.exec(
        `SELECT tag, count() FROM ${table} WHERE ${part} ORDER BY tag LIMIT ${at}, ${at + PAGE_TAGS}`,
      );
      for (const [tag, count] of page.rows) left.set(String(tag), (left.get(String(tag)) ?? 0) + Number(count));
      more = page.rows.length === PAGE_TAGS;
    }
  }
  return left;
}

function whereOf(rows: TopicRows): string {
  return `${spanOf(rows)} AND topic = ${quoted(rows.topic)}`;
}

function spanOf({ below, fromUs, toUs }: TopicRows): string {
  return `${timeOf(fromUs, toUs)} AND "offset" < ${below}`;
}

/** Rows that are erased already are left as they are: said twice, it costs no writing. */
function timeOf(fromUs: number, toUs: number): string {
  return `ts >= ${tableTime(fromUs)} AND ts < ${tableTime(toUs)} AND kind >= 0`;
}

function updateOf(table: string): string {
  const content = CONTENT.map((column) => `${column} = NULL`).join(', ');
  return `UPDATE ${table} SET kind = cast(${ERASED} as byte), ${content}`;
}

/** Tags as literals, so many at a time as fit into a statement. */
function chunksOf(tags: readonly string[]): string[][] {
  const chunks: string[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const tag of tags) {
    const literal = quoted(tag);
    // In a query string each byte may take three.
    const own = Buffer.byteLength(literal) * 3;
    if (bytes + own > TAG_BYTES * 3) {
      chunks.push([]);
      bytes = 0;
    }
    chunks.at(-1)?.push(literal);
    bytes += own;
  }
  return chunks;
}
