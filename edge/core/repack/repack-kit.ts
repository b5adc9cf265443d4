import { readdirSync } from 'node:fs';
import { constants, zstdCompressSync } from 'node:zlib';
import { crc32c } from '@node-rs/crc32';
import * as fc from 'fast-check';
import { ByteWriter } from '../byte-writer.ts';
import type { Disk } from '../disk.ts';
import { assert } from '../fault.ts';
import { type LogFolder, numbered, type OpenLog, type TestLogWriter } from '../kit/log-kit.ts';
import type { LogWriter } from '../log-writer.ts';

import {
  BATCH_HEADER_BYTES,
  batchCount,
  CODEC_NONE,
  CODEC_ZSTD,
  placeBatch,
  readBatchHeader,
  type RecordHeader,
} from '../record-batch.ts';
import { RecordCursor } from '../record-cursor.ts';
import { repackLog } from './log.ts';
import { topicFolder } from '../segment-files.ts';

/** For tests: a record of a batch that is made by hand. */
export interface MadeRecord {
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

/** A batch, as it is made and as it was found. */
export interface MadeBatch {
  readonly epoch: number;
  readonly packed: boolean;
  readonly records: readonly MadeRecord[];
}

/** Batches of all kinds; epochs and times grow, or not: see the options. */
export function anyBatches(
  options: { readonly records?: number; readonly batches?: number } = {},
): fc.Arbitrary<MadeBatch[]> {
  const bytes = fc.oneof(
    { weight: 4, arbitrary: fc.uint8Array({ maxLength: 40 }) },
    // Larger than a loop copies, and so large that few fit into a batch.
    { weight: 2, arbitrary: fc.nat({ max: 3000 }).map((length) => new Uint8Array(length).fill(length)) },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 100_000, max: 400_000 }).map((length) => new Uint8Array(length).fill(7)),
    },
  );
  const bytesOrNull = fc.option(bytes, { freq: 6 });
  const header = fc.tuple(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.option(fc.uint8Array({ maxLength: 8 })));
  const record = fc.record({
    timestampMs: fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 4_000_000_000_000 }) },
    ),
    key: fc.option(fc.uint8Array({ maxLength: 40 }), { freq: 8 }),
    value: bytesOrNull,
    headers: fc.array(header, { maxLength: 3 }),
  });
  // Of the kind that nearly all are: many, small, alike.
  const alike = fc.record({ first: record, count: fc.integer({ min: 1, max: 1300 }) }).map(({ first, count }) => {
    const small = { ...first, value: first.value?.subarray(0, 30) ?? null };
    return Array.from({ length: count }, (_, i) => ({ ...small, timestampMs: small.timestampMs + i }));
  });
  const batch = fc.record({
    epoch: fc.constant(0),
    packed: fc.boolean(),
    records: fc.oneof(
      { weight: 5, arbitrary: fc.array(record, { minLength: 1, maxLength: options.records ?? 12 }) },
      { weight: 1, arbitrary: alike },
    ),
  });
  return fc
    .tuple(fc.array(batch, { minLength: 1, maxLength: options.batches ?? 40 }), fc.nat({ max: 40 }))
    .map(([batches, change]) => batches.map((each, i) => ({ ...each, epoch: i < change ? 0 : 3 })));
}

/** The bytes of a batch, its first record at an offset. */
export function bytesOf({ epoch, packed, records }: MadeBatch, baseOffset: number): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  const record = new ByteWriter();
  const base = records[0]?.timestampMs ?? 0;
  for (const [i, { timestampMs, key, value, headers }] of records.entries()) {
    record.reset();
    record.uint8(0);
    record.varlong(timestampMs - base);
    record.varlong(i);
    content(record, key);
    content(record, value);
    record.varlong(headers.length);
    for (const [name, headerValue] of headers) {
      record.text(name);
      content(record, headerValue);
    }
    out.varlong(record.length);
    out.raw(record.bytes.subarray(0, record.length));
  }
  const plain = out.bytes.subarray(0, out.length);
  const body = packed ? zstdCompressSync(plain, { params: { [constants.ZSTD_c_compressionLevel]: 1 } }) : plain;
  const batch = new Uint8Array(BATCH_HEADER_BYTES + body.length);
  const view = new DataView(batch.buffer);
  view.setInt32(8, batch.length - 12);
  view.setUint8(16, 2);
  view.setInt16(21, packed ? CODEC_ZSTD : CODEC_NONE);
  view.setInt32(23, records.length - 1);
  view.setBigInt64(27, BigInt(base));
  view.setBigInt64(35, BigInt(Math.max(...records.map(({ timestampMs }) => timestampMs))));
  batch.fill(0xff, 43, 57);
  view.setInt32(57, records.length);
  batch.set(body, BATCH_HEADER_BYTES);
  seal(batch);
  placeBatch(batch, 0, baseOffset, epoch);
  return batch;
}

/** Makes the checksum of a batch right. */
export function seal(batch: Uint8Array): void {
  new DataView(batch.buffer, batch.byteOffset).setUint32(17, crc32c(batch.subarray(21)));
}

function content(out: ByteWriter, bytes: Uint8Array | null): void {
  out.varlong(bytes?.length ?? -1);
  if (bytes !== null) out.raw(bytes);
}

/** Batches of all these records, one behind the other from an offset on, back to back. */
export function layOut(batches: readonly MadeBatch[], baseOffset: number): Uint8Array {
  let offset = baseOffset;
  return Buffer.concat(
    batches.map((batch) => {
      const bytes = bytesOf(batch, offset);
      offset += batch.records.length;
      return bytes;
    }),
  );
}

function textOf(part: Uint8Array | null): string {
  return part === null ? 'null' : `"${Buffer.from(part).toString('base64')}"`;
}

/** Everything that batches back to back say of their records, a line each: to be compared. */
export function linesOf(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  const cursor = new RecordCursor();
  for (let at = 0; at < bytes.length;) {
    const { epoch } = readBatchHeader(new DataView(bytes.buffer, bytes.byteOffset), at);
    at = cursor.open(bytes, at);
    while (cursor.next()) {
      const headers = cursor.headers().map(([name, value]) => `${JSON.stringify(name)}=${textOf(value)}`);
      const { offset, timestampMs } = cursor;
      lines.push(
        `${offset} ${epoch} ${timestampMs} ${textOf(cursor.key())} ${textOf(cursor.value())} ${headers.join()}`,
      );
    }
  }
  return lines;
}

/** Repacks all that can be, in this thread, and has the writer swap it in. What became of each segment, by topic and base offset. */
export function repackAll(disk: Disk, logFolder: string, writer: LogWriter): Record<string, string> {
  const outcomes: Record<string, string> = {};
  for (const step of repackLog(disk, logFolder, {})) {
    if (step === undefined) continue;
    const swapped = step.outcome === 'ready' ? writer.replaceSegment(step) : undefined;
    outcomes[`${step.topic} ${step.baseOffset}`] =
      step.outcome === 'ready' && swapped === undefined ? 'refused' : step.outcome;
  }
  return outcomes;
}

/** For tests: names in the folder of the topic that are not those of a log. */
export function leftovers(folder: LogFolder): string[] {
  const names = readdirSync(topicFolder(folder.log, 'samples'));
  return names.filter((name) => !/^(\d{20}\.(log|index|timeindex)|leader-epoch-checkpoint)$/.test(name));
}

/** Appends batches, many to a commit. */
export function appendAll(writer: TestLogWriter, batches: readonly Uint8Array<ArrayBuffer>[]): void {
  for (let i = 0; i < batches.length; i += 200) {
    const requests = batches.slice(i, i + 200).map((batch) => {
      return { topic: 'samples', batch, records: batchCount(new DataView(batch.buffer), 0) };
    });
    writer.append(requests);
  }
}

/** Records of many batches in six segments and more; times grow, but for once in a while. */
export function filledLog(folder: LogFolder, records = 8000): OpenLog {
  const log = folder.open({ segmentBytes: records * 2 });
  const batches: Uint8Array<ArrayBuffer>[] = [];
  for (let next = 0, i = 0; next < records; i++) {
    const count = [1, 4, 11, 2, 150, 7, 30][i % 7] ?? 1;
    const timestampMs = 1_600_000_000_000 + 10 * i - (i % 9 === 8 ? 500 : 0);
    batches.push(numbered(next, count, { size: 12, timestampMs, compress: count >= 100 }));
    next += count;
  }
  appendAll(log.writer, batches);
  assert(folder.segments().length > 5, 'there are several complete segments');
  return log;
}

/** All files of complete segments, by name. */
export function completeFiles(folder: LogFolder): Map<string, string> {
  const files = folder.segments().slice(0, -1);
  const kinds = ['log', 'index', 'timeindex'] as const;
  return new Map(
    files.flatMap((base) => kinds.map((kind) => [`${base}.${kind}`, folder.bytes(base, kind).toString('hex')])),
  );
}
