import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Kafka, startKafka } from '../../test/services/kafka.ts';
import { requireService } from '../../test/services/require.ts';
import { waitFor } from '../../test/services/wait.ts';
import { TestLink, type TestLinkOptions } from './link-kit.ts';
import { TestLog } from './log-kit.ts';
import { Relay } from './relay-kit.ts';

const service = requireService('kafka');
const T0 = Date.now();
const HOUR_MS = 3600 * 1000;

/** Does it the first time that it is called. */
function once(action: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= action());
}

/** Two gateways with the same log, as when a machine was copied. */
function twins(): [TestLog, TestLog] {
  const first = new TestLog();
  const second = new TestLog({ logId: first.logId });
  for (const log of [first, second]) log.append(10, 10, T0);
  return [first, second];
}

describe.skipIf(!service.available)('one owner after the other, and two at once', () => {
  const relay = new Relay();
  let kafka: Kafka;
  beforeAll(async () => {
    await relay.start();
    kafka = await startKafka({
      properties: { 'advertised.listeners': `PLAINTEXT://${relay.host}:${relay.port}` },
    });
    relay.leadsTo(kafka.port);
  });
  afterEach(() => {
    relay.onProduce = () => Promise.resolve();
  });
  afterAll(async () => {
    await kafka[Symbol.asyncDispose]();
    await relay.stop();
  });
  const linkOf = (log: TestLog, prefix: string, options: Partial<TestLinkOptions> = {}): TestLink =>
    new TestLink({ log, brokers: `${relay.host}:${relay.port}`, prefix, ...options });

  /** A link that dies while what it sent last is still on its way. */
  async function dieWithRequestsUnderWay(log: TestLog, prefix: string, batches: number[]): Promise<void> {
    const link = linkOf(log, prefix, { timing: { drainMs: 1 } });
    await link.catchesUp();
    relay.hold();
    for (const records of batches) {
      const before = relay.heldBytes;
      log.append(1, records, T0);
      await link.until('a request is on its way', () => relay.heldBytes > before);
    }
    await link.stop();
  }

  test.each([
    { name: 'one record', batches: [1] },
    { name: 'many records', batches: [300] },
    { name: 'several requests of one record', batches: [1, 1, 1, 1] },
    { name: 'several requests', batches: [3, 200, 1, 50] },
  ])('what a dead owner sent last arrives before the first write of the next: $name', async ({ name, batches }) => {
    using log = new TestLog();
    log.append(10, 10, T0);
    const prefix = `late.${name.replaceAll(' ', '-')}.`;
    await dieWithRequestsUnderWay(log, prefix, batches);
    const release = once(() => relay.release());
    relay.onProduce = release;
    await using link = linkOf(log, prefix, { timing: { successionMs: 500 } });
    await link.catchesUp();
    expect(relay.heldBytes).toBe(0);
    log.append(10, 10, T0);
    await link.catchesUp();
    const [result] = await link.verify();
    expect(result).toMatchObject({ equal: true, missing: 0, compared: log.end() });
  });

  test('the very first request of a dead owner arrives before the first write of the next', async () => {
    using log = new TestLog();
    await dieWithRequestsUnderWay(log, 'first.', [2, 3]);
    relay.onProduce = once(() => relay.release());
    await using link = linkOf(log, 'first.');
    await link.catchesUp();
    expect(await link.verify()).toMatchObject([{ equal: true, missing: 0, compared: 5 }]);
  });

  test('what a dead owner sent arrives when the next one has written: it is refused', async () => {
    using log = new TestLog();
    log.append(10, 10, T0);
    await dieWithRequestsUnderWay(log, 'later.', [1, 5]);
    await using link = linkOf(log, 'later.');
    await link.catchesUp();
    await relay.release();
    log.append(3, 1, T0);
    await link.catchesUp();
    const [result] = await link.verify();
    expect(result).toMatchObject({ equal: true, missing: 0, compared: 109 });
  });

  test('old records, written but never acknowledged, are not doubled after a restart of the broker', async () => {
    const ages = { samples: 0, events: 25 * HOUR_MS, tags: 20 * 24 * HOUR_MS };
    const topics = Object.keys(ages);
    using log = new TestLog({ topics });
    const append = (batches: number): void => {
      for (const [topic, ageMs] of Object.entries(ages)) log.append(batches, 20, T0 - ageMs, topic);
    };
    append(1);
    await using link = linkOf(log, 'old.', { topics });
    await link.catchesUp();
    relay.mute();
    append(10);
    await waitFor('the broker has them', async () => (await link.verify()).every(({ compared }) => compared === 220));
    // The link does not know.
    expect(link.status.topics.map(({ mirrored }) => mirrored)).toEqual([20, 20, 20]);
    await kafka.kill9();
    await kafka.restart();
    append(10);
    await link.catchesUp();
    const results = await link.verify();
    expect(results.map(({ equal, missing, compared }) => [equal, missing, compared])).toEqual(
      topics.map(() => [true, 0, 420]),
    );
  });

  test.each([
    { name: 'that has just begun to write', successionMs: 3600_000 },
    { name: 'that writes with its own epoch', successionMs: 0 },
  ])(
    'a gateway with the same log $name: the one before fails, and nothing is mixed',
    async ({ name, successionMs }) => {
      const [first, second] = twins();
      const prefix = `twins.${name.replaceAll(' ', '-')}.`;
      await using before = linkOf(first, prefix, { timing: { successionMs: 0 } });
      await before.catchesUp();
      await using after = linkOf(second, prefix, { timing: { successionMs } });
      await after.catchesUp();
      second.append(1, 1, T0 + 1);
      await after.catchesUp();
      first.append(1, 1, T0 + 2);
      await before.reaches('failed');
      expect(before.topic.lastError?.code).toBe('link-fenced');
      second.append(10, 10, T0);
      await after.catchesUp();
      expect(await after.verify()).toMatchObject([{ equal: true, missing: 0, compared: 201 }]);
      first[Symbol.dispose]();
      second[Symbol.dispose]();
    },
  );

  test('a gateway that lost its connection does not take the link back from the one that has it now', async () => {
    const [first, second] = twins();
    await using before = linkOf(first, 'cut.');
    await before.catchesUp();
    relay.hold();
    await using after = linkOf(second, 'cut.', { timing: { successionMs: 0 } });
    await after.catchesUp();
    for (let i = 0; i < 3; i++) {
      second.append(1, 1, T0);
      await after.catchesUp();
    }
    for (let i = 0; i < 3; i++) first.append(1, 2, T0);
    relay.cut();
    await before.reaches('failed');
    expect(before.topic.lastError?.code).toBe('link-fenced');
    second.append(10, 1, T0);
    await after.catchesUp();
    expect(await after.verify()).toMatchObject([{ equal: true, missing: 0, compared: 113 }]);
    first[Symbol.dispose]();
    second[Symbol.dispose]();
  });

  test('two gateways on one log under load: one of them fails, and nothing is doubled', async () => {
    using log = new TestLog();
    log.append(10, 10, T0);
    await using before = linkOf(log, 'both.', { timing: { successionMs: 0 } });
    await before.catchesUp();
    await using after = linkOf(log, 'both.', { timing: { successionMs: 300 } });
    await after.until('one of them has failed', () => {
      log.append(1, 1, T0);
      return before.topic.state === 'failed' || after.topic.state === 'failed';
    });
    const [winner, loser] = before.topic.state === 'failed' ? [after, before] : [before, after];
    expect(loser.topic.lastError?.code).toBe('link-fenced');
    await winner.catchesUp();
    expect(await winner.verify()).toMatchObject([{ equal: true, missing: 0, compared: log.end() }]);
  });
});
