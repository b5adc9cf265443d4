import { connectAsync, type MqttClient } from 'mqtt';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type BrokerRig, startBroker } from './broker-rig.ts';
import type { BrokerLimits } from './limits.ts';

const WAIT = { timeout: 10_000, interval: 5 };

/** A subscriber with what it got: topic, payload, retain flag. */
interface Subscriber {
  readonly client: MqttClient;
  readonly got: [string, string, boolean][];
}

async function subscriber(port: number, clientId: string, clean = true): Promise<Subscriber> {
  const got: Subscriber['got'] = [];
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { clientId, clean, reconnectPeriod: 0 }, true);
  client.on('message', (topic, payload, { retain }) => got.push([topic, payload.toString(), retain]));
  onTestFinished(() => client.endAsync(true));
  return { client, got };
}

async function start(limits: Partial<BrokerLimits> = {}): Promise<BrokerRig & { publisher: MqttClient }> {
  const rig = await startBroker([{ match: '#' }], limits);
  const { client } = await subscriber(rig.port, 'publisher');
  return Object.assign(rig, { publisher: client });
}

describe('subscriptions, as with any broker', () => {
  test('wildcards, QoS of the subscription at most, in order', async () => {
    const { port, publisher } = await start();
    const { client, got } = await subscriber(port, 's');
    await client.subscribeAsync({ 'a/+': { qos: 1 }, 'b/#': { qos: 0 } });
    for (let i = 0; i < 100; i++) await publisher.publishAsync(i % 2 === 0 ? 'a/x' : 'b/x/y', `${i}`, { qos: 1 });
    await publisher.publishAsync('c', 'no');
    await vi.waitUntil(() => got.length === 100, WAIT);
    expect(got.map(([, payload]) => Number(payload))).toEqual(Array.from({ length: 100 }, (_, i) => i));
    await client.unsubscribeAsync('a/+');
    await publisher.publishAsync('a/x', 'unheard', { qos: 1 });
    await publisher.publishAsync('b', 'heard', { qos: 1 });
    await vi.waitUntil(() => got.length === 101, WAIT);
    expect(got.at(-1)).toEqual(['b', 'heard', false]);
  });

  test('nothing is passed on before it is in the log', async () => {
    const rig = await start();
    const { client, got } = await subscriber(rig.port, 's');
    await client.subscribeAsync('a');
    rig.acknowledging = false;
    const published = rig.publisher.publishAsync('a', '1', { qos: 1 });
    await vi.waitUntil(() => rig.messages().length === 1, WAIT);
    await client.unsubscribeAsync('b');
    expect(got).toEqual([]);
    rig.acknowledge();
    await published;
    await vi.waitUntil(() => got.length === 1, WAIT);
  });

  test('the last retained message of each topic; an empty one takes it away', async () => {
    const { port, publisher } = await start();
    for (const [topic, payload] of [
      ['a/1', 'x'],
      ['a/2', 'y'],
      ['a/1', 'z'],
      ['b', '!'],
      ['a/2', ''],
    ] as const) {
      await publisher.publishAsync(topic, payload, { qos: 1, retain: true });
    }
    const { client, got } = await subscriber(port, 's');
    await client.subscribeAsync('a/+');
    await publisher.publishAsync('a/3', 'live', { qos: 1, retain: true });
    await vi.waitUntil(() => got.length === 2, WAIT);
    expect(got).toEqual([
      ['a/1', 'z', true],
      ['a/3', 'live', false],
    ]);
  });

  test.each([1, 2] as const)('a persistent session gets what came while it was away, QoS %i', async (qos) => {
    const rig = await start({ queuedMessages: 5 });
    const before = await subscriber(rig.port, 'p', false);
    await before.client.subscribeAsync({ 'a/#': { qos }, 'a/+': { qos: 1 } });
    await before.client.endAsync();
    for (let i = 0; i < 8; i++) await rig.publisher.publishAsync('a/x', `${i}`, { qos });
    const after = await subscriber(rig.port, 'p', false);
    await vi.waitUntil(() => after.got.length === 5, WAIT);
    await rig.publisher.publishAsync('a/x', 'live', { qos });
    await vi.waitUntil(() => after.got.length > 5, WAIT);
    expect(after.got.map(([, payload]) => payload)).toEqual(['0', '1', '2', '3', '4', 'live']);
    await after.client.endAsync();
    const clean = await subscriber(rig.port, 'p', true);
    await rig.publisher.publishAsync('a/x', 'gone', { qos });
    await clean.client.subscribeAsync('b');
    await rig.publisher.publishAsync('b', 'here', { qos });
    await vi.waitUntil(() => clean.got.length > 0, WAIT);
    expect(clean.got.map(([, payload]) => payload)).toEqual(['here']);
  });
});
