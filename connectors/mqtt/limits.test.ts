import { describe, expect, test, vi } from 'vitest';
import { generate } from 'mqtt-packet';
import { createServer } from 'node:net';
import { MqttBroker } from './broker.ts';
import { startBroker } from './broker-rig.ts';
import { connectPacket, publishPacket, RawClient } from './raw-client.ts';

const WAIT = { timeout: 10_000, interval: 5 };
const MiB = 1024 * 1024;

/** PUBLISH with QoS 0 of this remaining length: header and topic only. */
function publishHead(length: number, topic: string): Buffer {
  const header = [0x30];
  let left = length;
  do {
    header.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    left >>= 7;
  } while (left > 0);
  const name = Buffer.from(topic);
  return Buffer.concat([Buffer.from([...header, name.length >> 8, name.length & 0xff]), name]);
}

describe('a packet that is too long', () => {
  test('above 16 MiB the connection is closed at the fixed header, and what came before is taken in', async () => {
    const rig = await startBroker();
    const client = await RawClient.connect(rig, { clientId: 'big' });
    client.write(Buffer.concat([generate(publishPacket(1, 'a', '1')), publishHead(17 * MiB, 'big/topic')]));
    await client.ended();
    await vi.waitUntil(() => rig.readings.some(({ type }) => type === 'lost'), WAIT);
    expect(rig.readings.slice(1)).toMatchObject([
      { type: 'message', address: 'a' },
      { type: 'event', event: 'refused', source: 'big', address: 'big/topic', bytes: 17 * MiB },
      { type: 'lost', source: 'big' },
    ]);
  });

  test('exactly 16 MiB is read', async () => {
    const rig = await startBroker();
    const client = await RawClient.connect(rig);
    const head = publishHead(16 * MiB, 'big');
    client.write(head);
    client.write(Buffer.alloc(16 * MiB - 5));
    await vi.waitUntil(() => rig.messages().length === 1, WAIT);
    expect(rig.messages()[0]).toMatchObject({ address: 'big', problems: [{ reason: 'too-large' }] });
    await vi.waitUntil(() => rig.broker.heldBytes === 0, WAIT);
  });

  test('CONNECT, SUBSCRIBE and the like have a bound of their own; nothing comes before CONNECT', async () => {
    const rig = await startBroker();
    const heads = [Buffer.from([0x10, 0x81, 0x80, 0x10]), publishHead(5, 'a'), Buffer.from([0xc0, 0])];
    for (const head of heads) {
      const client = await RawClient.dial(rig);
      client.write(head);
      await client.ended();
    }
    const client = await RawClient.connect(rig);
    client.write(Buffer.from([0x82, 0x81, 0x80, 0x10]));
    await client.ended();
    await vi.waitUntil(() => rig.readings.some(({ type }) => type === 'lost'), WAIT);
    const reasons = rig.readings.flatMap((reading) =>
      reading.type === 'event' && reading.event === 'refused' ? [reading.reason] : [],
    );
    expect(reasons).toEqual([
      'packet too long',
      'the first packet is not CONNECT',
      'the first packet is not CONNECT',
      'packet too long',
    ]);
  });
});

describe('packets that do not end', () => {
  const limits = { unfinishedBytes: 4 * MiB, unfinishedMs: 300 };

  test('a connection that finds no room waits, others go on, and it goes on when there is room', async () => {
    const rig = await startBroker([{ match: '#', payload: 'text' }], { ...limits, unfinishedMs: 60_000 });
    const holder = await RawClient.connect(rig, { clientId: 'holder' });
    holder.write(publishHead(2 * MiB, 'a'));
    const waiter = await RawClient.connect(rig, { clientId: 'waiter' });
    waiter.send(publishPacket(1, 'b', Buffer.alloc(2 * MiB)));
    const small = await RawClient.connect(rig, { clientId: 'small' });
    for (let id = 1; id <= 50; id++) {
      small.send(publishPacket(id, 'c', 'x'.repeat(20_000)));
      await small.next('puback');
    }
    expect(rig.messages().map(({ address }) => address)).toEqual(Array.from({ length: 50 }, () => 'c'));
    holder.write(Buffer.alloc(2 * MiB - 3));
    await waiter.next('puback');
    expect(
      rig
        .messages()
        .slice(50)
        .map(({ address }) => address),
    ).toEqual(['a', 'b']);
  });

  test('one that does not grow is closed, and its room is free again', async () => {
    const rig = await startBroker([{ match: '#', payload: 'text' }], limits);
    const loris = await RawClient.connect(rig, { clientId: 'loris' });
    loris.write(publishHead(3 * MiB, 'slow/loris'));
    const waiter = await RawClient.connect(rig, { clientId: 'waiter' });
    waiter.send(publishPacket(1, 'b', Buffer.alloc(2 * MiB)));
    const drip = setInterval(() => loris.write(Buffer.alloc(1)), 20);
    await loris.ended();
    clearInterval(drip);
    await waiter.next('puback');
    expect(rig.readings).toContainEqual(expect.objectContaining({ event: 'refused', source: 'loris', bytes: 3 * MiB }));
  });

  test('one that grows slowly but steadily is not', async () => {
    const rig = await startBroker([{ match: '#', payload: 'text' }], limits);
    const client = await RawClient.connect(rig, { clientId: 'steady' });
    const bytes = generate(publishPacket(1, 'a', 'x'.repeat(1000)));
    let at = 0;
    await vi.waitUntil(
      () => {
        client.write(bytes.subarray(at, at + 20));
        at += 20;
        return at >= bytes.length;
      },
      { timeout: 20_000, interval: 20 },
    );
    await client.next('puback');
    expect(rig.messages()[0]?.original).toHaveLength(1000);
  });

  test('one that waits for the host is not to blame', async () => {
    const rig = await startBroker([{ match: '#' }], { ...limits, heldBytes: 3_000 });
    rig.acknowledging = false;
    const client = await RawClient.connect(rig);
    client.send(...[1, 2, 3, 4].map((id) => publishPacket(id, 'a', '1')));
    const bytes = generate(publishPacket(5, 'a', '5'));
    client.write(bytes.subarray(0, 4));
    await vi.waitUntil(() => rig.broker.heldBytes >= 3_000, WAIT);
    client.write(bytes.subarray(4));
    const other = await RawClient.dial(rig);
    const sinceMs = performance.now();
    await vi.waitUntil(() => performance.now() - sinceMs > 3 * limits.unfinishedMs, WAIT);
    expect([client.closed, other.closed]).toEqual([false, false]);
    rig.acknowledging = true;
    rig.acknowledge();
    await vi.waitUntil(() => client.count('puback') === 5, WAIT);
  });
});

/** What SUBACK grants. */
async function subscribe(client: RawClient, ...topics: string[]): Promise<unknown> {
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: topics.map((topic) => ({ topic, qos: 1 })) });
  return (await client.next('suback')).granted;
}

describe('how many, how long', () => {
  test('many devices, none of them read: what is held stays bounded, and nothing is lost', async () => {
    const heldBytes = 512 * 1024;
    const rig = await startBroker([{ match: '#' }], { heldBytes });
    rig.acknowledging = false;
    const clients = await Promise.all(
      Array.from({ length: 20 }, (_, i) => RawClient.connect(rig, { clientId: `c${i}` })),
    );
    for (let id = 1; id <= 300; id++)
      for (const client of clients) client.send(publishPacket(id, 'a', `${id}`.padEnd(300)));
    await vi.waitUntil(() => rig.broker.heldBytes >= heldBytes, WAIT);
    let most = 0;
    await vi.waitUntil(
      () => {
        most = Math.max(most, rig.broker.heldBytes);
        rig.acknowledge();
        return clients.every((client) => client.count('puback') === 300);
      },
      { timeout: 30_000, interval: 1 },
    );
    expect(most).toBeLessThan(heldBytes + 256 * 1024 * 4);
    expect(rig.messages()).toHaveLength(6_000);
    await vi.waitUntil(() => rig.broker.heldBytes === 0, WAIT);
  });

  test('who comes and goes while nobody reads: at the bound CONNECT is not answered, and is when it goes on', async () => {
    const rig = await startBroker([{ match: '#' }], { heldBytes: 20 * 1024 });
    rig.acknowledging = false;
    let answered = 0;
    for (let i = 0; i < 20; i++) {
      const client = await RawClient.dial(rig);
      client.send(connectPacket({ clientId: `c${i}` }));
      await vi.waitUntil(() => client.count('connack') === 1 || rig.broker.heldBytes >= 20 * 1024, WAIT);
      answered += client.count('connack');
      client.destroy();
      await client.ended();
    }
    expect(answered).toBeLessThan(20);
    const waiting = await RawClient.dial(rig);
    waiting.send(connectPacket({ clientId: 'waiting' }));
    rig.acknowledging = true;
    rig.acknowledge();
    await waiting.next('connack');
    await vi.waitUntil(() => rig.broker.heldBytes === 0, WAIT);
  });

  test('a subscriber that does not read is closed; meanwhile memory stays bounded', async () => {
    const heldBytes = MiB;
    const rig = await startBroker([{ match: '#', payload: 'text' }], { heldBytes, drainMs: 300 });
    const lazy = await RawClient.connect(rig, { clientId: 'lazy' });
    lazy.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos: 0 }] });
    await lazy.next('suback');
    lazy.socket.pause();
    const client = await RawClient.connect(rig, { clientId: 'busy' });
    const count = 400;
    for (let id = 1; id <= count; id++) client.send(publishPacket(id, 'a', 'x'.repeat(100_000)));
    let most = 0;
    await vi.waitUntil(
      () => {
        most = Math.max(most, rig.broker.heldBytes);
        return client.count('puback') === count;
      },
      { timeout: 30_000, interval: 1 },
    );
    expect(most).toBeLessThan(2 * heldBytes);
    expect(rig.readings).toContainEqual({ type: 'lost', source: 'lazy' });
    await vi.waitUntil(() => rig.broker.heldBytes === 0, WAIT);
  });

  test('connections', async () => {
    const rig = await startBroker([{ match: '#' }], { connections: 3 });
    const clients = await Promise.all([0, 1, 2].map((i) => RawClient.connect(rig, { clientId: `c${i}` })));
    for (let i = 0; i < 2; i++) await (await RawClient.dial(rig)).ended();
    expect(rig.readings.slice(3)).toMatchObject([{ event: 'disconnected', reason: 'more than 3 connections' }]);
    clients[0]?.destroy();
    await vi.waitUntil(() => rig.readings.some(({ type }) => type === 'lost'), WAIT);
    await RawClient.connect(rig, { clientId: 'c3' });
    expect(rig.readings.at(-1)).toMatchObject({ event: 'connected', source: 'c3' });
  });

  test('time for CONNECT', async () => {
    const rig = await startBroker([{ match: '#' }], { connectMs: 100 });
    const client = await RawClient.dial(rig);
    await client.ended();
    expect(rig.readings).toEqual([]);
  });

  test.each([
    ['a client id that is too long', generate(connectPacket({ clientId: 'x'.repeat(257) }))],
    [
      'one that is not valid UTF-8',
      Buffer.from([0x10, 14, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 2, 0x63, 0xe9]),
    ],
    ['a persistent session without one', Buffer.from([0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0, 0, 0, 0, 0])],
  ])('%s', async (_name, bytes) => {
    const rig = await startBroker();
    const client = await RawClient.dial(rig);
    client.write(bytes);
    expect(await client.next('connack')).toMatchObject({ returnCode: 2 });
    await client.ended();
    await vi.waitUntil(() => rig.readings.length === 1, WAIT);
    expect(rig.readings).toMatchObject([{ event: 'disconnected' }]);
  });

  test('subscriptions, of one and of all', async () => {
    const rig = await startBroker([{ match: '#' }], { subscriptionsPerClient: 2, subscriptions: 3 });
    const one = await RawClient.connect(rig, { clientId: 'one' });
    const two = await RawClient.connect(rig, { clientId: 'two' });
    expect(await subscribe(one, 'a', 'b', 'c')).toEqual([1, 1, 128]);
    expect(await subscribe(one, 'a', 'x'.repeat(1025))).toEqual([1, 128]);
    expect(await subscribe(two, 'a', 'b')).toEqual([1, 128]);
    one.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['b'] });
    await one.next('unsuback');
    expect(await subscribe(two, 'b')).toEqual([1]);
    one.destroy();
    await vi.waitUntil(() => rig.readings.some(({ type }) => type === 'lost'), WAIT);
    const three = await RawClient.connect(rig, { clientId: 'three' });
    expect(await subscribe(three, 'a', 'b')).toEqual([1, 128]);
  });
});

function brokerOn(host: string, port: number): MqttBroker {
  return new MqttBroker({ kind: 'mqtt-broker', name: 'x', listen: { host, port }, topics: [{ match: '#' }] });
}

describe('where it listens', () => {
  const { signal } = new AbortController();

  test('a port that is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => {
      other.listen(0, '127.0.0.1', resolve);
    });
    const { port } = other.address() as { port: number };
    await expect(brokerOn('127.0.0.1', port).open(signal)).rejects.toMatchObject({
      code: 'listen-failed',
      detail: `127.0.0.1:${port}: EADDRINUSE.`,
    });
    other.close();
  });

  test.each(['0.0.0.0', '::', '192.0.2.1', 'example.com', ''])('%j: refused', async (host) => {
    await expect(brokerOn(host, 0).open(signal)).rejects.toMatchObject({ code: 'listen-not-loopback' });
  });

  test.each(['127.0.0.1', '127.0.0.2', 'localhost', '::1'])('%s', async (host) => {
    const broker = brokerOn(host, 0);
    await broker.open(signal);
    expect(broker.address?.port).toBeGreaterThan(0);
    await broker.close();
    expect(broker.address).toBeUndefined();
  });

  test('mappings that cannot be', async () => {
    const broker = new MqttBroker({
      kind: 'mqtt-broker',
      name: 'x',
      listen: { host: '127.0.0.1', port: 0 },
      topics: [{ match: 'a', time: 't' }],
    });
    await expect(broker.open(signal)).rejects.toMatchObject({
      code: 'config-invalid',
      detail: 'topics[0].time: a path begins with `$`.',
    });
  });
});
