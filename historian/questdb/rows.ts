import { Fault } from '../../edge/core/fault.ts';
import { Flag } from '../../edge/core/flags.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { PAGE_HEAP_BYTES } from '../limits.ts';
import { Points } from '../points/points.ts';
import type { HistoryPlace } from '../reading/place.ts';

/** A row of the table as JSON has it, in the order of `ROW_COLUMNS`. */
export type Row = readonly [
  timeUs: number,
  topic: string,
  epoch: number,
  offset: number,
  kind: number,
  value: number | null,
  text: string | null,
  quality: number,
  flags: number | null,
  deviceTimeUs: number | null,
  serverTimeUs: number | null,
];

/** What a row is selected as: times as numbers, because a text of them would lose nothing but time. */
export const ROW_COLUMNS =
  'ts::long, topic, epoch, "offset", kind, value, text, quality, flags, device_time::long, server_time::long';

/** A place in the history of a tag; of one of several epochs of the log. */
export interface QuestdbPlace extends HistoryPlace {
  readonly epoch?: number;
}

/** QuestDB's NULL of an INT is this number. */
const INT_NULL = -0x80000000;

const encoder = new TextEncoder();

/** Topics that one reader can tell apart: their numbers are bytes. Those of a tag are one or two. */
const MAX_TOPICS = 256;

/** Names of topics by number: those that are known from the start, then those that are met. */
export class TopicNumbers {
  readonly names: string[];

  constructor(names: readonly string[]) {
    this.names = [...names];
  }

  of(topic: string): number {
    const known = this.names.indexOf(topic);
    if (known < 0 && this.names.length === MAX_TOPICS)
      throw new Fault('historian-damaged', `The rows that were asked for are of more than ${MAX_TOPICS} topics.`);
    return known < 0 ? this.names.push(topic) - 1 : known;
  }

  /** The number of a row's topic, in SQL. */
  get sql(): string {
    const cases = this.names.map((name, i) => `WHEN '${name.replaceAll("'", "''")}' THEN ${i}`);
    return `CASE topic ${cases.join(' ')} ELSE ${this.names.length} END`;
  }
}

/** The order of the log: by time, topic, epoch and offset. */
export function compareRows(topics: TopicNumbers): (a: Row, b: Row) => number {
  return (a, b) => a[0] - b[0] || topics.of(a[1]) - topics.of(b[1]) || a[2] - b[2] || a[3] - b[3];
}

/** Whether a row comes behind a place of the same time. */
export function isBehind(row: Row, place: QuestdbPlace, topics: TopicNumbers): boolean {
  const byTopic = topics.of(row[1]) - place.topic;
  return (byTopic || row[2] - (place.epoch ?? 0) || row[3] - place.offset) > 0;
}

/** Where a row stands. */
export function placeOf([timeUs, topic, epoch, offset]: Row, topics: TopicNumbers): QuestdbPlace {
  return { timeUs, topic: topics.of(topic), epoch, offset };
}

/** Leaves out the rows that a correction of the same time has replaced: those before the last one. Groups of one time are whole. */
export function withoutReplaced(rows: readonly Row[]): readonly Row[] {
  const corrections = new Map<number, number>();
  for (const [i, row] of rows.entries()) if (((row[8] ?? 0) & Flag.correction) !== 0) corrections.set(row[0], i);
  return corrections.size === 0 ? rows : rows.filter(([timeUs], i) => i >= (corrections.get(timeUs) ?? 0));
}

/** Rows as columns, up to the bound of a page's strings, bytes and arrays. Throws `historian-damaged` where a row makes no sense: somebody else wrote it. */
export function pointsOf(rows: readonly Row[], topics: TopicNumbers): Points {
  const points = new Points(rows.length);
  for (const row of rows) {
    if (points.heapLength >= PAGE_HEAP_BYTES) break;
    put(points, row, topics);
  }
  return points;
}

function put(points: Points, row: Row, topics: TopicNumbers): void {
  const [timeUs, topic, , offset, kind, , , quality, flags, deviceTimeUs, serverTimeUs] = row;
  const i = points.count++;
  points.times[i] = timeUs;
  points.offsets[i] = offset;
  points.topics[i] = topics.of(topic);
  points.kinds[i] = kind;
  points.qualities[i] = quality;
  points.flags[i] = flags ?? INT_NULL;
  points.deviceTimes[i] = deviceTimeUs ?? Number.NaN;
  points.serverTimes[i] = serverTimeUs ?? Number.NaN;
  putValue(points, i, row);
}

function putValue(points: Points, i: number, row: Row): void {
  const [, , , , kind, value, text] = row;
  switch (kind) {
    case ValueKind.null:
      return;
    case ValueKind.boolean:
      points.words[i * 2] = value === 1 ? 1 : 0;
      return;
    case ValueKind.float:
    case ValueKind.double:
      points.slots[i] = value ?? notFinite(row);
      return;
    case ValueKind.long:
    case ValueKind.uint64:
      return points.putLong(i, text === null ? (value ?? nonsense(row)) : BigInt(text));
    case ValueKind.string:
      return putHeap(points, i, encoder.encode(text ?? nonsense(row)));
    case ValueKind.bytes:
    case ValueKind.array:
      return putHeap(points, i, Buffer.from(text ?? nonsense(row), 'base64'));
    default:
      nonsense(row);
  }
}

function putHeap(points: Points, i: number, bytes: Uint8Array): void {
  const place = points.claim(bytes.length);
  points.heap.set(bytes, place);
  points.words[i * 2] = place;
  points.words[i * 2 + 1] = bytes.length;
}

/** NaN and the infinities, which a DOUBLE cannot hold. */
function notFinite(row: Row): number {
  const [, , , , , , text] = row;
  return text === 'NaN' || text === 'Infinity' || text === '-Infinity' ? Number(text) : nonsense(row);
}

function nonsense(row: Row): never {
  throw new Fault('historian-damaged', `A row of QuestDB makes no sense: ${JSON.stringify(row).slice(0, 300)}`);
}
