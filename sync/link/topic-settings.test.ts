import { type Admin, Kafka as KafkaJs, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Kafka, startKafka } from '../../test/services/kafka.ts';
import { requireService } from '../../test/services/require.ts';
import { TestLink, type TestLinkOptions } from './link-kit.ts';
import { TestLog } from './log-kit.ts';

const service = requireService('kafka');
const T0 = Date.now();

describe.skipIf(!service.available)('the settings of a destination topic', () => {
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

  async function createTopic(topic: string, configs: Record<string, string>, numPartitions = 1): Promise<void> {
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions, configEntries }] });
  }

  async function alterTopic(name: string, configs: Record<string, string>): Promise<void> {
    const configEntries = Object.entries(configs).map(([key, value]) => ({ name: key, value }));
    await admin.alterConfigs({ validateOnly: false, resources: [{ type: 2, name, configEntries }] });
  }

  async function configOf(topic: string, names: string[]): Promise<Record<string, string>> {
    const answer = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: topic, configNames: names }],
    });
    const entries = answer.resources[0]?.configEntries ?? [];
    return Object.fromEntries(entries.map(({ configName, configValue }) => [configName, configValue]));
  }

  test('it creates the topic with settings that keep every record as it is, and leaves the retention to the broker', async () => {
    using log = new TestLog();
    await using link = linkOf(log, 'created.');
    await link.reaches('mirroring');
    expect(
      await configOf('created.samples', [
        'cleanup.policy',
        'message.timestamp.type',
        'max.message.bytes',
        'compression.type',
        'retention.ms',
      ]),
    ).toEqual({
      'cleanup.policy': 'delete',
      'message.timestamp.type': 'CreateTime',
      'max.message.bytes': '1048588',
      'compression.type': 'producer',
      'retention.ms': String(7 * 24 * 3600 * 1000),
    });
  });

  test('it refuses a topic whose settings would break the mirror, and takes it when they are mended', async () => {
    using log = new TestLog();
    log.append(3, 3);
    const bad = {
      'cleanup.policy': 'compact',
      'message.timestamp.type': 'LogAppendTime',
      'max.message.bytes': '100000',
      'compression.type': 'lz4',
    };
    await createTopic('unfit.samples', bad);
    await using link = linkOf(log, 'unfit.');
    await link.reaches('failed');
    expect(link.topic.lastError?.code).toBe('link-topic-unfit');
    for (const setting of Object.keys(bad)) expect(link.topic.detail).toContain(setting);
    await alterTopic('unfit.samples', { 'cleanup.policy': 'delete' });
    link.link.resume();
    await link.catchesUp();

    await createTopic('wide.samples', {}, 3);
    await using wide = linkOf(log, 'wide.');
    await wide.reaches('failed');
    expect(wide.topic.detail).toContain('3 partitions');
  });

  test('settings that are changed under a running link are noticed', async () => {
    using log = new TestLog();
    log.append(3, 3);
    await using link = linkOf(log, 'altered.', { timing: { checkMs: 100 } });
    await link.catchesUp();
    await alterTopic('altered.samples', { 'retention.ms': '3600000' });
    await link.until('it warns', () => link.topic.warnings.some((warning) => warning.startsWith('retention.ms')));
    expect(link.topic.state).toBe('mirroring');
    await alterTopic('altered.samples', { 'cleanup.policy': 'compact' });
    await link.reaches('failed');
    expect(link.topic).toMatchObject({ mirrored: 9, lastError: { code: 'link-topic-unfit' } });
  });

  test('it warns of settings that lose or delay records, and reads back what the broker has packed again', async () => {
    using log = new TestLog();
    log.append(30, 40, T0);
    await createTopic('warned.samples', {
      'retention.ms': '3600000',
      'retention.bytes': '1000000',
      'compression.type': 'gzip',
      'unclean.leader.election.enable': 'true',
    });
    const first = linkOf(log, 'warned.');
    await first.catchesUp();
    await first.stop();
    log.append(2, 200, T0);
    await using link = linkOf(log, 'warned.');
    await link.catchesUp();
    expect(link.topic.warnings.map((warning) => warning.split(' ')[0])).toEqual([
      'compression.type',
      'retention.ms',
      'retention.bytes',
      'unclean.leader.election.enable',
    ]);
    expect(await link.verify()).toMatchObject([{ compared: 1600, equal: true }]);
  });
});
