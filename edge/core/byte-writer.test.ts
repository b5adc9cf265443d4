import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { Fault } from './fault.ts';

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

/** Every place where the encoding changes its length or a 32-bit half overflows, and its neighbours. */
const edges = [0n, MIN, MIN + 1n, MAX, MAX - 1n];
for (let bit = 0n; bit < 63n; bit++)
  for (const sign of [1n, -1n]) for (const near of [-1n, 0n, 1n]) edges.push(sign * 2n ** bit + near);

/** Zigzag and groups of seven bits as Kafka's protocol guide and the Avro specification put them, in arithmetic that cannot overflow. */
function reference(value: bigint): number[] {
  let rest = value >= 0n ? value * 2n : -value * 2n - 1n;
  const bytes: number[] = [];
  while (rest >= 128n) {
    bytes.push(Number(rest % 128n) + 128);
    rest /= 128n;
  }
  return [...bytes, Number(rest)];
}

function written(write: (out: ByteWriter) => void): number[] {
  const out = new ByteWriter(1);
  write(out);
  return [...out.take()];
}

function reader(bytes: readonly number[]): ByteReader {
  const from = new ByteReader('batch-malformed');
  from.open(Uint8Array.from(bytes));
  return from;
}

describe('zigzag integers', () => {
  test('every edge of int64 has the bytes of the specification and comes back', () => {
    for (const value of edges) {
      const bytes = written((out) => out.varlongBig(value));
      expect([value, bytes]).toEqual([value, reference(value)]);
      expect(BigInt(reader(bytes).varlong())).toBe(value);
    }
  });

  test('a safe integer has the same bytes as a number and comes back as one; above it is a bigint', () => {
    for (const value of edges) {
      const safe = value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER);
      const back = reader(reference(value)).varlong();
      expect(back).toBe(safe ? Number(value) : value);
      if (!safe) continue;
      const bytes = written((out) => out.varlong(Number(value)));
      expect([value, bytes]).toEqual([value, reference(value)]);
    }
  });

  test('any int64 and any safe integer come back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: MIN, max: MAX }), fc.maxSafeInteger(), (big, safe) => {
        const bytes = written((out) => {
          out.varlongBig(big);
          out.varlong(safe);
        });
        expect(bytes).toEqual([...reference(big), ...reference(BigInt(safe))]);
        const from = reader(bytes);
        expect(BigInt(from.varlong())).toBe(big);
        expect(from.varsafe()).toBe(safe);
        expect(from.at).toBe(bytes.length);
      }),
      { numRuns: 2000 },
    );
  });

  test('minus zero is zero', () => {
    expect(written((out) => out.varlong(-0))).toEqual([0]);
    expect(Object.is(reader([0]).varlong(), 0)).toBe(true);
  });

  test.each([
    ['32 bits', (from: ByteReader) => from.varint(), reference(2n ** 31n)],
    ['32 bits, negative', (from: ByteReader) => from.varint(), reference(-(2n ** 31n) - 1n)],
    ['53 bits', (from: ByteReader) => from.varsafe(), reference(2n ** 53n)],
    ['64 bits', (from: ByteReader) => from.varlong(), [...Array<number>(9).fill(0xff), 2]],
    ['ten groups', (from: ByteReader) => from.varlong(), [...Array<number>(10).fill(0x80), 0]],
  ])('an integer above %s is a fault', (_, read, bytes) => {
    expect(() => read(reader(bytes))).toThrow(Fault);
  });

  test('an integer that is cut off is a fault at every length', () => {
    for (const value of edges) {
      const bytes = reference(value);
      for (let length = 0; length < bytes.length; length++)
        expect(() => reader(bytes.slice(0, length)).varlong()).toThrow(Fault);
    }
  });
});

test('the writer grows and starts over, and what was taken stays', () => {
  const out = new ByteWriter(1);
  out.uint8(7);
  out.int32(-2);
  out.floatLe(1.5);
  out.doubleLe(-0);
  out.uint64(2n ** 64n - 1n);
  out.raw(Uint8Array.of(1, 2, 3));
  const taken = out.take();
  out.reset();
  out.uint8(9);
  expect(Buffer.from(taken).toString('hex')).toBe('07fffffffe0000c03f0000000000000080ffffffffffffffff010203');
  expect([...out.take()]).toEqual([9]);
});

test('no read goes beyond the end that was given', () => {
  const bytes = new Uint8Array(32).fill(1);
  for (const read of ['uint8', 'floatLe', 'doubleLe', 'uint64', 'varint', 'varlong'] as const) {
    const from = new ByteReader('sample-malformed');
    from.open(bytes, 4, 4);
    expect(() => from[read]()).toThrow(Fault);
  }
  const from = new ByteReader('sample-malformed');
  from.open(bytes, 4, 8);
  expect(() => from.skip(5)).toThrow(Fault);
  expect(() => from.skip(-1)).toThrow(Fault);
  expect(from.skip(4)).toBe(4);
});

test('a text has the same bytes however long it is and whatever it is made of', () => {
  const ascii = fc.string({ maxLength: 130 });
  const any = fc.string({ unit: 'binary', maxLength: 130 });
  const edge = fc.nat(70).map((length) => 'x'.repeat(length));
  const late = fc.nat(70).map((length) => `${'x'.repeat(length)}ö`);
  fc.assert(
    fc.property(fc.oneof(ascii, any, edge, late), (text) => {
      const out = new ByteWriter(1);
      out.uint8(1);
      out.text(text);
      const utf8 = Buffer.from(text, 'utf8');
      expect([...out.take()]).toEqual([1, ...reference(BigInt(utf8.length)), ...utf8]);
    }),
  );
});
