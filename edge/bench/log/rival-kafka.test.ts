import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Kafka, startKafka } from '../../../test/services/kafka.ts';
import { requireService } from '../../../test/services/require.ts';
import { waitFor } from '../../../test/services/wait.ts';
import { parseAddress } from '../../../sync/kafka/address.ts';
import { KafkaClient } from '../../../sync/kafka/client.ts';
import { kafka } from './rival-kafka.ts';

const service = requireService('kafka');

describe.skipIf(!service.available)('a Kafka broker beside the log', () => {
  let broker: Kafka;
  beforeAll(async () => {
    broker = await startKafka();
  });
  afterAll(() => broker[Symbol.asyncDispose]());

  /** Topics that a bench has made and not deleted; the folders of deleted ones are renamed and go later. */
  const topics = (): string[] =>
    readdirSync(broker.logDir).flatMap((name) => /^(millrace-bench-.*)-0$/.exec(name)?.[1] ?? []);

  const { signal } = new AbortController();
  const call = { timeoutMs: 20_000, signal };

  test.each([
    ['kafka-flush', '1'],
    ['kafka', '9223372036854775807'],
  ])('%s takes batches in with flush.messages=%s, and its topic goes', async (name, flushMessages) => {
    const system = kafka(broker.brokers).find((each) => each.name === name);
    const loaded = system?.load({ batch: 10, rate: 0, seconds: 1 }, { folder: broker.dir, signal });
    await waitFor('its topic', () => topics().length === 1);
    using client = new KafkaClient({ brokers: [parseAddress(broker.brokers)], clientId: 'test', softwareVersion: '0' });
    const settings = await client.describeConfigs(topics()[0] ?? '', call, ['flush.messages']);
    expect(settings.ok ? settings.configs.get('flush.messages')?.value : settings.error).toBe(flushMessages);
    const result = await loaded;
    expect(result?.samples).toBeGreaterThan(0);
    expect(result?.latenciesMs.length).toBeGreaterThan(0);
    await waitFor('the topic to go', () => topics().length === 0);
  });

  test('a load that is ended deletes its topic too', async () => {
    const ending = new AbortController();
    const [system] = kafka(broker.brokers);
    const loaded = system?.load({ batch: 10, rate: 0, seconds: 3600 }, { folder: broker.dir, signal: ending.signal });
    const end = async (): Promise<void> => {
      await waitFor('its topic', () => topics().length === 1);
      ending.abort(new Error('enough'));
    };
    const [ended] = await Promise.allSettled([loaded, end()]);
    expect(ended).toEqual({ status: 'rejected', reason: new Error('enough') });
    await waitFor('the topic to go', () => topics().length === 0);
  });
});
