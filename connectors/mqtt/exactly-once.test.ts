import { describe, expect, test, vi } from 'vitest';
import { type BrokerRig, startBroker, textsOf } from './broker-rig.ts';
import { publishPacket, RawClient } from './raw-client.ts';

const WAIT = { timeout: 10_000, interval: 5 };
const pubrel = { cmd: 'pubrel', messageId: 5 } as const;
const first = publishPacket(5, 'a', '"first"', { qos: 2 });
const repeat = publishPacket(5, 'a', '"first"', { qos: 2, dup: true });
const next = publishPacket(5, 'a', '"next"', { qos: 2 });

async function readAndHeld(rig: BrokerRig, client: RawClient, count: number): Promise<void> {
  await vi.waitUntil(() => rig.messages().length === count, WAIT);
  await client.settle();
}

describe('QoS 2 is taken in once', () => {
  test('repeated before it was acknowledged: both are answered, when it is', async () => {
    const rig = await startBroker();
    rig.acknowledging = false;
    const client = await RawClient.connect(rig);
    client.send(first, repeat, repeat);
    await readAndHeld(rig, client, 1);
    expect(client.count('pubrec')).toBe(0);
    rig.acknowledge();
    await vi.waitUntil(() => client.count('pubrec') === 3, WAIT);
    expect(rig.broker.heldBytes).toBe(0);
    expect(rig.messages()).toHaveLength(1);
  });

  test('repeated between PUBREC and PUBREL: answered at once; after PUBREL the packet id is free', async () => {
    const rig = await startBroker();
    const client = await RawClient.connect(rig);
    client.send(first);
    await client.next('pubrec');
    rig.acknowledging = false;
    client.send(repeat);
    await client.next('pubrec');
    client.send(pubrel);
    await client.next('pubcomp');
    client.send(next);
    await readAndHeld(rig, client, 2);
    expect(textsOf(rig.messages())).toEqual(['"first"', '"next"']);
  });

  test('repeated on another connection of a persistent session, acknowledged or not', async () => {
    const rig = await startBroker();
    rig.acknowledging = false;
    const one = await RawClient.connect(rig, { clientId: 'p', clean: false });
    one.send(first);
    await readAndHeld(rig, one, 1);
    one.destroy();
    const two = await RawClient.connect(rig, { clientId: 'p', clean: false });
    two.send(repeat);
    await two.settle();
    rig.acknowledge();
    await two.next('pubrec');
    two.destroy();
    const three = await RawClient.connect(rig, { clientId: 'p', clean: false });
    three.send(repeat);
    await three.next('pubrec');
    three.send(pubrel);
    await three.next('pubcomp');
    expect(rig.messages()).toHaveLength(1);
  });

  test('a clean session begins anew: the same packet id is another message', async () => {
    const rig = await startBroker();
    const one = await RawClient.connect(rig, { clientId: 'c' });
    one.send(first);
    await one.next('pubrec');
    one.destroy();
    const two = await RawClient.connect(rig, { clientId: 'c' });
    two.send(next);
    await two.next('pubrec');
    expect(textsOf(rig.messages())).toEqual(['"first"', '"next"']);
  });

  test('another content under a packet id is another message: a device that forgot its state counts from 1 again', async () => {
    const rig = await startBroker();
    const subscriber = await RawClient.connect(rig, { clientId: 's' });
    subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] });
    await subscriber.next('suback');
    const one = await RawClient.connect(rig, { clientId: 'p', clean: false });
    one.send(first);
    await one.next('pubrec');
    one.destroy();
    const two = await RawClient.connect(rig, { clientId: 'p', clean: false });
    rig.acknowledging = false;
    two.send(next, publishPacket(5, 'a', '"third"', { qos: 2 }));
    await readAndHeld(rig, two, 3);
    expect(two.count('pubrec')).toBe(0);
    rig.acknowledge();
    await vi.waitUntil(() => two.count('pubrec') === 2, WAIT);
    two.send(pubrel);
    await two.next('pubcomp');
    expect(textsOf(rig.messages())).toEqual(['"first"', '"next"', '"third"']);
    await vi.waitUntil(() => rig.broker.heldBytes === 0, WAIT);
  });

  test('what an ended clean session had under way does not stand in the way of the next', async () => {
    const rig = await startBroker();
    rig.acknowledging = false;
    const one = await RawClient.connect(rig, { clientId: 'c' });
    one.send(first);
    await readAndHeld(rig, one, 1);
    const two = await RawClient.connect(rig, { clientId: 'c' });
    rig.acknowledge();
    rig.acknowledging = true;
    two.send(next);
    await two.next('pubrec');
    expect(textsOf(rig.messages())).toEqual(['"first"', '"next"']);
  });

  test('subscribers get it once, too', async () => {
    const rig = await startBroker();
    const subscriber = await RawClient.connect(rig, { clientId: 's' });
    subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] });
    await subscriber.next('suback');
    const client = await RawClient.connect(rig);
    client.send(first, repeat);
    await vi.waitUntil(() => client.count('pubrec') === 2, WAIT);
    client.send(repeat, pubrel, next);
    await vi.waitUntil(() => client.count('pubrec') === 4, WAIT);
    await vi.waitUntil(() => subscriber.count('publish') === 2, WAIT);
    await subscriber.settle();
    expect(subscriber.received.map((packet) => packet.cmd === 'publish' && String(packet.payload))).toEqual([
      '"first"',
      '"next"',
    ]);
  });

  test('a backlog of thousands without PUBREL is taken in', async () => {
    const rig = await startBroker();
    const client = await RawClient.connect(rig, { clientId: 'back again' });
    for (let id = 1; id <= 3000; id++) client.send(publishPacket(id, 'a', `${id}`, { qos: 2 }));
    await vi.waitUntil(() => client.count('pubrec') === 3000, WAIT);
    expect(rig.messages()).toHaveLength(3000);
  });

  test('more without PUBREL than all sessions may have: the connection is closed; what goes makes room', async () => {
    const rig = await startBroker([{ match: '#' }], { awaitedReleases: 2 });
    const send = async (clientId: string, id: number): Promise<RawClient> => {
      const client = await RawClient.connect(rig, { clientId });
      client.send(publishPacket(id, 'a', `${id}`, { qos: 2 }));
      return client;
    };
    const one = await send('one', 1);
    await one.next('pubrec');
    const two = await send('two', 2);
    await two.next('pubrec');
    await (await send('greedy', 3)).ended();
    await vi.waitUntil(() => rig.readings.some(({ source, type }) => source === 'greedy' && type === 'lost'), WAIT);
    expect(rig.readings).toContainEqual(expect.objectContaining({ event: 'refused', source: 'greedy' }));
    one.send({ cmd: 'pubrel', messageId: 1 });
    await one.next('pubcomp');
    await (await send('third', 3)).next('pubrec');
    two.destroy();
    await vi.waitUntil(() => rig.readings.some(({ source, type }) => source === 'two' && type === 'lost'), WAIT);
    await (await send('fourth', 4)).next('pubrec');
    expect(textsOf(rig.messages())).toEqual(['1', '2', '3', '4']);
    await vi.waitUntil(() => rig.broker.heldBytes === 0, WAIT);
  });
});
