import type { AedesPublishPacket, Subscription } from 'aedes';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Inbound, type Pending } from './inbound.ts';
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
const everything = { isConnected: () => true, isGranted: () => true };

/** A QoS 2 message that is new. */
function begin(inbound: Inbound, packetId: number, content: string): Pending {
  const pending = inbound.publish(packetId, content, ignore);
  if (typeof pending === 'string') throw new Error(`a new message is ${pending}`);
  return pending;
}

/** The same, when it is in the log. */
function take(inbound: Inbound, packetId: number, content: string): void {
  inbound.settle(begin(inbound, packetId, content));
}

async function all(stream: AsyncIterable<unknown>): Promise<QueuedPacket[]> {
  const packets: QueuedPacket[] = [];
  for await (const packet of stream) packets.push(packet as QueuedPacket);
  return packets;
}

describe('persistent sessions', () => {
  test('the oldest that is not connected makes room, with its subscriptions and its queue', async () => {
    const store = new SessionStore(
      { ...BROKER_LIMITS, sessions: 2 },
      { ...everything, isConnected: (id) => id === 'a' },
    );
    for (const id of ['a', 'b', 'c']) {
      await store.addSubscriptions({ id, clean: false }, [subscription('t', 1)]);
      await store.outgoingEnqueue({ clientId: id }, message('t', 'x'));
    }
    expect((await store.subscriptionsByTopic('t')).map(({ clientId }) => clientId)).toEqual(['a', 'c']);
    expect(await all(store.outgoingStream({ id: 'b' }))).toEqual([]);
    expect(await all(store.outgoingStream({ id: 'c' }))).toHaveLength(1);
  });

  test('overlapping subscriptions count once, with the highest QoS; those of QoS 0 do not queue', async () => {
    const store = new SessionStore(BROKER_LIMITS, everything);
    await store.addSubscriptions({ id: 'a' }, [subscription('t/#', 1), subscription('t/+', 2), subscription('#', 0)]);
    expect(await store.subscriptionsByTopic('t/x')).toMatchObject([{ clientId: 'a', topic: 't/+', qos: 2 }]);
    await store.removeSubscriptions({ id: 'a' }, ['t/+', 'never']);
    expect(await store.subscriptionsByTopic('t/x')).toMatchObject([{ clientId: 'a', topic: 't/#', qos: 1 }]);
    await store.addSubscriptions({ id: 'a' }, [subscription('t/#', 0)]);
    expect(await store.subscriptionsByTopic('t/x')).toEqual([]);
    expect((await store.subscriptionsByClient({ id: 'a' })).map(({ topic }) => topic)).toEqual(['#', 't/#']);
  });

  test('only what was granted is kept, and each packet is gone through once', async () => {
    const asked: string[] = [];
    const isGranted = ({ id }: { readonly id: string }, topic: string): boolean => {
      asked.push(topic);
      return id === 'a' && topic !== 'no';
    };
    const store = new SessionStore(BROKER_LIMITS, { isConnected: () => true, isGranted });
    const packet = [subscription('yes', 1), subscription('no', 1)];
    await Promise.all(packet.map(() => store.addSubscriptions({ id: 'a' }, packet)));
    expect((await store.subscriptionsByClient({ id: 'a' })).map(({ topic }) => topic)).toEqual(['yes']);
    expect(asked).toEqual(['yes', 'no']);
  });

  test('subscriptions of all sessions are bounded: the oldest that is not connected makes room, else they are not kept', async () => {
    const connected = new Set(['a', 'c']);
    const store = new SessionStore(
      { ...BROKER_LIMITS, subscriptions: 3 },
      { ...everything, isConnected: (id) => connected.has(id) },
    );
    const kept = async (id: string): Promise<number> => (await store.subscriptionsByClient({ id })).length;
    for (const id of ['a', 'b']) await store.addSubscriptions({ id }, [subscription('x', 1)]);
    await store.addSubscriptions({ id: 'c' }, [subscription('x', 1), subscription('y', 1), subscription('z', 1)]);
    expect([await kept('a'), await kept('b'), await kept('c')]).toEqual([1, 0, 2]);
    await store.removeSubscriptions({ id: 'c' }, ['y']);
    await store.addSubscriptions({ id: 'c' }, [subscription('z', 0)]);
    expect(await kept('c')).toBe(2);
  });

  test('subscriptions beyond the bound are not kept', async () => {
    const store = new SessionStore({ ...BROKER_LIMITS, subscriptionsPerClient: 1 }, everything);
    await store.addSubscriptions({ id: 'a' }, [subscription('x', 1), subscription('y', 1)]);
    expect(await store.subscriptionsByClient({ id: 'a' })).toHaveLength(1);
  });

  test('QoS 2 state is that of the session: shared by its connections, ended by a clean one', async () => {
    const store = new SessionStore(BROKER_LIMITS, everything);
    const one = { id: 'a', clean: false };
    take(store.inbound(one), 5, 'x');
    expect(store.inbound({ id: 'a', clean: false }).publish(5, 'x', ignore)).toBe('known');
    const clean = { id: 'a', clean: true };
    await store.cleanSubscriptions(clean);
    expect(store.inbound(clean).publish(5, 'x', ignore)).toBeTypeOf('object');
    expect(store.inbound({ id: 'a', clean: true }).publish(5, 'x', ignore)).toBeTypeOf('object');
    await expect(store.incomingGetPacket(clean, { cmd: 'publish', messageId: 5 })).rejects.toThrow('no such packet');
  });
});

test('a packet id: new, waiting, known, and free again after PUBREL', () => {
  const inbound = new Inbound({ count: 0, max: 10 });
  const answered: number[] = [];
  const first = begin(inbound, 5, 'x');
  expect(inbound.publish(5, 'x', () => answered.push(1))).toBe('waits');
  begin(inbound, 6, 'x');
  for (const answer of inbound.settle(first)) answer();
  expect(answered).toEqual([1]);
  expect(inbound.publish(5, 'x', ignore)).toBe('known');
  inbound.store(5);
  expect([inbound.release(5), inbound.isStored(5)]).toEqual([true, true]);
  begin(inbound, 5, 'x');
  inbound.forget(5);
  expect([inbound.release(7), inbound.isStored(5)]).toEqual([false, false]);
});

test('a packet id with another content is another message, which the broker is to pass on', () => {
  const inbound = new Inbound({ count: 0, max: 10 });
  const [x, y] = [begin(inbound, 5, 'x'), begin(inbound, 5, 'y')];
  const answered: string[] = [];
  expect(inbound.publish(5, 'y', () => answered.push('y'))).toBe('waits');
  inbound.settle(x);
  inbound.store(5);
  for (const answer of inbound.settle(y)) answer();
  expect([answered, inbound.isStored(5)]).toEqual([['y'], false]);
  inbound.store(5);
  expect(inbound.publish(5, 'y', ignore)).toBe('known');
  begin(inbound, 5, 'z');
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
          const others = new Map(expected);
          others.delete(topic);
          const used = [...others]
            .map(([name, bytes]) => packetBytes({ topic: name, payload: 'x'.repeat(bytes) }))
            .reduce((a, b) => a + b, 0);
          const fits = others.size < 3 && used + packetBytes({ topic, payload: 'x'.repeat(size) }) <= 6_000;
          if (size > 0 && fits) expected.set(topic, size);
          else expected.delete(topic);
        }
        const kept = [...retained.matching(['#'])].map(({ topic, payload }) => [topic, payload.length]);
        expect(kept).toEqual([...expected]);
      }),
    );
  });

  test('who is told them is told each topic once, also while they change', () => {
    const retained = new Retained(10, 1e6);
    for (const topic of ['a', 'b']) retained.keep(message(topic, '1'));
    const topics: string[] = [];
    for (const { topic } of retained.matching(['#'])) {
      topics.push(topic);
      retained.keep(message(topic, '2'));
      if (topics.length > 2) break;
    }
    expect(topics).toEqual(['a', 'b']);
  });

  test('a wildcard does not reach below $', () => {
    const retained = new Retained(10, 1e6);
    for (const topic of ['$x/a', 'x/a']) retained.keep(message(topic, '1'));
    expect([...retained.matching(['#'])].map(({ topic }) => topic)).toEqual(['x/a']);
    expect([...retained.matching(['$x/#', '+/a'])].map(({ topic }) => topic)).toEqual(['$x/a', 'x/a']);
  });
});
