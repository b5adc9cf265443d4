import { describe, expect, test } from 'vitest';
import { StatusCode } from '../../edge/core/status-code.ts';
import type { FramingName, UnitConfig } from './config.ts';
import type { ModbusLimits } from './limits.ts';
import { configOf, deviceConfig, type ModbusRig, startClient } from './modbus-rig.ts';
import { type Asked, frame, type RawServer, rtuFrame, startRawServer } from './raw-server.ts';

/** Unit 1 has a register at 10 and one at 20, in blocks of their own; unit 2 one at 30. */
const UNITS: readonly UnitConfig[] = [
  {
    id: 1,
    asset: 'a',
    device: deviceConfig(
      { x: { table: 'holding', address: 10 }, y: { table: 'holding', address: 20 } },
      { maxHole: 0 },
    ),
  },
  { id: 2, asset: 'b', device: deviceConfig({ z: { table: 'holding', address: 30 } }) },
];

interface Bench {
  readonly server: RawServer;
  readonly rig: ModbusRig;
}

async function startBench(
  retries: number,
  limits: Partial<ModbusLimits> = {},
  framing: FramingName = 'tcp',
): Promise<Bench> {
  const server = await startRawServer(framing);
  const rig = await startClient(configOf(server.port, UNITS, { timeout: 200, retries, framing }), limits);
  await rig.until('a/y', 1);
  await rig.until('b/z', 1);
  return { server, rig };
}

/** Answers questions for register 10 by this, the others right. */
function spoil(server: RawServer, how: (asked: Asked) => Buffer | undefined): void {
  server.answer = (asked) => {
    const bytes = asked.unit === 1 && asked.address === 10 ? how(asked) : asked.right;
    if (bytes !== undefined) asked.socket.write(bytes);
  };
}

const KINDS: readonly (readonly [name: string, framing: FramingName, how: (asked: Asked) => Buffer])[] = [
  ['a truncated answer', 'tcp', ({ right }) => right.subarray(0, -1)],
  ['a header alone', 'tcp', ({ right }) => right.subarray(0, 7)],
  ['the wrong unit', 'tcp', ({ transaction }) => frame(transaction, 9, [3, 2, 0, 10])],
  ['the wrong function', 'tcp', ({ transaction }) => frame(transaction, 1, [4, 2, 0, 10])],
  ['the wrong byte count', 'tcp', ({ transaction }) => frame(transaction, 1, [3, 4, 0, 10, 0, 11])],
  ['a foreign transaction', 'tcp', ({ transaction }) => frame(transaction ^ 0x5555, 1, [3, 2, 0, 10])],
  ['another protocol', 'tcp', ({ right }) => Buffer.concat([right.subarray(0, 3), Buffer.of(1), right.subarray(4)])],
  [
    'an impossible length',
    'tcp',
    ({ right }) => Buffer.concat([right.subarray(0, 4), Buffer.of(0xff), right.subarray(5)]),
  ],
  ['a truncated answer', 'rtu', ({ right }) => right.subarray(0, -1)],
  ['the wrong unit', 'rtu', () => rtuFrame(9, [3, 2, 0, 10])],
  ['the wrong function', 'rtu', () => rtuFrame(1, [4, 2, 0, 10])],
  ['the wrong byte count', 'rtu', () => rtuFrame(1, [3, 4, 0, 10, 0, 11])],
  ['the wrong checksum', 'rtu', ({ right }) => Buffer.concat([right.subarray(0, -1), Buffer.of(~(right.at(-1) ?? 0))])],
  ['noise', 'rtu', () => Buffer.of(0xff, 0, 0xff)],
];

describe.each(KINDS)('%s, framing %s', (_name, framing, how) => {
  test('once: it is asked again, and nobody notices', async () => {
    const { server, rig } = await startBench(1, {}, framing);
    let spoiled = 0;
    spoil(server, (asked) => (spoiled++ === 0 ? how(asked) : asked.right));
    const before = rig.values('a/x').length;
    await rig.until('a/x', before + 3);
    expect(spoiled).toBeGreaterThan(1);
    expect(
      rig
        .messages()
        .flatMap(({ values }) => values)
        .filter(({ quality }) => quality !== StatusCode.Good),
    ).toEqual([]);
    for (const { value } of rig.values('a/x')) expect(value).toBe(10);
    expect(rig.ended).toBeUndefined();
  });

  test('always: null with BadCommunicationError, and the others go on', async () => {
    const { server, rig } = await startBench(1, { silentPauseMs: 300 }, framing);
    spoil(server, how);
    await rig.untilLast('a/x', { value: null, quality: StatusCode.BadCommunicationError });
    const [y, z] = [rig.values('a/y').length, rig.values('b/z').length];
    await rig.until('a/y', y + 2);
    await rig.until('b/z', z + 2);
    expect(rig.values('b/z').filter(({ value, quality }) => value !== 30 || quality !== 0)).toEqual([]);
    for (const { value } of rig.values('a/y')) expect([20, null]).toContain(value);
    spoil(server, ({ right }) => right);
    await rig.untilLast('a/x', { value: 10, quality: StatusCode.Good });
    expect(rig.ended).toBeUndefined();
  });
});

test.each(['tcp', 'rtu'] as const)('framing %s: a late answer is not taken for the next one', async (framing) => {
  const { server, rig } = await startBench(0, { silentPauseMs: 300 }, framing);
  const kept: Asked[] = [];
  // Each answer for register 10 comes in front of the one to the next question to its unit, which is about another register.
  server.answer = (asked) => {
    const isKept = asked.unit === 1 && asked.address === 10 && kept.length === 0 && rig.values('a/x').length < 8;
    if (isKept) kept.push(asked);
    else {
      const late = asked.unit === 1 ? kept.splice(0).map(({ right }) => right) : [];
      asked.socket.write(Buffer.concat([...late, asked.right]));
    }
  };
  await rig.until('a/x', 12);
  for (const [tag, right] of [
    ['a/x', 10],
    ['a/y', 20],
    ['b/z', 30],
  ] as const) {
    for (const { value, quality } of rig.values(tag)) {
      expect(value === null ? quality : value).toBe(value === null ? StatusCode.BadTimeout : right);
    }
  }
  expect(rig.values('a/x').some(({ quality }) => quality === StatusCode.BadTimeout)).toBe(true);
});

test('a stream in which no frame can be found any more ends the connection: `read` rejects', async () => {
  const { server, rig } = await startBench(0, { silentPauseMs: 100 });
  server.answer = ({ socket }) => void socket.write(Buffer.alloc(40, 0x55));
  await expect.poll(() => rig.ended, { timeout: 10_000 }).toMatchObject({ code: 'modbus-adrift' });
});

test('so does one that floods us with what nobody asked for', async () => {
  const { server, rig } = await startBench(1);
  server.answer = ({ socket, transaction }) =>
    void socket.write(
      Buffer.concat(Array.from({ length: 10_000 }, () => frame(transaction ^ 0x5555, 1, [3, 2, 0, 0]))),
    );
  await expect.poll(() => rig.ended, { timeout: 10_000 }).toMatchObject({ code: 'modbus-adrift' });
});

test('a connection that the other end closes or breaks rejects `read` when what had come is read', async () => {
  for (const how of ['end', 'resetAndDestroy'] as const) {
    const { server, rig } = await startBench(1);
    for (const socket of server.connections) socket[how]();
    await expect.poll(() => rig.ended, { timeout: 10_000 }).toMatchObject({ code: 'modbus-lost' });
  }
});

test('a connection from which nothing comes any more is given up', async () => {
  const { server, rig } = await startBench(0, { quietMs: 500, silentPauseMs: 50 });
  server.answer = () => undefined;
  await expect.poll(() => rig.ended, { timeout: 10_000 }).toMatchObject({ code: 'modbus-lost' });
  expect(rig.values('b/z').at(-1)).toMatchObject({ value: null, quality: StatusCode.BadTimeout });
});

test('there is one question at a time, and silence before each', async () => {
  const server = await startRawServer();
  let answeredMs = -Infinity;
  let open = 0;
  const pauses: number[] = [];
  server.answer = ({ socket, right }) => {
    open++;
    pauses.push(performance.now() - answeredMs);
    setImmediate(() => {
      expect(open--).toBe(1);
      answeredMs = performance.now();
      socket.write(right);
    });
  };
  const rig = await startClient(configOf(server.port, UNITS, { turnaround: 30 }));
  await rig.until('b/z', 4);
  // Timers may come up to a millisecond early.
  for (const pause of pauses) expect(pause).toBeGreaterThan(28);
});
