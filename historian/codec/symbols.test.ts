import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { throughBytes } from './kit.ts';
import { SymbolColumn } from './symbol-column.ts';

function roundTrip(symbols: readonly number[]): { bytes: number; value: number[]; chosen: number } {
  const column = new SymbolColumn();
  column.symbols.set(symbols);
  const chosen = column.choose(symbols.length, Math.max(...symbols) + 1);
  const { bytes, value } = throughBytes(
    (out) => column.write(out, symbols.length),
    (from) => {
      const read = new SymbolColumn();
      read.read(from, symbols.length);
      return read.raw ? [...symbols] : [...read.symbols.subarray(0, symbols.length)];
    },
  );
  return { bytes, value, chosen };
}

test('symbols come back, in about as many bytes as were reckoned', () => {
  const skewed = fc
    .tuple(
      fc.integer({ min: 1, max: 63 }),
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 1000 }),
    )
    .map(([limit, power, numbers]) => numbers.map((number) => Math.round(number ** power * limit)));
  fc.assert(
    fc.property(skewed, (symbols) => {
      const { bytes, value, chosen } = roundTrip(symbols);
      expect(value).toEqual(symbols);
      // Two states of 16 bits more or less, and half a per cent for what the states round.
      expect(bytes === 1 || Math.abs(bytes - chosen / 8) < 5 + chosen / 1600).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

test.each([
  ['all alike', (u: number) => Math.floor(u * 41), Math.log2(41), 12],
  [
    'a normal distribution',
    (u: number, v: number) => 32 + Math.round(4 * Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v)),
    4.047,
    25,
  ],
  ['two of 64', (u: number) => (u < 0.5 ? 3 : 60), 1, 60],
  ['one that nearly always comes', (u: number) => (u < 0.99 ? 0 : 7), 0.081, 25],
])('%s takes its entropy and few bytes more', (_, symbolOf, entropy, more) => {
  let state = 1;
  const uniform = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  let bytes = 0;
  for (let block = 0; block < 20; block++) {
    const symbols = Array.from({ length: 1000 }, () => Math.min(63, Math.max(0, symbolOf(uniform(), uniform()))));
    const { bytes: some, value } = roundTrip(symbols);
    expect(value).toEqual(symbols);
    bytes += some / 20;
  }
  expect(bytes).toBeLessThan((entropy * 1000) / 8 + more);
});
