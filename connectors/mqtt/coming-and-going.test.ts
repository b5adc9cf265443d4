import { describe, expect, test, vi } from 'vitest';
import { type BrokerRig, startBroker } from './broker-rig.ts';
import { publishPacket, RawClient } from './raw-client.ts';

const WAIT = { timeout: 10_000, interval: 5 };

/** What was told of a source, in a word each. */
function told({ readings }: BrokerRig, source: string): string[] {
  return readings
    .filter((reading) => reading.source === source)
    .map((reading) => (reading.type === 'event' ? reading.event : reading.type));
}

/** The same, when there are so many words. */
async function words(rig: BrokerRig, source: string, count: number): Promise<string[]> {
  await vi.waitUntil(() => told(rig, source).length >= count, WAIT);
  return told(rig, source);
}

describe('a device comes and goes', () => {
  test('with DISCONNECT', async () => {
    const rig = await startBroker();
    const client = await RawClient.connect(rig, { clientId: 'd' });
    client.send(publishPacket(1, 'a', '1'), { cmd: 'disconnect' });
    expect(await words(rig, 'd', 3)).toEqual(['connected', 'message', 'disconnected']);
  });

  test('without a word', async () => {
    const rig = await startBroker();
    const client = await RawClient.connect(rig, { clientId: 'd' });
    client.destroy();
    expect(await words(rig, 'd', 2)).toEqual(['connected', 'lost']);
    const again = await RawClient.connect(rig, { clientId: 'd' });
    again.socket.end();
    expect(await words(rig, 'd', 4)).toEqual(['connected', 'lost', 'connected', 'lost']);
  });

  test('silent for longer than its keepalive', async () => {
    const rig = await startBroker();
    await RawClient.connect(rig, { clientId: 'd', keepalive: 1 });
    expect(await words(rig, 'd', 2)).toEqual(['connected', 'lost']);
  });

  test('another connection takes its session over: it is not lost', async () => {
    const rig = await startBroker();
    const old = await RawClient.connect(rig, { clientId: 'd' });
    const young = await RawClient.connect(rig, { clientId: 'd' });
    await old.ended();
    young.send(publishPacket(1, 'a', '1'));
    await young.next('puback');
    expect(await words(rig, 'd', 4)).toEqual(['connected', 'disconnected', 'connected', 'message']);
    young.destroy();
    expect(await words(rig, 'd', 5)).toEqual(['connected', 'disconnected', 'connected', 'message', 'lost']);
  });

  test('many take one session over at the same time: one stays, and it is lost once', async () => {
    const rig = await startBroker();
    const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.dial(rig)));
    for (const client of clients)
      client.send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, clientId: 'd', keepalive: 0 });
    await vi.waitUntil(() => clients.filter(({ closed }) => !closed).length === 1, WAIT);
    for (const client of clients) client.destroy();
    await vi.waitUntil(() => told(rig, 'd').includes('lost'), WAIT);
    expect(told(rig, 'd').filter((word) => word === 'lost')).toHaveLength(1);
    expect(told(rig, 'd').at(-1)).toBe('lost');
  });

  test('the broker itself closes: nobody is lost', async () => {
    const rig = await startBroker();
    const client = await RawClient.connect(rig, { clientId: 'd', will: { topic: 'w', payload: Buffer.from('1') } });
    expect(await words(rig, 'd', 1)).toEqual(['connected']);
    await rig.broker.close();
    await client.ended();
    await vi.waitUntil(() => rig.ended !== undefined, WAIT);
    expect(told(rig, 'd')).toEqual(['connected']);
  });

  test('what breaks the protocol is on record, and closes the connection', async () => {
    const rig = await startBroker();
    const cases: [string, Buffer][] = [
      ['wildcard', Buffer.from([0x30, 0x04, 0, 1, 0x2b, 0x31])],
      ['qos3', Buffer.from([0x36, 0x05, 0, 1, 0x61, 0, 1])],
      ['deep', publishBytes('x/'.repeat(150))],
      ['longlength', Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01])],
    ];
    for (const [clientId, bytes] of cases) {
      const client = await RawClient.connect(rig, { clientId });
      client.write(bytes);
      await client.ended();
      expect(await words(rig, clientId, 3)).toEqual(['connected', 'refused', 'lost']);
    }
  });

  test('who speaks MQTT 5 is told that this broker does not', async () => {
    const rig = await startBroker();
    const client = await RawClient.dial(rig);
    client.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clean: true,
      clientId: 'five',
      keepalive: 0,
    });
    await client.ended();
    await vi.waitUntil(() => rig.readings.length === 1, WAIT);
    expect(rig.readings).toMatchObject([{ event: 'disconnected', reason: 'unacceptable protocol version' }]);
  });
});

function publishBytes(topic: string): Buffer {
  const name = Buffer.from(topic);
  const length = name.length + 2;
  return Buffer.concat([
    Buffer.from([0x30, (length & 0x7f) | 0x80, length >> 7, name.length >> 8, name.length & 0xff]),
    name,
  ]);
}
