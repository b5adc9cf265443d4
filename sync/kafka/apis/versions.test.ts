import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BatchEncoder } from '../../../edge/core/record-batch.ts';
import { Fault } from '../../../edge/core/fault.ts';
import { type Kafka, startKafka } from '../../../test/services/kafka.ts';
import { requireService } from '../../../test/services/require.ts';
import { waitFor } from '../../../test/services/wait.ts';
import { tcp } from '../address.ts';
import { Connection } from '../connection.ts';
import type { Call } from '../deadline.ts';
import type { Api } from '../protocol/api.ts';
import { Reader } from '../protocol/reader.ts';
import { createTopics } from './create-topics.ts';
import { deleteTopics } from './delete-topics.ts';
import { describeConfigs } from './describe-configs.ts';
import { fetch } from './fetch.ts';
import { findCoordinator } from './find-coordinator.ts';
import { initProducerId } from './init-producer-id.ts';
import { LATEST, listOffsets } from './list-offsets.ts';
import { metadata } from './metadata.ts';
import { produce } from './produce.ts';

const service = requireService('kafka');
const call: Call = { timeoutMs: 20_000, signal: new AbortController().signal };
const topic = 'versions';

function batchOf(count: number, timestampMs = Date.now()): Uint8Array {
  const encoder = new BatchEncoder();
  for (let i = 0; i < count; i++) encoder.addRecord(null, Buffer.from(`value ${i}`));
  return encoder.finish(timestampMs);
}

/** Every version of an API that we speak and the broker too. */
function versionsOf({ min, max }: Api<never, unknown>): number[] {
  return Array.from({ length: max - min + 1 }, (_, index) => min + index);
}

describe.skipIf(!service.available)('every version of every API against a real broker', () => {
  let kafka: Kafka;
  let connection: Connection;
  let written = 0;

  beforeAll(async () => {
    kafka = await startKafka();
    const address = { host: kafka.host, port: kafka.port };
    connection = new Connection({ address, connect: tcp, clientId: 'test', softwareVersion: '0.1.0' });
    await connection.open(call);
    const request = { name: topic, partitions: 1, replicationFactor: 1, configs: {}, timeoutMs: 10_000 };
    await connection.request(createTopics, request, call);
    await waitFor('a leader', async () => {
      const [found] = await connection.request(listOffsets, { topic, partition: 0, timestampMs: LATEST }, call);
      return found?.errorCode === 0;
    });
  });
  afterAll(async () => {
    connection.close();
    await kafka[Symbol.asyncDispose]();
  });

  /**
   * The answer to a request in one version. The same answer cut short at any place must be a fault, and with any bytes changed a fault or values.
   */
  async function ask<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    request: Request,
  ): Promise<Response> {
    let body: Uint8Array | undefined;
    const decode = (reader: Reader): Response => {
      body ??= reader.bytes.slice(reader.at);
      return api.decode(reader, version);
    };
    const response = await connection.request({ ...api, min: version, max: version, decode }, request, call);
    const real = body ?? new Uint8Array(0);
    const decodes = (bytes: Uint8Array): boolean => {
      try {
        const reader = new Reader(bytes, version >= api.flexibleFrom);
        api.decode(reader, version);
        reader.finish();
        return true;
      } catch (error) {
        if (error instanceof Fault && error.code === 'kafka-protocol') return false;
        throw error;
      }
    };
    expect(decodes(real)).toBe(true);
    for (let length = 0; length < Math.min(real.length, 400); length++) {
      expect(decodes(real.subarray(0, length))).toBe(false);
    }
    const changes = fc.array(fc.tuple(fc.nat(Math.max(0, real.length - 1)), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    const changed = fc.property(changes, (places) => {
      const bytes = real.slice();
      for (const [at, byte] of places) bytes[at] = byte;
      return typeof decodes(bytes) === 'boolean';
    });
    fc.assert(changed, { numRuns: 200 });
    return response;
  }

  test.each(versionsOf(metadata))('Metadata %i', async (version) => {
    const answer = await ask(metadata, version, { topics: [topic, 'absent'] });
    expect(answer.brokers).toEqual([{ nodeId: 1, host: kafka.host, port: kafka.port }]);
    expect(new Map(answer.topics.map(({ name, errorCode }) => [name, errorCode]))).toEqual(
      new Map([
        [topic, 0],
        ['absent', 3],
      ]),
    );
    const found = answer.topics.find(({ name }) => name === topic);
    expect(found?.topicId === null).toBe(version < 10);
    expect(found?.partitions).toEqual([
      { errorCode: 0, index: 0, leaderId: 1, leaderEpoch: version < 7 ? -1 : 0, replicas: [1], inSyncReplicas: [1] },
    ]);
  });

  test.each(versionsOf(produce))('Produce %i', async (version) => {
    const [good] = await ask(produce, version, { topic, partition: 0, timeoutMs: 5000, batch: batchOf(3) });
    expect(good).toMatchObject({ topic, partition: 0, errorCode: 0, baseOffset: written, logAppendTimeMs: -1 });
    expect(good?.logStartOffset).toBe(version < 5 ? -1 : 0);
    written += 3;
    const early = batchOf(1, Date.now() + 7_200_000);
    const [bad] = await ask(produce, version, { topic, partition: 0, timeoutMs: 5000, batch: early });
    expect(bad).toMatchObject({ errorCode: 32, baseOffset: -1 });
    expect(bad?.recordErrors).toHaveLength(version < 8 ? 0 : 1);
    expect(bad?.errorMessage === null).toBe(version < 8);
    const [absent] = await ask(produce, version, { topic: 'absent', partition: 0, timeoutMs: 5000, batch: batchOf(1) });
    expect(absent?.errorCode).toBe(3);
  });

  test.each(versionsOf(listOffsets))('ListOffsets %i', async (version) => {
    const [found] = await ask(listOffsets, version, { topic, partition: 0, timestampMs: LATEST });
    expect(found).toMatchObject({ topic, partition: 0, errorCode: 0, offset: written, timestampMs: -1 });
    expect(found?.leaderEpoch).toBe(version < 4 ? -1 : 0);
  });

  test.each(versionsOf(fetch))('Fetch %i', async (version) => {
    const request = { topic, partition: 0, offset: 0, maxWaitMs: 0, minBytes: 0, maxBytes: 1_000_000 };
    const [found] = await ask(fetch, version, request);
    expect(found).toMatchObject({ topic, partition: 0, errorCode: 0, highWatermark: written });
    expect(found?.logStartOffset).toBe(version < 5 ? -1 : 0);
    expect(found?.records.length).toBeGreaterThan(61);
    const [beyond] = await ask(fetch, version, { ...request, offset: written + 1 });
    expect(beyond?.errorCode).toBe(1);
    expect(beyond?.records).toHaveLength(0);
  });

  test.each(versionsOf(initProducerId))('InitProducerId %i', async (version) => {
    const request = { transactionalId: null, transactionTimeoutMs: 1000 };
    // A broker that has just started has no ids to give yet: error 14.
    await waitFor(
      'producer ids',
      async () => (await connection.request(initProducerId, request, call)).errorCode === 0,
    );
    const answer = await ask(initProducerId, version, request);
    expect(answer.errorCode).toBe(0);
    expect(answer.producerId).toBeGreaterThanOrEqual(0n);
    expect(answer.producerEpoch).toBe(0);
  });

  test.each(versionsOf(findCoordinator))('FindCoordinator %i', async (version) => {
    await waitFor('the topic of transactions', async () => {
      const [found] = await connection.request(findCoordinator, { transactionalId: 'link' }, call);
      return found?.errorCode === 0;
    });
    const [found] = await ask(findCoordinator, version, { transactionalId: 'link' });
    expect(found).toMatchObject({ errorCode: 0, nodeId: 1, host: kafka.host, port: kafka.port });
  });

  test.each(versionsOf(createTopics))('CreateTopics %i', async (version) => {
    // Before version 4 a request had to name the replication factor.
    const wanted = { partitions: 2, replicationFactor: version < 4 ? 1 : -1, timeoutMs: 10_000 };
    const configs = { 'retention.ms': '60000' };
    const [made] = await ask(createTopics, version, { ...wanted, name: `created.${version}`, configs });
    expect(made).toMatchObject({ name: `created.${version}`, errorCode: 0 });
    expect(made?.topicId === null).toBe(version < 7);
    const [again] = await ask(createTopics, version, { ...wanted, name: `created.${version}`, configs });
    expect(again?.errorCode).toBe(36);
    expect(again?.errorMessage).toContain('already exists');
  });

  test.each(versionsOf(deleteTopics))('DeleteTopics %i', async (version) => {
    const name = `deleted.${version}`;
    const wanted = { name, partitions: 1, replicationFactor: 1, configs: {}, timeoutMs: 10_000 };
    await connection.request(createTopics, wanted, call);
    expect(await ask(deleteTopics, version, { name, timeoutMs: 10_000 })).toEqual([
      { name, errorCode: 0, errorMessage: null },
    ]);
    const [absent] = await ask(deleteTopics, version, { name, timeoutMs: 10_000 });
    expect(absent).toMatchObject({ name, errorCode: 3 });
    expect(absent?.errorMessage === null).toBe(version < 5);
  });

  test.each(versionsOf(describeConfigs))('DescribeConfigs %i', async (version) => {
    const [found] = await ask(describeConfigs, version, { topic, names: null });
    expect(found).toMatchObject({ topic, errorCode: 0 });
    const retention = found?.configs.find(({ name }) => name === 'retention.ms');
    expect(retention).toEqual({
      name: 'retention.ms',
      value: '604800000',
      source: 5,
      readOnly: false,
      sensitive: false,
    });
  });
});
