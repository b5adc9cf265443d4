import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import kafkajs, { type IHeaders } from 'kafkajs';
import { expect } from 'vitest';
import { dumpComplaints, dumpIndexes, dumpRecords, type DumpedRecord } from '../services/dump-log.ts';
import { kcatConsume } from '../services/kcat.ts';
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

/** Paths of a topic's files with the ending, in the order of their base offsets. */
export function topicFiles(gateway: Pick<Gateway, 'data'>, topic: string, ending: string): string[] {
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

/** What the dump tool finds wrong with the indexes of a stopped gateway's topic. A segment without both of its indexes is wrong too. */
export async function indexComplaints(gateway: Pick<Gateway, 'data'>, topic: string): Promise<string[]> {
  const logs = topicFiles(gateway, topic, '.log');
  const files = logs.flatMap((log) => ['.index', '.timeindex'].map((ending) => log.replace(/\.log$/, ending)));
  const missing = files.filter((file) => !existsSync(file));
  if (logs.length === 0 || missing.length > 0) return [`${topic}: ${logs.length} segments, without ${missing.join()}`];
  return dumpComplaints(await dumpIndexes(files));
}

/** Every record of a Kafka topic, through kcat. Rejects where an offset is missing, and where the end offset is not the number of records. */
async function consumeTopic(brokers: string, topic: string): Promise<StoredRecord[]> {
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
    await waitFor('every record is read', () => found.length >= count, 120_000);
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
function differences(left: readonly StoredRecord[], right: readonly StoredRecord[]): string[] {
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

/**
 * Every record of `samples` of a stopped gateway, once nobody has a complaint: our own check of the log, Kafka's of segments and indexes;
 * and the mirror topic holds the same, record by record.
 */
export async function soundAndMirrored(gateway: Gateway, brokers: string, mirror: string): Promise<DumpedRecord[]> {
  await gateway.cli('log', 'verify');
  const logged = await dumpTopic(gateway, 'samples');
  expect(await indexComplaints(gateway, 'samples')).toEqual([]);
  expect(differences(await consumeTopic(brokers, mirror), logged)).toEqual([]);
  return logged;
}
