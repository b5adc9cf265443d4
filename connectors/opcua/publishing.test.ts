import { PublishRequest, type PublishResponse } from 'node-opcua-client';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { assert, messageOf } from '../../edge/core/fault.ts';
import type { Reading } from '../contract.ts';
import { connect, type Session } from './connect.ts';
import { readNotificationsExactly } from './exact-notification.ts';
import { listItems, monitor } from './items.ts';
import { type LibraryServer, LIBRARY_NAMESPACE, startLibraryServer } from './library-server.ts';
import { OPCUA_LIMITS } from './limits.ts';
import { configOf, lastOf, pkiFolder, startClient } from './opcua-rig.ts';
import { Publishing } from './publishing.ts';
import { readServerFacts } from './server-facts.ts';

/** InfoType DataValue and Overflow (OPC UA Part 4, 7.39.1). */
const OVERFLOW = 0x0480;

let server: LibraryServer;
beforeAll(async () => {
  server = await startLibraryServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

function configFor(name: string, queue: number) {
  return configOf({
    endpoints: [server.url],
    pki: pkiFolder(),
    defaults: { sampling: 0, publishing: 20, queue, discard: 'oldest' },
    nodes: [{ id: `nsu=${LIBRARY_NAMESPACE};s=${name}`, tag: name }],
  });
}

test('while the host does not acknowledge nothing is asked for; what the server then drops is marked with Overflow', async () => {
  const write = server.addText('slow');
  const rig = await startClient(configFor('slow', 5), { heldBytes: 1_000, notificationsPerPublish: 1 });
  await rig.until('slow', 1);
  rig.acknowledging = false;
  const texts = Array.from({ length: 200 }, (_, i) => `${i}`.padEnd(500));
  for (const text of texts) write(text);
  await vi.waitUntil(() => rig.client.heldBytes >= 1_000, { timeout: 10_000 });
  // Two requests were under way, each answered with one notification.
  expect(rig.client.heldBytes).toBeLessThan(1_000 + 2 * 1_000);
  rig.acknowledging = true;
  rig.acknowledge();
  await vi.waitUntil(() => rig.values('slow').at(-1)?.value === lastOf(texts), { timeout: 10_000 });
  const values = rig.values('slow');
  expect(values.length).toBeLessThan(20);
  expect(values.filter(({ quality }) => (quality & OVERFLOW) === OVERFLOW).length).toBeGreaterThan(0);
  expect(rig.client.heldBytes).toBe(0);
});

/** A session whose answers to Publish pass through a hand. */
function withAnswers(session: Session, pass: (response: PublishResponse) => boolean): Session {
  const publish = session.publish.bind(session);
  session.publish = (request, callback): void => {
    publish(request, (error, response) => {
      if (error !== null || response === undefined || pass(response)) return callback(error, response);
      // Lost on the way: we ask again, as after a request that ran out of time.
      session.publish(new PublishRequest({}), callback);
    });
  };
  return session;
}

async function sessionFor(name: string): Promise<Session> {
  readNotificationsExactly();
  const connection = await connect(configFor(name, 100), OPCUA_LIMITS, new AbortController().signal);
  onTestFinished(() => connection.close());
  return connection.session;
}

async function publishingOf(name: string, wrap: (session: Session) => Session) {
  const config = configFor(name, 100);
  const session = wrap(await sessionFor(name));
  const facts = await readServerFacts(session);
  const { items } = await listItems(session, config, facts, OPCUA_LIMITS);
  const { subscriptions } = await monitor(session, items, config, facts, OPCUA_LIMITS);
  const publishing = new Publishing({ session, source: server.url, items, subscriptions, limits: OPCUA_LIMITS });
  const readings: Reading[] = [];
  const host = (async (): Promise<void> => {
    for (;;) {
      const batch = await publishing.inbox.read();
      readings.push(...batch.readings);
      batch.acknowledge();
    }
  })().catch((error: unknown) => {
    assert(messageOf(error) === 'over', 'only the test ends it');
  });
  onTestFinished(async () => {
    publishing.finish(new Error('over'));
    publishing.inbox.end(new Error('over'));
    await host;
  });
  publishing.start();
  const texts = (): unknown[] =>
    readings.flatMap((reading) => (reading.type === 'message' ? reading.values.map(({ value }) => value) : []));
  return { readings, texts };
}

test('an answer that was lost on the way is asked for again', async () => {
  const write = server.addText('gap');
  let lost = 0;
  const { readings, texts } = await publishingOf('gap', (session) =>
    withAnswers(session, (response) => {
      const drop = (response.notificationMessage.notificationData ?? []).length > 0 && ++lost === 2;
      return !drop;
    }),
  );
  await vi.waitUntil(() => texts().includes(''), { timeout: 10_000 });
  write('lost');
  await vi.waitUntil(() => lost >= 2, { timeout: 10_000 });
  write('next');
  await vi.waitUntil(() => texts().includes('next'), { timeout: 10_000 });
  expect(texts()).toEqual(['', 'lost', 'next']);
  expect(readings.filter(({ type }) => type === 'event')).toEqual([]);
});

test('what the server does not have any more either is on record as lost', async () => {
  const write = server.addText('gone');
  let answers = 0;
  const { readings, texts } = await publishingOf('gone', (session) => {
    const wrapped = withAnswers(session, (response) => {
      const drop = (response.notificationMessage.notificationData ?? []).length > 0 && ++answers === 2;
      return !drop;
    });
    wrapped.republish = (_request, callback): void => callback(new Error('BadMessageNotAvailable'));
    return wrapped;
  });
  await vi.waitUntil(() => texts().includes(''), { timeout: 10_000 });
  write('lost');
  await vi.waitUntil(() => answers >= 2, { timeout: 10_000 });
  write('next');
  await vi.waitUntil(() => texts().includes('next'), { timeout: 10_000 });
  expect(texts()).toEqual(['', 'next']);
  const [event] = readings.filter((reading) => reading.type === 'event');
  assert(event !== undefined, 'told');
  expect(event).toMatchObject({ event: 'problem', source: server.url });
  expect(event.reason).toMatch(/^1 notifications from number 2 on were lost/);
});

test('what has arrived is read before a loss is told', async () => {
  const publishing = new Publishing({
    session: await sessionFor('before'),
    source: server.url,
    items: [],
    subscriptions: [],
    limits: OPCUA_LIMITS,
  });
  publishing.tell({ type: 'event', event: 'connected', source: 'one' });
  publishing.finish(new Error('lost'));
  const batch = await publishing.inbox.read();
  expect(batch.readings).toEqual([{ type: 'event', event: 'connected', source: 'one' }]);
  await expect(publishing.inbox.read()).rejects.toThrow('lost');
});

test('continuation points are followed', async () => {
  for (let i = 0; i < 30; i++) server.addText(`many-${i}`);
  const config = configOf({
    endpoints: [server.url],
    pki: pkiFolder(),
    browse: { from: 'Objects', include: ['Texts/many-*'] },
  });
  const rig = await startClient(config, { referencesPerNode: 4 });
  for (let i = 0; i < 30; i++) await rig.until(`Texts/many-${i}`, 1);
  expect(new Set(rig.messages().map(({ address }) => address)).size).toBe(30);
});
