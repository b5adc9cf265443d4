import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault } from '../fault.ts';
import { numbered } from '../kit/log-kit.ts';
import { BatchEncoder, checkBatch, CODEC_ZSTD, MAX_BATCH_BYTES, placeBatch, readBatchHeader } from '../record-batch.ts';
import { BatchRepacker } from './batches.ts';
import { anyBatches, bytesOf, layOut, linesOf, type MadeBatch, type MadeRecord, seal } from './repack-kit.ts';
import { ValueKind } from '../sample.ts';
import { SampleKey } from '../sample-key.ts';

interface Repacked {
  readonly bytes: Uint8Array;
  readonly counts: number[];
}

/** Batches that lie back to back, repacked; each that comes out is a valid one in its place, and its header says what it is. */
function repack(bytes: Uint8Array, baseOffset = 0): Repacked {
  const parts: Uint8Array[] = [];
  const counts: number[] = [];
  let expected = baseOffset;
  const repacker = new BatchRepacker((batch, header) => {
    expect(checkBatch(batch, 0, expected)).toBeUndefined();
    expect(readBatchHeader(new DataView(batch.buffer, batch.byteOffset), 0)).toEqual(header);
    expect(batch.length).toBe(header.bytes);
    parts.push(batch.slice());
    counts.push(header.count);
    expected += header.count;
  });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    const header = readBatchHeader(view, at);
    repacker.add(bytes, at, header);
    at += header.bytes;
  }
  repacker.flush();
  return { bytes: Buffer.concat(parts), counts };
}

const record = (timestampMs: number, length = 8): MadeRecord => {
  return { timestampMs, key: new TextEncoder().encode('northmill/n'), value: new Uint8Array(length), headers: [] };
};

function batchOf(count: number, options: { epoch?: number; packed?: boolean; timestampMs?: number } = {}): MadeBatch {
  const { epoch = 0, packed = false, timestampMs = 1_700_000_000_000 } = options;
  return { epoch, packed, records: Array.from({ length: count }, () => record(timestampMs)) };
}

const times = (count: number, batch: MadeBatch): MadeBatch[] => Array.from({ length: count }, () => batch);

describe('repacked batches', () => {
  test('hold the same records at the same offsets with the same epochs and times, in hardly more bytes', () => {
    fc.assert(
      fc.property(anyBatches(), fc.nat({ max: 2 ** 40 }), (batches, baseOffset) => {
        const before = layOut(batches, baseOffset);
        const { bytes } = repack(before, baseOffset);
        expect(linesOf(bytes)).toEqual(linesOf(before));
        // Times that lie far apart may take more than the header that is saved; a segment that gains nothing stays as it is.
        expect(bytes.length).toBeLessThanOrEqual(before.length + 16 * linesOf(before).length);
      }),
      { numRuns: 80 },
    );
  });

  test('come out as they are when they are repacked again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 500, max: 4000 }), (size, records) => {
        const once = repack(layOut(times(Math.ceil(records / size), batchOf(size)), 0)).bytes;
        const twice = repack(once).bytes;
        // But for the last, which may be small.
        expect(linesOf(twice)).toEqual(linesOf(once));
        expect(once.length - twice.length).toBeLessThan(100);
      }),
      { numRuns: 20 },
    );
  });

  test.each([
    ['of one record', times(3000, batchOf(1)), [1000, 1000, 1000]],
    ['of 30', times(100, batchOf(30)), [1020, 1020, 960]],
    ['small compressed ones', times(10, batchOf(200, { packed: true })), [1000, 1000]],
    ['large compressed ones: as they are', times(3, batchOf(700, { packed: true })), [700, 700, 700]],
    ['large plain ones: compressed, each for itself', times(3, batchOf(1500)), [1500, 1500, 1500]],
    [
      'a small one between large ones: for itself',
      [batchOf(700, { packed: true }), batchOf(3), batchOf(700, { packed: true })],
      [700, 3, 700],
    ],
    ['of two epochs: never together', [...times(5, batchOf(10)), ...times(5, batchOf(10, { epoch: 4 }))], [50, 50]],
  ])('hold about 1,000 records, made of batches %s', (_, batches, counts) => {
    expect(repack(layOut(batches, 7), 7).counts).toEqual(counts);
  });

  test('begin with the time of their first record and have the greatest time of all, also where the clock went back', () => {
    const batches = [50, 20, 70, 10].map((ms) => batchOf(2, { timestampMs: 1_700_000_000_000 + ms }));
    const { bytes } = repack(layOut(batches, 0));
    expect(readBatchHeader(new DataView(bytes.buffer, bytes.byteOffset), 0)).toMatchObject({
      count: 8,
      baseTimestampMs: 1_700_000_000_050,
      maxTimestampMs: 1_700_000_000_070,
    });
  });

  test('are never larger than a batch may be, also where nothing can be compressed', () => {
    const noise = crypto.getRandomValues(new Uint8Array(60_000));
    const batches = Array.from({ length: 40 }, (_, i): MadeBatch => {
      return { epoch: 0, packed: false, records: [{ ...record(i), value: noise.subarray(0, 30_000 + i * 700) }] };
    });
    const before = layOut(batches, 0);
    const { bytes, counts } = repack(before);
    expect(linesOf(bytes)).toEqual(linesOf(before));
    expect(counts.length).toBe(2);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    for (let at = 0; at < bytes.length; at += readBatchHeader(view, at).bytes)
      expect(readBatchHeader(view, at).bytes).toBeLessThanOrEqual(MAX_BATCH_BYTES);
  });

  test('that unpack to more than one may hold stay as they are', () => {
    const large: MadeBatch = { epoch: 0, packed: true, records: Array.from({ length: 9 }, () => record(5, 500_000)) };
    const before = layOut(times(3, large), 0);
    expect(Buffer.compare(repack(before).bytes, before)).toBe(0);
  });
});

describe('what is not ours goes through as it lies', () => {
  test.each([
    ['another codec', (view: DataView) => view.setInt16(21, 1)],
    ['times of the broker', (view: DataView) => view.setInt16(21, 8)],
    ['a transaction', (view: DataView) => view.setInt16(21, 0x10)],
    ['a time beyond what is exact here', (view: DataView) => view.setBigInt64(27, 2n ** 60n)],
    ['a producer', (view: DataView) => view.setBigInt64(43, 9n)],
    ['a sequence number', (view: DataView) => view.setInt32(53, 0)],
  ])('%s', (_, change) => {
    const batches = [0, 1, 2].map((i) => bytesOf(batchOf(10), 10 * i));
    const [, middle] = batches;
    change(new DataView(middle?.buffer ?? new ArrayBuffer(0)));
    if (middle !== undefined) seal(middle);
    const { bytes, counts } = repack(Buffer.concat(batches));
    expect(counts).toEqual([10, 10, 10]);
    expect(Buffer.from(bytes).includes(Buffer.from(middle ?? []))).toBe(true);
  });
});

/** The code of the fault that it throws. */
function faultOf(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
}

describe('a batch whose checksum is right and whose records are not', () => {
  const bad: [string, (batch: Uint8Array) => void][] = [
    ['a record longer than the batch', (batch) => void (batch[61] = 0x7e)],
    ['an offset delta out of turn', (batch) => void (batch[64] = 2)],
    ['more records than it says', (batch) => new DataView(batch.buffer).setInt32(57, 1)],
    ['fewer', (batch) => new DataView(batch.buffer).setInt32(57, 9)],
  ];

  test.each(bad)('%s: is refused', (_, change) => {
    const batch = numbered(0, 2);
    change(batch);
    seal(batch);
    expect(() => repack(batch)).toThrow('batch');
  });

  test('a frame that cannot be unpacked: is refused', () => {
    const batch = numbered(0, 200, { compress: true });
    batch.fill(0, 70, 90);
    seal(batch);
    expect(() => repack(batch)).toThrow('cannot be unpacked');
  });

  test('any bytes: nothing but that fault', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.integer({ min: 1, max: 400 }), (body, count) => {
        const batch = new Uint8Array(61 + body.length);
        batch.set(numbered(0, 1).subarray(0, 61));
        batch.set(body, 61);
        const view = new DataView(batch.buffer);
        view.setInt32(8, batch.length - 12);
        view.setInt32(23, count - 1);
        view.setInt32(57, count);
        seal(batch);
        expect([undefined, 'batch-malformed']).toContain(faultOf(() => repack(batch)));
      }),
      { numRuns: 500 },
    );
  });
});

/** Samples as a plant gives them: 100 tags in turn, 1 ms apart, values with two decimals that wander; batches of ten. */
function plantSamples(samples: number): Uint8Array {
  const encoder = new BatchEncoder();
  const keys = Array.from({ length: 100 }, (_, i) =>
    SampleKey.of(`northmill/hall1/line1/press/${String(i).padStart(2, '0')}`),
  );
  const values = keys.map((_, i) => 20 + i);
  const parts: Uint8Array[] = [];
  let state = 1;
  for (let i = 0; i < samples; i++) {
    const tag = i % 100;
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    values[tag] = Math.round(((values[tag] ?? 0) + ((state % 201) - 100) / 100) * 100) / 100;
    const timeUs = 1_700_000_000_000_000 + i * 1000;
    const sample = {
      timeUs,
      kind: ValueKind.double,
      value: values[tag] ?? 0,
      quality: 0,
      flags: 0,
      serverTimeUs: null,
    };
    const key = keys[tag];
    if (key !== undefined) encoder.addSample(key, sample);
    if (encoder.count < 10) continue;
    const batch = encoder.finish(1_700_000_000_000 + i);
    placeBatch(batch, 0, i - 9, 0);
    parts.push(batch);
  }
  return Buffer.concat(parts);
}

test('samples of a plant take at most 71 bytes plain and 14.5 repacked, all compressed', () => {
  const before = plantSamples(50_000);
  const { bytes, counts } = repack(before);
  expect(before.length / 50_000).toBeLessThan(71);
  expect(bytes.length / 50_000).toBeLessThan(14.5);
  expect(counts).toEqual(Array.from({ length: 50 }, () => 1000));
  expect(linesOf(bytes)).toEqual(linesOf(before));
  expect(readBatchHeader(new DataView(bytes.buffer, bytes.byteOffset), 0).codec).toBe(CODEC_ZSTD);
});
