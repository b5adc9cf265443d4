import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ValueKind } from '../../edge/core/sample.ts';
import { throughBytes } from './kit.ts';
import { readNumbers, type Slots, writeNumbers } from './slots.ts';

function slotsOf(bits: BigUint64Array<ArrayBuffer>): Slots {
  return { slots: new Float64Array(bits.buffer), words: new Uint32Array(bits.buffer) };
}

function roundTrip(kind: ValueKind, bits: BigUint64Array<ArrayBuffer>): { bytes: number; value: bigint[] } {
  return throughBytes(
    (out) => {
      writeNumbers(out, kind, slotsOf(bits), bits.length);
    },
    (from) => {
      const into = new BigUint64Array(bits.length).fill(0xdeadbeefdeadbeefn);
      readNumbers(from, kind, slotsOf(into), into.length);
      return [...into];
    },
  );
}

/** The bits of numbers as slots of this kind. */
function bitsOf(kind: ValueKind, values: readonly (number | bigint)[]): BigUint64Array<ArrayBuffer> {
  const real = kind === ValueKind.double || kind === ValueKind.float;
  if (real) return new BigUint64Array(Float64Array.from(values, Number).buffer);
  return BigUint64Array.from(values, (value) => BigInt.asUintN(64, BigInt(value)));
}

const special = fc.constantFrom(0, -0, Number.NaN, Infinity, -Infinity, 5e-324, -5e-324, 1.7976931348623157e308);
/** A NaN whose bits say something. */
const anyBits = fc.bigInt(0n, 2n ** 64n - 1n).map((bits) => new Float64Array(BigUint64Array.of(bits).buffer)[0] ?? 0);
const decimal = fc.tuple(fc.integer({ min: -1_000_000, max: 1_000_000 }), fc.nat(6)).map(([k, e]) => k / 10 ** e);

const doubles = fc.oneof(
  fc.array(decimal, { minLength: 1, maxLength: 80 }),
  fc.array(fc.oneof({ weight: 20, arbitrary: decimal }, { weight: 1, arbitrary: special }), {
    minLength: 1,
    maxLength: 80,
  }),
  fc.array(fc.double(), { minLength: 1, maxLength: 40 }),
  fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 1, maxLength: 80 }),
  fc.array(fc.float(), { minLength: 1, maxLength: 40 }),
  // Noise around a level, all of one sign.
  fc
    .tuple(
      fc.constantFrom(50, -50, 3e-7, -8e200),
      fc.array(fc.double({ min: 1, max: 1.25, noNaN: true }), { minLength: 20, maxLength: 80 }),
    )
    .map(([level, noise]) => noise.map((each) => level * each)),
  fc.array(special, { minLength: 1, maxLength: 40 }),
  fc.array(anyBits, { minLength: 1, maxLength: 20 }),
);

test('doubles come back bit for bit', () => {
  fc.assert(
    fc.property(doubles, (values) => {
      const bits = bitsOf(ValueKind.double, values);
      expect(roundTrip(ValueKind.double, bits).value).toEqual([...bits]);
    }),
    { numRuns: 2000 },
  );
});

test('float32 come back bit for bit', () => {
  const single = fc.oneof(
    fc.array(fc.float(), { minLength: 1, maxLength: 60 }),
    fc.array(decimal.map(Math.fround), { minLength: 1, maxLength: 60 }),
    fc.array(special.map(Math.fround), { minLength: 1, maxLength: 20 }),
  );
  fc.assert(
    fc.property(single, (values) => {
      const bits = bitsOf(ValueKind.float, values);
      expect(roundTrip(ValueKind.float, bits).value).toEqual([...bits]);
    }),
    { numRuns: 1000 },
  );
});

test.each([
  ['int64', ValueKind.long, -(2n ** 63n), 2n ** 63n - 1n],
  ['uint64', ValueKind.uint64, 0n, 2n ** 64n - 1n],
  ['boolean', ValueKind.boolean, 0n, 1n],
])('%s comes back, to the last of 64 bits', (_, kind, min, max) => {
  const edges = [min, max, 0n, 1n, 2n ** 53n - 1n, 2n ** 53n, -(2n ** 53n)].filter(
    (each) => each >= min && each <= max,
  );
  const near = fc
    .tuple(fc.bigInt({ min, max }), fc.array(fc.nat(300), { minLength: 1, maxLength: 60 }))
    .map(([base, steps]) => steps.map((step) => (base + BigInt(step) > max ? base : base + BigInt(step))));
  const any = fc.array(fc.oneof(fc.bigInt({ min, max }), fc.constantFrom(...edges)), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(fc.oneof(near, any), (values) => {
      const bits = bitsOf(kind, values);
      expect(roundTrip(kind, bits).value).toEqual([...bits]);
    }),
    { numRuns: 800 },
  );
});

const many = (of: (i: number) => number): number[] => Array.from({ length: 1000 }, (_, i) => of(i));
/** In [0, 1), scattered evenly. */
const u = (i: number): number => (i * 0.618033988749895) % 1;

describe('what a value takes', () => {
  test.each([
    ['a sensor that is stuck', ValueKind.double, many(() => Math.PI), 12],
    ['a set point that moves now and then', ValueKind.double, many((i) => Math.sqrt(2 + Math.floor(i / 200))), 80],
    ['one of four set points', ValueKind.double, many((i) => Math.sqrt(2 + Math.floor(u(i) * 4))), 310],
    ['two decimals', ValueKind.double, many((i) => Math.round(5000 + u(i) * 100) / 100), 860],
    [
      'two decimals, now and then NaN',
      ValueKind.double,
      many((i) => (i % 100 === 50 ? Number.NaN : Math.round(5000 + u(i) * 100) / 100)),
      970,
    ],
    ['one decimal of float32', ValueKind.float, many((i) => Math.fround(Math.round(200 + u(i) * 50) / 10)), 740],
    [
      'the same, made a double by its server',
      ValueKind.double,
      many((i) => Math.fround(Math.round(200 + u(i) * 50) / 10)),
      740,
    ],
    ['a float32 of any digits between 40 and 60', ValueKind.float, many((i) => Math.fround(40 + u(i) * 20)), 2860],
    ['the same, made a double by its server', ValueKind.double, many((i) => Math.fround(40 + u(i) * 20)), 2860],
    ['noise of all bits around 50', ValueKind.double, many((i) => 50 + u(i)), 5900],
    ['noise of all bits around 0', ValueKind.double, many((i) => u(i) - 0.5), 6950],
    ['a counter of 10^12 and more', ValueKind.long, many((i) => 1e12 + i * 250), 12],
  ])('%s', (_, kind, values, limit) => {
    const bits = bitsOf(kind, values);
    const { bytes, value } = roundTrip(kind, bits);
    expect(value).toEqual([...bits]);
    expect(bytes).toBeLessThanOrEqual(limit);
  });
});
