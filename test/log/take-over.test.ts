import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { realDisk } from '../../edge/core/disk.ts';
import { LogReader, openEnds } from '../../edge/core/reader.ts';
import { listSegments, topicFolder } from '../../edge/core/segment-files.ts';
import { figure } from '../end-to-end/figures.ts';
import { type Gateway, startGatewayIn } from '../end-to-end/gateway.ts';
import { MqttDevice } from '../end-to-end/mqtt-device.ts';
import { random, testSeed } from '../end-to-end/random.ts';
import { readRecording, recordingNames } from '../end-to-end/skab.ts';
import { consumeHeaders } from '../end-to-end/stored-records.ts';
import { kcatConsume, kcatProduce } from '../services/kcat.ts';
import { type Kafka, startKafka } from '../services/kafka.ts';
import { requireService, testData } from '../services/require.ts';
import { program, run } from '../services/run.ts';
import { giveAge } from './aged-log.ts';
import { DocumentedSteps } from './documented-steps.ts';
import { gatewayFolder } from './gateway-folder.ts';
import { readTopic } from './log-kit.ts';

const services = requireService('kafka', 'kcat');
const recorded = testData('skab');
const available = services.available && recorded.available;

const hex = (bytes: Uint8Array | null): string => (bytes === null ? '-' : Buffer.from(bytes).toString('hex'));

/** A record as text, wherever it was read. */
function recordText(offset: number, timestampMs: number, key: Uint8Array | null, value: Uint8Array | null): string {
  return `${offset} ${timestampMs} ${hex(key)} ${hex(value)}`;
}

/** What the log of a stopped gateway holds, by topic. */
function readLog(logFolder: string): Map<string, { readonly start: number; readonly records: readonly string[] }> {
  const ends = openEnds(logFolder);
  return new Map(
    ends.topics.map((topic) => {
      const records: string[] = [];
      const gaps = readTopic({ logFolder, topic, ends }, ends.start(topic), (cursor) => {
        records.push(recordText(cursor.offset, cursor.timestampMs, cursor.key(), cursor.value()));
      });
      expect(gaps).toEqual([]);
      return [topic, { start: ends.start(topic), records }];
    }),
  );
}

/** Publishes a recording, and some messages that are refused. */
async function publish(gateway: Gateway): Promise<number> {
  const names = recordingNames(recorded.folder);
  const name = names[random(testSeed()).whole(0, names.length - 1)] ?? '';
  figure('recording', name);
  const { rows, sensors } = readRecording(recorded.folder, name);
  await using device = new MqttDevice({ port: gateway.mqttPort, clientId: 'loop-1' }).start();
  const sent = rows.slice(0, 1500).flatMap(({ localTime, values }) =>
    values.map((value, i) => {
      const payload = `{"timestamp":"${localTime.replace(' ', 'T')}Z","value":${value === '' ? 'null' : value}}`;
      return device.publish(`plant/${name}/${sensors[i] ?? ''}`, payload);
    }),
  );
  for (const payload of ['not JSON', '{"value":1}', '{"timestamp":"yesterday","value":1}'])
    sent.push(device.publish('plant/bad/bad/bad', payload));
  await Promise.all(sent);
  return sent.length;
}

/** Lines `topic:partition:offset` as a map. */
function offsetsOf(text: string): Map<string, number> {
  const matches = text.matchAll(/^(\S+):0:(\d+)$/gm);
  return new Map([...matches].map(([, topic = '', offset]) => [topic, Number(offset)]));
}

async function consumed(kafka: Kafka, topic: string): Promise<string[]> {
  const records = await kcatConsume(kafka.brokers, topic);
  return records.map(({ offset, timestampMs, key, value }) => recordText(offset, timestampMs, key, value));
}

/** Requires that Kafka finds the same offset for a time as we do. */
async function expectSameTimes(kafka: Kafka, logFolder: string): Promise<void> {
  const reader = new LogReader({ logFolder, topic: 'samples', ends: openEnds(logFolder) });
  for (const days of [9, 7, 5]) {
    const timeMs = Date.now() - days * 86_400_000;
    const { stdout } = await run(program('kcat'), ['-Q', '-b', kafka.brokers, '-t', `samples:0:${timeMs}`]);
    expect(Number(/offset (\d+)/.exec(stdout.toString('utf8'))?.[1])).toBe(reader.offsetAt(timeMs));
  }
  reader.close();
}

/** Epoch of the log, and how the gateway comes to its end; it is stopped cleanly at last. */
const ends: [string, number, (gateway: Gateway) => Promise<void>][] = [
  ['was stopped', 0, () => Promise.resolve()],
  [
    'was killed under load, started and stopped, of a later epoch',
    3,
    async (gateway) => {
      const device = new MqttDevice({ port: gateway.mqttPort, clientId: 'loop-2' }).start();
      const load = Array.from({ length: 5000 }, (_, i) =>
        device
          .publish('plant/under/load/now', `{"timestamp":"2026-01-01T00:00:00Z","value":${i}}`)
          .catch(() => undefined),
      );
      await gateway.until('some of it is acknowledged', () => device.acknowledged > 100);
      await gateway.kill9();
      device.vanish();
      void Promise.all(load);
      gateway.start();
      await gateway.ready();
    },
  ],
];

describe.skipIf(!available)(`a stock broker takes the log over ${services.reason}`, () => {
  test.each(ends)(
    'of a gateway that %s, by the steps of docs/moving-to-kafka.md: every record, offset and time; and goes on',
    async (_, epoch, end) => {
      const place = await gatewayFolder();
      await giveAge(path.join(place.folder, 'data'), epoch);
      await using gateway = await startGatewayIn(place);
      await publish(gateway);
      await end(gateway);
      await gateway.stop();
      const LOG = path.join(gateway.data, 'log');
      const log = readLog(LOG);

      await using kafka = await startKafka();
      const env = { LOG, CONFIG: gateway.configFile, KAFKA: kafka.logDir, BROKER: kafka.brokers };
      const steps = new DocumentedSteps('moving-to-kafka.md', path.join(gateway.folder, 'bin'), env).prepare();
      await steps.run('check');
      await steps.run('topics');
      await kafka.stop();
      await steps.run('segments');
      await kafka.restart();
      const { stdout } = await steps.run('compare');
      const kafkaEnds = offsetsOf(stdout.toString('utf8'));
      expect(kafkaEnds).toEqual(
        new Map([...log].map(([topic, { start, records }]) => [topic, start + records.length])),
      );

      for (const [topic, { records }] of log) {
        figure(`records of ${topic}`, records.length);
        if (records.length === 0) continue;
        const found = await consumed(kafka, topic);
        expect({ topic, count: found.length }).toEqual({ topic, count: records.length });
        expect(found).toEqual(records);
      }
      const { start = 0, records = [] } = log.get('samples') ?? {};
      expect(start).toBeGreaterThan(0);
      expect(records.length).toBeGreaterThan(10_000);
      expect(listSegments(realDisk, topicFolder(LOG, 'samples')).length).toBeGreaterThan(3);
      await expectSameTimes(kafka, LOG);
      const quarantined = log.get('quarantine')?.records.length ?? 0;
      expect(quarantined).toBeGreaterThan(0);
      const headers = await consumeHeaders(kafka.brokers, 'quarantine', quarantined);
      expect(headers.map(({ reason }) => String(reason))).toContain('malformed');

      await kcatProduce(kafka.brokers, 'samples', { key: 'northmill/new/tag', value: 'behind it' });
      const [last] = await kcatConsume(kafka.brokers, 'samples', { from: start + records.length });
      expect({ offset: last?.offset, value: last?.value?.toString() }).toEqual({
        offset: start + records.length,
        value: 'behind it',
      });
    },
    300_000,
  );
});
