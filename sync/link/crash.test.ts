import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Kafka, startKafka } from '../../test/services/kafka.ts';
import { kcatConsume } from '../../test/services/kcat.ts';
import { requireService } from '../../test/services/require.ts';
import { waitFor } from '../../test/services/wait.ts';
import { linkTo, TestLink } from './link-kit.ts';
import { TestLog } from './log-kit.ts';
import type { LinkNotice, LinkWorkerData } from './messages.ts';
import { verifyLink } from './verify.ts';

const service = requireService('kafka', 'kcat');
const HOUR_MS = 3600 * 1000;

/** Appends to the log all the time, batches of one to a thousand records, until it is stopped. */
function load(log: TestLog, ages: Readonly<Record<string, number>>): { stop: () => Promise<void> } {
  const stopping = new AbortController();
  const run = async (): Promise<void> => {
    for (let i = 0; !stopping.signal.aborted; i++) {
      for (const [topic, ageMs] of Object.entries(ages)) {
        const nowMs = Date.now() - ageMs;
        log.append(1 + (i % 20), 1 + (i % 3), nowMs, topic);
        if (i % 50 === 0) log.append(1, 1000, nowMs, topic);
      }
      await delay(10);
    }
  };
  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** What a client that is not ours reads: every offset once, in order, up to the end of the log. */
async function readsAll(kafka: Kafka, topic: string, end: number): Promise<void> {
  const records = await kcatConsume(kafka.brokers, topic);
  expect(records.length).toBe(end);
  expect(records.findIndex(({ offset }, index) => offset !== index)).toBe(-1);
}

describe.skipIf(!service.available)('whatever dies, the mirror stays equal to the log', () => {
  let kafka: Kafka;
  beforeAll(async () => {
    // What is weeks old stays; and the broker forgets producers of old records quickly.
    const properties = { 'log.retention.ms': '-1', 'producer.id.expiration.check.interval.ms': '500' };
    kafka = await startKafka({ properties });
  });
  afterAll(async () => {
    await kafka[Symbol.asyncDispose]();
  });

  test(
    'the broker is killed five times under load, with records of today, of yesterday and of three weeks ago',
    { timeout: 180_000 },
    async () => {
      const ages = { samples: 0, events: 25 * HOUR_MS, tags: 20 * 24 * HOUR_MS };
      const topics = Object.keys(ages);
      using log = new TestLog({ topics });
      await kafka.stop();
      await using link = new TestLink({ log, brokers: kafka.brokers, prefix: 'killed.', topics });
      const writing = load(log, ages);
      // Down at the start.
      await link.until('it has tried', () => link.topic.lastError?.code === 'kafka-unreachable');
      expect(link.status.state).toBe('connecting');
      await kafka.restart();
      await link.reaches('mirroring');
      for (let i = 0; i < 5; i++) {
        const before = link.topic.mirrored ?? 0;
        await link.until('it writes', () => (link.topic.mirrored ?? 0) > before + 200, 60_000);
        await delay(Math.random() * 300);
        await kafka.kill9();
        await kafka.restart();
      }
      await writing.stop();
      await link.catchesUp(60_000);
      for (const result of await link.verify()) {
        expect(result).toMatchObject({ from: 0, to: log.end(result.topic), equal: true, missing: 0, unknown: 0 });
        expect(result.compared).toBeGreaterThan(1000);
        await readsAll(kafka, result.destination, log.end(result.topic));
      }
    },
  );

  test('the worker is killed ten times at random moments under load', { timeout: 120_000 }, async () => {
    const ages = { samples: 0, events: 48 * HOUR_MS };
    const topics = Object.keys(ages);
    using log = new TestLog({ topics });
    const link = linkTo(kafka.brokers, 'terminated.', topics);
    const { folder: logFolder, logId } = log;
    const data: LinkWorkerData = {
      link,
      logFolder,
      logId,
      ends: log.ends.shared,
      softwareVersion: 't',
      paused: false,
      before: [],
      timing: {},
    };
    const writing = load(log, ages);
    const mirrored = new Map<string, number>();
    const start = (): Worker => {
      const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: data });
      worker.on('message', (notice: LinkNotice) => {
        if (notice.type === 'status')
          for (const topic of notice.status.topics) mirrored.set(topic.topic, topic.mirrored ?? 0);
      });
      return worker;
    };
    for (let i = 0; i < 10; i++) {
      const worker = start();
      const before = mirrored.get('samples') ?? 0;
      await waitFor('it writes', () => (mirrored.get('samples') ?? 0) > before);
      await delay(Math.random() * 300);
      await worker.terminate();
    }
    await writing.stop();
    const last = start();
    await waitFor('the end', () => topics.every((topic) => mirrored.get(topic) === log.end(topic)));
    const results = await verifyLink({ link, logFolder, softwareVersion: 't', signal: AbortSignal.timeout(30_000) });
    for (const result of results) {
      expect(result).toMatchObject({ from: 0, to: log.end(result.topic), equal: true, missing: 0, unknown: 0 });
      await readsAll(kafka, result.destination, log.end(result.topic));
    }
    await last.terminate();
  });
});
