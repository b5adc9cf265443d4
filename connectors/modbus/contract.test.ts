import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Batch } from '../contract.ts';
import { ModbusClient } from './client.ts';
import { MODBUS_LIMITS, type ModbusLimits } from './limits.ts';
import { configOf, deviceConfig } from './modbus-rig.ts';
import { type RawServer, startRawServer } from './raw-server.ts';

/* The parts of `conformance.ts` that hold for a source that is asked and is told of nothing: no text of a sender's choice can be sent, and none is acknowledged. */

const device = deviceConfig({ x: { table: 'holding', address: 10 } });

async function start(
  signal = new AbortController().signal,
  limits: Partial<ModbusLimits> = {},
): Promise<{ client: ModbusClient; server: RawServer }> {
  const server = await startRawServer();
  const client = new ModbusClient(configOf(server.port, [{ id: 1, asset: 'a', device }]), {
    ...MODBUS_LIMITS,
    ...limits,
  });
  onTestFinished(() => client.close());
  await client.open(signal);
  return { client, server };
}

function nameOfFailure(promise: Promise<unknown>): Promise<string | undefined> {
  return promise.then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.name : String(error)),
  );
}

async function readMessages(client: ModbusClient, count: number): Promise<Batch[]> {
  const batches: Batch[] = [];
  while (batches.flatMap(({ readings }) => readings).filter(({ type }) => type === 'message').length < count) {
    batches.push(await client.read());
  }
  return batches;
}

describe('the connector contract', () => {
  test('what is answered is read in order; the next batch can be read before the last is acknowledged', async () => {
    const { client, server } = await start();
    const batches = await readMessages(client, 5);
    const originals = batches
      .flatMap(({ readings }) => readings)
      .flatMap((each) => (each.type === 'message' ? [each.original] : []));
    for (const original of originals) expect([...original]).toEqual([0, 10]);
    expect(server.asked.length).toBeGreaterThanOrEqual(5);
    // Twice is once.
    for (const batch of [...batches, ...batches]) batch.acknowledge();
    expect(client.heldBytes).toBeGreaterThanOrEqual(0);
    await readMessages(client, 1);
  });

  test('close rejects a read that waits, and it can be closed twice and opened again', async () => {
    const { client, server } = await start();
    await readMessages(client, 1);
    server.answer = () => undefined;
    const failure = nameOfFailure(client.read());
    await client.close();
    expect(await failure).toBe('AbortError');
    await client.close();
    expect(await nameOfFailure(client.read())).toBe('AbortError');
    await vi.waitUntil(() => server.connections.size === 0, { timeout: 5_000, interval: 5 });
    server.answer = ({ socket, right }) => void socket.write(right);
    await client.open(new AbortController().signal);
    expect(await readMessages(client, 1)).not.toEqual([]);
  });

  test('the signal ends the reading; what was read can still be acknowledged', async () => {
    const life = new AbortController();
    const { client, server } = await start(life.signal);
    const [batch] = await readMessages(client, 1);
    server.answer = () => undefined;
    const failure = nameOfFailure(client.read());
    life.abort();
    expect(await failure).toBe('AbortError');
    const before = client.heldBytes;
    batch?.acknowledge();
    expect(client.heldBytes).toBeLessThan(before);
  });

  test('opening with a signal that has aborted, or aborts meanwhile, fails', async () => {
    const client = new ModbusClient(configOf(1, [{ id: 1, asset: 'a', device }]));
    expect(await nameOfFailure(client.open(AbortSignal.abort()))).toBe('AbortError');
    // An address from which nobody answers (RFC 5737).
    const far = configOf(502, [{ id: 1, asset: 'a', device }], { tcp: { host: '192.0.2.1', port: 502 } });
    const life = new AbortController();
    const opening = nameOfFailure(new ModbusClient(far).open(life.signal));
    life.abort();
    expect(await opening).toBe('AbortError');
  });

  test('an address on which nobody listens is told of', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    const client = new ModbusClient(configOf(port, [{ id: 1, asset: 'a', device }]));
    await expect(client.open(new AbortController().signal)).rejects.toMatchObject({
      code: 'modbus-unreachable',
      detail: `127.0.0.1:${port}: ECONNREFUSED.`,
    });
  });

  test('while nobody acknowledges nothing is asked; afterwards the cycles that were left out are on record', async () => {
    const { client, server } = await start(undefined, { heldBytes: 2_000 });
    await vi.waitUntil(() => client.heldBytes >= 2_000, { timeout: 5_000, interval: 5 });
    const [first] = server.connections;
    const asked = (): number => server.asked.filter(({ socket }) => socket === first).length;
    const before = asked();
    // A second client shows that time goes by: it has the same interval.
    const other = new ModbusClient(configOf(server.port, [{ id: 1, asset: 'a', device }]));
    onTestFinished(() => other.close());
    await other.open(new AbortController().signal);
    await readMessages(other, 10);
    expect(asked()).toBe(before);
    expect(client.heldBytes).toBeLessThan(3_000);
    const reasons: string[] = [];
    while (reasons.length === 0) {
      const batch = await client.read();
      batch.acknowledge();
      reasons.push(
        ...batch.readings.flatMap((each) =>
          each.type === 'event' && each.event === 'problem' ? [each.reason ?? ''] : [],
        ),
      );
    }
    expect(reasons[0]).toMatch(/^\d+ cycles of group all were left out/);
    await readMessages(client, 3);
  });
});
