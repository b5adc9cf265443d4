import {
  DuckDBBlobValue,
  type DuckDBConnection,
  type DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBResult,
  type DuckDBValue,
  LIST,
  listValue,
  VARCHAR,
} from '@duckdb/node-api';
import { ByteWriter } from '../../edge/core/byte-writer.ts';
import { Fault, messageOf } from '../../edge/core/fault.ts';
import { kindName, ValueKind } from '../../edge/core/sample.ts';
import { readArrayText } from '../arrow/array-text.ts';
import { PAGE_HEAP_BYTES } from '../limits.ts';
import { writeArrayValue } from '../points/array-codec.ts';
import { lowerBound, Points } from '../points/points.ts';
import { expiredSql, notErasedSql, quoted } from './cold-rows.ts';
import { SETTINGS } from './duckdb-settings.ts';
import type { ReadJob, ReadRows } from './messages.ts';
import { type HistoryPlace, placeOf } from '../reading/place.ts';

/** Answers that are gone on with where their last page ended; each holds a row group, the one used last at the end. */
const MAX_OPEN = 8;
const BEFORE_ALL: HistoryPlace = { timeUs: -(2 ** 53), topic: -1, offset: -1 };

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const KIND_NUMBERS = Object.values(ValueKind)
  .map((kind) => `WHEN '${kindName(kind)}' THEN ${kind}`)
  .join(' ');
/** Numbers as doubles: they come as plain memory. Texts as bytes: the package takes a byte order mark at their beginning away. */
const COLUMNS = `
  epoch_us(time)::DOUBLE, (CASE kind ${KIND_NUMBERS} END)::DOUBLE, value, quality::DOUBLE, flags::DOUBLE, epoch_us(device_time)::DOUBLE,
  epoch_us(server_time)::DOUBLE, (list_position($topics, topic) - 1)::DOUBLE, log_offset::DOUBLE, integer, unsigned::UBIGINT, encode(text), bytes`;

/** Numbers of columns. */
const TIME = 0;
const KIND = 1;
const VALUE = 2;
const QUALITY = 3;
const FLAGS = 4;
const DEVICE_TIME = 5;
const SERVER_TIME = 6;
const TOPIC = 7;
const OFFSET = 8;
const INTEGER = 9;
const UNSIGNED = 10;
const TEXT = 11;
const BYTES = 12;

/**
 * Reads samples of tags out of day files, page by page. Files lie by tag and then in the order of history, so a page goes on where the one before has ended, and nothing is sorted; where one does not
 * (several topics have the tag), its pages are put in order each. 86,400 samples of a tag take 60 ms.
 */
export class SampleReader {
  private instance: Promise<DuckDBInstance> | undefined;
  private readonly open = new Map<string, Rows>();

  /** One page. Throws `historian-damaged` if the file cannot be read. */
  async read(job: ReadJob): Promise<ReadRows> {
    const { file, tag, fromUs, toUs, after = BEFORE_ALL, topics, expired, erased, limit } = job;
    const what = JSON.stringify([file, tag, fromUs, toUs, topics, expired, erased]);
    const known = this.open.get(keyOf(what, after));
    this.open.delete(keyOf(what, after));
    try {
      const rows = known ?? (await this.begin(job, false));
      const page = await pageOf(rows, limit, false);
      if (page === undefined) {
        rows.close();
        return await this.sorted(job);
      }
      const { points, more, place } = page;
      if (more) this.keep(keyOf(what, place ?? after), rows);
      else rows.close();
      return { points: points.toMessage(), more };
    } catch (error) {
      known?.close();
      if (error instanceof Fault) throw error;
      throw new Fault('historian-damaged', `${file}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** The page of a file that does not lie in the order of history. */
  private async sorted(job: ReadJob): Promise<ReadRows> {
    const rows = await this.begin(job, true);
    try {
      const page = await pageOf(rows, job.limit, true);
      if (page === undefined) throw new Fault('historian-damaged', `${job.file}: its rows have no order.`);
      return { points: page.points.toMessage(), more: page.more };
    } finally {
      rows.close();
    }
  }

  private async begin(job: ReadJob, isSorted: boolean): Promise<Rows> {
    this.instance ??= DuckDBInstance.create(':memory:', SETTINGS);
    const connection = await (await this.instance).connect();
    try {
      await connection.run(`SET TimeZone = 'UTC'`);
      return new Rows(connection, await stream(connection, job, isSorted), job.after ?? BEFORE_ALL);
    } catch (error) {
      connection.closeSync();
      throw error;
    }
  }

  private keep(key: string, rows: Rows): void {
    this.open.get(key)?.close();
    this.open.set(key, rows);
    for (const [oldest, unwanted] of this.open) {
      if (this.open.size <= MAX_OPEN) return;
      unwanted.close();
      this.open.delete(oldest);
    }
  }
}

function keyOf(what: string, { timeUs, topic, offset }: HistoryPlace): string {
  return `${timeUs} ${topic} ${offset} ${what}`;
}

function stream(connection: DuckDBConnection, job: ReadJob, isSorted: boolean): Promise<DuckDBResult> {
  const { file, tag, fromUs, toUs, limit, after = BEFORE_ALL, topics, expired, erased = [] } = job;
  const given = `${expired === undefined ? '' : ` AND ${expiredSql(expired)}`}${notErasedSql(erased)}`;
  const place = `(epoch_us(time), list_position($topics, topic) - 1, log_offset) > ($after_time::BIGINT, $after_topic::INTEGER, $after_offset::BIGINT)`;
  const sql = `
    SELECT ${COLUMNS} FROM read_parquet(${quoted(file)})
    WHERE tag = $tag AND time >= make_timestamptz($from::BIGINT) AND time < make_timestamptz($to::BIGINT) AND ${place}${given}
    ${isSorted ? `ORDER BY 1, 8, 9 LIMIT ${limit + 1}` : ''}`;
  const values = {
    tag,
    topics: listValue(topics),
    // The place says it once more: so whole row groups are passed over.
    from: BigInt(Math.max(fromUs, after.timeUs)),
    to: BigInt(toUs),
    after_time: BigInt(after.timeUs),
    after_topic: after.topic,
    after_offset: BigInt(after.offset),
  };
  return connection.stream(sql, values, { topics: LIST(VARCHAR) });
}

/** Rows as they come out of a file. */
class Rows {
  chunk: DuckDBDataChunk | null = null;
  row = 0;
  /** Of the last one that was taken. */
  place: HistoryPlace;
  /** Those that were taken and belong to the next page. */
  pending = new Points(0);
  private readonly connection: DuckDBConnection;
  private readonly result: DuckDBResult;

  constructor(connection: DuckDBConnection, result: DuckDBResult, place: HistoryPlace) {
    this.connection = connection;
    this.result = result;
    this.place = place;
  }

  /** Whether there is another row; it is in the chunk then. */
  async hasMore(): Promise<boolean> {
    while (this.chunk === null || this.row >= this.chunk.rowCount) {
      this.chunk = await this.result.fetchChunk();
      this.row = 0;
      if (this.chunk === null || this.chunk.rowCount === 0) return false;
    }
    return true;
  }

  /** Time of the next row, which is there, µs. */
  get nextUs(): number {
    return this.chunk?.getColumnVector(TIME).getItem(this.row) as number;
  }

  close(): void {
    this.connection.closeSync();
  }
}

interface Page {
  readonly points: Points;
  readonly more: boolean;
  /** Of its last row. */
  readonly place: HistoryPlace | undefined;
}

/** The next rows; undefined: they are not known to be in the order of history. Rows of one time are looked at together, unless they are `sorted`. */
async function pageOf(rows: Rows, limit: number, sorted: boolean): Promise<Page | undefined> {
  if (rows.pending.count > limit) return undefined;
  const points = new Points(limit);
  points.append(rows.pending, 0, rows.pending.count);
  rows.pending = new Points(0);
  let more = await rows.hasMore();
  while (more && points.count < limit && (points.count === 0 || points.heapLength < PAGE_HEAP_BYTES)) {
    if (!takeChunk(rows, points, limit)) return undefined;
    more = await rows.hasMore();
  }
  const lastUs = points.times[points.count - 1] ?? Number.NaN;
  if (more && !sorted && rows.nextUs === lastUs) {
    const from = lowerBound(points.times, points.count, lastUs);
    if (from === 0) return undefined;
    rows.pending = new Points(points.count - from);
    rows.pending.append(points, from, points.count);
    points.count = from;
  }
  return { points, more, place: points.count === 0 ? undefined : placeOf(points, points.count - 1) };
}

/** Takes rows of the chunk that is there; false: one of them stands before another. */
function takeChunk(rows: Rows, points: Points, limit: number): boolean {
  const { chunk } = rows;
  if (chunk === null) return true;
  const columns = Array.from({ length: BYTES + 1 }, (_, i) => chunk.getColumnVector(i));
  const number = (column: number): number => (columns[column]?.getItem(rows.row) ?? Number.NaN) as number;
  let { timeUs, topic, offset } = rows.place;
  while (rows.row < chunk.rowCount && points.count < limit) {
    if (points.count > 0 && points.heapLength >= PAGE_HEAP_BYTES) break;
    const [time, ofTopic, ofLog] = [number(TIME), number(TOPIC), number(OFFSET)];
    if ((time - timeUs || ofTopic - topic || ofLog - offset) <= 0) return false;
    timeUs = time;
    topic = ofTopic;
    offset = ofLog;
    const i = points.count++;
    const kind = number(KIND);
    points.times[i] = time;
    points.topics[i] = ofTopic;
    points.offsets[i] = ofLog;
    points.kinds[i] = kind;
    points.qualities[i] = number(QUALITY);
    points.flags[i] = number(FLAGS);
    points.deviceTimes[i] = number(DEVICE_TIME);
    points.serverTimes[i] = number(SERVER_TIME);
    if (kind === ValueKind.double || kind === ValueKind.float) points.slots[i] = number(VALUE);
    else putValue(points, i, kind, number, (column) => columns[column]?.getItem(rows.row));
    rows.row++;
  }
  rows.place = { timeUs, topic, offset };
  return true;
}

/** Values that are no doubles. */
function putValue(
  points: Points,
  i: number,
  kind: number,
  number: (column: number) => number,
  cell: (column: number) => DuckDBValue | undefined,
): void {
  switch (kind) {
    case ValueKind.null:
      return;
    case ValueKind.boolean:
      points.words[i * 2] = number(VALUE);
      return;
    case ValueKind.long:
      return points.putLong(i, wholeOf(cell(INTEGER)));
    case ValueKind.uint64:
      return points.putLong(i, wholeOf(cell(UNSIGNED)));
    case ValueKind.string:
      return putBlob(points, i, bytesOf(cell(TEXT)));
    case ValueKind.bytes:
      return putBlob(points, i, bytesOf(cell(BYTES)));
    case ValueKind.array:
      return putBlob(points, i, arrayBytes(bytesOf(cell(TEXT))));
    default:
      throw new Fault('historian-damaged', 'A value of no kind.');
  }
}

function wholeOf(value: DuckDBValue | undefined): bigint {
  if (typeof value === 'bigint') return value;
  throw new Fault('historian-damaged', 'A value is missing.');
}

function putBlob(points: Points, i: number, bytes: Uint8Array): void {
  const start = points.claim(bytes.length);
  points.heap.set(bytes, start);
  points.words[i * 2] = start;
  points.words[i * 2 + 1] = bytes.length;
}

function bytesOf(value: DuckDBValue | undefined): Uint8Array {
  if (value instanceof DuckDBBlobValue) return value.bytes;
  throw new Fault('historian-damaged', 'A value is missing.');
}

function arrayBytes(text: Uint8Array): Uint8Array {
  const out = new ByteWriter();
  writeArrayValue(out, readArrayText(decoder.decode(text)));
  return out.bytes.slice(0, out.length);
}
