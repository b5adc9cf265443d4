import type { AedesPublishPacket, Subscription } from 'aedes';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Inbound } from './inbound.ts';
import { BROKER_LIMITS } from './limits.ts';
import { OutgoingQueue, type QueuedPacket } from './outgoing-queue.ts';
import { packetBytes } from './packet-bytes.ts';
import { Retained } from './retained.ts';
import { SessionStore } from './session-store.ts';

const subscription = (topic: string, qos: 0 | 1 | 2): Subscription => ({ topic, qos });
const message = (topic: string, payload: string, brokerCounter = 1): AedesPublishPacket => ({
  cmd: 'publish',
  topic,
  payload,
  qos: 1,
  dup: false,
  retain: true,
  brokerId: 'b',
  brokerCounter,
});
const ignore = (): void => undefined;

async function all(stream: AsyncIterable<unknown>): Promise<QueuedPacket[]> {
  const packets: QueuedPacket[] = [];
  for await (const packet of stream) packets.push(packet as QueuedPacket);
  return packets;
}

describe('persistent sessions', () => {
  test('the oldest that is not connected makes room, with its subscriptions and its queue', async () => {
    const store = new SessionStore({ ...BROKER_LIMITS, sessions: 2 }, (id) => id === 'a');
    for (const id of ['a', 'b', 'c']) {
      await store.addSubscriptions({ id, clean: false }, [subscription('t', 1)]);
      await store.outgoingEnqueue({ clientId: id }, message('t', 'x'));
    }
    expect((await store.subscriptionsByTopic('t')).map(({ clientId }) => clientId)).toEqual(['a', 'c']);
    expect(await all(store.outgoingStream({ id: 'b' }))).toEqual([]);
    expect(await all(store.outgoingStream({ id: 'c' }))).toHaveLength(1);
  });

  test('overlapping subscriptions count once, with the highest QoS; those of QoS 0 do not queue', async () => {
    const store = new SessionStore(BROKER_LIMITS, () => true);
    await store.addSubscriptions({ id: 'a' }, [subscription('t/#', 1), subscription('t/+', 2), subscription('#', 0)]);
    expect(await store.subscriptionsByTopic('t/x')).toMatchObject([{ clientId: 'a', topic: 't/+', qos: 2 }]);
    await store.removeSubscriptions({ id: 'a' }, ['t/+', 'never']);
    expect(await store.subscriptionsByTopic('t/x')).toMatchObject([{ clientId: 'a', topic: 't/#', qos: 1 }]);
    await store.addSubscriptions({ id: 'a' }, [subscription('t/#', 0)]);
    expect(await store.subscriptionsByTopic('t/x')).toEqual([]);
    expect((await store.subscriptionsByClient({ id: 'a' })).map(({ topic }) => topic)).toEqual(['#', 't/#']);
  });

  test('subscriptions beyond the bound are not kept', async () => {
    const store = new SessionStore({ ...BROKER_LIMITS, subscriptionsPerClient: 1 }, () => true);
    await store.addSubscriptions({ id: 'a' }, [subscription('x', 1), subscription('y', 1)]);
    expect(await store.subscriptionsByClient({ id: 'a' })).toHaveLength(1);
  });

  test('QoS 2 state is that of the session: shared by its connections, ended by a clean one', async () => {
    const store = new SessionStore(BROKER_LIMITS, () => true);
    const one = { id: 'a', clean: false };
    store.inbound(one).publish(5, ignore);
    store.inbound(one).settle(5);
    expect(store.inbound({ id: 'a', clean: false }).publish(5, ignore)).toBe('known');
    const clean = { id: 'a', clean: true };
    await store.cleanSubscriptions(clean);
    expect(store.inbound(clean).publish(5, ignore)).toBe('new');
    expect(store.inbound({ id: 'a', clean: true }).publish(5, ignore)).toBe('new');
    expect(store.inbound(one).publish(5, ignore)).toBe('known');
    await expect(store.incomingGetPacket(clean, { cmd: 'publish', messageId: 5 })).rejects.toThrow('no such packet');
  });
});

test('a packet id: new, waiting, known, and free again after PUBREL', () => {
  const inbound = new Inbound();
  const answered: number[] = [];
  expect(inbound.publish(5, ignore)).toBe('new');
  expect(inbound.publish(5, () => answered.push(1))).toBe('waits');
  expect(inbound.publish(6, ignore)).toBe('new');
  for (const answer of inbound.settle(5)) answer();
  expect(answered).toEqual([1]);
  expect(inbound.publish(5, ignore)).toBe('known');
  inbound.store(5);
  expect([inbound.release(5), inbound.isStored(5)]).toEqual([true, true]);
  expect(inbound.publish(5, ignore)).toBe('new');
  inbound.forget(5);
  expect([inbound.release(7), inbound.isStored(5)]).toEqual([false, false]);
});

describe('messages that wait for a session', () => {
  test('get a packet id, give way to PUBREL, and go when they are confirmed', () => {
    const queue = new OutgoingQueue(10, 1e6, { bytes: 0 });
    queue.push({ ...message('t', 'x', 1), messageId: 99 });
    queue.push(message('t', 'y', 2));
    queue.update({ cmd: 'publish', brokerId: 'b', brokerCounter: 2, messageId: 7 });
    expect(queue.snapshot().map(({ messageId }) => messageId)).toEqual([undefined, 7]);
    queue.update({ cmd: 'pubrel', messageId: 7 });
    expect(queue.snapshot().map(({ cmd }) => cmd)).toEqual(['publish', 'pubrel']);
    expect(queue.remove(7)?.cmd).toBe('pubrel');
    expect(queue.remove(7)).toBeUndefined();
    expect(queue.snapshot()).toHaveLength(1);
  });

  test('are bounded in number, and over all sessions in bytes, whatever is done', () => {
    const step = fc.record({
      queue: fc.nat(1),
      what: fc.constantFrom('push', 'number', 'pubrel', 'remove', 'clear'),
      id: fc.nat(6),
      size: fc.nat(3000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const shared = { bytes: 0 };
        const queues = [new OutgoingQueue(4, 12_000, shared), new OutgoingQueue(4, 12_000, shared)];
        for (const { queue: at, what, id, size } of steps) {
          const queue = queues[at];
          if (what === 'push') queue?.push(message('t', 'x'.repeat(size), id));
          else if (what === 'number')
            queue?.update({ cmd: 'publish', brokerId: 'b', brokerCounter: id, messageId: id + 1 });
          else if (what === 'pubrel') queue?.update({ cmd: 'pubrel', messageId: id });
          else if (what === 'remove') queue?.remove(id);
          else queue?.clear();
        }
        const kept = queues.flatMap((queue) => queue.snapshot());
        const bytes = kept
          .map(({ topic = '', payload = '' }) => packetBytes({ topic, payload }))
          .reduce((a, b) => a + b, 0);
        expect(shared.bytes).toBe(bytes);
        expect(bytes).toBeLessThanOrEqual(12_000);
        for (const queue of queues) expect(queue.snapshot().length).toBeLessThanOrEqual(4);
      }),
    );
  });
});

describe('retained messages', () => {
  test('the last of each topic, within bounds', () => {
    const step = fc.record({ topic: fc.constantFrom('a', 'b', 'c', 'd/e'), size: fc.nat(3000) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const retained = new Retained(3, 6_000);
        const expected = new Map<string, number>();
        for (const { topic, size } of steps) {
          retained.keep(message(topic, 'x'.repeat(size)));
          expected.delete(topic);
          const used = [...expected]
            .map(([name, bytes]) => packetBytes({ topic: name, payload: 'x'.repeat(bytes) }))
            .reduce((a, b) => a + b, 0);
          const fits = expected.size < 3 && used + packetBytes({ topic, payload: 'x'.repeat(size) }) <= 6_000;
          if (size > 0 && fits) expected.set(topic, size);
        }
        const kept = [...retained.matching(['#'])].map(({ topic, payload }) => [topic, payload.length]);
        expect(kept).toEqual([...expected]);
      }),
    );
  });

  test('a wildcard does not reach below $', () => {
    const retained = new Retained(10, 1e6);
    for (const topic of ['$x/a', 'x/a']) retained.keep(message(topic, '1'));
    expect([...retained.matching(['#'])].map(({ topic }) => topic)).toEqual(['x/a']);
    expect([...retained.matching(['$x/#', '+/a'])].map(({ topic }) => topic)).toEqual(['$x/a', 'x/a']);
  });
});
