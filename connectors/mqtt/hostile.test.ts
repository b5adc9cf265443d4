import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import * as fc from 'fast-check';
import { generate } from 'mqtt-packet';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startBroker } from './broker-rig.ts';
import { Gate } from './gate.ts';
import { BROKER_LIMITS } from './limits.ts';
import { connectPacket, publishPacket, RawClient } from './raw-client.ts';
import { Room } from './room.ts';

const WAIT = { timeout: 10_000, interval: 2 };

test('whatever bytes come, the broker goes on, and holds nothing when they are gone', async () => {
  const rig = await startBroker([{ match: '#' }], { unfinishedMs: 1_000 });
  const healthy = await RawClient.connect(rig, { clientId: 'healthy', clean: true });
  let id = 0;
  const valid = fc.constantFrom(
    generate(connectPacket({ clientId: 'fuzz' })),
    generate(connectPacket({ clientId: 'fuzz', clean: false, will: { topic: 'w', payload: Buffer.from('1') } })),
    generate(publishPacket(1, 'a', '1')),
    generate(publishPacket(2, 'a/b', '{"x":1}', { qos: 2 })),
    generate({ cmd: 'pubrel', messageId: 2 }),
    generate({ cmd: 'subscribe', messageId: 3, subscriptions: [{ topic: 'a/#', qos: 2 }] }),
    generate({ cmd: 'unsubscribe', messageId: 4, unsubscriptions: ['a/#'] }),
    generate({ cmd: 'pingreq' }),
    generate({ cmd: 'pubrec', messageId: 1 }),
    generate({ cmd: 'disconnect' }),
  );
  const bytes = fc.oneof({ weight: 3, arbitrary: valid }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 30 }) });
  const hello = fc.constantFrom([generate(connectPacket({ clientId: 'fuzz' }))], []);
  await fc.assert(
    fc.asyncProperty(hello, fc.array(bytes, { maxLength: 12 }), async (first, more) => {
      const client = await RawClient.dial(rig);
      for (const part of [...first, ...more]) client.write(part);
      client.socket.end();
      await client.ended();
      healthy.send(publishPacket((++id % 65_535) + 1, 'healthy', '1'));
      await healthy.next('puback');
    }),
    { numRuns: 150 },
  );
  expect(rig.ended).toBeUndefined();
  await vi.waitUntil(() => rig.broker.heldBytes === 0, WAIT);
  expect(rig.messages().filter(({ source }) => source === 'healthy')).toHaveLength(id);
});

/** The two ends of a connection. */
async function pair(): Promise<[near: Socket, far: Socket]> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  onTestFinished(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return [near, far];
}

test('what a handler of a socket throws is told, not thrown on', async () => {
  const [near, far] = await pair();
  const failures: unknown[] = [];
  new Gate(far, {
    limits: BROKER_LIMITS,
    held: new Room(1),
    unfinished: { large: new Room(1), small: new Room(1) },
    onRefused: () => undefined,
    onClosed: () => undefined,
    onFailed: (error) => failures.push(error),
  }).open();
  far.on('readable', () => {
    throw new RangeError('too deep');
  });
  near.write('x');
  await vi.waitUntil(() => failures.length > 0, WAIT);
  expect(failures[0]).toBeInstanceOf(RangeError);
});
