import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Disk, realDisk } from '../disk.ts';
import { DurableEnds } from '../durable-ends.ts';
import { Fault, type FaultMessage, toFaultMessage } from '../fault.ts';
import type { RetentionSettings } from '../retention/log-retention.ts';
import { LogWriter, type LogWriterOptions } from '../log-writer.ts';
import { LogReader } from '../reader.ts';
import { BATCH_HEADER_BYTES, BatchEncoder } from '../record-batch.ts';
import { RecordCursor } from '../record-cursor.ts';
import type { RecoveryReport } from '../recovery.ts';
import { listSegments, segmentFile, topicFolder } from '../segment-files.ts';

/** For tests: a record as it was read; `number` is what `numbered` put into it. */
export interface Entry {
  readonly offset: number;
  readonly number: number;
  readonly timestampMs: number;
}

/** A batch and where it goes. */
export interface AppendRequest {
  readonly topic: string;
  readonly batch: Uint8Array;
  readonly records: number;
}

/** The writer, given its batches in this thread. */
export class TestLogWriter extends LogWriter {
  private readonly topicNames: readonly string[];

  constructor(options: LogWriterOptions) {
    super(options);
    this.topicNames = options.ends.topics;
  }

  /** Appends batches and makes all of them durable. Answers in the order of the requests: a base offset, or a fault. */
  append(requests: readonly AppendRequest[]): (number | FaultMessage)[] {
    const staged = requests.map(({ topic, batch, records }) => {
      const number = this.topicNames.indexOf(topic);
      if (number < 0) return toFaultMessage(new Fault('log-topic-unknown', topic));
      const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
      return this.stage(number, batch, view, 0, batch.length, records);
    });
    const failure = this.commit();
    return failure === undefined ? staged : requests.map(() => failure);
  }
}

/** What reading a topic from one offset to its end gave. */
export interface Reading {
  readonly entries: Entry[];
  readonly gaps: { readonly first: number; readonly last: number; readonly reason: string }[];
}

export interface NumberedOptions {
  /** Bytes of each value; at least 8. */
  readonly size?: number;
  readonly timestampMs?: number;
  readonly compress?: boolean;
}

/** A batch of records that carry the numbers `first`, `first + 1`, … */
export function numbered(first: number, count: number, options: NumberedOptions = {}): Uint8Array<ArrayBuffer> {
  const encoder = new BatchEncoder();
  const key = new TextEncoder().encode('northmill/n');
  for (let i = 0; i < count; i++) {
    const value = new Uint8Array(options.size ?? 8);
    // Bytes that differ from record to record, so that a value found in the wrong place is noticed.
    for (let k = 8; k < value.length; k++) value[k] = (first + i) * 31 + k * 7;
    new DataView(value.buffer).setBigUint64(0, BigInt(first + i));
    encoder.addRecord(key, value);
  }
  return encoder.finish(options.timestampMs ?? 1_600_000_000_000, options.compress ?? false);
}

/** The same as a request to the writer. */
export function request(topic: string, first: number, records: number): AppendRequest {
  return { topic, batch: numbered(first, records), records };
}

/** The records of whole batches, back to back. */
export function entriesOf(bytes: Uint8Array): Entry[] {
  const entries: Entry[] = [];
  const cursor = new RecordCursor();
  for (let at = 0; at < bytes.length;) {
    at = cursor.open(bytes, at);
    while (cursor.next()) {
      const { data, valueStart, offset, timestampMs } = cursor;
      const number = Number(new DataView(data.buffer, data.byteOffset).getBigUint64(valueStart));
      entries.push({ offset, number, timestampMs });
    }
  }
  return entries;
}

/** Everything from an offset to the durable end. Records before the offset, in a batch that begins before it, are left out. */
export function readAll(reader: LogReader, from: number, maxBytes?: number): Reading {
  reader.seek(from);
  const reading: Reading = { entries: [], gaps: [] };
  for (let result = reader.read(maxBytes); result.kind !== 'end'; result = reader.read(maxBytes)) {
    if (result.kind === 'data') reading.entries.push(...entriesOf(result.bytes).filter(({ offset }) => offset >= from));
    else reading.gaps.push({ first: result.first, last: result.last, reason: result.reason });
  }
  reader.close();
  return reading;
}

export interface OpenOptions extends Partial<RetentionSettings> {
  readonly disk?: Disk;
  readonly topics?: readonly string[];
  readonly segmentBytes?: number;
  readonly disposalBytes?: number;
  readonly stamp?: string;
}

/** A log that is open, with its ends and what its recovery found. */
export interface OpenLog {
  readonly writer: TestLogWriter;
  readonly ends: DurableEnds;
  readonly reports: Record<string, RecoveryReport>;
  /** Appends one numbered batch; the answer of the writer. */
  readonly append: (first: number, count: number, options?: NumberedOptions) => number;
}

/** For tests: a log folder of its own that is removed at the end. */
export class LogFolder implements Disposable {
  readonly data = mkdtempSync(path.join(tmpdir(), 'millrace-log-'));
  readonly log = path.join(this.data, 'log');
  readonly lostAndFound = path.join(this.data, 'lost+found');

  [Symbol.dispose](): void {
    rmSync(this.data, { recursive: true, force: true });
  }

  ends(topics: readonly string[] = ['samples']): DurableEnds {
    return DurableEnds.create(topics);
  }

  /** A writer in this thread that is not open yet. */
  writer(options: OpenOptions, ends: DurableEnds): TestLogWriter {
    return new TestLogWriter({
      disk: options.disk ?? realDisk,
      logFolder: this.log,
      lostAndFound: this.lostAndFound,
      ends,
      budgetBytes: options.budgetBytes ?? 1e12,
      reserveBytes: options.reserveBytes,
      retentionMs: options.retentionMs,
      othersKeepMs: options.othersKeepMs,
      clock: options.clock,
      space: options.space,
      newLogId: '00000000-0000-4000-8000-000000000000',
      stamp: options.stamp ?? '1',
      ...(options.segmentBytes === undefined ? {} : { segmentBytes: options.segmentBytes }),
      ...(options.disposalBytes === undefined ? {} : { disposalBytes: options.disposalBytes }),
    });
  }

  /** Opens a writer in this thread. Topic `samples` alone unless told. */
  open(options: OpenOptions = {}): OpenLog {
    const ends = this.ends(options.topics);
    const writer = this.writer(options, ends);
    const reports = writer.open();
    const append = (first: number, count: number, batchOptions?: NumberedOptions): number => {
      const batch = numbered(first, count, batchOptions);
      const [answer] = writer.append([{ topic: 'samples', batch, records: count }]);
      if (typeof answer === 'number') return answer;
      throw new Error(`append: ${JSON.stringify(answer)}`);
    };
    return { writer, ends, reports, append };
  }

  /** Opens, does, closes cleanly. */
  with<T>(options: OpenOptions, work: (log: OpenLog) => T): T {
    const log = this.open(options);
    const result = work(log);
    log.writer.close();
    return result;
  }

  reader(ends: DurableEnds, topic = 'samples', disk: Disk = realDisk): LogReader {
    return new LogReader({ logFolder: this.log, topic, ends, disk });
  }

  /** Everything from an offset to the durable end. */
  read(ends: DurableEnds, from = 0, topic = 'samples', maxBytes?: number): Reading {
    return readAll(this.reader(ends, topic), from, maxBytes);
  }

  /** Opens and appends 500 records and more in batches of many sizes, some compressed, in several segments; each batch is 10 ms later than the one before. */
  fill(segmentBytes = 4000): OpenLog & { readonly end: number; readonly batches: readonly number[] } {
    const counts = [1, 7, 2, 30, 1, 4, 11, 1, 1, 19, 3, 8];
    const log = this.open({ segmentBytes });
    const batches: number[] = [];
    let end = 0;
    for (let i = 0; end < 500; i++) {
      const count = counts[i % counts.length] ?? 1;
      log.append(end, count, { size: 30, timestampMs: 1000 + 10 * i, compress: i % 5 === 0 });
      batches.push(end);
      end += count;
    }
    return { ...log, end, batches };
  }

  /** Times for which a reader gives another offset than a walk through all records: before the first batch, at and beside each, behind the last. */
  wrongTimes(ends: DurableEnds): { timeMs: number; found: number; right: number }[] {
    const { entries } = this.read(ends);
    const reader = this.reader(ends);
    const times = new Set(entries.flatMap(({ timestampMs }) => [timestampMs - 1, timestampMs, timestampMs + 1]));
    const answers = [...times].map((timeMs) => ({
      timeMs,
      found: reader.offsetAt(timeMs),
      right: entries.find(({ timestampMs }) => timestampMs >= timeMs)?.offset ?? ends.end('samples'),
    }));
    return answers.filter(({ found, right }) => found !== right);
  }

  /** Path of a segment's file. */
  file(base: number, kind: 'log' | 'index' | 'timeindex' = 'log', topic = 'samples'): string {
    return segmentFile(topicFolder(this.log, topic), base, kind);
  }

  /** Content of a segment's file, without the zeros that lie behind the data of one that is being written. */
  bytes(base: number, kind: 'log' | 'index' | 'timeindex' = 'log'): Buffer {
    const bytes = readFileSync(this.file(base, kind));
    return kind === 'log' ? bytes.subarray(0, dataEnd(bytes)) : bytes;
  }

  /** Base offsets of a topic's segments. */
  segments(topic = 'samples'): number[] {
    return listSegments(realDisk, topicFolder(this.log, topic));
  }

  /** Appends a record with this value to `samples`. */
  appendValue(writer: TestLogWriter, value: Uint8Array): void {
    const encoder = new BatchEncoder();
    encoder.addRecord(null, value);
    writer.append([{ topic: 'samples', batch: encoder.finish(1_600_000_000_000), records: 1 }]);
  }

  /** Changes the bytes of a segment, as a bad disk would. */
  damage(base: number, change: (bytes: Buffer) => Uint8Array | void): void {
    const bytes = this.bytes(base);
    writeFileSync(this.file(base), change(bytes) ?? bytes);
  }

  /** Replaces a file of the log folder. */
  write(name: string, content: string | Uint8Array): void {
    writeFileSync(path.join(this.log, name), content);
  }

  /** Text of a file of the log folder. */
  text(name: string): string {
    return readFileSync(path.join(this.log, name), 'utf8');
  }
}

/** Where the batches of a segment end if nothing but zeros comes behind them, else where the file ends. */
function dataEnd(bytes: Buffer): number {
  let at = 0;
  while (at + BATCH_HEADER_BYTES <= bytes.length && bytes[at + 16] === 2) at += bytes.readInt32BE(at + 8) + 12;
  return at < bytes.length && bytes.subarray(at).every((byte) => byte === 0) ? at : bytes.length;
}

/** Entries as [offset, number]. */
export function pairs(reading: Reading): [number, number][] {
  return reading.entries.map(({ offset, number }) => [offset, number]);
}

/** What `pairs` gives where the record at each offset carries its own offset. */
export function expectedPairs(first: number, end: number): [number, number][] {
  return Array.from({ length: end - first }, (_, i) => [first + i, first + i]);
}
