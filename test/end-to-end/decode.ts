import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import kafkajs, { type IHeaders } from 'kafkajs';
import { dumpComplaints, dumpIndexes, dumpRecords, type DumpedRecord } from '../services/dump-log.ts';
import { kcatConsume } from '../services/kcat.ts';
import { runPython } from '../services/python.ts';
import { program, run } from '../services/run.ts';
import { waitFor } from '../services/wait.ts';
import type { Gateway } from './gateway.ts';

// A CommonJS module whose names Node does not all find.
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = kafkajs;

/** A record of a topic, wherever it was read. */
export interface StoredRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** One sample as somebody who is not Millrace reads it. */
export interface FoundSample {
  readonly tag: string;
  /** µs since the epoch. */
  readonly timeUs: number;
  readonly value: null | boolean | number | string;
  readonly quality: number;
}

/** A sample of the log or a mirror, which hold more than the historian shows. */
export interface LoggedSample extends FoundSample {
  readonly offset: number;
  readonly flags: number;
}

/** Bit of FORMAT.md, "Flags": the null samples of a lost connection. */
export const gapFlag = 32;

/** Paths of a topic's files with the ending, in the order of their base offsets. */
export function topicFiles(gateway: Gateway, topic: string, ending: string): string[] {
  const folder = join(gateway.data, 'log', `${topic}-0`);
  const names = readdirSync(folder).filter((name) => name.endsWith(ending));
  return names.toSorted().map((name) => join(folder, name));
}

/** Every record of a topic of a stopped gateway, through Kafka's dump tool. Rejects where the tool complains, and where an offset is missing. */
export async function dumpTopic(gateway: Gateway, topic: string): Promise<DumpedRecord[]> {
  const records = await dumpRecords(topicFiles(gateway, topic, '.log'));
  requireDense(records, `segments of ${topic}`);
  return records;
}

/** What the dump tool finds wrong with the indexes of a stopped gateway's topic. */
export async function indexComplaints(gateway: Gateway, topic: string): Promise<string[]> {
  const files = [...topicFiles(gateway, topic, '.index'), ...topicFiles(gateway, topic, '.timeindex')];
  return dumpComplaints(await dumpIndexes(files));
}

/** Every record of a Kafka topic, through kcat. Rejects where an offset is missing, and where the end offset is not the number of records. */
export async function consumeTopic(brokers: string, topic: string): Promise<StoredRecord[]> {
  const records = await kcatConsume(brokers, topic);
  requireDense(records, `Kafka topic ${topic}`);
  const { stdout } = await run(program('kcat'), ['-Q', '-b', brokers, '-t', `${topic}:0:-1`]);
  const end = /offset (\d+)/.exec(stdout.toString('utf8'))?.[1];
  if (Number(end) !== records.length) throw new Error(`${topic}: end offset ${end}, but ${records.length} records`);
  return records;
}

/** Headers of the first `count` records of a Kafka topic, read by kafkajs: kcat ends a header's value at its first zero byte. */
export async function consumeHeaders(brokers: string, topic: string, count: number): Promise<IHeaders[]> {
  // It knows zstd by name only.
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: ({ buffer }: { readonly buffer: Buffer }) => Promise.resolve(zstdCompressSync(buffer)),
    decompress: (bytes: Buffer) => Promise.resolve(zstdDecompressSync(bytes)),
  });
  const kafka = new Kafka({ clientId: 'headers', brokers: [brokers], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `headers-${Date.now()}` });
  const found: IHeaders[] = [];
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: ({ batch: { messages } }) => {
        for (const { offset, headers = {} } of messages) found[Number(offset)] = headers;
        return Promise.resolve();
      },
    });
    await waitFor('every record is read', () => found.length >= count);
  } finally {
    await consumer.disconnect();
  }
  return found;
}

function requireDense(records: readonly StoredRecord[], where: string): void {
  const hole = records.findIndex(({ offset }, index) => offset !== index);
  if (hole >= 0) throw new Error(`${where}: offset ${records[hole]?.offset} stands where ${hole} should`);
}

/** The first records that are not the same in both, offset, time, key and value; at most ten. */
export function differences(left: readonly StoredRecord[], right: readonly StoredRecord[]): string[] {
  const found: string[] = left.length === right.length ? [] : [`${left.length} and ${right.length} records`];
  for (const [index, a] of left.entries()) {
    const b = right[index];
    if (b !== undefined && sameRecord(a, b)) continue;
    found.push(`offset ${a.offset}`);
    if (found.length >= 10) break;
  }
  return found;
}

function sameRecord(a: StoredRecord, b: StoredRecord): boolean {
  const sameBytes = sameBuffer(a.key, b.key) && sameBuffer(a.value, b.value);
  return a.offset === b.offset && a.timestampMs === b.timestampMs && sameBytes;
}

function sameBuffer(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}

const decoder = join(import.meta.dirname, 'decode_samples.py');
const formatPage = resolve(import.meta.dirname, '..', '..', 'edge', 'core', 'FORMAT.md');

/** The Avro schema as the page for users prints it. */
function schemaOfPage(): string {
  const schema = /```json sample-v1\n([\s\S]*?)```/.exec(readFileSync(formatPage, 'utf8'))?.[1];
  if (schema === undefined) throw new Error(`${formatPage} holds no schema`);
  return schema;
}

/** Decodes records with `fastavro`. */
export async function decodeSamples(records: readonly StoredRecord[]): Promise<LoggedSample[]> {
  const lines = records.map(({ offset, value }) => {
    if (value === null) throw new Error(`record ${offset} has no value`);
    return value.toString('hex');
  });
  const { stdout } = await runPython(decoder, [schemaOfPage()], lines.map((line) => `${line}\n`).join(''));
  const decoded = stdout.toString('utf8').split('\n').slice(0, -1);
  if (decoded.length !== records.length) throw new Error(`${decoded.length} samples out of ${records.length} records`);
  return records.map(({ offset, key }, index) => {
    const [timeUs, , text = '', quality, flags] = decoded[index]?.split('\t') ?? [];
    const value = JSON.parse(text) as FoundSample['value'];
    if (key === null) throw new Error(`record ${offset} has no key`);
    return {
      offset,
      tag: key.toString('utf8'),
      timeUs: Number(timeUs),
      value,
      quality: Number(quality),
      flags: Number(flags),
    };
  });
}

/** Samples by tag, in their order. */
export function byTag<S extends FoundSample>(samples: readonly S[]): Map<string, S[]> {
  return Map.groupBy(samples, ({ tag }) => tag);
}

/** A sample as text that is the same only if every bit is: tag, time, value, quality. */
export function exact({ tag, timeUs, value, quality }: FoundSample): string {
  const text = typeof value === 'number' ? bitsOf(value) : JSON.stringify(value);
  return `${tag} ${timeUs} ${text} ${quality}`;
}

const numbers = new DataView(new ArrayBuffer(8));

function bitsOf(value: number): string {
  numbers.setFloat64(0, value);
  return `${value} ${numbers.getBigUint64(0).toString(16)}`;
}

/** Rows of `millrace history --format csv` or of the route with `Accept: text/csv`. `tag`: the one that was asked for, null if there were several. */
export function parseHistoryCsv(csv: string, tag: string | null): FoundSample[] {
  const [header, ...lines] = csv.trimEnd().split('\n');
  const wanted = tag === null ? 'tag,time,value,quality' : 'time,value,quality';
  if (header !== wanted) throw new Error(`history begins with ${header}`);
  return lines.map((line) => {
    // Neither the tags nor the values of these tests hold commas or quotes.
    const fields = line.split(',');
    const [time = '', value = '', quality = ''] = tag === null ? fields.slice(1) : fields;
    return {
      tag: tag ?? fields[0] ?? '',
      timeUs: microseconds(time),
      value: csvValue(value),
      quality: Number(quality),
    };
  });
}

function csvValue(text: string): FoundSample['value'] {
  if (text === '') return null;
  if (text === 'true' || text === 'false') return text === 'true';
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

interface HistoryRow {
  readonly tag: string;
  readonly time: string;
  readonly value: FoundSample['value'];
  readonly quality: number;
  readonly flags?: readonly string[];
  readonly deviceTime?: string;
}

export interface HistorySample extends FoundSample {
  readonly flags: readonly string[];
  /** µs; null where it is the effective time. */
  readonly deviceTimeUs: number | null;
}

/** Rows of `millrace history --format json` or of the route. */
export function parseHistoryJson(json: string): HistorySample[] {
  const { items } = JSON.parse(json) as { items: readonly HistoryRow[] };
  return items.map(({ tag, time, value, quality, flags = [], deviceTime }) => {
    const deviceTimeUs = deviceTime === undefined ? null : microseconds(deviceTime);
    return { tag, timeUs: microseconds(time), value, quality, flags, deviceTimeUs };
  });
}

/** µs of a time as history writes it: UTC, six digits. */
export function microseconds(time: string): number {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{6})Z$/.exec(time);
  if (match === null) throw new Error(`history has the time ${time}`);
  return Date.parse(`${match[1]}Z`) * 1000 + Number(match[2]);
}

/** Samples of the tags out of the historian: all of them, through HTTP. */
export async function historyByHttp(gateway: Gateway, tags: readonly string[]): Promise<FoundSample[]> {
  const query = tags.map((tag) => `tag=${encodeURIComponent(tag)}`).join('&');
  const csv = await gateway.text(`/api/v1/history?${query}`, 'text/csv');
  return parseHistoryCsv(csv, tags.length === 1 ? (tags[0] ?? null) : null);
}

/** The same through `millrace history`, from the running gateway or, where none runs, from its files. */
export async function historyByCommand(gateway: Gateway, tags: readonly string[]): Promise<FoundSample[]> {
  const { stdout } = await gateway.cli('history', ...tags, '--format', 'csv');
  return parseHistoryCsv(stdout.toString('utf8'), tags.length === 1 ? (tags[0] ?? null) : null);
}
