import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { systemClock } from '../../edge/core/clock.ts';
import { Fault } from '../../edge/core/fault.ts';
import {
  readBatchHeader,
  BatchEncoder,
  type BatchHeader,
  checkBatch,
  MAX_BATCH_BYTES,
  placeBatch,
  type RecordHeader,
} from '../../edge/core/record-batch.ts';
import { RecordCursor } from '../../edge/core/record-cursor.ts';
import { setProducer } from '../kafka/patch.ts';
import { BatchMerger, type Outgoing } from './batch-merger.ts';
import { fillBatch, MAX_FILL_RECORDS } from './null-fill.ts';
import { OpenBatch } from './open-batch.ts';
import { OutgoingBatches } from './outgoing-batches.ts';
import { TestLog } from './log-kit.ts';

/** Everything about a record that a mirror must keep. */
interface Seen {
  offset: number;
  timestampMs: number;
  key: string | null;
  value: string | null;
  headers: string;
}

const hex = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString('hex'));

function recordsOf(batch: Uint8Array): Seen[] {
  const cursor = new RecordCursor();
  cursor.open(batch);
  const seen: Seen[] = [];
  while (cursor.next()) {
    const headers = cursor.headers().map(([name, value]) => [name, hex(value)]);
    const { offset, timestampMs } = cursor;
    seen.push({
      offset,
      timestampMs,
      key: hex(cursor.key()),
      value: hex(cursor.value()),
      headers: JSON.stringify(headers),
    });
  }
  return seen;
}

/** The records of what a link would send, each at its own offset; checks what a broker checks. */
function sentRecords({ bytes, baseOffset, records }: Outgoing): Seen[] {
  expect(headerOf(bytes).baseOffset).toBe(0);
  setProducer(bytes, { id: 7n, epoch: 1 }, 0);
  expect(checkBatch(bytes, 0, 0)).toBeUndefined();
  expect(bytes.length).toBeLessThanOrEqual(MAX_BATCH_BYTES);
  placeBatch(bytes, 0, baseOffset, 0);
  const seen = recordsOf(bytes);
  expect(seen.length).toBe(records);
  const greatest = Math.max(...seen.map(({ timestampMs }) => timestampMs));
  expect(headerOf(bytes).maxTimestampMs).toBe(greatest);
  return seen;
}

const bytesOrNull = fc.option(fc.uint8Array({ maxLength: 60 }), { nil: null });
const anyRecord = fc.record({
  key: bytesOrNull,
  value: bytesOrNull,
  headers: fc.array(fc.tuple(fc.string({ maxLength: 8 }), bytesOrNull), { maxLength: 3 }),
});
const anyBatch = fc.record({
  timestampMs: fc.integer({ min: -5, max: 4_102_444_800_000 }),
  records: fc.array(anyRecord, { minLength: 1, maxLength: 150 }),
  compress: fc.boolean(),
});

const nothing = { key: null, value: null, headers: [] };

function headerOf(bytes: Uint8Array): BatchHeader {
  return readBatchHeader(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
}

function opened(bytes: Uint8Array): OpenBatch {
  const batch = new OpenBatch();
  batch.open(bytes, 0);
  return batch;
}

interface Plain {
  timestampMs: number;
  records: readonly { key: Uint8Array | null; value: Uint8Array | null; headers: RecordHeader[] }[];
  compress: boolean;
}

/** Batches as they lie in a log, back to back from an offset on. */
function logOf(batches: readonly Plain[], from: number): Uint8Array[] {
  let offset = from;
  return batches.map(({ timestampMs, records, compress }) => {
    const encoder = new BatchEncoder();
    for (const { key, value, headers } of records) encoder.addRecord(key, value, headers);
    const bytes = encoder.finish(timestampMs, compress);
    placeBatch(bytes, 0, offset, 0);
    offset += records.length;
    return bytes;
  });
}

test('merging keeps offset, timestamp, key, value and headers of every record, wherever it cuts', () => {
  fc.assert(
    fc.property(
      fc.array(anyBatch, { minLength: 1, maxLength: 6 }),
      fc.nat(2 ** 40),
      fc.integer({ min: 100, max: 5000 }),
      fc.nat(200),
      (batches, from, maxBytes, skip) => {
        const log = logOf(batches, from);
        const wanted = log.flatMap(recordsOf).slice(skip);
        const merger = new BatchMerger();
        const got: Seen[] = [];
        for (const bytes of log) {
          const open = opened(bytes);
          while (!merger.take(open, from + skip, maxBytes)) got.push(...sentRecords(merger.finish()));
        }
        if (merger.count > 0) got.push(...sentRecords(merger.finish()));
        expect(got).toEqual(wanted);
      },
    ),
    { numRuns: 200 },
  );
});

test('a merged batch is compressed from 100 records on', () => {
  const codecs = [99, 100].map((count) => {
    const [bytes] = logOf(
      [{ timestampMs: 1, records: Array.from({ length: count }, () => nothing), compress: false }],
      0,
    );
    const merger = new BatchMerger();
    merger.take(opened(bytes ?? new Uint8Array(0)), 0, MAX_BATCH_BYTES);
    return headerOf(merger.finish().bytes).codec;
  });
  expect(codecs).toEqual([0, 4]);
});

/** Records until the end or until the batch is found malformed; any other error is thrown. */
function walked(batch: OpenBatch): number {
  let count = 0;
  try {
    for (; batch.next(); count++) {
      if (batch.restStart > batch.restEnd || batch.restEnd > batch.data.length) throw new Error('outside of the batch');
    }
    return count;
  } catch (error) {
    if (error instanceof Fault && error.code === 'batch-malformed') return count;
    throw error;
  }
}

test('what is no batch of records is malformed, and nothing else happens', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 1, max: 20 }),
      fc.constantFrom(0, 1, 4),
      (body, count, codec) => {
        const bytes = new Uint8Array(61 + body.length);
        bytes.set(body, 61);
        const view = new DataView(bytes.buffer);
        view.setInt32(8, bytes.length - 12);
        view.setInt16(21, codec);
        view.setInt32(57, count);
        expect(walked(opened(bytes))).toBeLessThanOrEqual(count);
      },
    ),
  );
});

/** Reads all of a log from an offset on as a link sends it. */
function drain(log: TestLog, from: number, maxBytes: number, largeBytes: number): Outgoing[] {
  const batches = new OutgoingBatches({
    logFolder: log.folder,
    topic: 'samples',
    ends: log.ends,
    clock: systemClock(),
  });
  batches.seek(from);
  const sent: Outgoing[] = [];
  for (let next = batches.next(maxBytes, largeBytes); next !== undefined; next = batches.next(maxBytes, largeBytes))
    sent.push(next);
  batches.close();
  return sent;
}

test('many small batches become few, large ones go as they lie', () => {
  using log = new TestLog();
  log.append(2000, 1);
  log.append(3, 5000);
  log.append(10, 1);
  const sent = drain(log, 0, MAX_BATCH_BYTES, 64 * 1024);
  expect(sent.map(({ records }) => records)).toEqual([2000, 5000, 5000, 5000, 10]);
  expect(sent.flatMap(sentRecords).map(({ offset }) => offset)).toEqual(Array.from({ length: 17_010 }, (_, i) => i));
});

test('it begins at any offset, also in the middle of a batch', () => {
  using log = new TestLog();
  log.append(20, 7);
  log.append(2, 6000);
  const all = drain(log, 0, 20_000, 4096).flatMap(sentRecords);
  for (const from of [0, 1, 6, 7, 100, 140, 141, 6139, 6140, 12_139]) {
    expect(drain(log, from, 20_000, 4096).flatMap(sentRecords)).toEqual(all.slice(from));
  }
  expect(drain(log, 12_140, 20_000, 4096)).toEqual([]);
});

test('a record that came alone goes as it lies', () => {
  using log = new TestLog();
  log.append(1, 3);
  const [sent] = drain(log, 0, MAX_BATCH_BYTES, 64 * 1024);
  expect(sent).toMatchObject({ baseOffset: 0, records: 3 });
});

test('a large batch that does not fit is taken apart: over a slow line it would never arrive in time', () => {
  using log = new TestLog();
  log.append(1, 5000);
  const sent = drain(log, 0, 32 * 1024, 8 * 1024);
  expect(sent.length).toBeGreaterThan(5);
  for (const { bytes } of sent) expect(bytes.length).toBeLessThanOrEqual(32 * 1024);
  expect(sent.flatMap(sentRecords).map(({ offset }) => offset)).toEqual(Array.from({ length: 5000 }, (_, i) => i));
});

test('lost records become null records with a header that says which and why', () => {
  const range = { first: 100, last: 12_345, reason: 'retention' } as const;
  const sent: Outgoing[] = [];
  for (let from = range.first; from <= range.last; from += sent.at(-1)?.records ?? 0)
    sent.push(fillBatch(range, from, 1000));
  const gap = `[["gap","${Buffer.from(JSON.stringify({ reason: 'retention', first: 100, last: 12_345 })).toString('hex')}"]]`;
  const records = sent.flatMap(sentRecords);
  expect(records.length).toBe(12_246);
  records.forEach((record, index) => {
    expect(record).toEqual({ offset: 100 + index, timestampMs: 1000, key: null, value: null, headers: gap });
  });
});

test('records that retention took are filled up to a bound, and the offsets behind them stay', () => {
  using log = new TestLog({ segmentBytes: 100_000, budgetBytes: 150_000 });
  for (let i = 0; i < 10; i++) log.append(10, 50);
  log.writer.hold({});
  log.writer.retain();
  const start = log.ends.start('samples');
  expect(start).toBeGreaterThan(0);
  const records = drain(log, 5, MAX_BATCH_BYTES, 64 * 1024).flatMap(sentRecords);
  expect(records.map(({ offset }) => offset)).toEqual(Array.from({ length: 4995 }, (_, i) => i + 5));
  expect(records.filter(({ key }) => key === null).length).toBe(start - 5);
});

test('more than a million lost records are not filled', () => {
  using log = new TestLog();
  log.append(1, 10);
  log.ends.publish('samples', 2_000_020, MAX_FILL_RECORDS + 10);
  expect(() => drain(log, 9, MAX_BATCH_BYTES, 64 * 1024)).toThrow(/records 9 to 1000009 were deleted/);
  expect(drainFirst(log, 10)).toMatchObject({ baseOffset: 10, records: 10_000 });
});

function drainFirst(log: TestLog, from: number): Outgoing | undefined {
  const batches = new OutgoingBatches({
    logFolder: log.folder,
    topic: 'samples',
    ends: log.ends,
    clock: systemClock(),
  });
  batches.seek(from);
  const first = batches.next(MAX_BATCH_BYTES, 64 * 1024);
  batches.close();
  return first;
}
