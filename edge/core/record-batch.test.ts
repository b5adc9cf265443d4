import { crc32c } from '@node-rs/crc32';
import * as fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { constants, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from './byte-writer.ts';
import { Fault } from './fault.ts';
import {
  BATCH_HEADER_BYTES,
  BatchEncoder,
  checkBatch,
  MAX_BATCH_BYTES,
  MAX_BATCH_RECORDS,
  MAX_UNPACKED_BYTES,
  placeBatch,
  readBatchHeader,
  type RecordHeader,
} from './record-batch.ts';
import { RecordCursor } from './record-cursor.ts';
import { type Sample, ValueKind } from './sample.ts';
import { SampleReader, writeSample } from './sample-codec.ts';
import { SampleKey } from './sample-key.ts';

interface Row {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

const bytes = fc.uint8Array({ maxLength: 100 });
const header = fc.tuple(fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'Ö', '\uFEFF') }), fc.option(bytes));
const row: fc.Arbitrary<Row> = fc.record(
  {
    key: fc.option(bytes),
    value: fc.option(fc.oneof(bytes, fc.uint8Array({ minLength: 1000, maxLength: 3000 }))),
    headers: fc.array(header, { maxLength: 3 }),
  },
  { noNullPrototype: true },
);
const rows = fc.array(row, { minLength: 1, maxLength: 150, size: 'max' });

function encode(records: readonly Row[], timestampMs: number, compress?: boolean): Uint8Array<ArrayBuffer> {
  const encoder = new BatchEncoder();
  for (const { key, value, headers } of records) encoder.addRecord(key, value, headers);
  return encoder.finish(timestampMs, compress);
}

interface Decoded {
  readonly row: Row;
  readonly offset: number;
  readonly timestampMs: number;
}

const own = (part: Uint8Array | null): Uint8Array | null => (part === null ? null : new Uint8Array(part));

/** Every record and all that belongs to it, in memory of its own. */
function decode(batch: Uint8Array, at = 0): Decoded[] {
  const cursor = new RecordCursor();
  cursor.open(batch, at);
  const all: Decoded[] = [];
  while (cursor.next()) {
    const headers = cursor.headers().map(([name, value]): RecordHeader => [name, own(value)]);
    const { offset, timestampMs } = cursor;
    all.push({ row: { key: own(cursor.key()), value: own(cursor.value()), headers }, offset, timestampMs });
  }
  return all;
}

const hex = (part: Uint8Array | null): string => (part === null ? 'null' : Buffer.from(part).toString('hex'));

/** A record as a line of text: comparing many byte arrays one by one takes seconds. */
function lineOf({ row: { key, value, headers }, offset, timestampMs }: Decoded): string {
  return [offset, timestampMs, hex(key), hex(value), ...headers.map(([name, v]) => `${name}=${hex(v)}`)].join(' ');
}

/** What becomes of a batch: its records, or the code of the fault. Any other error is thrown on. */
function outcome(batch: Uint8Array): string {
  try {
    decode(batch);
    return 'records';
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
}
const outcomes = ['records', 'batch-malformed'];

/** Puts the checksum right, so that damage gets past it, as a hostile writer would. */
function reseal(batch: Uint8Array): Uint8Array {
  new DataView(batch.buffer, batch.byteOffset).setUint32(17, crc32c(batch.subarray(21)));
  return batch;
}

function withBody(body: Uint8Array, count: number, codec: number): Uint8Array<ArrayBuffer> {
  const batch = new Uint8Array(BATCH_HEADER_BYTES + body.length);
  batch.set(encode([{ key: null, value: null, headers: [] }], 5).subarray(0, BATCH_HEADER_BYTES));
  batch.set(body, BATCH_HEADER_BYTES);
  const view = new DataView(batch.buffer);
  view.setInt32(8, batch.length - 12);
  view.setInt16(21, codec);
  view.setInt32(23, count - 1);
  view.setInt32(57, count);
  reseal(batch);
  return batch;
}

function codecOf(count: number, value: Uint8Array): number {
  const records = Array.from({ length: count }, () => ({ key: null, value, headers: [] }));
  return readBatchHeader(new DataView(encode(records, 1).buffer), 0).codec;
}

describe('a record batch', () => {
  test('gives back every key, value and header, with dense offsets and the ingest time', () => {
    const offsets = fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 31, 2 ** 40));
    fc.assert(
      fc.property(rows, offsets, fc.nat(4e12), fc.option(fc.boolean()), (records, base, timestampMs, compress) => {
        const batch = encode(records, timestampMs, compress ?? undefined);
        placeBatch(batch, 0, base, 3);
        expect(checkBatch(batch, 0, base)).toBeUndefined();
        const expected = records.map((one, i) => ({ row: one, offset: base + i, timestampMs }));
        expect(decode(batch).map(lineOf)).toEqual(expected.map(lineOf));
      }),
      { numRuns: 100 },
    );
  });

  test('an offset and an epoch lie outside the checksum', () => {
    const batch = encode([{ key: null, value: Uint8Array.of(1), headers: [] }], 5);
    placeBatch(batch, 0, 2 ** 52, 0x7fffffff);
    expect(checkBatch(batch, 0, 2 ** 52)).toBeUndefined();
    expect(checkBatch(batch, 0, 7)).toBe('offset');
    expect(readBatchHeader(new DataView(batch.buffer), 0)).toMatchObject({ baseOffset: 2 ** 52, epoch: 0x7fffffff });
  });

  test('lies anywhere in larger memory', () => {
    const batch = encode([{ key: Uint8Array.of(1), value: Uint8Array.of(2), headers: [] }], 5);
    const memory = new Uint8Array(batch.length + 20);
    memory.set(batch, 13);
    const view = memory.subarray(5);
    expect(checkBatch(view, 8, 0)).toBeUndefined();
    expect(decode(view, 8)).toEqual(decode(batch));
  });

  test('is compressed from 100 records on, and never where that makes it larger', () => {
    expect([codecOf(99, Uint8Array.of(1)), codecOf(100, Uint8Array.of(1))]).toEqual([0, 4]);
    const encoder = new BatchEncoder();
    for (let i = 0; i < 100; i++) encoder.addRecord(null, randomBytes(2000));
    expect(readBatchHeader(new DataView(encoder.finish(1).buffer), 0).codec).toBe(0);
  });

  test('the encoder says the size before, and is empty behind', () => {
    fc.assert(
      fc.property(rows, (records) => {
        const encoder = new BatchEncoder();
        let sum = BATCH_HEADER_BYTES;
        for (const { key, value, headers } of records) sum += encoder.addRecord(key, value, headers) ?? 0;
        const { bytes: said } = encoder;
        expect([said, encoder.finish(1, false).length]).toEqual([sum, sum]);
        expect([encoder.count, encoder.bytes]).toEqual([0, BATCH_HEADER_BYTES]);
      }),
      { numRuns: 20 },
    );
  });

  test('samples and records may be mixed', () => {
    const encoder = new BatchEncoder();
    const sample = { timeUs: 7, kind: ValueKind.double, value: 1.5, quality: 0, flags: 0, serverTimeUs: null };
    const key = Uint8Array.of(97);
    encoder.addRecord(null, null, [['gap', Uint8Array.of(1)]]);
    encoder.addSample(new SampleKey(key), sample, [['c', Uint8Array.of(2)]]);
    encoder.addRecord(key, Uint8Array.of(3));
    const decoded = decode(encoder.finish(1));
    expect(decoded.map(({ row: one }) => [one.key, one.headers])).toEqual([
      [null, [['gap', Uint8Array.of(1)]]],
      [key, [['c', Uint8Array.of(2)]]],
      [key, []],
    ]);
    const reader = new SampleReader();
    const value = decoded[1]?.row.value ?? new Uint8Array();
    reader.read(value, 0, value.length);
    expect(reader.copy()).toEqual(sample);
  });
});

describe('bounds of a batch', () => {
  test('records that would take more than 16 MiB unpacked are refused, however small they pack', () => {
    const encoder = new BatchEncoder();
    const zeros = new Uint8Array(511_000);
    while (encoder.bytes + zeros.length < MAX_UNPACKED_BYTES) encoder.addRecord(null, zeros);
    const fits = encoder.count;
    expect(decode(encoder.finish(1, true))).toHaveLength(fits);
    for (let i = 0; i <= fits; i++) encoder.addRecord(null, zeros);
    expect(() => encoder.finish(1, true)).toThrow('900,000 bytes');
  });

  test('more than a million records are refused', () => {
    const encoder = new BatchEncoder();
    for (let i = 0; i < MAX_BATCH_RECORDS; i++) encoder.addRecord(null, null);
    expect(checkBatch(encoder.finish(1, true), 0, 0)).toBeUndefined();
    for (let i = 0; i <= MAX_BATCH_RECORDS; i++) encoder.addRecord(null, null);
    expect(() => encoder.finish(1, true)).toThrow(Fault);
  });

  test('a batch that fits plainly is never refused because it does not compress', () => {
    const encoder = new BatchEncoder();
    for (let i = 0; i < 101; i++) encoder.addRecord(null, randomBytes(8890));
    encoder.addRecord(null, randomBytes(MAX_BATCH_BYTES - encoder.bytes - 12));
    const { bytes: said } = encoder;
    expect(MAX_BATCH_BYTES - said).toBeLessThan(4);
    expect(encoder.finish(1).length).toBeLessThanOrEqual(said);
  });

  test('a frame that unpacks to 256 MiB is malformed, and is not unpacked', () => {
    const bomb = zstdCompressSync(new Uint8Array(1 << 28), { params: { [constants.ZSTD_c_compressionLevel]: 19 } });
    const batch = withBody(bomb, 1, 4);
    expect(checkBatch(batch, 0, 0)).toBeUndefined();
    const before = process.memoryUsage();
    expect(outcome(batch)).toBe('batch-malformed');
    const after = process.memoryUsage();
    expect(after.rss - before.rss).toBeLessThan(64 * 1024 * 1024);
  });
});

describe('bytes that are no batch', () => {
  test('random bytes are judged without an error and are never a batch', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(40), (noise, at) => {
        expect(checkBatch(noise, at)).not.toBeUndefined();
        expect(outcome(noise)).toBe('batch-malformed');
      }),
      { numRuns: 3000 },
    );
  });

  test('records with changed bytes and a right checksum give records or batch-malformed', () => {
    const change = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 5 }), change, fc.boolean(), (records, changes, zstd) => {
        const batch = encode(records, 5, zstd);
        for (const [at, byte] of changes) batch[21 + (at % (batch.length - 21))] = byte;
        expect(outcomes).toContain(outcome(reseal(batch)));
      }),
      { numRuns: 5000 },
    );
  });

  test('random records behind a right header give records or batch-malformed', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.integer({ min: 1, max: 9 }),
        fc.nat(7),
        (body, count, codec) => {
          expect(outcomes).toContain(outcome(withBody(body, count, codec)));
        },
      ),
      { numRuns: 5000 },
    );
  });

  test('a batch that is cut off anywhere is short, and malformed', () => {
    for (const zstd of [false, true]) {
      const batch = encode([{ key: Uint8Array.of(1), value: new Uint8Array(300), headers: [['a', null]] }], 5, zstd);
      for (let length = 0; length < batch.length; length++) {
        const part = batch.subarray(0, length);
        expect([length, checkBatch(part, 0, 0), outcome(part)]).toEqual([length, 'short', 'batch-malformed']);
      }
    }
  });

  const one = encode([{ key: Uint8Array.of(1), value: Uint8Array.of(2), headers: [] }], 5);
  const changed = (change: (view: DataView) => void, seal = true): Uint8Array => {
    const copy = one.slice();
    change(new DataView(copy.buffer));
    return seal ? reseal(copy) : copy;
  };
  test.each([
    ['magic', changed((view) => view.setUint8(16, 1))],
    ['length', changed((view) => view.setInt32(8, 48))],
    ['length', changed((view) => view.setInt32(8, -1))],
    ['length', changed((view) => view.setInt32(8, MAX_BATCH_BYTES - 11))],
    ['short', changed((view) => view.setInt32(8, one.length - 11))],
    ['checksum', changed((view) => view.setUint8(22, 1), false)],
    ['checksum', changed((view) => view.setUint8(17, 1), false)],
    ['count', changed((view) => view.setInt32(57, 2))],
    ['count', changed((view) => view.setInt32(57, 0))],
    ['count', changed((view) => view.setInt32(57, -1))],
    ['offset', changed((view) => view.setBigInt64(0, -1n), false)],
  ])('problem %s', (problem, batch) => {
    expect(checkBatch(batch, 0, 0)).toBe(problem);
  });

  // A record: length, attributes, time stamp, offset, key length, key, value length, value, header count.
  test.each([
    ['a record longer than the batch', [0x20, 0, 0, 0, 1, 1, 0], 1],
    ['a negative length', [0x01], 1],
    ['a key longer than the record', [0x0c, 0, 0, 0, 0x10, 1, 0], 1],
    ['bytes behind the last record', [0x0c, 0, 0, 0, 1, 1, 0, 9], 1],
    ['bytes behind the headers', [0x0e, 0, 0, 0, 1, 1, 0, 9], 1],
    ['bytes behind a header', [0x16, 0, 0, 0, 1, 1, 2, 2, 65, 0, 9, 9], 1],
    ['a negative header count', [0x0c, 0, 0, 0, 1, 1, 1], 1],
    ['a header with a negative name length', [0x12, 0, 0, 0, 1, 1, 2, 1, 0, 0], 1],
    ['fewer records than counted', [0x0c, 0, 0, 0, 1, 1, 0], 2],
    ['more records than counted', [0x0c, 0, 0, 0, 1, 1, 0, 0x0c, 0, 0, 2, 1, 1, 0], 1],
  ])('%s is malformed', (_, body, count) => {
    expect(outcome(withBody(Uint8Array.from(body), count, 0))).toBe('batch-malformed');
  });

  test.each([1, 2, 3, 5, 6, 7])('codec %i is not ours', (codec) => {
    expect(outcome(withBody(Uint8Array.of(0x0c, 0, 0, 0, 1, 1, 0), 1, codec))).toBe('batch-malformed');
  });
});

/** Samples in a batch by the general way: the value first, then the record around it. */
function general(key: Uint8Array, samples: readonly Sample[]): Uint8Array {
  const encoder = new BatchEncoder();
  for (const sample of samples) {
    const value = new ByteWriter();
    writeSample(value, sample);
    encoder.addRecord(key, value.take());
  }
  return encoder.finish(1, false);
}

describe('a sample', () => {
  const time = fc.oneof(
    fc.integer({ min: -(2 ** 53), max: 2 ** 53 }),
    fc.integer({ min: 1_500_000_000_000_000, max: 2_000_000_000_000_000 }),
    fc.constantFrom(0, 2 ** 48 - 1, 2 ** 48, 2 ** 48 + 1, 2 ** 53),
    // Parts of a microsecond fall off.
    fc.constantFrom(1_700_000_000_000_000.25, 1_700_000_000_000_000.5, 1_700_000_000_000_000.75),
  );
  const sample: fc.Arbitrary<Sample> = fc.record(
    {
      timeUs: time,
      kind: fc.constant(ValueKind.double),
      value: fc.double({ noNaN: true }),
      quality: fc.constantFrom(0, 0, 0, 0x80000000, 1),
      flags: fc.constantFrom(0, 0, 0, 1, 63, 64),
      serverTimeUs: fc.oneof({ arbitrary: fc.constant(null), weight: 4 }, { arbitrary: time, weight: 1 }),
    },
    { noNullPrototype: true },
  );
  const key = fc.oneof(
    fc.uint8Array({ maxLength: 255 }),
    fc.constantFrom(63, 64, 255, 1000, 1001, 8192).map((length) => new Uint8Array(length).fill(97)),
  );

  test('has the same bytes in place and by the general way', () => {
    fc.assert(
      fc.property(key, fc.array(sample, { minLength: 1, maxLength: 300 }), (bytesOfKey, samples) => {
        const encoder = new BatchEncoder();
        let sizes = BATCH_HEADER_BYTES;
        const sampleKey = new SampleKey(bytesOfKey);
        for (const each of samples) sizes += encoder.addSample(sampleKey, each) ?? Number.NaN;
        const batch = encoder.finish(1, false);
        expect(batch).toEqual(general(bytesOfKey, samples));
        expect(sizes).toBe(batch.length);
      }),
    );
  });

  test('has them also as the 10,000th of a batch', () => {
    const samples = Array.from({ length: 10_000 }, (_, i): Sample => {
      return { timeUs: 1.7e15 + i, kind: ValueKind.double, value: i / 3, quality: 0, flags: 0, serverTimeUs: null };
    });
    const name = new TextEncoder().encode('northmill/a');
    const encoder = new BatchEncoder();
    const sampleKey = new SampleKey(name);
    for (const each of samples) encoder.addSample(sampleKey, each);
    expect(encoder.finish(1, false)).toEqual(general(name, samples));
  });
});
