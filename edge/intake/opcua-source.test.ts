import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { OpcuaClient } from '../../connectors/opcua/client.ts';
import type { OpcuaConfig } from '../../connectors/opcua/config.ts';
import { startAsyncua } from '../../test/services/asyncua.ts';
import { requireService } from '../../test/services/require.ts';
import { Flag } from '../core/flags.ts';
import { UNMAPPED } from '../core/ledger.ts';
import { ConnectorHost } from './host.ts';
import type { Intake } from './intake.ts';
import { countsOf, IntakeKit } from './intake-kit.ts';

const python = requireService('python');
const NAMESPACE = 'urn:test:plant';
const LIMIT = { timeout: 20_000, interval: 20 };

/** Runs an OPC UA connector and its host until `done`. */
async function hosting(
  intake: Intake,
  config: Pick<OpcuaConfig, 'endpoints' | 'nodes'>,
  done: () => Promise<void>,
): Promise<void> {
  const pki = mkdtempSync(path.join(tmpdir(), 'millrace-pki-'));
  onTestFinished(() => rmSync(pki, { recursive: true, force: true }));
  const stop = new AbortController();
  const create = (): OpcuaClient =>
    new OpcuaClient({
      kind: 'opcua',
      name: 'floor',
      pki,
      channel: { policy: 'None', mode: 'None' },
      defaults: { sampling: 20, publishing: 50, queue: 100, discard: 'oldest' },
      ...config,
    });
  const host = new ConnectorHost({ name: 'floor', kind: 'opcua', create, intake, onState: () => undefined });
  const ended = host.run(stop.signal);
  try {
    await done();
  } finally {
    stop.abort();
    await ended;
  }
}

/** A way to a port that can be cut. */
async function cuttable(port: number): Promise<{ readonly port: number; cut(): void }> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect({ host: '127.0.0.1', port });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      // The other end learns it; the error of a cut is no news.
      socket.on('error', () => undefined).on('close', () => other.destroy());
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  onTestFinished(() => {
    cut();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, cut };
}

test('what is wrong at a source where no data was refused is on record with its reason, and is nothing that was received', async () => {
  await using kit = await IntakeKit.open();
  const { take, tally } = kit.intake();
  const told = { source: 'pump-7', address: 'holding/13', reason: 'the device does not have this register' };
  await take({ type: 'event', event: 'problem', ...told });
  expect(kit.events()).toEqual([{ v: 1, at: kit.clock.nowUs(), type: 'problem', connector: 'floor', ...told }]);
  expect(countsOf(tally)).toEqual({});
});

test.skipIf(!python.available)(
  'nodes that an OPC UA server does not have are on record with their reasons; the ledger counts nothing received or refused for them',
  async () => {
    const node = { id: 'level', namespace: NAMESPACE, path: ['level'], type: 'Int32', value: '5' };
    await using server = await startAsyncua({ namespaces: [NAMESPACE], nodes: [node] });
    await using kit = await IntakeKit.open();
    const { intake, tally } = kit.intake();
    const nodes = [
      { id: `nsu=${NAMESPACE};s=level`, tag: 'tank/level' },
      { id: `nsu=${NAMESPACE};s=gone`, tag: 'tank/gone' },
      { id: 'nsu=urn:test:moved;s=x', tag: 'tank/moved' },
    ];
    await hosting(intake, { endpoints: [server.url], nodes }, async () => {
      await expect.poll(() => kit.samples().some(({ value }) => value === 5), LIMIT).toBe(true);
    });
    expect(kit.events().filter(({ type }) => type === 'refused' || type === 'problem')).toMatchObject([
      { type: 'problem', address: 'nsu=urn:test:moved;s=x', reason: 'the server does not have its namespace' },
      { type: 'problem', address: `nsu=${NAMESPACE};s=gone`, reason: 'BadNodeIdUnknown' },
    ]);
    const counts = countsOf(tally);
    expect(counts['northmill/tank/level']).toEqual({ received: 1, logged: 1 });
    expect(counts[UNMAPPED]).toBeUndefined();
  },
);

test.skipIf(!python.available)(
  'a value that does not change is there again when the connection is, as of then, although its time is from before',
  async () => {
    const node = { id: 'setpoint', namespace: NAMESPACE, type: 'Double', value: '4050000000000000' };
    await using server = await startAsyncua({ namespaces: [NAMESPACE], nodes: [{ ...node, path: ['setpoint'] }] });
    const timeMs = Date.UTC(2026, 0, 1);
    const ticks = String((timeMs - Date.UTC(1601, 0, 1)) * 10_000);
    await server.write({ ...node, source: ticks, server: ticks });
    const way = await cuttable(server.port);
    await using kit = await IntakeKit.open();
    const { intake } = kit.intake();
    const nodes = [{ id: `nsu=${NAMESPACE};s=setpoint`, tag: 'tank/setpoint' }];
    await hosting(intake, { endpoints: [`opc.tcp://127.0.0.1:${way.port}/test/`], nodes }, async () => {
      await expect.poll(() => kit.samples().length, LIMIT).toBe(1);
      way.cut();
      await expect.poll(() => kit.samples().length, LIMIT).toBe(3);
    });
    const first = { tag: 'northmill/tank/setpoint', value: 64, quality: 0 };
    expect(kit.samples()).toMatchObject([
      { ...first, timeUs: timeMs * 1000, flags: 0 },
      { tag: first.tag, value: null, flags: Flag.gap },
      { ...first, flags: Flag.substituted },
    ]);
    expect(kit.samples()[2]?.timeUs).toBeGreaterThanOrEqual(kit.samples()[1]?.timeUs ?? Infinity);
  },
);
