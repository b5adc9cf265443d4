import { describe, expect, test } from 'vitest';
import { ValueKind } from '../../edge/core/sample.ts';
import { StatusCode } from '../../edge/core/status-code.ts';
import type { RawValue } from '../contract.ts';
import type { DeviceConfig, PointConfig } from './config.ts';
import { compileDevice, type Point } from './device.ts';
import { deviceConfig } from './modbus-rig.ts';
import { type Block, planBlocks } from './plan.ts';
import { toMessages, toNullMessage } from './reading.ts';
import { pointValue } from './register-value.ts';

const SENDER = { source: 'unit 1', asset: 'a', addressing: 'one-based' } as const;

function blockOf(points: Record<string, PointConfig>, parts: Partial<DeviceConfig> = {}): Block {
  const { device, problems } = compileDevice(deviceConfig(points, parts));
  expect(problems).toEqual([]);
  const [block] =
    device === undefined
      ? []
      : planBlocks(
          device.groups.flatMap((group) => group.points),
          device,
        );
  if (block === undefined) throw new Error('no block');
  return block;
}

function read(point: Omit<PointConfig, 'table' | 'address'>, ...bytes: number[]): unknown {
  const block = blockOf({ x: { table: 'holding', address: 0, ...point } });
  const [first] = block.points as [Point];
  return pointValue(first, block, Uint8Array.from(bytes));
}

function text(bytes: Buffer, byteOrder: 'big' | 'little' = 'big'): unknown {
  return read({ type: 'string', registers: bytes.length / 2, byteOrder }, ...bytes);
}

describe('a value', () => {
  test.each([
    ['big', 'big', [0x12, 0x34, 0x56, 0x78]],
    ['little', 'big', [0x56, 0x78, 0x12, 0x34]],
    ['big', 'little', [0x34, 0x12, 0x78, 0x56]],
    ['little', 'little', [0x78, 0x56, 0x34, 0x12]],
  ] as const)('word order %s, byte order %s', (wordOrder, byteOrder, bytes) => {
    expect(read({ type: 'uint32', wordOrder, byteOrder }, ...bytes)).toEqual({
      kind: ValueKind.long,
      value: 0x12345678,
    });
  });

  test('a scale makes a double; a decimal one is exact', () => {
    expect(read({ scale: 0.1 }, 0x08, 0xfd)).toEqual({ kind: ValueKind.double, value: 230.1 });
    expect(read({ scale: 0.001, offset: -40 }, 0, 1)).toEqual({ kind: ValueKind.double, value: -39.999 });
    expect(read({ type: 'int16', scale: 2.5 }, 0xff, 0xff)).toEqual({ kind: ValueKind.double, value: -2.5 });
    expect(read({ type: 'int16', offset: 0 }, 0, 3)).toEqual({ kind: ValueKind.double, value: 3 });
    expect(read({ type: 'float32', scale: 10 }, 0x3f, 0xc0, 0, 0)).toEqual({ kind: ValueKind.double, value: 15 });
    expect(read({ type: 'uint64', scale: 0.5 }, 0, 0, 0, 0, 0, 0, 0, 3)).toEqual({
      kind: ValueKind.double,
      value: 1.5,
    });
    expect(read({ type: 'int64', scale: 2 }, ...Array.from({ length: 8 }, () => 0xff))).toMatchObject({ value: -2 });
  });

  test('64-bit integers stay exact', () => {
    const most = [0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    expect(read({ type: 'int64' }, ...most)).toEqual({ kind: ValueKind.long, value: 2n ** 63n - 1n });
    expect(read({ type: 'uint64' }, ...most)).toEqual({ kind: ValueKind.uint64, value: 2n ** 63n - 1n });
    expect(read({ type: 'int64' }, 0, 0, 0, 0, 0, 0, 0, 9)).toEqual({ kind: ValueKind.long, value: 9 });
  });

  test('invalid patterns are compared bit for bit, in the order of the value', () => {
    const none = { none: true };
    expect(read({ type: 'float32', invalid: [0x7fc00000] }, 0x7f, 0xc0, 0, 0)).toEqual(none);
    expect(read({ type: 'float32', invalid: [0x7fc00000] }, 0x7f, 0xc0, 0, 1)).not.toEqual(none);
    expect(read({ type: 'float32', wordOrder: 'little', invalid: [0x7fc00000] }, 0, 0, 0x7f, 0xc0)).toEqual(none);
    expect(read({ type: 'int16', invalid: [-32768] }, 0x80, 0)).toEqual(none);
    expect(read({ type: 'uint64', invalid: ['0xFFFFFFFFFFFFFFFF'] }, ...Array.from({ length: 8 }, () => 0xff))).toEqual(
      none,
    );
    expect(
      read({ type: 'uint64', invalid: ['0xFFFFFFFFFFFFFFFF'] }, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe),
    ).toMatchObject({
      kind: ValueKind.uint64,
    });
  });

  test('a bit of a register, and bits of a table of bits', () => {
    expect(read({ bit: 3 }, 0, 0b1000)).toEqual({ kind: ValueKind.boolean, value: true });
    expect(read({ bit: 15 }, 0x80, 0)).toEqual({ kind: ValueKind.boolean, value: true });
    expect(read({ bit: 3, byteOrder: 'little' }, 0b1000, 0)).toEqual({ kind: ValueKind.boolean, value: true });
    expect(read({ bit: 3 }, 0xff, 0xf7)).toEqual({ kind: ValueKind.boolean, value: false });
    const block = blockOf({ a: { table: 'coil', address: 0 }, b: { table: 'coil', address: 9 } });
    const values = block.points.map((point) => pointValue(point, block, Uint8Array.of(0, 0b10)));
    expect(values).toEqual([
      { kind: ValueKind.boolean, value: false },
      { kind: ValueKind.boolean, value: true },
    ]);
  });

  test('a text ends at its first NUL, and blanks at its end go', () => {
    expect(text(Buffer.from('ab\0xyz'))).toEqual({ kind: ValueKind.string, value: 'ab' });
    expect(text(Buffer.from('µm   '))).toMatchObject({ value: 'µm' });
    expect(text(Buffer.from('BADC'), 'little')).toMatchObject({ value: 'ABCD' });
    expect(text(Buffer.from('\0\0'))).toMatchObject({ value: '' });
    expect(text(Buffer.of(0xff, 0xff))).toEqual({ unfit: 'The registers hold no text in UTF-8.' });
  });
});

function classes({ values }: { readonly values: readonly RawValue[] }): unknown[] {
  return values.map(({ class: ofClass }) => ofClass);
}

describe('an answer as messages', () => {
  test('a block is one message with table, addresses and registers as they came; values have no time', () => {
    const block = blockOf(
      { a: { table: 'holding', address: 40011, unit: 'bar' }, b: { table: 'holding', address: 40012, scale: 0.1 } },
      { addressing: 'one-based' },
    );
    const bytes = Uint8Array.of(0, 5, 0, 15);
    expect(toMessages(SENDER, block, bytes)).toEqual([
      {
        type: 'message',
        source: 'unit 1',
        address: 'holding/40011-40012',
        original: bytes,
        values: [
          { tag: 'a/a', kind: 2, value: 5, declared: 'long', unit: 'bar', timeUs: null, quality: 0, flags: 0 },
          { tag: 'a/b', kind: 4, value: 1.5, declared: 'double', timeUs: null, quality: 0, flags: 0 },
        ],
        problems: [],
      },
    ]);
  });

  test('a value has the class of its point, else that of its unit, whether there is an answer or not', () => {
    const block = blockOf({
      a: { table: 'holding', address: 40011, class: 'critical' },
      b: { table: 'holding', address: 40012 },
    });
    const bytes = Uint8Array.of(0, 5, 0, 15);
    expect(toMessages(SENDER, block, bytes).map(classes)).toEqual([['critical', undefined]]);
    const bulk = { ...SENDER, class: 'bulk' } as const;
    expect(toMessages(bulk, block, bytes).map(classes)).toEqual([['critical', 'bulk']]);
    expect(classes(toNullMessage(bulk, block, StatusCode.BadTimeout))).toEqual(['critical', 'bulk']);
  });

  test('what may go to quarantine is a message of its own, with its own registers; an invalid pattern is null with BadNoData', () => {
    const block = blockOf({
      nan: { table: 'input', address: 0, type: 'float32' },
      text: { table: 'input', address: 2, type: 'string', registers: 1 },
      none: { table: 'input', address: 3, invalid: [0xffff] },
    });
    const [main, nan, garbled] = toMessages(
      { ...SENDER, addressing: 'zero-based' },
      block,
      Uint8Array.of(0x7f, 0xc0, 0, 0, 0xff, 0xfe, 0xff, 0xff),
    );
    expect(main?.values).toMatchObject([
      { tag: 'a/none', kind: ValueKind.null, value: null, quality: StatusCode.BadNoData },
    ]);
    expect(nan).toMatchObject({
      address: 'input/0-1',
      original: Uint8Array.of(0x7f, 0xc0, 0, 0),
      values: [{ value: NaN }],
    });
    expect(garbled).toMatchObject({
      address: 'input/2',
      original: Uint8Array.of(0xff, 0xfe),
      values: [],
      problems: [{ reason: 'malformed', tag: 'a/text' }],
    });
  });
});
