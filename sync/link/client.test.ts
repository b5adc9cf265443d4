import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Kafka, startKafka } from '../../test/services/kafka.ts';
import { kcatProduce } from '../../test/services/kcat.ts';
import { requireService } from '../../test/services/require.ts';
import { waitFor } from '../../test/services/wait.ts';
import { LinkClient, type LinkClientOptions } from './client.ts';
import { linkTo } from './link-kit.ts';
import { TestLog } from './log-kit.ts';
import type { LinkStatus } from './status.ts';
import type { VerifyProgress } from './verify.ts';

const service = requireService('kafka', 'kcat');
const never = new AbortController().signal;

/** Ends the thread as a crash would: the client has no way to do it. */
async function kill(client: LinkClient): Promise<void> {
  const { thread } = client as unknown as { thread: { worker: Worker } };
  await thread.worker.terminate();
}

const reaches = (client: LinkClient, condition: (status: LinkStatus) => boolean): Promise<void> =>
  waitFor('the status of the link', () => condition(client.status()));

describe.skipIf(!service.available)('a link in a thread of its own', () => {
  let kafka: Kafka;
  beforeAll(async () => {
    kafka = await startKafka();
  });
  afterAll(async () => {
    await kafka[Symbol.asyncDispose]();
  });

  const clientOf = (log: TestLog, prefix: string, options: Partial<LinkClientOptions> = {}): LinkClient => {
    const { folder: logFolder, logId, ends } = log;
    return new LinkClient({ link: linkTo(kafka.brokers, prefix), logFolder, logId, ends, ...options });
  };

  test('it mirrors, pauses, goes on, verifies and stops; the status comes at most four times a second', async () => {
    using log = new TestLog();
    log.append(100, 1000);
    const told: number[] = [];
    const client = clientOf(log, 'thread.', { onStatus: () => told.push(performance.now()) });
    expect(client.status()).toMatchObject({
      name: 'cloud',
      state: 'starting',
      brokers: [kafka.brokers],
      lagRecords: 100_000,
    });
    const ended = client.run();
    await reaches(client, ({ state, lagRecords }) => state === 'mirroring' && lagRecords === 0);
    client.pause();
    await reaches(client, ({ state }) => state === 'paused');
    log.append(100, 100);
    await reaches(client, ({ lagRecords }) => lagRecords === 10_000);
    client.resume();
    await reaches(client, ({ state, lagRecords }) => state === 'mirroring' && lagRecords === 0);
    const progress: VerifyProgress[] = [];
    const results = await client.verify(never, (step) => progress.push(step));
    expect(results).toMatchObject([{ topic: 'samples', compared: 110_000, equal: true }]);
    for (const step of progress) expect(step).toMatchObject({ topic: 'samples', from: 0, to: 110_000 });
    await client.stop();
    await ended;
    const gaps = told.slice(1).map((atMs, i) => atMs - (told[i] ?? 0));
    expect(gaps.filter((gapMs) => gapMs < 100).length).toBeLessThanOrEqual(2);
    await expect(client.verify(never)).rejects.toMatchObject({ code: 'not-ready' });
  });

  test('a verification can be given up, and fails when there is no broker', async () => {
    using log = new TestLog();
    const client = clientOf(log, 'given-up.');
    const ended = client.run();
    const reason = new Error('enough');
    await expect(client.verify(AbortSignal.abort(reason))).rejects.toBe(reason);
    const cancel = new AbortController();
    const given = client.verify(cancel.signal);
    cancel.abort(reason);
    await expect(given).rejects.toBe(reason);
    await client.stop();
    await ended;
    const lost = clientOf(log, 'x.', { link: linkTo('127.0.0.1:1', 'x.') });
    const lostEnded = lost.run();
    await expect(lost.verify(never)).rejects.toMatchObject({ code: 'kafka-unreachable' });
    await reaches(lost, ({ state, detail }) => state === 'connecting' && detail.includes('ECONNREFUSED'));
    await lost.stop();
    await lostEnded;
  });

  test('a verification under way ends with the link', async () => {
    using log = new TestLog();
    const silent = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const client = clientOf(log, 'x.', { link: linkTo(`127.0.0.1:${port}`, 'x.') });
    const ended = client.run();
    const verified = client.verify(never);
    await Promise.all([
      expect(verified).rejects.toMatchObject({ code: 'not-ready', detail: 'The link cloud was stopped.' }),
      client.stop(),
      ended,
    ]);
    silent.close();
  });

  test('a worker that is lost is told, and the next one goes on with what is known: a failure stays one', async () => {
    using log = new TestLog();
    log.append(1, 1);
    const client = clientOf(log, 'lost.');
    const ended = client.run();
    await reaches(client, ({ state, lagRecords }) => state === 'mirroring' && lagRecords === 0);
    await kill(client);
    await expect(ended).rejects.toMatchObject({ code: 'worker-failed' });
    expect(client.status()).toMatchObject({
      state: 'starting',
      detail: expect.stringContaining('exit code') as string,
    });

    const again = client.run();
    await reaches(client, ({ state }) => state === 'mirroring');
    await kcatProduce(kafka.brokers, 'lost.samples', { key: 'k', value: 'v' });
    log.append(1, 1);
    await reaches(client, ({ state }) => state === 'failed');
    const { detail } = client.status();
    await kill(client);
    await expect(again).rejects.toMatchObject({ code: 'worker-failed' });
    const third = client.run();
    log.append(1, 1);
    await reaches(client, ({ topics }) => topics[0]?.sourceEnd === 3);
    expect(client.status()).toMatchObject({ state: 'failed', detail });
    await client.stop();
    await third;
  });
});
