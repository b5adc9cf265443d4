import { once } from 'node:events';
import fs from 'node:fs';
import { createServer } from 'node:net';
import { type Admin, CompressionTypes, Kafka as KafkaJs, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../edge/core/clock.ts';
import { segmentFile, topicFolder } from '../../edge/core/segment-files.ts';
import { type Kafka, startKafka } from '../../test/services/kafka.ts';
import { kcatConsume, kcatProduce } from '../../test/services/kcat.ts';
import { requireService } from '../../test/services/require.ts';
import { waitFor } from '../../test/services/wait.ts';
import { parseAddress } from '../kafka/address.ts';
import { KafkaClient } from '../kafka/client.ts';
import { splitBatches } from '../kafka/patch.ts';
import { TestLink, type TestLinkOptions } from './link-kit.ts';
import { TestLog } from './log-kit.ts';
import { OutgoingBatches } from './outgoing-batches.ts';
import { Pace } from './pace.ts';
import { MirrorWriter } from './writer.ts';

const service = requireService('kafka', 'kcat');
const T0 = Date.now();

describe.skipIf(!service.available)('a link to a real broker', () => {
  let kafka: Kafka;
  let admin: Admin;
  beforeAll(async () => {
    kafka = await startKafka({ properties: { 'auto.create.topics.enable': 'false' } });
    admin = new KafkaJs({ brokers: [kafka.brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
  });
  afterAll(async () => {
    await admin.disconnect();
    await kafka[Symbol.asyncDispose]();
  });

  const linkOf = (log: TestLog, prefix: string, options: Partial<TestLinkOptions> = {}): TestLink =>
    new TestLink({ log, brokers: kafka.brokers, prefix, ...options });

  const createTopic = (topic: string): Promise<boolean> =>
    admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 1 }] });

  /** Producer epochs of the batches of a topic, in order. */
  async function epochsOf(topic: string): Promise<number[]> {
    using client = new KafkaClient({ brokers: [parseAddress(kafka.brokers)], clientId: 't', softwareVersion: 't' });
    const signal = new AbortController().signal;
    const answer = await client.fetch({ topic, partition: 0 }, 0, { timeoutMs: 10_000, signal });
    if (!answer.ok) throw new Error(answer.error.name);
    return [...splitBatches(answer.records)].map(({ header }) => header.producerEpoch);
  }

  test('the mirror equals the log record by record: what was there before, and what comes', async () => {
    using log = new TestLog({ topics: ['samples', 'events', 'tags'] });
    log.append(500, 1);
    log.append(20, 1000);
    log.append(5, 2, T0, 'events');
    await using link = linkOf(log, 'a.', { topics: ['samples', 'events', 'tags'] });
    await link.catchesUp();
    for (let i = 0; i < 50; i++) {
      log.append(10, 3);
      await link.until('the lag is small', () => link.status.lagRecords < 200);
    }
    await link.catchesUp();
    expect(link.status).toMatchObject({ name: 'cloud', state: 'mirroring', detail: '', lagRecords: 0 });
    expect(link.topic).toMatchObject({ destination: 'a.samples', warnings: [], mirrored: 22_000, sourceEnd: 22_000 });

    const found = (await link.verify()).map(({ topic, from, to, compared, equal, missing, surplus }) => [
      topic,
      from,
      to,
      compared,
      equal,
      missing,
      surplus,
    ]);
    expect(found).toEqual([
      ['samples', 0, 22_000, 22_000, true, 0, 0],
      ['events', 0, 10, 10, true, 0, 0],
      ['tags', 0, 0, 0, true, 0, 0],
    ]);
    const records = await kcatConsume(kafka.brokers, 'a.samples');
    expect(records.map(({ offset }) => offset)).toEqual(Array.from({ length: 22_000 }, (_, i) => i));
    expect(records[0]).toMatchObject({ key: Buffer.from('plant/line0/tag0'), value: null });
    expect(records[7]?.headers[0]).toEqual({ name: 'c', value: Buffer.from('pump-7') });
  });

  test('a foreign record is noticed with the next write, and stops the link before it shifts anything else', async () => {
    using log = new TestLog();
    log.append(10, 10);
    await using link = linkOf(log, 'foreign.');
    await link.catchesUp();
    await kcatProduce(kafka.brokers, 'foreign.samples', { key: 'k', value: 'v' });
    log.append(10, 10);
    await link.reaches('failed');
    expect(link.topic.lastError).toMatchObject({ code: 'link-diverged' });
    expect(link.topic.detail).toContain('offset 100 differs (timestamp)');
    const [result] = await link.verify();
    expect(result).toMatchObject({ equal: false, compared: 100, firstDifference: { offset: 100, field: 'timestamp' } });
    link.link.resume();
    await link.until('it looked again', () => link.topic.state === 'failed');
  });

  test('a foreign record is noticed while nothing is written, and at the start', async () => {
    using log = new TestLog();
    log.append(10, 10);
    await using link = linkOf(log, 'idle.', { timing: { checkMs: 100 } });
    await link.catchesUp();
    await kcatProduce(kafka.brokers, 'idle.samples', { key: 'k', value: 'v' });
    await link.reaches('failed');
    expect(link.topic.detail).toContain('record 100 is not ours');
    await using again = linkOf(log, 'idle.');
    await again.reaches('failed');
    expect(again.topic).toMatchObject({ lastError: { code: 'link-diverged' } });
    expect(await again.verify()).toMatchObject([
      { equal: false, surplus: 1, compared: 100, firstDifference: undefined },
    ]);
  });

  /** Commits one record in a transaction. A broker that makes its first one refuses for a moment: then all of it is tried again. */
  async function transactionOf(topic: string): Promise<void> {
    const client = new KafkaJs({ brokers: [kafka.brokers], logLevel: logLevel.NOTHING });
    await waitFor(`a transaction on ${topic}`, async () => {
      const producer = client.producer({ transactionalId: 't', idempotent: true, maxInFlightRequests: 1 });
      try {
        await producer.connect();
        const transaction = await producer.transaction();
        await transaction.send({ topic, messages: [{ value: 'x' }] });
        await transaction.commit();
        return true;
      } finally {
        await producer.disconnect();
      }
    });
  }

  test('markers of transactions and packed records of others are not ours', async () => {
    using log = new TestLog();
    log.append(1, 5);
    await createTopic('marked.samples');
    await transactionOf('marked.samples');
    // The answer to a commit does not wait for the marker.
    await waitFor('the marker', async () => (await admin.fetchTopicOffsets('marked.samples'))[0]?.high === '2');
    await using link = linkOf(log, 'marked.');
    await link.reaches('failed');
    expect(link.topic.detail).toContain('offset 1 is the marker of a transaction');
  });

  test('packed records of others that are larger than any of ours fail the link, not its thread', async () => {
    using log = new TestLog();
    log.append(1, 5);
    await createTopic('huge.samples');
    const producer = new KafkaJs({ brokers: [kafka.brokers], logLevel: logLevel.NOTHING }).producer();
    await producer.connect();
    await producer.send({
      topic: 'huge.samples',
      compression: CompressionTypes.GZIP,
      messages: [{ value: Buffer.alloc(20 * 1024 * 1024) }],
    });
    await producer.disconnect();
    await using link = linkOf(log, 'huge.');
    await link.reaches('failed', 5000);
    expect(link.topic.lastError).toMatchObject({
      code: 'link-diverged',
      detail: expect.stringContaining('the records at offset 0 cannot be unpacked') as string,
    });
  });

  test('a verification under load finds both ends equal: what is under way gets a moment to arrive', async () => {
    using log = new TestLog();
    await using link = linkOf(log, 'busy.');
    const loading = setInterval(() => log.append(20, 3), 1);
    try {
      for (let i = 0; i < 5; i++) {
        await link.until('it writes', () => (link.topic.mirrored ?? 0) > i * 500);
        expect(await link.verify()).toMatchObject([{ equal: true, missing: 0, surplus: 0 }]);
      }
    } finally {
      clearInterval(loading);
    }
  });

  test('a topic that is created anew under a running link fails; resume fills the new one', async () => {
    using log = new TestLog();
    log.append(10, 10);
    await using link = linkOf(log, 'anew.');
    await link.catchesUp();
    await admin.deleteTopics({ topics: ['anew.samples'] });
    await createTopic('anew.samples');
    log.append(10, 1);
    await link.reaches('failed');
    expect(link.topic.lastError?.code).toBe('link-topic-recreated');
    await admin.deleteTopics({ topics: ['anew.samples'] });
    link.link.resume();
    await link.catchesUp();
    expect(await link.verify()).toMatchObject([{ compared: 110, equal: true, missing: 0 }]);
  });

  test('a topic that was deleted under a running link fails, and is not created again by itself', async () => {
    using log = new TestLog();
    log.append(10, 10);
    await using link = linkOf(log, 'gone.', { timing: { checkMs: 50, missingMs: 500 } });
    await link.catchesUp();
    await admin.deleteTopics({ topics: ['gone.samples'] });
    await link.reaches('failed');
    expect(link.topic.lastError).toMatchObject({
      code: 'link-topic-recreated',
      detail: 'gone.samples is no longer there.',
    });
    expect(link.topic).toMatchObject({ mirrored: undefined, lagRecords: 100 });
    expect(await admin.listTopics()).not.toContain('gone.samples');
    expect(await link.verify()).toMatchObject([{ compared: 0, missing: 100 }]);
  });

  test('records that the log has lost are null records at the destination: by retention, and by damage', async () => {
    using log = new TestLog({ segmentBytes: 100_000, budgetBytes: 300_000 });
    for (let i = 0; i < 20; i++) log.append(10, 50, T0);
    log.writer.hold({});
    log.writer.retain();
    const start = log.ends.start('samples');
    const folder = topicFolder(log.folder, 'samples');
    const damaged = fs.openSync(segmentFile(folder, start, 'log'), 'r+');
    fs.writeSync(damaged, Buffer.alloc(40, 0xaa), 0, 40, 50_000);
    fs.closeSync(damaged);

    await using link = linkOf(log, 'lost.');
    await link.catchesUp();
    const records = await kcatConsume(kafka.brokers, 'lost.samples');
    expect(records.map(({ offset }) => offset)).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
    const gaps = new Set(records.filter(({ key }) => key === null).map(({ headers }) => headers[0]?.value.toString()));
    expect([...gaps].map((text) => JSON.parse(text ?? '') as unknown)).toEqual([
      { reason: 'retention', first: 0, last: start - 1 },
      { reason: 'damage', first: expect.any(Number) as number, last: expect.any(Number) as number },
    ]);
    const [result] = await link.verify();
    expect(result).toMatchObject({ from: start, to: 10_000, equal: true });
    expect(result?.unknown).toBe(records.filter(({ key, offset }) => key === null && offset >= start).length);
    await link.stop();

    log.append(5, 5, T0);
    await using again = linkOf(log, 'lost.');
    await again.catchesUp();
    expect(await again.verify()).toMatchObject([{ to: 10_025, equal: true }]);
  });

  test('a log that begins more than a million records above the mirror cannot be followed', async () => {
    using log = new TestLog();
    log.append(1, 10);
    log.ends.publish('samples', 1_000_020, 1_000_001);
    await using link = linkOf(log, 'behind.');
    await link.reaches('failed');
    expect(link.topic.lastError?.code).toBe('link-behind-log');
  });

  test('pause stops the writing, resume goes on; a stop finishes what is in flight', async () => {
    using log = new TestLog();
    log.append(10, 10);
    const link = linkOf(log, 'paused.');
    await link.catchesUp();
    link.link.pause();
    await link.reaches('paused');
    log.append(10, 10);
    expect(await link.verify()).toMatchObject([{ compared: 100, missing: 100 }]);
    expect(link.topic).toMatchObject({ lagRecords: 100, mirrored: 100 });
    link.link.resume();
    await link.catchesUp();
    log.append(300, 1000);
    await link.until('it writes', () => link.topic.mirrored !== 200);
    await link.stop();
    const [result] = await link.verify();
    expect(result).toMatchObject({ equal: true, compared: link.topic.mirrored, missing: link.topic.lagRecords });
  });

  test('a new producer id every day, and soon after the start the own one', async () => {
    using log = new TestLog();
    let aheadMs = 0;
    const clock = { ...systemClock(), monotonicMs: () => performance.now() + aheadMs };
    await using link = linkOf(log, 'daily.', { clock });
    for (const hours of [0, 0.01, 25, 0.01, 25]) {
      aheadMs += hours * 3600 * 1000;
      log.append(1, 2);
      await link.catchesUp();
    }
    // Each session begins as its predecessor and goes over to its own epoch when 5 s have gone by.
    expect(await epochsOf('daily.samples')).toEqual([0, 0, 0, 1, 1]);
    expect(link.topic.lastError).toBeUndefined();
  });

  test('a link without a broker waits and says why', async () => {
    using log = new TestLog();
    log.append(10, 10);
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    await using link = linkOf(log, 'nowhere.', { brokers: `127.0.0.1:${port}` });
    await link.until('it has tried', () => link.topic.lastError !== undefined);
    expect(link.status).toMatchObject({ state: 'connecting', lagRecords: 100 });
    expect(link.topic.lastError?.code).toBe('kafka-unreachable');
    await link.stop();
    server.close();
  });

  test('sequence numbers wrap after 2^31 - 1', async () => {
    using log = new TestLog();
    log.append(1, 3);
    const link = linkOf(log, 'wrap.');
    await link.catchesUp();
    await link.stop();
    log.append(30, 2);
    using client = new KafkaClient({ brokers: [parseAddress(kafka.brokers)], clientId: 't', softwareVersion: 't' });
    const call = { timeoutMs: 10_000, signal: new AbortController().signal };
    const answer = await client.initProducerId('wrap', call);
    if (!answer.ok) throw new Error(answer.error.name);
    const { producer } = answer;
    const clock = systemClock();
    const batches = new OutgoingBatches({ logFolder: log.folder, topic: 'samples', ends: log.ends, clock });
    batches.seek(3);
    const writer = new MirrorWriter({
      client,
      to: { topic: 'wrap.samples', partition: 0 },
      call,
      clock,
      pace: new Pace(),
      end: 3,
      // A producer that the partition has never seen may begin with any number.
      own: { producer, sequence: 2 ** 31 - 31 },
      predecessor: undefined,
      onChange: () => undefined,
    });
    for (let batch = batches.next(600, 100); batch !== undefined; batch = batches.next(600, 100)) writer.send(batch);
    await writer.drained();
    batches.close();
    expect(writer.failure).toBeUndefined();
    expect(writer.confirmed).toBe(63);
    expect(await link.verify()).toMatchObject([{ equal: true, compared: 63 }]);
  });
});
