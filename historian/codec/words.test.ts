import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { throughBytes } from './kit.ts';
import { readWords, writeWords } from './words.ts';

const WORD = 2n ** 64n;

function roundTrip(values: readonly bigint[]): { bytes: number; value: bigint[] } {
  const column = BigUint64Array.from(values);
  return throughBytes(
    (out) => writeWords(out, new Uint32Array(column.buffer), column.length),
    (from) => {
      const into = new BigUint64Array(column.length).fill(WORD - 1n);
      readWords(from, new Uint32Array(into.buffer), into.length);
      return [...into];
    },
  );
}

const any64 = fc.bigInt(0n, WORD - 1n);

/** Numbers near one another or in steps, with trailing zeros, with strays. */
const column = fc
  .record({
    base: any64,
    width: fc.integer({ min: 0, max: 64 }),
    trailing: fc.integer({ min: 0, max: 63 }),
    wanders: fc.boolean(),
    items: fc.array(fc.record({ noise: any64, stray: fc.nat(30) }), { minLength: 1, maxLength: 100 }),
    stray: any64,
  })
  .map(({ base, width, trailing, wanders, items, stray }) => {
    let value = base;
    return items.map((item) => {
      const noise = (item.noise >> BigInt(64 - width)) << BigInt(trailing);
      value = ((wanders ? value : base) + noise) % WORD;
      return item.stray === 0 ? stray : value;
    });
  });

describe('a column of 64-bit words', () => {
  test('comes back whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(column, fc.array(any64, { minLength: 1, maxLength: 30 })), (values) => {
        expect(roundTrip(values).value).toEqual(values);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([0, 1, 5, 6, 7, 25, 26, 31, 32, 33, 38, 56, 57, 58, 63, 64])('of %i bits comes back', (width) => {
    for (const trailing of [0, 1, 31, 32, 33].filter((each) => width + each <= 64)) {
      const values = Array.from({ length: 200 }, (_, i) => {
        const noise = BigInt(Math.imul(i + 1, 0x9e3779b1) >>> 0) * 0x9e3779b97f4a7c15n;
        return width === 0 ? 5n : (((noise % WORD) >> BigInt(64 - width)) << BigInt(trailing)) % WORD;
      });
      const { bytes, value } = roundTrip(values);
      expect(value).toEqual(values);
      expect(bytes).toBeLessThanOrEqual(45 + (200 * width) / 8);
    }
  });

  test('bits that all have in common below the others are not kept', () => {
    const values = Array.from({ length: 1000 }, (_, i) => 7n + (BigInt(Math.imul(i, 0x9e3779b1) >>> 12) << 40n));
    expect(roundTrip(values).bytes).toBeLessThan(2560);
  });
});
