import { crc32c } from '@node-rs/crc32';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../edge/core/byte-writer.ts';
import { Fault } from '../edge/core/fault.ts';
import { MAX_TIME_US, type Sample, ValueKind } from '../edge/core/sample.ts';
import { BLOCK_HEADER_BYTES, decodeBlock, writeBlock } from './block.ts';
import { anySample, lineOf } from './history-kit.ts';
import { BLOCK_POINTS } from './limits.ts';
import { Points } from './points.ts';
import { Rows } from './rows.ts';

/** Samples as points, ordered by time. */
function pointsOf(samples: readonly Sample[]): Points {
  const rows = new Rows();
  const sorted = samples.toSorted((a, b) => a.timeUs - b.timeUs);
  for (const [i, sample] of sorted.entries()) {
    const deviceTimeUs = i % 5 === 0 ? Math.min(sample.timeUs + 1, MAX_TIME_US) : Number.NaN;
    rows.append(sample.timeUs, i * 7, sample, deviceTimeUs, 0);
  }
  const points = new Points(samples.length);
  rows.gather(Uint32Array.from(samples.keys()), 0, samples.length, 0, points);
  return points;
}

function encode(points: Points): Uint8Array {
  const out = new ByteWriter();
  writeBlock(out, points, 0, points.count);
  return out.take();
}

const lines = (points: Points): string[] =>
  Array.from({ length: points.count }, (_, i) => lineOf(points.sample(i, ['samples'])));

/** Decodes and looks at every value; what is thrown must be the Fault. */
function decodes(block: Uint8Array): boolean {
  try {
    lines(decodeBlock(block, 0));
    return true;
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'historian-damaged') throw error;
    return false;
  }
}

function resealed(block: Uint8Array): Uint8Array {
  new DataView(block.buffer).setUint32(4, crc32c(block.subarray(8)), true);
  return block;
}

describe('a block', () => {
  test('gives back every bit of samples of all kinds', () => {
    fc.assert(
      fc.property(fc.array(anySample, { minLength: 1, maxLength: 60 }), (samples) => {
        const points = pointsOf(samples);
        expect(lines(decodeBlock(encode(points), 0))).toEqual(lines(points));
      }),
      { numRuns: 500 },
    );
  });

  test('of a thousand regular doubles takes less than nine bytes a sample', () => {
    const samples = Array.from({ length: BLOCK_POINTS }, (_, i) => ({
      timeUs: 1_584_440_073_000_000 + i * 1_000_000,
      kind: ValueKind.double,
      value: Math.sin(i),
      quality: 0,
      flags: 0,
      serverTimeUs: null,
    }));
    expect(encode(pointsOf(samples)).length).toBeLessThan(9000);
  });

  test('with any bit changed is refused', () => {
    const block = encode(pointsOf(fc.sample(anySample, { numRuns: 30, seed: 1 })));
    for (let bit = 0; bit < block.length * 8; bit++) {
      const changed = block.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decodes(changed), `bit ${bit}`).toBe(false);
    }
  });

  test('cut off anywhere is refused', () => {
    const block = encode(pointsOf(fc.sample(anySample, { numRuns: 30, seed: 2 })));
    for (let length = 0; length < block.length; length++) expect(decodes(block.subarray(0, length))).toBe(false);
  });

  test('of random bytes is refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(decodes(bytes)).toBe(false);
      }),
    );
  });

  test('with changed content under a right checksum decodes or is refused, in bounded time and memory', () => {
    const small = encode(pointsOf(fc.sample(anySample, { numRuns: 12, seed: 3 })));
    const change = fc.record({ at: fc.nat(small.length - 1), to: fc.nat(255) });
    let refused = 0;
    let runs = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const block = small.slice();
        for (const { at, to } of changes) if (at >= BLOCK_HEADER_BYTES) block[at] = to;
        runs++;
        if (!decodes(resealed(block))) refused++;
      }),
      { numRuns: 5000 },
    );
    expect(refused).toBeGreaterThan(runs / 10);
  });

  test('that claims to unpack to more than its bound is refused before anything is allocated', () => {
    const block = encode(pointsOf(fc.sample(anySample, { numRuns: 3, seed: 4 })));
    new DataView(block.buffer).setUint32(9, 0xffffffff, true);
    expect(() => decodeBlock(resealed(block), 0)).toThrow('4294967295 bytes unpacked');
  });
});
