import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader } from '../../edge/core/byte-reader.ts';
import { throughBytes } from './kit.ts';
import { readLine } from './line.ts';
import { ByteWriter } from '../../edge/core/byte-writer.ts';
import { readOffsets, writeOffsets } from './offsets.ts';
import { readTimes, writeTimes } from './times.ts';

const START = 1_704_067_200_000_000;

function timesThrough(times: readonly number[]): { bytes: number; value: number[] } {
  const column = Float64Array.from(times);
  return throughBytes(
    (out) => writeTimes(out, column, column.length),
    (from) => {
      const into = new Float64Array(column.length);
      readTimes(from, into, into.length, column[0] ?? 0, column.at(-1) ?? 0);
      return [...into];
    },
  );
}

function offsetsThrough(offsets: readonly number[], times: readonly number[]): { bytes: number; value: number[] } {
  const column = Float64Array.from(offsets);
  const timeColumn = Float64Array.from(times);
  return throughBytes(
    (out) => writeOffsets(out, column, timeColumn, column.length),
    (from) => {
      const into = new Float64Array(column.length);
      readOffsets(from, into, timeColumn, into.length, 0);
      return [...into];
    },
  );
}

/** Whether the times are written beside a line that goes on behind its gaps. */
function isLineWithGaps(times: readonly number[]): boolean {
  const out = new ByteWriter();
  writeTimes(out, Float64Array.from(times), times.length);
  const [head = 0, line = 0] = out.bytes;
  return (head & 3) === 1 && (line & 64) !== 0;
}

/** Reads these bytes as the line of ten numbers. */
function reading(...bytes: number[]): () => void {
  return () => {
    const from = new ByteReader('historian-damaged');
    from.open(Uint8Array.from(bytes));
    readLine(from, 10);
  };
}

/** In [0, 1), the same for the same i and salt. */
const noise = (i: number, salt = 0): number => {
  let x = Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(salt + 1, 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d);
  x = Math.imul(x ^ (x >>> 12), 0x297a2d39);
  return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32;
};
const many = (of: (i: number) => number, count = 1000): number[] => Array.from({ length: count }, (_, i) => of(i));
const jittered = (i: number): number => START + i * 1_000_000 + Math.floor(noise(i) * 41 - 20) * 1000;

/** Times in order: regular with jitter, gaps, bursts of the same time, and any. */
const anyTimes = fc
  .record({
    start: fc.maxSafeInteger(),
    unit: fc.constantFrom(1, 7, 1000, 1_000_000),
    step: fc.nat(5000),
    steps: fc.array(fc.record({ jitter: fc.nat(40), gap: fc.nat(25), burst: fc.nat(9) }), { maxLength: 120 }),
    gap: fc.nat(2 ** 42),
  })
  .map(({ start, unit, step, steps, gap }) => {
    const times = [start];
    let due = start;
    for (const each of steps) {
      due += each.gap === 0 ? gap * unit : each.burst === 0 ? 0 : step * unit;
      times.push(Math.min(due + each.jitter * unit, Number.MAX_SAFE_INTEGER));
    }
    return times.toSorted((a, b) => a - b);
  });

describe('times', () => {
  test('come back whatever they are', () => {
    const anything = fc
      .array(fc.maxSafeInteger(), { minLength: 1, maxLength: 40 })
      .map((all) => all.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(fc.oneof({ weight: 3, arbitrary: anyTimes }, { weight: 1, arbitrary: anything }), (times) => {
        expect(timesThrough(times).value).toEqual(times);
      }),
      { numRuns: 1500 },
    );
  });

  test.each([
    ['at a regular time', many((i) => START + i * 1_000_000), 8],
    // log2(41) bits each: 670 bytes.
    ['with ±20 ms of jitter', many(jittered), 692],
    [
      'with jitter and gaps, behind each of which the clock begins anew',
      many((i) => jittered(i) + Math.floor(i / 200) * 3_600_123_000),
      725,
    ],
    [
      'with jitter, of a clock that runs 13 ppm fast',
      many((i) => jittered(i) + Math.round((i * 13) / 1000) * 1000),
      700,
    ],
    ['on the second, with some of them missing', many((i) => START + (i + Math.floor(i / 100)) * 1_000_000), 40],
    // log2(41) bits each, and a byte and a bit for each gap.
    [
      'with jitter, a tenth of them missing',
      many((i) => i, 1100)
        .filter((i) => noise(i, 3) > 0.1)
        .slice(0, 980)
        .map(jittered),
      800,
    ],
    [
      'with jitter, a tenth of them missing, of a clock that runs 13 ppm fast',
      many((i) => i, 1100)
        .filter((i) => noise(i, 3) > 0.1)
        .slice(0, 980)
        .map((i) => jittered(i) + Math.round((i * 13) / 1000) * 1000),
      820,
    ],
    [
      'each a second and some noise behind the one before',
      many((i) => START + i * 1_000_000).map(
        (time, i, all) => time + all.slice(0, i).reduce((sum, _, k) => sum + Math.floor(noise(k) * 41) * 1000, 0),
      ),
      692,
    ],
    ['once an hour with jitter', many((i) => START + i * 3_600_000_000 + Math.floor(noise(i) * 41 - 20) * 1000), 695],
  ])('%s take few bytes', (_, times, limit) => {
    const { bytes, value } = timesThrough(times);
    expect(value).toEqual(times);
    expect(bytes).toBeLessThanOrEqual(limit);
  });
});

describe('a line that goes on behind its gaps', () => {
  /** Of a clock with jitter, some of whose samples are missing; now and then it is set. */
  const withGaps = fc
    .record({
      count: fc.integer({ min: 80, max: 1000 }),
      share: fc.integer({ min: 20, max: 300 }),
      salt: fc.nat(),
      stepMs: fc.constantFrom(1, 100, 1000, 999.7, 3_600_000),
      setAt: fc.option(fc.nat(999), { nil: undefined }),
    })
    .map(({ count, share, salt, stepMs, setAt }) =>
      many((i) => i, count)
        .filter((i) => noise(i, salt) * 1000 > share)
        .map((i) => {
          const jitter = Math.floor(noise(i, salt + 1) * 41);
          return START + (Math.floor(i * stepMs) + jitter + (setAt !== undefined && i >= setAt ? 345 : 0)) * 1000;
        })
        .toSorted((a, b) => a - b),
    );
  test('gives the times back', () => {
    let taken = 0;
    fc.assert(
      fc.property(withGaps, (times) => {
        if (isLineWithGaps(times)) taken++;
        expect(timesThrough(times).value).toEqual(times);
      }),
      { numRuns: 500 },
    );
    expect(taken).toBeGreaterThan(20);
  });

  test('refuses places in front of which nothing can be missing', () => {
    // Step 500, one place; all of them lack one step.
    const read = (place: number): (() => void) => reading(64, 0xe8, 0x07, 2, place * 2, 0, 2);
    expect(read(3)).not.toThrow();
    expect(read(1)).toThrow('a line without its gaps');
    expect(read(12)).toThrow('exception at 11');
    expect(reading(64, 0xe8, 0x07, 0, 0, 2)).toThrow('a line without its gaps');
  });
});

describe('offsets', () => {
  test('come back whatever they are', () => {
    const rows = fc.tuple(anyTimes, fc.maxSafeInteger(), fc.nat(2000), fc.array(fc.nat(3000), { minLength: 1 }));
    fc.assert(
      fc.property(rows, ([times, start, stride, noises]) => {
        const base = Math.trunc(start / 2);
        const offsets = times.map((_, i) => base + i * stride + (noises[i % noises.length] ?? 0));
        expect(offsetsThrough(offsets, times).value).toEqual(offsets);
      }),
      { numRuns: 1000 },
    );
    const wild = [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0];
    expect(offsetsThrough(wild, [0, 1, 2]).value).toEqual(wild);
  });

  test('come back where some are late, at the beginning, at the end, and all from one place on', () => {
    const lateness = fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(100_000) });
    const rows = fc.tuple(
      fc.array(lateness, { minLength: 1, maxLength: 300, size: 'max' }),
      fc.nat(1000),
      fc.maxSafeInteger(),
    );
    let taken = 0;
    fc.assert(
      fc.property(rows, ([late, stride, base]) => {
        const offsets = late.map((by, i) => Math.trunc(base / 4096) + i * stride + (i % 3) + by);
        const times = late.map((_, i) => START + i * 1_000_000);
        const out = new ByteWriter();
        writeOffsets(out, Float64Array.from(offsets), Float64Array.from(times), offsets.length);
        if (out.bytes[0] === 3) taken++;
        expect(offsetsThrough(offsets, times).value).toEqual(offsets);
      }),
      { numRuns: 500 },
    );
    expect(taken).toBeGreaterThan(20);
  });

  const times = many(jittered);

  test.each([
    // 100 places, how late each is (three bytes), and 6 bits for each difference of the others, but three bytes where one is not far behind enough to count as late.
    [
      'of a scan of which a tenth comes up to an hour late',
      many(
        (i) =>
          4_000_000 + i * 1000 + Math.floor(noise(i, 1) * 29) + (i % 10 === 3 ? Math.floor(noise(i, 2) * 3.6e6) : 0),
      ),
      1200,
    ],
    ['of a tag that is scanned with 999 others', many((i) => 1_000_000 + i * 1000), 9],
    ['of a scan that other tags joined twice', many((i) => 1_000_000 + i * 1000 + Math.floor(i / 400) * 17), 30],
    // log2(81) bits each at the most: 793 bytes.
    [
      'of a scan in which a few tags come and go',
      many((i) => 1_000_000 + i * 1000 + Math.floor(noise(i, 1) * 41)),
      695,
    ],
    // By its jitter a sample comes before or behind most of the others: what is left is the jitter of those that are near.
    [
      'of a log in the order of the times',
      times.map((time, i) => Math.floor((time - START) / 1000) + Math.floor(noise(i, 2) * 25)),
      640,
    ],
  ])('%s take few bytes', (_, offsets, limit) => {
    const { bytes, value } = offsetsThrough(offsets, times);
    expect(value).toEqual(offsets);
    expect(bytes).toBeLessThanOrEqual(limit);
  });
});
