import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ValueKind } from '../../edge/core/sample.ts';
import { startPymodbus, type PymodbusWrite } from '../../test/services/pymodbus.ts';
import { requireService } from '../../test/services/require.ts';
import { ORDERS, type PointConfig, type PointType } from './config.ts';
import { configOf, deviceConfig, startClient } from './modbus-rig.ts';

const python = requireService('python');

interface Kind {
  readonly type: PointType;
  readonly registers: number;
  readonly kind: ValueKind;
  /** What Python is given, and what must be read. */
  readonly sample: fc.Arbitrary<readonly [written: string, read: unknown]>;
}

const integer = (min: bigint, max: bigint): fc.Arbitrary<bigint> =>
  fc.oneof(fc.bigInt(min, max), fc.constantFrom(min, max, 0n, 1n));
const long = (bits: number): fc.Arbitrary<readonly [string, unknown]> =>
  integer(-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n).map((n) => [
    String(n),
    Number.isSafeInteger(Number(n)) ? Number(n) : n,
  ]);
const unsigned = (bits: number): fc.Arbitrary<readonly [string, unknown]> =>
  integer(0n, 2n ** BigInt(bits) - 1n).map((n) => [String(n), bits === 64 ? n : Number(n)]);
const real = (bytes: 4 | 8): fc.Arbitrary<readonly [string, unknown]> =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((bits) => {
    const buffer = Buffer.from(bits);
    return [buffer.toString('hex'), bytes === 4 ? buffer.readFloatBE() : buffer.readDoubleBE()];
  });
const text = fc.string({ unit: 'grapheme', maxLength: 12 }).map((given): readonly [string, unknown] => {
  const bytes = Buffer.alloc(12);
  // A character that does not fit whole is not written at all.
  bytes.write(given.replaceAll('\0', ''));
  const read = bytes.toString().replace(/\0.*$/s, '').replace(/ +$/, '');
  return [bytes.toString('hex'), read];
});

const KINDS: readonly Kind[] = [
  { type: 'int16', registers: 1, kind: ValueKind.long, sample: long(16) },
  { type: 'uint16', registers: 1, kind: ValueKind.long, sample: unsigned(16) },
  { type: 'int32', registers: 2, kind: ValueKind.long, sample: long(32) },
  { type: 'uint32', registers: 2, kind: ValueKind.long, sample: unsigned(32) },
  { type: 'int64', registers: 4, kind: ValueKind.long, sample: long(64) },
  { type: 'uint64', registers: 4, kind: ValueKind.uint64, sample: unsigned(64) },
  { type: 'float32', registers: 2, kind: ValueKind.float, sample: real(4) },
  { type: 'float64', registers: 4, kind: ValueKind.double, sample: real(8) },
  { type: 'string', registers: 6, kind: ValueKind.string, sample: text },
];

/** Every type in every order, one behind the other in holding registers. */
const LAYOUT = KINDS.flatMap((kind) =>
  ORDERS.flatMap((wordOrder) => ORDERS.map((byteOrder) => ({ ...kind, wordOrder, byteOrder }))),
).reduce<{
  at: number;
  points: (Kind & { address: number; wordOrder: 'big' | 'little'; byteOrder: 'big' | 'little' })[];
}>(({ at, points }, point) => ({ at: at + point.registers, points: [...points, { ...point, address: at }] }), {
  at: 0,
  points: [],
}).points;

const nameOf = ({ type, wordOrder, byteOrder }: (typeof LAYOUT)[number]): string => `${type}-${wordOrder}-${byteOrder}`;

describe.skipIf(!python.available)('values from an independent server', () => {
  test.each(['tcp', 'rtu'] as const)('framing %s: every type in every order arrives bit for bit', async (framing) => {
    await using server = await startPymodbus({ units: [{ id: 1 }], framing });
    const points = Object.fromEntries(
      LAYOUT.map((point): [string, PointConfig] => [
        nameOf(point),
        {
          table: 'holding',
          address: point.address,
          type: point.type,
          wordOrder: point.wordOrder,
          byteOrder: point.byteOrder,
          ...(point.type === 'string' ? { registers: point.registers } : {}),
        },
      ]),
    );
    const rig = await startClient(
      configOf(server.port, [{ id: 1, asset: 'a', device: deviceConfig(points) }], { framing }),
    );
    const samples = fc.tuple(...LAYOUT.map(({ sample }) => sample));
    await fc.assert(
      fc.asyncProperty(samples, async (chosen) => {
        const writes = LAYOUT.map(({ address, type, wordOrder, byteOrder }, i): PymodbusWrite => {
          return { unit: 1, table: 'holding', address, type, value: chosen[i]?.[0] ?? '', wordOrder, byteOrder };
        });
        await server.write(...writes);
        // What was asked before the last write was done is not looked at.
        const settled = rig.readings.length;
        const after = (tag: string) =>
          rig.readings
            .slice(settled)
            .flatMap((reading) => (reading.type === 'message' ? reading.values : []))
            .filter((value) => value.tag === tag);
        const last = LAYOUT.at(-1);
        if (last === undefined) throw new Error('no points');
        await expect.poll(() => after(`a/${nameOf(last)}`).length, { timeout: 10_000, interval: 5 }).toBeGreaterThan(1);
        for (const [i, point] of LAYOUT.entries()) {
          const value = after(`a/${nameOf(point)}`).at(-1);
          expect([nameOf(point), value?.kind, value?.value]).toEqual([nameOf(point), point.kind, chosen[i]?.[1]]);
        }
      }),
      { numRuns: 30 },
    );
    expect(rig.messages().flatMap(({ problems }) => problems)).toEqual([]);
  });
});
