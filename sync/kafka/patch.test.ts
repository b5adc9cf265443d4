import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { BatchEncoder, checkBatch, placeBatch } from '../../edge/core/record-batch.ts';
import { Fault } from '../../edge/core/fault.ts';
import { readWireHeader, sequenceAfter, setProducer, splitBatches } from './patch.ts';

function batchOf(count: number, timestampMs = 1_700_000_000_000): Uint8Array<ArrayBuffer> {
  const encoder = new BatchEncoder();
  for (let i = 0; i < count; i++) encoder.addRecord(Buffer.from(`key ${i}`), Buffer.from(`value ${i}`));
  return encoder.finish(timestampMs);
}

const producer = fc.record({
  id: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  epoch: fc.integer({ min: 0, max: 32_767 }),
});
const sequence = fc.integer({ min: 0, max: 2 ** 31 - 1 });

test('a patched batch carries the producer, stays valid, and differs in bytes 17-20 and 43-56 alone', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 150 }), producer, sequence, (count, who, base) => {
      const original = batchOf(count);
      const batch = original.slice();
      setProducer(batch, who, base);
      expect(checkBatch(batch, 0)).toBeUndefined();
      expect(readWireHeader(batch)).toMatchObject({
        producerId: who.id,
        producerEpoch: who.epoch,
        baseSequence: base,
        count,
        lastOffsetDelta: count - 1,
        baseOffset: 0,
        maxTimestampMs: 1_700_000_000_000,
        bytes: batch.length,
      });
      const changed = [...batch.keys()].filter((at) => batch[at] !== original[at]);
      expect(changed.filter((at) => !((at >= 17 && at <= 20) || (at >= 43 && at <= 56)))).toEqual([]);
    }),
    { numRuns: 50 },
  );
});

test('only the bytes of the batch itself are touched when it lies inside a larger buffer', () => {
  const batch = batchOf(3);
  const around = new Uint8Array(batch.length + 20).fill(0xaa);
  around.set(batch, 10);
  setProducer(around.subarray(10, 10 + batch.length), { id: 5n, epoch: 1 }, 7);
  expect(checkBatch(around, 10)).toBeUndefined();
  expect([...around.subarray(0, 10), ...around.subarray(-10)]).toEqual(Array.from({ length: 20 }, () => 0xaa));
});

test('the sequence goes on from 2^31 - 1 at 0', () => {
  expect(sequenceAfter(0, 10)).toBe(10);
  expect(sequenceAfter(2 ** 31 - 1, 1)).toBe(0);
  expect(sequenceAfter(2 ** 31 - 3, 10)).toBe(7);
});

test('a fetch response is cut into its batches; a last one that is cut short is left out', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 5 }), fc.nat(), (counts, lost) => {
      const batches = counts.map((count) => batchOf(count));
      const records = Buffer.concat(batches);
      const kept = records.subarray(0, records.length - (lost % (records.length + 1)));
      const whole = [...splitBatches(kept)];
      let end = 0;
      const expected = batches.filter((batch) => (end += batch.length) <= kept.length);
      expect(whole.map(({ bytes }) => Buffer.from(bytes))).toEqual(expected.map((batch) => Buffer.from(batch)));
      expect(whole.map(({ header }) => header.count)).toEqual(counts.slice(0, whole.length));
    }),
    { numRuns: 50 },
  );
});

test('any bytes are cut into batches or refused as malformed', () => {
  let refused = 0;
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 61, maxLength: 400 }), fc.boolean(), (bytes, looksRight) => {
      if (looksRight) {
        bytes.fill(0, 8, 11);
        bytes[16] = 2;
      }
      try {
        const total = [...splitBatches(bytes)].reduce((sum, { bytes: one }) => sum + one.length, 0);
        expect(total).toBeLessThanOrEqual(bytes.length);
      } catch (error) {
        if (!(error instanceof Fault) || error.code !== 'batch-malformed') throw error;
        refused++;
      }
    }),
  );
  expect(refused).toBeGreaterThan(0);
});

test('other message formats and lengths below a header are malformed', () => {
  const old = batchOf(1);
  old[16] = 1;
  expect(() => [...splitBatches(old)]).toThrow('Message format 1');
  const short = batchOf(1);
  new DataView(short.buffer).setInt32(8, 10);
  expect(() => [...splitBatches(short)]).toThrow('A batch of 22 bytes');
  expect(() => readWireHeader(new Uint8Array(60))).toThrow('Only 60 bytes');
});

test('base offset and leader epoch lie outside the checksum', () => {
  const batch = batchOf(2);
  setProducer(batch, { id: 1n, epoch: 0 }, 0);
  placeBatch(batch, 0, 123_456_789_012, 9);
  expect(checkBatch(batch, 0, 123_456_789_012)).toBeUndefined();
  expect(readWireHeader(batch)).toMatchObject({ baseOffset: 123_456_789_012, epoch: 9 });
});
