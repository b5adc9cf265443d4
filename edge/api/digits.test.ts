import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { putInteger, putShortest } from './digits.ts';

const bytes = new Uint8Array(64);

/** What is written behind three other bytes; undefined: nothing is. */
function textOf(value: number): string | undefined {
  const end = putShortest(bytes, 3, value);
  return end === 3 ? undefined : Buffer.from(bytes.subarray(3, end)).toString();
}

/** The double that is so many places further. */
function neighbour(value: number, places: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  view.setBigInt64(0, view.getBigInt64(0) + BigInt(places));
  return view.getFloat64(0);
}

const fraction = fc.double({ min: 2 ** -6, max: 1e6, maxExcluded: true, noNaN: true });
/** Decimals with few places, and the doubles beside them: what a mean of them mostly is. */
const nearDecimal = fc
  .tuple(fc.integer({ min: 1, max: 99_999_999 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: -3, max: 3 }))
  .map(([digits, places, further]) => neighbour(digits / 10 ** places, further));
/** Sums of few powers of two: in the middle of two decimals now and then. */
const dyadic = fc
  .tuple(fc.nat(2 ** 20), fc.integer({ min: 1, max: 30 }))
  .map(([numerator, exponent]) => 1 + numerator / 2 ** exponent);

describe('the shortest decimal of a double', () => {
  test('is what String says, or is left to it', () => {
    fc.assert(
      fc.property(fc.oneof(fraction, nearDecimal, dyadic), (value) => {
        const text = Number.isInteger(value) ? undefined : textOf(value);
        expect(text ?? String(value)).toBe(String(value));
      }),
      { numRuns: 20_000 },
    );
  });

  test.each([
    [0.1, '0.1'],
    [0.30000000000000004, '0.30000000000000004'],
    [0.015625, '0.015625'],
    [0.09999999999999999, '0.09999999999999999'],
    [0.9999999999999999, '0.9999999999999999'],
    [9.999999999999998, '9.999999999999998'],
    [5e-324 + 0.1 + 0.2, '0.30000000000000004'],
    [999999.9999999999, '999999.9999999999'],
    [100000.00000000001, '100000.00000000001'],
    [21.76, '21.76'],
    [50.123456789012344, '50.123456789012344'],
    [1.0000000000000002, '1.0000000000000002'],
  ])('%d', (value, text) => {
    expect(textOf(value)).toBe(text);
  });

  test('is nearly always written', () => {
    const values = fc.sample(fc.double({ min: 0.02, max: 1e6, noNaN: true }), { numRuns: 5000, seed: 1 });
    const spread = Array.from({ length: 5000 }, (_, i) => 20 + Math.sin(i) * 15);
    expect(spread.filter((value) => textOf(value) === undefined).length).toBe(0);
    expect(values.filter((value) => !Number.isInteger(value) && textOf(value) === undefined).length).toBeLessThan(250);
  });

  test.each([0, -0, -1.5, 0.01, 1e6, 1e21 + 0.5, Number.NaN, Infinity, 5e-324])('of %d is left to others', (value) => {
    expect(textOf(value)).toBe(undefined);
  });
});

test('integers end where their last digit does', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 31 - 1), (value) => {
      expect(Buffer.from(bytes.subarray(1, putInteger(bytes, 1, value))).toString()).toBe(String(value));
    }),
  );
});
