import { describe, expect, test } from 'vitest';
import { ValueKind } from '../../edge/core/sample.ts';
import { StatusCode } from '../../edge/core/status-code.ts';
import { startAsyncua, type AsyncuaNode } from '../../test/services/asyncua.ts';
import { requireService } from '../../test/services/require.ts';
import { configOf, lastOf, pkiFolder, startClient } from './opcua-rig.ts';

const python = requireService('python');
const NAMESPACE = 'urn:test:plant';

function node(id: string, type: string, value: unknown, shape?: readonly number[]): AsyncuaNode {
  return { id, namespace: NAMESPACE, path: ['Types', id], type, value, ...(shape === undefined ? {} : { shape }) };
}

function bits(value: number, bytes: 4 | 8): string {
  const buffer = Buffer.alloc(bytes);
  if (bytes === 4) buffer.writeFloatBE(value);
  else buffer.writeDoubleBE(value);
  return buffer.toString('hex');
}

/** 100 ns since 1601. */
function ticks(iso: string, micros = 0): string {
  return String(BigInt(Date.parse(iso)) * 10_000n + 116_444_736_000_000_000n + BigInt(micros) * 10n);
}

const { kind } = { kind: ValueKind };
const SCALARS: readonly (readonly [AsyncuaNode, ValueKind, unknown])[] = [
  [node('boolean', 'Boolean', true), kind.boolean, true],
  [node('sbyte', 'SByte', '-128'), kind.long, -128],
  [node('byte', 'Byte', '255'), kind.long, 255],
  [node('int16', 'Int16', '-32768'), kind.long, -32768],
  [node('uint16', 'UInt16', '65535'), kind.long, 65535],
  [node('int32', 'Int32', '-2147483648'), kind.long, -2147483648],
  [node('uint32', 'UInt32', '4294967295'), kind.long, 4294967295],
  [node('int64', 'Int64', '-9223372036854775808'), kind.long, -9223372036854775808n],
  [node('int64-safe', 'Int64', '-9007199254740991'), kind.long, -9007199254740991],
  [node('uint64', 'UInt64', '18446744073709551615'), kind.uint64, 18446744073709551615n],
  [node('uint64-small', 'UInt64', '7'), kind.uint64, 7n],
  [node('float', 'Float', bits(Math.fround(0.1), 4)), kind.float, Math.fround(0.1)],
  [node('float-nan', 'Float', bits(NaN, 4)), kind.float, NaN],
  [node('float-tiny', 'Float', '00000001'), kind.float, 2 ** -149],
  [node('double', 'Double', bits(0.1, 8)), kind.double, 0.1],
  [node('double-negative-zero', 'Double', bits(-0, 8)), kind.double, -0],
  [node('double-infinite', 'Double', bits(-Infinity, 8)), kind.double, -Infinity],
  [node('string', 'String', 'Größe 5 µm 😀'), kind.string, 'Größe 5 µm 😀'],
  [node('string-empty', 'String', ''), kind.string, ''],
  [node('string-null', 'String', null), kind.null, null],
  [node('bytes', 'ByteString', '00ff10'), kind.bytes, Buffer.from('00ff10', 'hex')],
  [node('text', 'LocalizedText', 'läuft'), kind.string, 'läuft'],
  [node('guid', 'Guid', '6b29fc40-ca47-1067-b31d-00dd010662da'), kind.string, '6B29FC40-CA47-1067-B31D-00DD010662DA'],
  [node('time', 'DateTime', ticks('2026-03-01T12:00:00.123Z', 456)), kind.string, '2026-03-01T12:00:00.1234560Z'],
];

const array = (shape: number[], element: string, items: unknown): unknown => ({ shape, stepNs: null, element, items });
const ARRAYS: readonly (readonly [AsyncuaNode, unknown])[] = [
  [node('floats', 'Float', [bits(1.5, 4), bits(-2, 4)], [2]), array([2], 'float', Float32Array.of(1.5, -2))],
  [node('doubles', 'Double', [bits(0.1, 8)], [1]), array([1], 'double', Float64Array.of(0.1))],
  [node('longs', 'Int64', ['-9223372036854775808', '1'], [2]), array([2], 'long', BigInt64Array.of(-(2n ** 63n), 1n))],
  [node('unsigned', 'UInt64', ['9223372036854775807'], [1]), array([1], 'long', BigInt64Array.of(2n ** 63n - 1n))],
  [node('small', 'Byte', ['0', '255'], [2]), array([2], 'long', BigInt64Array.of(0n, 255n))],
  [node('flags', 'Boolean', [true, false], [2]), array([2], 'long', BigInt64Array.of(1n, 0n))],
  [node('names', 'String', ['a', ''], [2]), array([2], 'string', ['a', ''])],
  [
    node('matrix', 'Int32', ['1', '2', '3', '4', '5', '6'], [2, 3]),
    array([2, 3], 'long', BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n)),
  ],
];

describe.skipIf(!python.available)('values from an independent server', () => {
  test('every type arrives bit for bit', async () => {
    const nodes = [...SCALARS.map(([spec]) => spec), ...ARRAYS.map(([spec]) => spec)];
    await using server = await startAsyncua({ namespaces: [NAMESPACE], nodes });
    const rig = await startClient(
      configOf({
        endpoints: [server.url],
        pki: pkiFolder(),
        nodes: nodes.map(({ id }) => ({ id: `nsu=${NAMESPACE};s=${id}`, tag: `t/${id}` })),
      }),
    );
    for (const [{ id }, kindOf, value] of SCALARS) {
      const [raw] = await rig.until(`t/${id}`, 1);
      expect([id, raw?.kind, raw?.value]).toEqual([id, kindOf, value]);
    }
    for (const [{ id }, value] of ARRAYS) {
      const [raw] = await rig.until(`t/${id}`, 1);
      expect([id, raw?.kind, raw?.value]).toEqual([id, ValueKind.array, value]);
    }
    expect(rig.messages().flatMap(({ problems }) => problems)).toEqual([]);
  });

  test('source time, server time and StatusCode are those of the server, info bits too', async () => {
    await using server = await startAsyncua({
      namespaces: [NAMESPACE],
      nodes: [node('x', 'Double', bits(1, 8))],
    });
    const rig = await startClient(
      configOf({
        endpoints: [server.url],
        pki: pkiFolder(),
        nodes: [{ id: `nsu=${NAMESPACE};s=x`, tag: 't/x', unit: 'bar' }],
      }),
    );
    await rig.until('t/x', 1);
    const [source, later] = [ticks('2026-03-01T12:00:00.123Z', 456), ticks('2026-03-01T12:00:01Z')];
    const write = { id: 'x', namespace: NAMESPACE, type: 'Double' };
    // Uncertain, with Overflow and limit bits.
    const odd = 0x40940000 + 0x0480 + 0x0100;
    await server.write({ ...write, value: bits(2, 8), source, server: later, status: odd });
    const both = lastOf(await rig.until('t/x', 2));
    expect(both).toMatchObject({
      timeUs: Date.parse('2026-03-01T12:00:00.123Z') * 1000 + 456,
      serverTimeUs: Date.parse('2026-03-01T12:00:01Z') * 1000,
      quality: odd,
      unit: 'bar',
    });
    await server.write({ ...write, value: bits(3, 8), server: later });
    expect(lastOf(await rig.until('t/x', 3)).timeUs).toBe(Date.parse('2026-03-01T12:00:01Z') * 1000);
    await server.write({ ...write, value: bits(4, 8) });
    const none = lastOf(await rig.until('t/x', 4));
    expect([none.timeUs, 'serverTimeUs' in none]).toEqual([null, false]);
    await server.write({ ...write, type: 'Null', status: StatusCode.BadDeviceFailure });
    expect(lastOf(await rig.until('t/x', 5))).toMatchObject({
      kind: ValueKind.null,
      quality: StatusCode.BadDeviceFailure,
    });
  });

  test('what cannot be a sample is a problem that says so, with the bytes as they came', async () => {
    await using server = await startAsyncua({
      namespaces: [NAMESPACE],
      nodes: [node('id', 'NodeId', 'i=85'), node('big', 'UInt64', ['18446744073709551615'], [1])],
    });
    const rig = await startClient(
      configOf({ endpoints: [server.url], pki: pkiFolder(), browse: { from: 'Objects', include: ['**'] } }),
    );
    await expect.poll(() => rig.messages().length, { timeout: 10_000 }).toBe(2);
    const problems = rig.messages().flatMap(({ problems: found }) => found);
    expect(problems).toEqual([
      { reason: 'wrong-type', detail: 'NodeId is not taken in.', tag: 'Types/id' },
      { reason: 'wrong-type', detail: 'An array of UInt64 with an element above 2^63 - 1.', tag: 'Types/big' },
    ]);
    expect(rig.messages().map(({ original }) => original.length)).not.toContain(0);
  });
});
