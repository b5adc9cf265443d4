import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault } from '../fault.ts';
import { Flag } from '../flags.ts';
import { BATCH_HEADER_BYTES, type BatchHeader, checkBatch, CODEC_ZSTD, readBatchHeader } from '../record-batch.ts';
import { ByteWriter } from '../byte-writer.ts';
import { type Sample, ValueKind } from '../sample.ts';
import { writeSample } from '../sample-codec.ts';
import { compress } from './batches.ts';
import { anyBatches, bytesOf, linesOf, type MadeBatch, type MadeRecord, seal } from './repack-kit.ts';
import { ErasedRecords, type LogErasure } from './erased-records.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const TAGS = ['plant/a', 'plant/b', 'plant/ä', 'plant/a/b'];

function bytesOfSample(sample: Sample): Uint8Array {
  const out = new ByteWriter();
  writeSample(out, sample);
  return out.bytes.slice(0, out.length);
}

const anySample: fc.Arbitrary<Sample> = fc.record({
  timeUs: fc.integer({ min: 0, max: 100 }),
  kind: fc.constant(ValueKind.string),
  value: fc.string({ maxLength: 90 }),
  quality: fc.constantFrom(0, 0x80000000),
  flags: fc.constantFrom(0, 0, Flag.clockSuspect, Flag.clockSuspect | Flag.backfilled, Flag.gap),
  serverTimeUs: fc.constantFrom(null, 5),
});

interface Known extends MadeRecord {
  readonly tag: string | undefined;
  /** As the historian counts it; undefined: there is nothing to be erased. */
  readonly effectiveUs: number | undefined;
}

const anySampleRecord: fc.Arbitrary<Known> = fc
  .record({
    tag: fc.constantFrom(...TAGS),
    sample: fc.option(anySample, { freq: 8 }),
    timestampMs: fc.constantFrom(0, 0.05, 0.1).map((ms) => Math.round(ms * 20)),
    headers: fc.array(fc.tuple(fc.string({ maxLength: 4 }), fc.option(fc.uint8Array({ maxLength: 4 }))), {
      maxLength: 2,
    }),
  })
  .map(({ tag, sample, timestampMs, headers }) => {
    const isSuspect = ((sample?.flags ?? 0) & Flag.clockSuspect) !== 0;
    const effectiveUs = isSuspect ? timestampMs * 1000 : sample?.timeUs;
    return {
      tag,
      timestampMs,
      headers,
      key: utf8(tag),
      value: sample === null ? null : bytesOfSample(sample),
      effectiveUs,
    };
  });

/** Records that are none of a tag, or no sample: these have no time but that at which they came. */
const anyOtherRecord: fc.Arbitrary<Known> = fc
  .record({
    key: fc.option(fc.constantFrom(...TAGS, 'other')),
    value: fc.option(fc.uint8Array({ minLength: 1, maxLength: 70 }).map((bytes) => bytes.fill(7, 0, 1))),
    timestampMs: fc.constantFrom(0, 1),
  })
  .map(({ key, value, timestampMs }) => {
    const effectiveUs = value === null ? undefined : timestampMs * 1000;
    return {
      tag: key ?? undefined,
      key: key === null ? null : utf8(key),
      value,
      timestampMs,
      headers: [],
      effectiveUs,
    };
  });

const anyErasure: fc.Arbitrary<LogErasure> = fc.record({
  tags: fc.uniqueArray(fc.constantFrom(...TAGS), { maxLength: 3 }),
  fromUs: fc.constantFrom(-Infinity, 0, 20, 50),
  toUs: fc.constantFrom(30, 80, 1001, Infinity),
  upTo: fc.record({ samples: fc.constantFrom(0, 1003, 1e9) }),
});

/** None if the records cannot be read. Throws what is no fault of them. */
function placesOrFault(erased: ErasedRecords, batch: Uint8Array, header: BatchHeader): number[] {
  try {
    return erased.in('samples', batch, header);
  } catch (error) {
    if (error instanceof Fault && error.code === 'batch-malformed') return [];
    throw error;
  }
}

describe('a batch without what is erased', () => {
  const anyKnown = fc.array(
    fc.oneof({ weight: 6, arbitrary: anySampleRecord }, { weight: 1, arbitrary: anyOtherRecord }),
    {
      minLength: 1,
      maxLength: 60,
    },
  );

  test('has null values there, and all else as it was', () => {
    let found = 0;
    fc.assert(
      fc.property(
        anyKnown,
        fc.boolean(),
        fc.array(anyErasure, { minLength: 1, maxLength: 3 }),
        (records, packed, erasures) => {
          const batch = bytesOf({ epoch: 3, packed, records }, 1000);
          const header = readBatchHeader(new DataView(batch.buffer), 0);
          const erased = new ErasedRecords(erasures);
          const places = erased.in('samples', batch, header);
          const isMeant = ({ tag, value, effectiveUs }: Known, place: number): boolean =>
            value !== null &&
            effectiveUs !== undefined &&
            erasures.some(
              ({ tags, fromUs, toUs, upTo }) =>
                tags.includes(tag ?? '') &&
                effectiveUs >= fromUs &&
                effectiveUs < toUs &&
                1000 + place < (upTo['samples'] ?? 0),
            );
          expect(places).toEqual(records.flatMap((record, place) => (isMeant(record, place) ? [place] : [])));
          expect(erased.in('derived', batch, header)).toEqual([]);
          if (places.length === 0) return;
          found++;
          const bytes = erased.without(batch, header, places).slice();
          expect(checkBatch(bytes, 0, 1000)).toBeUndefined();
          const left = {
            epoch: 3,
            packed,
            records: records.map((record, i) => (isMeant(record, i) ? { ...record, value: null } : record)),
          };
          expect(linesOf(bytes)).toEqual(linesOf(bytesOf(left, 1000)));
          // Twice changes nothing.
          const again = readBatchHeader(new DataView(bytes.buffer), 0);
          expect(erased.in('samples', bytes, again)).toEqual([]);
          const { bytes: _length, crc: _crc, codec: _codec, ...facts } = header;
          expect(again).toMatchObject(facts);
        },
      ),
      { numRuns: 400 },
    );
    expect(found).toBeGreaterThan(50);
  });

  test('keeps what another program has set in its header', () => {
    const sample = { timeUs: 5, kind: ValueKind.double, value: 1.5, quality: 0, flags: 0, serverTimeUs: null };
    const record = { timestampMs: 7, key: utf8('plant/a'), value: bytesOfSample(sample), headers: [] };
    const batch = bytesOf({ epoch: 0, packed: true, records: [record, record] }, 0);
    const view = new DataView(batch.buffer);
    view.setBigInt64(43, 77n);
    view.setInt16(51, 3);
    view.setInt32(53, 1234);
    seal(batch);
    const erased = new ErasedRecords([{ tags: ['plant/a'], fromUs: 0, toUs: 10, upTo: { samples: 1 } }]);
    const header = readBatchHeader(view, 0);
    const bytes = erased.without(batch, header, erased.in('samples', batch, header)).slice();
    expect([...bytes.subarray(23, BATCH_HEADER_BYTES)]).toEqual([...batch.subarray(23, BATCH_HEADER_BYTES)]);
    expect(linesOf(bytes)).toHaveLength(2);
  });

  test('of records that cannot be read is told of', () => {
    fc.assert(
      fc.property(anyBatches({ batches: 1, records: 5 }), fc.nat(), fc.nat(255), ([made], at, value) => {
        const batch = bytesOf(made as MadeBatch, 0);
        batch[BATCH_HEADER_BYTES + (at % (batch.length - BATCH_HEADER_BYTES))] = value;
        seal(batch);
        const erased = new ErasedRecords([{ tags: TAGS, fromUs: 0, toUs: 10, upTo: { samples: 10 } }]);
        const header = readBatchHeader(new DataView(batch.buffer), 0);
        const places = placesOrFault(erased, batch, header);
        expect(places.every((place) => place < header.count)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('fits its bound also where another program has packed it better than the log does', () => {
    // Level 1 does not look so far back.
    const block = new Uint8Array(700_000);
    for (let i = 0, state = 1; i < block.length; i++) block[i] = (state = (state * 48_271) % 0x7fffffff) >> 8;
    const records = ['plant/b', 'plant/a', 'plant/b', 'plant/b'].map((tag) => {
      return { timestampMs: 1, key: utf8(tag), value: tag === 'plant/a' ? utf8('secret') : block, headers: [] };
    });
    const plain = bytesOf({ epoch: 0, packed: false, records }, 0);
    const body = compress(plain.subarray(BATCH_HEADER_BYTES), 19);
    const batch = Buffer.concat([plain.subarray(0, BATCH_HEADER_BYTES), body]);
    batch.writeInt32BE(batch.length - 12, 8);
    batch.writeInt16BE(CODEC_ZSTD, 21);
    seal(batch);
    expect(checkBatch(batch, 0, 0)).toBeUndefined();
    const header = readBatchHeader(new DataView(batch.buffer, batch.byteOffset), 0);
    const erased = new ErasedRecords([{ tags: ['plant/a'], fromUs: 0, toUs: 10_000, upTo: { samples: 10 } }]);
    const bytes = erased.without(batch, header, erased.in('samples', batch, header)).slice();
    expect(checkBatch(bytes, 0, 0)).toBeUndefined();
    expect(linesOf(bytes).map((line) => line.includes('null'))).toEqual([false, true, false, false]);
  });
});
