import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fault } from '../../../edge/core/fault.ts';
import { MAX_ITEMS, Reader } from './reader.ts';
import { Writer } from './writer.ts';

/** A value, how it is written and how it is read back. */
interface Field {
  write: (writer: Writer) => void;
  read: (reader: Reader) => unknown;
  value: unknown;
}

const text = fc.string({ unit: 'binary', maxLength: 40 });
const field: fc.Arbitrary<Field> = fc.oneof(
  fc.boolean().map((value): Field => ({ value, write: (w) => w.bool(value), read: (r) => r.bool() })),
  fc
    .integer({ min: -128, max: 127 })
    .map((value): Field => ({ value, write: (w) => w.int8(value), read: (r) => r.int8() })),
  fc
    .integer({ min: -32768, max: 32767 })
    .map((value): Field => ({ value, write: (w) => w.int16(value), read: (r) => r.int16() })),
  fc.integer().map((value): Field => ({ value, write: (w) => w.int32(value), read: (r) => r.int32() })),
  fc.maxSafeInteger().map((value): Field => ({ value, write: (w) => w.int64(value), read: (r) => r.int64() })),
  fc
    .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    .map((value): Field => ({ value, write: (w) => w.int64(value), read: (r) => r.int64Big() })),
  fc
    .integer({ min: 0, max: 0xffffffff })
    .map((value): Field => ({ value, write: (w) => w.uvarint(value), read: (r) => r.uvarint() })),
  text.map((value): Field => ({ value, write: (w) => w.string(value), read: (r) => r.string() })),
  fc
    .option(text)
    .map((value): Field => ({ value, write: (w) => w.nullableString(value), read: (r) => r.nullableString() })),
  fc
    .uint8Array({ maxLength: 300 })
    .map((value): Field => ({ value, write: (w) => w.byteArray(value), read: (r) => r.nullableBytes()?.slice() })),
  fc.array(text, { maxLength: 5 }).map((value): Field => ({
    value,
    write: (w) => w.array(value, (item) => w.string(item)),
    read: (r) => r.array(() => r.string()),
  })),
  fc.constant<Field>({ value: [], write: (w) => w.nullArray(), read: (r) => r.array(() => r.int32()) }),
  fc.constant<Field>({ value: undefined, write: (w) => w.tags(), read: (r) => r.tags() }),
);

test('what is written is read back, in the classic and in the flexible form, and nothing is left over', () => {
  fc.assert(
    fc.property(fc.boolean(), fc.array(field, { maxLength: 20 }), (flexible, fields) => {
      const writer = new Writer(flexible, 1);
      for (const { write } of fields) write(writer);
      const reader = new Reader(writer.take(), flexible);
      expect(fields.map(({ read }) => read(reader))).toEqual(fields.map(({ value }) => value));
      reader.finish();
    }),
  );
});

function bytes(flexible: boolean, write: (writer: Writer) => void): number[] {
  const writer = new Writer(flexible);
  write(writer);
  return [...writer.take()];
}

test('the bytes are those of the protocol guide', () => {
  expect(bytes(false, (w) => w.string('ok'))).toEqual([0, 2, 0x6f, 0x6b]);
  expect(bytes(true, (w) => w.string('ok'))).toEqual([3, 0x6f, 0x6b]);
  expect(bytes(true, (w) => w.classicString('ok'))).toEqual([0, 2, 0x6f, 0x6b]);
  expect(bytes(false, (w) => w.nullableString(null))).toEqual([0xff, 0xff]);
  expect(bytes(true, (w) => w.nullableString(null))).toEqual([0]);
  expect(bytes(false, (w) => w.array([7], (n) => w.int16(n)))).toEqual([0, 0, 0, 1, 0, 7]);
  expect(bytes(true, (w) => w.array([7], (n) => w.int16(n)))).toEqual([2, 0, 7]);
  expect(bytes(true, (w) => w.uvarint(300))).toEqual([0xac, 0x02]);
  expect(bytes(true, (w) => w.tags())).toEqual([0]);
  expect(bytes(false, (w) => w.tags())).toEqual([]);
});

test('tagged fields that we do not know are skipped', () => {
  const reader = new Reader(Uint8Array.of(2, 0, 3, 1, 2, 3, 5, 0, 9), true);
  reader.tags();
  expect(reader.uint8()).toBe(9);
});

test('a UUID has the text that Kafka gives it; all zero is none', () => {
  const id = Uint8Array.from({ length: 16 }, (_, index) => 255 - index);
  expect(new Reader(id, true).uuid()).toBe('__79_Pv6-fj39vX08_Lx8A');
  expect(new Reader(new Uint8Array(16), true).uuid()).toBeNull();
});

function reading(flexible: boolean, content: number[], one: (reader: Reader) => unknown): () => unknown {
  return () => one(new Reader(Uint8Array.from(content), flexible));
}

test('lengths and counts beyond the bytes that are there, null strings and numbers beyond 53 bits are faults', () => {
  expect(reading(false, [0, 5, 1], (r) => r.string())).toThrow(Fault);
  expect(reading(false, [0xff, 0xfe], (r) => r.string())).toThrow(Fault);
  expect(reading(false, [0xff, 0xff], (r) => r.string())).toThrow(Fault);
  expect(reading(true, [0], (r) => r.string())).toThrow(Fault);
  expect(reading(false, [0x7f, 0xff, 0xff, 0xff], (r) => r.array(() => r.uint8()))).toThrow(Fault);
  expect(reading(false, [0xff, 0xff, 0xff, 0xfe], (r) => r.array(() => r.uint8()))).toThrow(Fault);
  expect(reading(true, [0xff, 0xff, 0xff, 0xff, 0x1f], (r) => r.uvarint())).toThrow(Fault);
  expect(reading(false, [0x7f, 0, 0, 0, 0, 0, 0, 0], (r) => r.int64())).toThrow(Fault);
  expect(reading(false, [1], (r) => r.finish())).toThrow(Fault);
});

test('all arrays of a response together have a bound', () => {
  const writer = new Writer(false);
  for (let i = 0; i < 2; i++)
    writer.array(
      Array.from({ length: MAX_ITEMS / 2 + 1 }, () => 1),
      (item) => writer.uint8(item),
    );
  const reader = new Reader(writer.take(), false);
  expect(reader.array(() => reader.uint8())).toHaveLength(MAX_ITEMS / 2 + 1);
  expect(() => reader.array(() => reader.uint8())).toThrow(`more than ${MAX_ITEMS} items`);
});
