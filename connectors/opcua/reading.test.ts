import * as fc from 'fast-check';
import {
  DataType,
  DataValue,
  MonitoredItemNotification,
  StatusCodes,
  Variant,
  VariantArrayType,
} from 'node-opcua-client';
import { BinaryStream } from 'node-opcua-binary-stream';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { MAX_TIME_US, ValueKind } from '../../edge/core/sample.ts';
import { StatusCode } from '../../edge/core/status-code.ts';
import { assert } from '../../edge/core/fault.ts';
import type { Message, RawValue } from '../contract.ts';
import { readNotificationsExactly } from './exact-notification.ts';
import { toMessage } from './reading.ts';

const item = { address: 'nsu=urn:x;s=a', tag: 'a/b', unit: 'bar', class: undefined, nodeId: undefined };

beforeAll(readNotificationsExactly);

/** What a client makes of the bytes of a notification. */
function read(bytes: Uint8Array): Message {
  const notification = new MonitoredItemNotification();
  notification.decode(new BinaryStream(Buffer.from(bytes)));
  return toMessage('opc.tcp://x', item, notification, false);
}

function readOrError(bytes: Uint8Array): Message | Error {
  try {
    return read(bytes);
  } catch (error) {
    assert(error instanceof Error, 'an error is thrown');
    return error;
  }
}

function valueOf({ values, problems }: Message): RawValue {
  assert(values[0] !== undefined && problems.length === 0, 'one value');
  return values[0];
}

/** A notification as the library's server writes it. */
function notificationOf(variant: Variant): Buffer {
  const value = new DataValue(null);
  value.value = variant;
  value.statusCode = StatusCodes.Good;
  const notification = new MonitoredItemNotification({ clientHandle: 7, value });
  const stream = new BinaryStream(Buffer.alloc(notification.binaryStoreSize()));
  notification.encode(stream);
  return stream.buffer;
}

/** A notification written by hand (OPC UA Part 6, 5.2.2.17). */
function bytesOf(mask: number, ...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([7, 0, 0, 0, mask]), ...parts]);
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function i64(value: bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64LE(value);
  return buffer;
}

function words(value: bigint): number[] {
  const bits = BigInt.asUintN(64, value);
  return [Number(bits >> 32n), Number(bits & 0xffff_ffffn)];
}

const scalar = (dataType: DataType, value: unknown): Variant =>
  new Variant({ dataType, arrayType: VariantArrayType.Scalar, value });

/** Each type with what it becomes. */
const typed = fc.oneof(
  fc.boolean().map((value) => [scalar(DataType.Boolean, value), ValueKind.boolean, value] as const),
  fc.integer({ min: -128, max: 127 }).map((value) => [scalar(DataType.SByte, value), ValueKind.long, value] as const),
  fc.nat(255).map((value) => [scalar(DataType.Byte, value), ValueKind.long, value] as const),
  fc
    .integer({ min: -32768, max: 32767 })
    .map((value) => [scalar(DataType.Int16, value), ValueKind.long, value] as const),
  fc.nat(65535).map((value) => [scalar(DataType.UInt16, value), ValueKind.long, value] as const),
  fc.integer().map((value) => [scalar(DataType.Int32, value), ValueKind.long, value] as const),
  fc.nat(0xffff_ffff).map((value) => [scalar(DataType.UInt32, value), ValueKind.long, value] as const),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => {
    const number = Number(value);
    const exact = Number.isSafeInteger(number) ? number : value;
    return [scalar(DataType.Int64, words(value)), ValueKind.long, exact] as const;
  }),
  fc
    .bigInt({ min: 0n, max: 2n ** 64n - 1n })
    .map((value) => [scalar(DataType.UInt64, words(value)), ValueKind.uint64, value] as const),
  fc.float().map((value) => [scalar(DataType.Float, value), ValueKind.float, value] as const),
  fc.double().map((value) => [scalar(DataType.Double, value), ValueKind.double, value] as const),
  fc.string({ unit: 'binary' }).map((value) => [scalar(DataType.String, value), ValueKind.string, value] as const),
  fc
    .uint8Array()
    .map((value) => [scalar(DataType.ByteString, Buffer.from(value)), ValueKind.bytes, Buffer.from(value)] as const),
  fc
    .array(fc.double(), { maxLength: 20 })
    .map(
      (value) =>
        [
          new Variant({ dataType: DataType.Double, arrayType: VariantArrayType.Array, value }),
          ValueKind.array,
          { shape: [value.length], stepNs: null, element: 'double', items: Float64Array.from(value) },
        ] as const,
    ),
);

describe('a notification', () => {
  test('keeps its value through encoding and reading, whatever its type', () => {
    fc.assert(
      fc.property(typed, ([variant, kind, value]) => {
        const bytes = notificationOf(variant);
        const message = read(bytes);
        const raw = valueOf(message);
        expect([raw.kind, raw.value, raw.tag, raw.unit]).toEqual([kind, value, 'a/b', 'bar']);
        expect(Buffer.from(message.original)).toEqual(bytes.subarray(4));
      }),
      { numRuns: 2_000 },
    );
  });

  test('keeps its StatusCode, known to the library or not', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), (status) => {
        const raw = valueOf(read(bytesOf(0b11, Buffer.from([DataType.Byte, 5]), u32(status))));
        expect([raw.value, raw.quality]).toEqual([5, status]);
      }),
    );
  });

  test('a null is BadNoData where it is called good, and keeps the info bits', () => {
    expect(valueOf(read(bytesOf(0))).quality).toBe(StatusCode.BadNoData);
    expect(valueOf(read(bytesOf(0b10, u32(0x0000_0480)))).quality).toBe(StatusCode.BadNoData + 0x0480);
    expect(valueOf(read(bytesOf(0b10, u32(StatusCode.BadTimeout)))).quality).toBe(StatusCode.BadTimeout);
  });

  test('has its times in whole microseconds, not ahead of the source; the beginning of 1601 is none', () => {
    const epoch = 116_444_736_000_000_000n;
    const latest = BigInt(MAX_TIME_US) * 10n + epoch;
    const earliest = 2n * epoch - latest;
    fc.assert(
      fc.property(fc.bigInt({ min: earliest, max: latest }), fc.nat(9999), (ticks, tenPicoseconds) => {
        const picoseconds = Buffer.alloc(2);
        picoseconds.writeUInt16LE(tenPicoseconds);
        const raw = valueOf(read(bytesOf(0b11_1100, i64(ticks), picoseconds, i64(epoch + 19n), picoseconds)));
        expect(Number.isSafeInteger(raw.timeUs)).toBe(true);
        // In whole ticks: as a double their number would be rounded.
        const lostTicks = ticks - epoch - BigInt(raw.timeUs ?? 0) * 10n;
        expect(lostTicks).toBeGreaterThanOrEqual(0n);
        expect(lostTicks).toBeLessThan(10n);
        expect(raw.serverTimeUs).toBe(1);
      }),
    );
    expect(valueOf(read(bytesOf(0b100, i64(0n)))).timeUs).toBe(null);
    expect(valueOf(read(bytesOf(0b1100, i64(0n), i64(epoch + 20n)))).timeUs).toBe(2);
  });

  test('a StatusCode as a value is no sample, and one that nobody knows prints nothing', () => {
    const printed = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    onTestFinished(() => printed.mockRestore());
    const { problems } = read(bytesOf(1, Buffer.from([DataType.StatusCode]), u32(0x4711_0000)));
    expect(problems).toEqual([{ reason: 'wrong-type', detail: 'StatusCode is not taken in.', tag: 'a/b' }]);
    expect(printed).not.toHaveBeenCalled();
  });

  test('bytes that are none are refused by an error, never read wrongly or for ever', () => {
    // Of unknown StatusCodes in arrays the library speaks nevertheless.
    const printed = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    onTestFinished(() => printed.mockRestore());
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const message = readOrError(Buffer.concat([u32(7), bytes]));
        if (message instanceof Error) return;
        expect(message.values.length + message.problems.length).toBe(1);
      }),
      { numRuns: 5_000 },
    );
  });
});
