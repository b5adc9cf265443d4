import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../edge/core/byte-writer.ts';
import { Fault } from '../../edge/core/fault.ts';
import { type Sample, ValueKind } from '../../edge/core/sample.ts';
import { SampleReader, writeSample } from '../../edge/core/sample-codec.ts';
import { anySample, bitsOf, T0 } from '../kit/history-kit.ts';
import { tries } from '../kit/tries.ts';
import { readPlainSample } from './plain-sample.ts';
import { Points } from './points.ts';

const plain = fc
  .record({ sample: anySample, timeUs: fc.integer({ min: T0, max: T0 * 2 }) })
  .map(({ sample, timeUs }): Sample => ({ ...sample, timeUs, quality: 0, flags: 0, serverTimeUs: null }));

const one: Sample = { timeUs: T0, kind: ValueKind.double, value: 1, quality: 0, flags: 0, serverTimeUs: null };

/** Bytes of a sample in the middle of others. */
function bytesOf(sample: Sample): { bytes: Uint8Array; at: number; end: number } {
  const out = new ByteWriter();
  out.raw(new Uint8Array(7).fill(0xff));
  const at = out.length;
  writeSample(out, sample);
  const end = out.length;
  out.raw(new Uint8Array(9).fill(0xff));
  return { bytes: out.take(), at, end };
}

/** What the reader of any sample makes of the bytes, or undefined: it refuses them. */
function readAny(bytes: Uint8Array, at: number, end: number): SampleReader | undefined {
  const reader = new SampleReader();
  try {
    reader.read(bytes, at, end);
    return reader;
  } catch (error) {
    if (error instanceof Fault && error.code === 'sample-malformed') return undefined;
    throw error;
  }
}

/** Reads as a plain sample and compares with the reader of any; whether it was one. */
function readAlike(bytes: Uint8Array, at: number, end: number): boolean {
  const points = new Points(3);
  points.words.fill(0x55555555);
  if (!readPlainSample(bytes, at, end, points, 1)) return false;
  const same = readAny(bytes, at, end);
  expect(same).toMatchObject({ timeUs: points.times[1], quality: 0, flags: 0, serverTimeUs: null });
  expect(bitsOf(points.kinds[1] as ValueKind, points.value(1))).toBe(bitsOf(same?.kind ?? 0, same?.value ?? null));
  return true;
}

describe('a plain sample', () => {
  test('is what the reader of any sample makes of it', () => {
    const plainKinds = new Set<ValueKind>();
    const otherKinds = new Set<ValueKind>();
    fc.assert(
      fc.property(plain, (sample) => {
        const { bytes, at, end } = bytesOf(sample);
        (readAlike(bytes, at, end) ? plainKinds : otherKinds).add(sample.kind);
      }),
      { numRuns: 3000 },
    );
    const { null: none, boolean, long, float, double, string, bytes, uint64, array } = ValueKind;
    expect(plainKinds).toEqual(new Set([none, boolean, long, float, double]));
    // A long one is plain where it is short.
    expect(otherKinds).toEqual(new Set([long, string, bytes, uint64, array]));
  });

  test('of an integer that takes up to four bytes keeps its sign', () => {
    const most = 2 ** 27;
    fc.assert(
      fc.property(fc.oneof(fc.integer({ min: -most, max: most - 1 }), fc.constantFrom(-most, most - 1)), (value) => {
        const { bytes, at, end } = bytesOf({ ...one, kind: ValueKind.long, value });
        expect(readAlike(bytes, at, end)).toBe(true);
      }),
    );
  });

  test('is none with a quality, flags or a server time, which the reader of any sample keeps', () => {
    for (const more of [{ quality: 1 }, { quality: 0x80310000 }, { flags: 1 }, { flags: -1 }, { serverTimeUs: T0 }]) {
      const { bytes, at, end } = bytesOf({ ...one, ...more });
      expect(readAlike(bytes, at, end)).toBe(false);
      expect(readAny(bytes, at, end)).toMatchObject(more);
    }
  });

  test('of any bytes is none, or what the reader of any sample makes of them', () => {
    let taken = 0;
    const change = fc.record({ at: fc.nat(30), to: fc.nat(255) });
    fc.assert(
      fc.property(
        fc.oneof(plain, anySample),
        fc.array(change, { maxLength: 3 }),
        fc.integer({ min: -4, max: 4 }),
        (sample, changes, longer) => {
          const { bytes, at, end } = bytesOf(sample);
          for (const each of changes) if (at + each.at < bytes.length) bytes[at + each.at] = each.to;
          if (readAlike(bytes, at, Math.max(at, end + longer))) taken++;
        },
      ),
      { numRuns: tries(10_000) },
    );
    expect(taken).toBeGreaterThan(100);
  });
});
