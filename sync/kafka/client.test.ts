import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { BatchEncoder, placeBatch } from '../../edge/core/record-batch.ts';
import { Fault } from '../../edge/core/fault.ts';
import { type Kafka, startKafka } from '../../test/services/kafka.ts';
import { requireService } from '../../test/services/require.ts';
import { freePort, waitFor } from '../../test/services/wait.ts';
import { type Connect, parseAddress, tcp } from './address.ts';
import { EARLIEST, LATEST } from './apis/list-offsets.ts';
import { KafkaClient, type KafkaClientOptions, type TopicPartition } from './client.ts';
import type { Call } from './deadline.ts';
import { type Answer, isFenced } from './errors.ts';
import { type Producer, sequenceAfter, setProducer, splitBatches } from './patch.ts';

/** Whether all threads of a process are stopped: the signal reaches them one after the other. */
function isStopped(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((thread) =>
    /^State:\s+T/m.test(readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8')),
  );
}

const START_MS = Date.UTC(2026, 0, 1);

/** A prepared batch: its timestamps, keys and values tell it from others. */
function batchOf(count: number, timestampMs = START_MS, compress = false): Uint8Array<ArrayBuffer> {
  const encoder = new BatchEncoder();
  for (let i = 0; i < count; i++) encoder.addRecord(Buffer.from(`key ${i}`), Buffer.from(`${timestampMs} value ${i}`));
  return encoder.finish(timestampMs, compress);
}

function patched(batch: Uint8Array, producer: Producer, sequence: number): Uint8Array {
  setProducer(batch, producer, sequence);
  return batch;
}

/** The values of an answer; an error of the broker fails the test with its name. */
function good<T>(answer: Answer<T>): { ok: true } & T {
  if (!answer.ok) throw new Error(`${answer.error.name}: ${answer.error.message}`);
  return answer;
}

function errorOf(answer: Answer<unknown>): { code: number; retriable: boolean } | undefined {
  return answer.ok ? undefined : { code: answer.error.code, retriable: answer.error.retriable };
}

const faultOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'no fault',
    (error: unknown) => (error instanceof Fault ? error.code : error),
  );

const life = new AbortController();
const within = (timeoutMs: number): Call => ({ timeoutMs, signal: life.signal });
const call = within(20_000);

/** A producer id; asked for again while the broker says that it may work later, as a link does. */
async function producerFor(client: KafkaClient, transactionalId: string): Promise<Producer> {
  let producer: Producer | undefined;
  await waitFor('a producer id', async () => {
    const answer = await client.initProducerId(transactionalId, call);
    if (!answer.ok && !answer.error.retriable) throw new Error(answer.error.name);
    if (answer.ok) producer = answer.producer;
    return answer.ok;
  });
  if (producer === undefined) throw new Error('no producer');
  return producer;
}

let created = 0;

async function newTopic(client: KafkaClient, configs: Record<string, string> = {}): Promise<TopicPartition> {
  const topic = `mirror.${++created}`;
  good(await client.createTopic({ name: topic, partitions: 1, configs }, call));
  const of = { topic, partition: 0 };
  await waitFor('a leader', async () => (await client.listOffset(of, LATEST, call)).ok);
  return of;
}

const service = requireService('kafka');

describe.skipIf(!service.available)('against a real broker', () => {
  let kafka: Kafka;
  let client: KafkaClient;

  const connect = (options: Partial<KafkaClientOptions> = {}): KafkaClient =>
    new KafkaClient({ brokers: [parseAddress(kafka.brokers)], clientId: 'test', softwareVersion: '0.1.0', ...options });

  beforeAll(async () => {
    // A topic that is asked for must not come into being by that: the broker would do it, we do not ask it to.
    kafka = await startKafka({ properties: { 'auto.create.topics.enable': 'true' } });
  });
  afterAll(async () => {
    await kafka[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    client = connect();
    return () => client.close();
  });

  test('the cluster and its topics are described; a topic that is not there is error 3 and stays away', async () => {
    const cluster = await client.describeCluster(call);
    expect(cluster.brokers).toEqual([{ nodeId: 1, host: kafka.host, port: kafka.port }]);
    expect(cluster.clusterId).toMatch(/^[\w-]{22}$/);

    for (let i = 0; i < 2; i++) {
      expect(errorOf(await client.describeTopic('absent', call))).toEqual({ code: 3, retriable: true });
      expect(errorOf(await client.listOffset({ topic: 'absent', partition: 0 }, LATEST, call))?.code).toBe(3);
    }
    const answer = await client.createTopic({ name: 'absent', partitions: 2 }, call);
    const { topicId } = good(answer);
    expect(topicId).toMatch(/^[\w-]{22}$/);
    await waitFor(
      'a leader',
      async () => (await client.listOffset({ topic: 'absent', partition: 1 }, LATEST, call)).ok,
    );
    const { topic } = good(await client.describeTopic('absent', call));
    expect(topic).toMatchObject({ name: 'absent', topicId, internal: false });
    expect(topic.partitions.map(({ index, leaderId }) => ({ index, leaderId }))).toEqual([
      { index: 0, leaderId: 1 },
      { index: 1, leaderId: 1 },
    ]);
    expect(errorOf(await client.listOffset({ topic: 'absent', partition: 2 }, LATEST, call))?.code).toBe(3);
  });

  test('a topic is created once, with its settings; wrong ones are refused with a reason', async () => {
    const { topic } = await newTopic(client, { 'cleanup.policy': 'compact', 'max.message.bytes': '2000000' });
    const again = await client.createTopic({ name: topic, partitions: 1 }, call);
    expect(errorOf(again)).toEqual({ code: 36, retriable: false });

    const { configs } = good(await client.describeConfigs(topic, call));
    expect(configs.get('cleanup.policy')).toMatchObject({ value: 'compact', source: 1 });
    expect(configs.get('message.timestamp.type')).toMatchObject({ value: 'CreateTime', source: 5 });
    const some = good(await client.describeConfigs(topic, call, ['max.message.bytes', 'retention.ms']));
    expect(some.configs.size).toBe(2);
    expect(some.configs.get('max.message.bytes')?.value).toBe('2000000');
    expect(some.configs.get('retention.ms')?.value).toBe('604800000');
    expect(errorOf(await client.describeConfigs('not-there', call))?.code).toBe(3);

    const wrong = await client.createTopic({ name: 'x', partitions: 1, configs: { 'no.such': '1' } }, call);
    expect(errorOf(wrong)).toEqual({ code: 40, retriable: false });
    expect(wrong.ok ? '' : wrong.error.message).toContain('no.such');
    expect(errorOf(await client.createTopic({ name: 'a/b', partitions: 1 }, call))?.code).toBe(17);
  });

  test('a topic that was deleted is gone', async () => {
    const { topic } = await newTopic(client);
    expect(await client.deleteTopic(topic, call)).toEqual({ ok: true, name: topic });
    expect(errorOf(await client.describeTopic(topic, call))?.code).toBe(3);
    expect(errorOf(await client.deleteTopic(topic, call))?.code).toBe(3);
  });

  test('prepared batches get dense offsets; a resent one keeps its old offset; a gap, a wrong id and a bad checksum are refused', async () => {
    const to = await newTopic(client);
    const producer = await producerFor(client, 'link.dense');
    let sequence = 0;
    for (const count of [1, 10, 100, 7]) {
      const answer = await client.produce(to, patched(batchOf(count), producer, sequence), call);
      expect(answer).toEqual({ ok: true, baseOffset: sequence, logAppendTimeMs: -1, logStartOffset: 0 });
      sequence = sequenceAfter(sequence, count);
    }
    expect(good(await client.listOffset(to, LATEST, call)).offset).toBe(118);

    const resent = await client.produce(to, patched(batchOf(10), producer, 1), call);
    expect(good(resent).baseOffset).toBe(1);
    expect(good(await client.listOffset(to, LATEST, call)).offset).toBe(118);

    const send = async (batch: Uint8Array): Promise<number | undefined> =>
      errorOf(await client.produce(to, batch, call))?.code;
    expect(await send(patched(batchOf(1), producer, 119))).toBe(45);

    const damaged = patched(batchOf(2), producer, 118);
    damaged[damaged.length - 1] = (damaged[damaged.length - 1] ?? 0) ^ 1;
    expect(await send(damaged)).toBe(2);
    const displaced = patched(batchOf(2), producer, 118);
    placeBatch(displaced, 0, 118, 0);
    expect(await send(displaced)).toBe(87);
    expect(await send(Buffer.concat([patched(batchOf(1), producer, 118), patched(batchOf(1), producer, 119)]))).toBe(
      87,
    );

    expect(good(await client.produce(to, patched(batchOf(2), producer, 118), call)).baseOffset).toBe(118);
  });

  test('the sequence wraps at 2^31', async () => {
    const to = await newTopic(client);
    const producer = await producerFor(client, 'link.wrap');
    const first = 2 ** 31 - 5;
    expect(good(await client.produce(to, patched(batchOf(3), producer, first), call)).baseOffset).toBe(0);
    const across = sequenceAfter(first, 3);
    expect(good(await client.produce(to, patched(batchOf(4), producer, across), call)).baseOffset).toBe(3);
    expect(sequenceAfter(across, 4)).toBe(2);
    expect(good(await client.produce(to, patched(batchOf(1), producer, 2), call)).baseOffset).toBe(7);
  });

  test('a transactional id only fences: the old owner is refused after the first write of the new one, and offsets stay dense', async () => {
    const to = await newTopic(client);
    const old = await producerFor(client, 'link.fence');
    expect(good(await client.produce(to, patched(batchOf(5), old, 0), call)).baseOffset).toBe(0);

    using second = connect();
    const owner = await producerFor(second, 'link.fence');
    expect(owner.id).toBe(old.id);
    expect(owner.epoch).toBeGreaterThan(old.epoch);
    expect(good(await second.produce(to, patched(batchOf(5), owner, 0), call)).baseOffset).toBe(5);

    const refused = await client.produce(to, patched(batchOf(5), old, 5), call);
    expect(refused.ok ? 0 : refused.error.code).toBe(47);
    expect(refused.ok ? false : isFenced(refused.error.code)).toBe(true);
    expect(good(await second.produce(to, patched(batchOf(5), owner, 5), call)).baseOffset).toBe(10);
    expect(good(await second.listOffset(to, LATEST, call)).offset).toBe(15);
  });

  test('what was sent is fetched back byte for byte, but for offset and leader epoch', async () => {
    const to = await newTopic(client);
    const producer = await producerFor(client, 'link.bytes');
    const sent: Buffer[] = [];
    let offset = 0;
    for (const [count, compress] of [
      [3, false],
      [500, true],
      [1, false],
    ] as const) {
      const batch = patched(batchOf(count, START_MS + offset, compress), producer, offset);
      expect(good(await client.produce(to, batch, call)).baseOffset).toBe(offset);
      sent.push(Buffer.from(batch));
      offset += count;
    }
    const all = good(await client.fetch(to, 0, call));
    expect(all).toMatchObject({ highWatermark: 504, logStartOffset: 0 });
    const batches = [...splitBatches(all.records)];
    expect(batches.map(({ header }) => header.baseOffset)).toEqual([0, 3, 503]);
    for (const [index, { bytes, header }] of batches.entries()) {
      const received = Buffer.from(bytes);
      expect(header).toMatchObject({ producerId: producer.id, producerEpoch: producer.epoch });
      placeBatch(received, 0, 0, 0);
      expect(received).toEqual(sent[index]);
    }

    const middle = good(await client.fetch(to, 250, call));
    expect([...splitBatches(middle.records)].map(({ header }) => header.baseOffset)).toEqual([3, 503]);
    const cutShort = good(await client.fetch(to, 0, call, { maxBytes: (sent[0]?.length ?? 0) + 100 }));
    expect(cutShort.records.length).toBe((sent[0]?.length ?? 0) + 100);
    expect([...splitBatches(cutShort.records)].map(({ header }) => header.baseOffset)).toEqual([0]);
    const tooSmall = good(await client.fetch(to, 0, call, { maxBytes: 1 }));
    expect([...splitBatches(tooSmall.records)].map(({ header }) => header.baseOffset)).toEqual([0]);

    expect(good(await client.fetch(to, 504, call)).records).toHaveLength(0);
    expect(errorOf(await client.fetch(to, 505, call))).toEqual({ code: 1, retriable: false });
  });

  test('offsets are listed: first, last, by time, and none for a time that no record has reached', async () => {
    const to = await newTopic(client);
    const producer = await producerFor(client, 'link.list');
    for (let i = 0; i < 3; i++)
      good(await client.produce(to, patched(batchOf(10, START_MS + i * 1000), producer, i * 10), call));
    expect(good(await client.listOffset(to, EARLIEST, call))).toMatchObject({ offset: 0 });
    expect(good(await client.listOffset(to, LATEST, call))).toMatchObject({ offset: 30, leaderEpoch: 0 });
    const found = good(await client.listOffset(to, START_MS + 1, call));
    expect(found).toMatchObject({ offset: 10, timestampMs: START_MS + 1000 });
    expect(good(await client.listOffset(to, START_MS + 2001, call))).toMatchObject({ offset: -1, timestampMs: -1 });
  });

  test('batches of one partition go out in the order of the calls, from a client that has yet to find the leader', async () => {
    const to = await newTopic(client);
    const producer = await producerFor(client, 'link.order');
    using cold = connect();
    const warnings: unknown[] = [];
    const onWarning = (warning: Error): unknown => warnings.push(warning);
    process.on('warning', onWarning);
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, index) => cold.produce(to, patched(batchOf(2), producer, index * 2), call)),
    );
    process.off('warning', onWarning);
    expect(answers.map((answer) => good(answer).baseOffset)).toEqual(answers.map((_, index) => index * 2));
    expect(warnings).toEqual([]);
  });

  test('a fetch that waits for records holds nothing else up and ends with the first one', async () => {
    const to = await newTopic(client);
    const producer = await producerFor(client, 'link.wait');
    const waiting = client.fetch(to, 0, call, { maxWaitMs: 15_000 });
    const startMs = performance.now();
    expect(good(await client.produce(to, patched(batchOf(1), producer, 0), call)).baseOffset).toBe(0);
    expect(good(await waiting).records.length).toBeGreaterThan(0);
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });

  test('a broker that does not know our ApiVersions is asked again in version 0', async () => {
    let requests = 0;
    const newer: Connect = async (address, signal) => {
      const socket = await tcp(address, signal);
      const write = socket.write.bind(socket);
      // Version 99 in the first request: the broker answers error 35 in the form of version 0.
      socket.write = (frame: Buffer): boolean => {
        if (requests++ === 0) frame[7] = 99;
        return write(frame);
      };
      return socket;
    };
    using ahead = connect({ connect: newer });
    expect((await ahead.describeCluster(call)).brokers).toHaveLength(1);
    expect(requests).toBe(3);
  });

  test('of the brokers to begin with, one that answers is enough; none is unreachable, with each one named', async () => {
    const dead = { host: '127.0.0.1', port: await freePort() };
    using found = connect({ brokers: [dead, parseAddress(kafka.brokers)] });
    expect((await found.describeCluster(call)).brokers).toHaveLength(1);
    const alsoDead = { host: '127.0.0.1', port: await freePort() };
    using lost = connect({ brokers: [dead, alsoDead] });
    const error: unknown = await lost.describeCluster(call).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'kafka-unreachable' });
    expect(String(error)).toContain(`:${dead.port}: connect ECONNREFUSED`);
    expect(String(error)).toContain(`:${alsoDead.port}: connect ECONNREFUSED`);
  });

  test('a broker that nothing comes back from does not take the time of those behind it', async () => {
    const silent = { host: '192.0.2.1', port: 9092 };
    const partly: Connect = (address, signal) =>
      address.host === silent.host
        ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('silent'))))
        : tcp(address, signal);
    using found = connect({ brokers: [silent, parseAddress(kafka.brokers)], connect: partly });
    expect((await found.describeCluster(within(6000))).brokers).toHaveLength(1);
    const other = { ...silent, port: 9093 };
    using lost = connect({ brokers: [silent, other], connect: partly });
    const error: unknown = await lost.describeCluster(within(6000)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'kafka-unreachable',
      detail: 'Gave up: a connection to 192.0.2.1:9092. Gave up: a connection to 192.0.2.1:9093.',
    });
  });

  test('a closed client ends what waits and begins nothing', async () => {
    const to = await newTopic(client);
    const waiting = faultOf(client.fetch(to, 0, call, { maxWaitMs: 15_000 }));
    await client.listOffset(to, LATEST, call);
    client.close();
    expect(await waiting).toBe('kafka-disconnected');
    expect(await faultOf(client.listOffset(to, LATEST, call))).toBe('kafka-disconnected');
    expect(await faultOf(client.describeCluster(call))).toBe('kafka-disconnected');
  });

  test('a broker that hangs costs the time of the call and no more; it is found again when it goes on', async () => {
    const to = await newTopic(client);
    process.kill(kafka.pid, 'SIGSTOP');
    await waitFor('every thread of the broker to stand still', () => isStopped(kafka.pid));
    try {
      const startMs = performance.now();
      expect(await faultOf(client.listOffset(to, LATEST, within(300)))).toBe('kafka-timeout');
      expect(await faultOf(client.listOffset(to, LATEST, within(300)))).toBe('kafka-timeout');
      const controller = new AbortController();
      const aborted = faultOf(client.listOffset(to, LATEST, { timeoutMs: 20_000, signal: controller.signal }));
      const reason = new Error('enough');
      controller.abort(reason);
      expect(await aborted).toBe(reason);
      expect(performance.now() - startMs).toBeLessThan(2000);
    } finally {
      process.kill(kafka.pid, 'SIGCONT');
    }
    await waitFor('the broker', async () => (await client.listOffset(to, LATEST, call)).ok);
    expect(good(await client.listOffset(to, LATEST, call)).offset).toBe(0);
  });

  test('after kill -9 the same client goes on: the same producer resends its last batch and gets its old offset', async () => {
    const to = await newTopic(client);
    const producer = await producerFor(client, 'link.kill');
    // Younger than a day: an older one would be forgotten by the broker and appended twice.
    const batch = (sequence: number): Uint8Array => patched(batchOf(4, Date.now()), producer, sequence);
    expect(good(await client.produce(to, batch(0), call)).baseOffset).toBe(0);
    await kafka.kill9();
    expect(['kafka-disconnected', 'kafka-unreachable']).toContain(await faultOf(client.produce(to, batch(4), call)));
    expect(await faultOf(client.produce(to, batch(4), call))).toBe('kafka-unreachable');
    await kafka.restart();
    await waitFor('a leader', async () => (await client.listOffset(to, LATEST, call)).ok);
    expect(good(await client.produce(to, batch(0), call)).baseOffset).toBe(0);
    expect(good(await client.produce(to, batch(4), call)).baseOffset).toBe(4);
    const successor = await producerFor(client, 'link.kill');
    expect(successor.epoch).toBeGreaterThan(producer.epoch);
    expect(good(await client.listOffset(to, LATEST, call)).offset).toBe(8);
  });
});
