import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { connectAsync, type MqttClient } from 'mqtt';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { Flag } from '../../edge/core/flags.ts';
import { requireService } from '../../test/services/require.ts';
import { MAX_PAYLOAD_BYTES } from '../contract.ts';
import { startBroker, textsOf } from './broker-rig.ts';
import { connectPacket, publishPacket, RawClient } from './raw-client.ts';

const WAIT = { timeout: 10_000, interval: 5 };
const mosquitto = requireService('mosquitto');

async function mqttClient(port: number, options: Parameters<typeof connectAsync>[1] = {}): Promise<MqttClient> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, ...options });
  onTestFinished(() => client.endAsync(true));
  return client;
}

describe('a device publishes', () => {
  test.each([0, 1, 2] as const)('with QoS %i, through an ordinary client', async (qos) => {
    const rig = await startBroker([{ match: 'plant/+/#', tag: '{1}/{2}', value: '$.v', time: '$.t', unit: 'Cel' }]);
    const client = await mqttClient(rig.port, { clientId: 'device' });
    await client.publishAsync('plant/hall 1/press/temp', '{"v":21.5,"t":1584440073}', { qos });
    await client.publishAsync('plant/hall 1/press/temp', '{"v":22.5,"t":1584440074}', { qos });
    await vi.waitUntil(() => rig.messages().length === 2, WAIT);
    const [first, second] = rig.messages();
    expect(first).toMatchObject({
      source: 'device',
      address: 'plant/hall 1/press/temp',
      values: [{ tag: 'hall 1/press/temp', value: 21.5, timeUs: 1584440073000000, unit: 'Cel' }],
      problems: [],
    });
    expect(second?.values[0]?.value).toBe(22.5);
    expect(first?.delivery?.resent).toBe(qos === 0 ? undefined : false);
    expect(typeof first?.delivery?.packetId).toBe(qos === 0 ? 'undefined' : 'number');
  });

  test.skipIf(!mosquitto.available)('through mosquitto_pub, a line a message, with every QoS', async () => {
    const rig = await startBroker();
    for (const qos of ['0', '1', '2']) {
      const child = promisify(execFile)('mosquitto_pub', [
        '-p',
        `${rig.port}`,
        '-t',
        'a/b',
        '-q',
        qos,
        '-l',
        '-i',
        `pub${qos}`,
      ]);
      child.child.stdin?.end(Array.from({ length: 300 }, (_, i) => `${i}\n`).join(''));
      await child;
    }
    await vi.waitUntil(() => rig.messages().length === 900, WAIT);
    for (const qos of ['0', '1', '2']) {
      const values = rig
        .messages()
        .filter(({ source }) => source === `pub${qos}`)
        .map((message) => message.values[0]?.value);
      expect(values).toEqual(Array.from({ length: 300 }, (_, i) => i));
    }
  });

  test('PUBACK and PUBREC wait for the host, PUBACK in the order of the messages', async () => {
    const rig = await startBroker();
    rig.acknowledging = false;
    const client = await RawClient.connect(rig);
    client.send(...[1, 2, 3].map((id) => publishPacket(id, 'a', '1')), publishPacket(4, 'a', '1', { qos: 2 }));
    await vi.waitUntil(() => rig.messages().length === 4, WAIT);
    await client.settle();
    expect(client.received).toEqual([]);
    rig.acknowledge();
    await vi.waitUntil(() => client.received.length === 4, WAIT);
    expect([client.ids('puback'), client.ids('pubrec')]).toEqual([[1, 2, 3], [4]]);
  });

  test('a resend says so', async () => {
    const rig = await startBroker();
    const client = await RawClient.connect(rig);
    client.send(publishPacket(7, 'a', '1'), publishPacket(7, 'a', '1', { dup: true }));
    await vi.waitUntil(() => rig.messages().length === 2, WAIT);
    expect(rig.messages().map(({ delivery }) => delivery)).toEqual([
      { packetId: 7, resent: false },
      { packetId: 7, resent: true },
    ]);
  });

  test('while it waits for acknowledgements its further packets are read, and its PINGREQ answered', async () => {
    const rig = await startBroker();
    rig.acknowledging = false;
    const client = await RawClient.connect(rig);
    for (let id = 1; id <= 200; id++) {
      client.send(publishPacket(id, 'a', `${id}`));
      if (id % 20 === 0) await client.settle();
    }
    await vi.waitUntil(() => rig.messages().length === 200, WAIT);
    expect(client.count('puback')).toBe(0);
  });

  test('what it sends behind CONNECT without waiting is taken in', async () => {
    const rig = await startBroker();
    const client = await RawClient.dial(rig);
    const packets = Array.from({ length: 500 }, (_, i) => publishPacket(i + 1, 'a', `${i}`));
    client.send(
      { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, clientId: 'eager', keepalive: 0 },
      ...packets,
    );
    await vi.waitUntil(() => client.count('puback') === 500, WAIT);
    expect(textsOf(rig.messages())).toEqual(packets.map((_, i) => `${i}`));
  });

  test('QoS 0 and gone at once: taken in all the same', async () => {
    const rig = await startBroker();
    const client = await RawClient.connect(rig);
    client.send(publishPacket(0, 'a', 'last words', { qos: 0 }), { cmd: 'disconnect' });
    client.socket.end();
    await vi.waitUntil(() => rig.messages().length === 1, WAIT);
    expect(textsOf(rig.messages())).toEqual(['last words']);
  });
});

describe('what is in the payload', () => {
  test('above 512,000 bytes it is not read, but acknowledged and passed on whole', async () => {
    const rig = await startBroker([{ match: '#', payload: 'text' }]);
    const subscriber = await mqttClient(rig.port);
    const delivered: number[] = [];
    subscriber.on('message', (_topic, payload) => delivered.push(payload.length));
    await subscriber.subscribeAsync('a');
    const client = await mqttClient(rig.port);
    const sizes = [MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES + 1, 10 * 1024 * 1024];
    for (const size of sizes) await client.publishAsync('a', Buffer.alloc(size, 'x'), { qos: 1 });
    await vi.waitUntil(() => delivered.length === sizes.length, WAIT);
    expect(rig.messages().map(({ original }) => original.length)).toEqual(sizes);
    expect(rig.messages().map(({ problems }) => problems[0]?.reason)).toEqual([undefined, 'too-large', 'too-large']);
    expect(delivered).toEqual(sizes);
  });

  test('malformed, unmapped and good ones side by side', async () => {
    const rig = await startBroker([{ match: 'a/+' }]);
    const client = await mqttClient(rig.port);
    await Promise.all([
      client.publishAsync('a/x', '{', { qos: 1 }),
      client.publishAsync('b', '1', { qos: 1 }),
      client.publishAsync('a/50%', '1', { qos: 1 }),
      client.publishAsync('a/x', Buffer.of(0xff), { qos: 1 }),
    ]);
    expect(rig.messages().map(({ values, problems }) => problems[0]?.reason ?? values[0]?.tag)).toEqual([
      'malformed',
      'no-mapping',
      'a/50%25',
      'malformed',
    ]);
  });

  test('retained: flagged without a time of its own, or not data at all', async () => {
    const rig = await startBroker([
      { match: 'no/+', retained: 'ignore' },
      { match: 't/+', value: '$.v', time: '$.t' },
      { match: '#' },
    ]);
    const client = await mqttClient(rig.port);
    for (const topic of ['a/b', 't/b', 'no/b'])
      await client.publishAsync(topic, '{"v":1,"t":2}', { qos: 1, retain: true });
    const [plain, timed, ignored] = rig.messages();
    expect(plain?.values.map(({ flags }) => flags)).toEqual([Flag.retained, Flag.retained]);
    expect(timed?.values.map(({ flags }) => flags)).toEqual([0]);
    expect(ignored).toMatchObject({ values: [], problems: [] });
  });

  test('a will is data too, and stands behind the loss of its client: its tag keeps it', async () => {
    const rig = await startBroker();
    const client = await RawClient.connect(rig, {
      clientId: 'mortal',
      will: { topic: 'state', payload: Buffer.from('"dead"'), qos: 2, retain: false },
    });
    client.destroy();
    await vi.waitUntil(() => rig.messages().length === 1, WAIT);
    const dead = { type: 'message', source: 'mortal', address: 'state', values: [{ value: 'dead' }] };
    expect(rig.readings.slice(1)).toMatchObject([{ type: 'lost', source: 'mortal' }, dead]);
  });

  test('the will of a connection that is taken over: its source is not lost', async () => {
    const rig = await startBroker();
    const will = { topic: 'state', payload: Buffer.from('"dead"'), qos: 1, retain: false } as const;
    await RawClient.connect(rig, { clientId: 'twice', will });
    const second = await RawClient.connect(rig, { clientId: 'twice' });
    second.send(publishPacket(1, 'state', '"alive"'));
    await second.next('puback');
    expect(rig.readings.map((reading) => (reading.type === 'event' ? reading.event : reading.type))).toEqual([
      'connected',
      'message',
      'disconnected',
      'connected',
      'message',
    ]);
  });

  test.each(['state/#', '+/state', '$SYS/state', 'state/\ufffd'])(
    'a will for %s is no will: nobody is let in with it',
    async (topic) => {
      const rig = await startBroker();
      const client = await RawClient.dial(rig);
      client.send(connectPacket({ will: { topic, payload: Buffer.from('1'), qos: 0, retain: false } }));
      await client.ended();
      await vi.waitUntil(() => rig.readings.length === 1, WAIT);
      expect([client.received, rig.readings[0]]).toMatchObject([[], { event: 'disconnected' }]);
    },
  );

  test('below $SYS there is no data: the connection is closed', async () => {
    const rig = await startBroker([{ match: '#' }, { match: '$SYS/#' }]);
    const client = await RawClient.connect(rig, { clientId: 'meddler' });
    client.send(publishPacket(1, '$SYS/broker/x', '1'));
    await client.ended();
    await vi.waitUntil(() => rig.readings.some(({ type }) => type === 'lost'), WAIT);
    expect(rig.messages()).toEqual([]);
    expect(rig.readings).toContainEqual(expect.objectContaining({ event: 'refused', source: 'meddler' }));
  });
});
