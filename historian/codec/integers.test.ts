import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ByteWriter } from '../../edge/core/byte-writer.ts';
import { readIntegers } from './integer-reader.ts';
import { writeBits, writeIntegers } from './integers.ts';
import { integerColumn, throughBytes } from './kit.ts';

function roundTrip(
  values: readonly number[],
  write: (out: ByteWriter, values: Float64Array, count: number) => void = writeIntegers,
): { bytes: number; value: number[] } {
  const column = Float64Array.from(values);
  const { bytes, value } = throughBytes(
    (out) => write(out, column, column.length),
    (from) => {
      const into = new Float64Array(column.length);
      readIntegers(from, into, into.length);
      return [...into];
    },
  );
  return { bytes, value };
}

/** The i-th of numbers that look random, below a limit. */
const scattered = (i: number, limit: number): number => Math.floor(((i * 0.618033988749895) % 1) * limit);

describe('a column of integers', () => {
  test('comes back whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(integerColumn, fc.array(fc.maxSafeInteger(), { minLength: 1, maxLength: 40 })), (values) => {
        const wanted = values.map((value) => value + 0);
        expect(roundTrip(wanted).value).toEqual(wanted);
      }),
      { numRuns: 1500 },
    );
  });

  test.each([false, true])(
    'comes back as bits without a look at how often each comes; differences: %s',
    (areDifferences) => {
      const narrow = integerColumn.filter((values) => values.every((value) => Math.abs(value) <= 2 ** 51));
      fc.assert(
        fc.property(narrow, (values) => {
          const wanted = values.map((value) => value + 0);
          expect(roundTrip(wanted, (out, all, count) => writeBits(out, all, count, areDifferences)).value).toEqual(
            wanted,
          );
        }),
        { numRuns: 1500 },
      );
    },
  );

  test('as bits of differences takes few bytes, also where one in a hundred stands out', () => {
    const values = Array.from({ length: 1000 }, (_, i) => scattered(i, 41) + Math.floor(i / 100) * 1_000_000);
    const { bytes, value } = roundTrip(values, (out, all, count) => writeBits(out, all, count, true));
    expect(value).toEqual(values);
    // Eight bits each, and five bytes for each of nine.
    expect(bytes).toBeLessThanOrEqual(1060);
  });

  test.each([
    ['1,000 times the same', Array.from({ length: 1000 }, () => -7), 4],
    ['1,000 in steps of 12', Array.from({ length: 1000 }, (_, i) => 5_000_000 + i * 12), 8],
    ['two runs', Array.from({ length: 1000 }, (_, i) => (i < 400 ? 0 : 1)), 8],
    // log2(41) bits each, 670 bytes.
    ['1,000 of 41 values, all as likely', Array.from({ length: 1000 }, (_, i) => scattered(i, 41)), 684],
    // As they are, without a model: ten bits each.
    ['four of ten bits', [1000, 3, 512, 77], 9],
    ['1,000 of 20 bits', Array.from({ length: 1000 }, (_, i) => scattered(i, 2 ** 20)), 2520],
    ['1,000 of 45 bits', Array.from({ length: 1000 }, (_, i) => scattered(i, 2 ** 45)), 5660],
    // A stray number costs itself, not a bit of each.
    [
      '1,000 of 41 values and one of 2^50',
      Array.from({ length: 1000 }, (_, i) => (i === 500 ? 2 ** 50 : scattered(i, 41))),
      700,
    ],
  ])('%s takes few bytes', (_, values, limit) => {
    const { bytes, value } = roundTrip(values);
    expect(value).toEqual(values);
    expect(bytes).toBeLessThanOrEqual(limit);
  });

  test('beyond 2^53 apart is kept as doubles', () => {
    const values = [Number.MIN_SAFE_INTEGER, 0, Number.MAX_SAFE_INTEGER];
    expect(roundTrip(values)).toEqual({ bytes: 25, value: values });
  });
});
