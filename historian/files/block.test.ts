import { crc32c } from '@node-rs/crc32';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../edge/core/byte-writer.ts';
import { Fault } from '../../edge/core/fault.ts';
import { MAX_TIME_US, type Sample, ValueKind } from '../../edge/core/sample.ts';
import { appendBlock, type BlockKey, decodeBlock, writeBlock } from './block.ts';
import { EntryWriter } from '../codec/entry-writer.ts';
import { block as generated, digital, noisy, type SignalClass, twoDecimals } from '../codec/generated.ts';
import { anySample, lineOf } from '../kit/history-kit.ts';
import { tries } from '../kit/tries.ts';
import { BLOCK_POINTS } from '../limits.ts';
import { Points } from '../points/points.ts';
import { putSample } from '../points/put-sample.ts';

/** Samples as points, ordered by time. */
function pointsOf(samples: readonly Sample[]): Points {
  const points = new Points(samples.length);
  const sorted = samples.toSorted((a, b) => a.timeUs - b.timeUs);
  for (const [i, sample] of sorted.entries()) {
    const deviceTimeUs = i % 5 === 0 ? Math.min(sample.timeUs + 1, MAX_TIME_US) : Number.NaN;
    putSample(points, sample.timeUs, i * 7, sample, deviceTimeUs);
  }
  return points;
}

interface Encoded {
  readonly block: Uint8Array;
  readonly key: BlockKey;
}

function encode(points: Points, cold = false, start = 0, end = points.count): Encoded {
  const out = new ByteWriter();
  const { summary, leastOffset, greatestOffset, block } = writeBlock(out, points, start, end, cold);
  const { count, firstUs, lastUs } = summary;
  return { block: out.take(), key: { count, firstUs, lastUs, leastOffset, greatestOffset, crc: block?.crc ?? 0 } };
}

const decode = ({ block, key }: Encoded, into?: Points): Points => decodeBlock(block, key, 0, into);

const lines = (points: Points): string[] =>
  Array.from({ length: points.count }, (_, i) => lineOf(points.sample(i, ['samples'])));

/** Decodes and looks at every value; what is thrown must be the Fault. */
function decodes(block: Encoded): boolean {
  try {
    lines(decode(block));
    return true;
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'historian-damaged') throw error;
    return false;
  }
}

/** Other bytes under a checksum that is theirs. */
function resealed({ key }: Encoded, block: Uint8Array): Encoded {
  return { block, key: { ...key, crc: crc32c(block) } };
}

describe('a block', () => {
  test('gives back every bit of samples of all kinds', () => {
    fc.assert(
      fc.property(fc.array(anySample, { minLength: 1, maxLength: 60 }), (samples) => {
        const points = pointsOf(samples);
        expect(lines(decode(encode(points)))).toEqual(lines(points));
      }),
      { numRuns: 500 },
    );
  });

  test('decoded into points that held another block is the same', () => {
    const into = new Points(BLOCK_POINTS);
    fc.assert(
      fc.property(fc.array(anySample, { minLength: 1, maxLength: 60 }), fc.boolean(), (samples, cold) => {
        const points = pointsOf(samples);
        expect(lines(decode(encode(points, cold), into))).toEqual(lines(points));
      }),
      { numRuns: 200 },
    );
  });

  test('of good numbers is appended behind other samples, and is what it is by itself; of others nothing is', () => {
    const classes = [digital, twoDecimals, noisy].map((of, seed) => generated(of, seed, 'scan', 200));
    const before = fc.array(anySample, { maxLength: 5 });
    const seen = { appended: 0, refused: 0 };
    fc.assert(
      fc.property(before, fc.array(anySample, { minLength: 1, maxLength: 3 }), fc.nat(5), (others, samples, which) => {
        const points = classes[which] ?? pointsOf(samples);
        const to = new Points(others.length + points.count);
        to.append(pointsOf(others), 0, others.length);
        const whole = encode(points);
        const isAppended = appendBlock(whole.block, whole.key, 0, to);
        seen[isAppended ? 'appended' : 'refused']++;
        expect(isAppended || which >= 3).toBe(true);
        expect(lines(to)).toEqual([...lines(pointsOf(others)), ...(isAppended ? lines(points) : [])]);
      }),
      { numRuns: 300 },
    );
    expect(Math.min(seen.appended, seen.refused)).toBeGreaterThan(10);
  });

  test('that cannot be appended because it is damaged leaves what was there', () => {
    const whole = encode(generated(twoDecimals, 1, 'scan', 200));
    const change = fc.record({ at: fc.nat(whole.block.length - 1), to: fc.nat(255) });
    const to = new Points(1000);
    let refused = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), (changes) => {
        const block = whole.block.slice();
        for (const { at, to: byte } of changes) block[at] = byte;
        to.reset();
        to.append(decode(whole), 0, 5);
        const { key } = resealed(whole, block);
        let isAppended = false;
        try {
          isAppended = appendBlock(block, key, 0, to);
        } catch (error) {
          if (!(error instanceof Fault) || error.code !== 'historian-damaged') throw error;
          refused++;
        }
        expect(to.count).toBe(isAppended ? 205 : 5);
        // Whatever a block that was refused has left there is not seen in the next one.
        to.reset();
        expect([appendBlock(whole.block, whole.key, 0, to), lines(to)]).toEqual([true, lines(decode(whole))]);
      }),
      { numRuns: tries(500) },
    );
    expect(refused).toBeGreaterThan(100);
  });

  test('of rows in the middle of points has these rows', () => {
    const points = pointsOf(fc.sample(anySample, { numRuns: 60, seed: 5 }));
    expect(lines(decode(encode(points, false, 13, 41)))).toEqual(lines(points).slice(13, 41));
  });

  test('of strings is compressed, and so is a cold one where it helps', () => {
    const states = Array.from({ length: BLOCK_POINTS }, (_, i) => ({
      timeUs: i,
      kind: ValueKind.string,
      value: `batch ${i} of recipe 17 has ended`,
      quality: 0,
      flags: 0,
      serverTimeUs: null,
    }));
    const points = pointsOf(states);
    const encoded = encode(points);
    expect(lines(decode(encoded))).toEqual(lines(points));
    expect(encoded.block.length).toBeLessThan(10_000);
    const pattern = generated(noisy, 1);
    for (let i = 0; i < BLOCK_POINTS; i++) pattern.slots[i] = Math.sqrt(i % 100);
    expect(encode(pattern, true).block.length).toBeLessThan(encode(pattern).block.length / 2);
    expect(lines(decode(encode(pattern, true)))).toEqual(lines(pattern));
  });

  test.each([
    // The goals of the project, bytes a point: with log offsets, checksum, and what the index says of the block.
    ['digital', digital, 0.74],
    ['two-decimal', twoDecimals, 1.27],
    ['noisy', noisy, 6.97],
  ])('of %s values takes few bytes a point, and gives back every bit', (_: string, of: SignalClass, limit) => {
    const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
    const out = new ByteWriter();
    const index = new ByteWriter();
    const entries = new EntryWriter(0);
    for (const seed of seeds) {
      const points = generated(of, seed);
      entries.write(index, writeBlock(out, points, 0, points.count));
      const decoded = decode(encode(points));
      for (const column of ['times', 'offsets', 'words', 'kinds', 'qualities', 'flags'] as const)
        expect(decoded[column]).toEqual(points[column]);
    }
    expect((out.length + index.length) / (seeds.length * BLOCK_POINTS)).toBeLessThan(limit);
  });

  test('with any bit changed is refused', () => {
    const { block, key } = encode(pointsOf(fc.sample(anySample, { numRuns: 30, seed: 1 })));
    for (let bit = 0; bit < block.length * 8; bit++) {
      const changed = block.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decodes({ block: changed, key }), `bit ${bit}`).toBe(false);
    }
  });

  test('cut off anywhere is refused', () => {
    const { block, key } = encode(pointsOf(fc.sample(anySample, { numRuns: 30, seed: 2 })));
    for (let length = 0; length < block.length; length++)
      expect(decodes({ block: block.subarray(0, length), key })).toBe(false);
  });

  test('of random bytes is refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: BLOCK_POINTS }), (block, count) => {
        const bounds = { count, firstUs: 0, lastUs: count * 1000, leastOffset: 0, greatestOffset: count };
        // Times that end where the index says hardly come by chance.
        expect(decodes({ block, key: { ...bounds, crc: crc32c(block) } })).toBe(false);
      }),
    );
  });

  test('with changed content under a right checksum decodes or is refused, in bounded time and memory', () => {
    const small = encode(pointsOf(fc.sample(anySample, { numRuns: 12, seed: 3 })));
    const change = fc.record({ at: fc.nat(small.block.length - 1), to: fc.nat(255) });
    let refused = 0;
    let runs = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const block = small.block.slice();
        for (const { at, to } of changes) block[at] = to;
        runs++;
        if (!decodes(resealed(small, block))) refused++;
      }),
      { numRuns: tries(5000) },
    );
    expect(refused).toBeGreaterThan(runs / 10);
  });

  test('of regular samples with changed content under a right checksum decodes or is refused', () => {
    const classes = [digital, twoDecimals, noisy].map((of, seed) => encode(generated(of, seed, 'scan', 200)));
    const change = fc.record({ at: fc.nat(200), to: fc.nat(255) });
    let refused = 0;
    fc.assert(
      fc.property(fc.nat(2), fc.array(change, { minLength: 1, maxLength: 3 }), (which, changes) => {
        const whole = classes[which] ?? encode(generated(digital, 1));
        const block = whole.block.slice();
        for (const { at, to } of changes) if (at < block.length) block[at] = to;
        if (!decodes(resealed(whole, block))) refused++;
      }),
      { numRuns: tries(3000) },
    );
    expect(refused).toBeGreaterThan(500);
  });

  test('that claims to unpack to more than its bound is refused before anything is allocated', () => {
    const out = new ByteWriter();
    // A zstd frame of 2^31 - 1 bytes unpacked.
    out.uint8(128);
    out.varlong(0x7fffffff);
    out.raw(new Uint8Array(20));
    const whole = encode(generated(digital, 1));
    expect(() => decode(resealed(whole, out.take()))).toThrow('2147483647 bytes unpacked');
  });
});
