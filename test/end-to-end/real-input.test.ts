import { describe, expect, test } from 'vitest';
import { startKafka } from '../services/kafka.ts';
import { requireService, testData } from '../services/require.ts';
import { byTag, decodeSamples, exact, gapFlag, type FoundSample } from './decode.ts';
import { figure, sum } from './figures.ts';
import { site, startGateway, type Gateway } from './gateway.ts';
import { historyByCommand, historyByHttp, parseHistoryJson } from './history.ts';
import { imbalances, linksCaughtUp, settledLedger } from './ledger.ts';
import { publishWithMqttJs, publishWithPaho, type Publication } from './mqtt-clients.ts';
import { MqttDevice } from './mqtt-device.ts';
import { random, testSeed } from './random.ts';
import { readRecording, recordingNames, type Recording } from './skab.ts';
import { soundAndMirrored, topicFiles } from './stored-records.ts';

const services = requireService('kafka', 'kcat', 'python');
const data = testData('skab');
const available = services.available && data.available;

/** The recordings have local times; the testbed's zone is not given, so the test says one. */
const zone = '+03:00';

/** One recording as one device plays it. */
interface Play {
  readonly publications: readonly Publication[];
  /** What must be found, each sample once: what a recording repeats is a duplicate. */
  readonly expected: readonly FoundSample[];
  readonly send: (port: number, publications: readonly Publication[]) => Promise<void>;
}

/** How a device writes time and value: ISO with a zone, ISO in UTC with a fraction, or µs as a number. */
type Payload = (localTime: string, timeUs: number, value: string) => string;

const isoLocal: Payload = (localTime, _, value) =>
  `{"timestamp":"${localTime.replace(' ', 'T')}${zone}","value":${value}}`;
const isoUtc: Payload = (_, timeUs, value) =>
  `{"value":${value},"timestamp":"${new Date(timeUs / 1000).toISOString().replace('Z', '000Z')}"}`;
const epoch: Payload = (_, timeUs, value) => `{ "timestamp": ${timeUs}, "value": ${value} }`;

/** Three of the recordings that are there; the seed says which. */
function threeRecordings(): [Recording, Recording, Recording] {
  const choose = random(testSeed());
  const names = recordingNames(data.folder);
  const take = (): Recording => {
    const [name] = names.splice(choose.whole(0, names.length - 1), 1);
    if (name === undefined) throw new Error(`fewer than three recordings in ${data.folder}`);
    figure('recording', name);
    return readRecording(data.folder, name);
  };
  return [take(), take(), take()];
}

/** Every value of the recording as a message of its own, on `<root>/<folder>/<name>/<sensor>`. */
function play(recording: Recording, root: 'plant' | 'epoch', payload: Payload, send: Play['send']): Play {
  const publications: Publication[] = [];
  const expected = new Map<string, FoundSample>();
  for (const { localTime, values } of recording.rows) {
    const timeUs = Date.parse(`${localTime.replace(' ', 'T')}${zone}`) * 1000;
    for (const [column, value] of values.entries()) {
      // A sensor that has nothing to say.
      if (value === '' || !Number.isFinite(Number(value))) continue;
      const sensor = recording.sensors[column] ?? '';
      publications.push({ topic: `${root}/${recording.name}/${sensor}`, payload: payload(localTime, timeUs, value) });
      const sample = { tag: `${site}/${recording.name}/${sensor}`, timeUs, value: Number(value), quality: 0 };
      if (!expected.has(exact(sample))) expected.set(exact(sample), sample);
    }
  }
  return { publications, expected: [...expected.values()], send };
}

async function publishWithDevice(port: number, publications: readonly Publication[]): Promise<void> {
  await using device = new MqttDevice({ port, clientId: 'loop-1' }).start();
  await Promise.all(publications.map(({ topic, payload }) => device.publish(topic, payload)));
}

const topics = [
  { match: 'plant/+/+/+', tag: '{1}/{2}/{3}', value: '$.value', time: '$.timestamp' },
  { match: 'epoch/+/+/+', tag: '{1}/{2}/{3}', value: '$.value', time: '$.timestamp', timeFormat: 'us' },
];
const links = (brokers: string) => [
  { name: 'cloud', to: { brokers: [brokers] }, topics: ['samples'], prefix: 'mill.' },
];

/** Tag by tag what was found and what should have been: compared as text, so that a difference of one bit shows. */
function expectExactly(found: readonly FoundSample[], expected: readonly FoundSample[], where: string): void {
  const foundTags = byTag(found);
  const expectedTags = byTag(expected);
  expect({ where, tags: [...foundTags.keys()].toSorted() }).toEqual({
    where,
    tags: [...expectedTags.keys()].toSorted(),
  });
  for (const [tag, samples] of expectedTags) {
    const got = foundTags.get(tag)?.map(exact);
    expect({ where, tag, samples: got }).toEqual({ where, tag, samples: samples.map(exact) });
  }
}

async function expectBalanced(gateway: Gateway, received: number, logged: number): Promise<void> {
  const ledger = await settledLedger(gateway);
  expect(imbalances(ledger)).toEqual([]);
  expect(ledger.total).toEqual({
    received,
    logged,
    generated: 0,
    quarantined: 0,
    duplicate: received - logged,
    filtered: 0,
    refused: 0,
    lost: 0,
    inFlight: 0,
    stored: logged,
    lag: 0,
  });
}

/** As the historian gives them: by time, then in the order of the log. */
function inTime(samples: readonly FoundSample[]): FoundSample[] {
  return samples.toSorted((a, b) => a.timeUs - b.timeUs);
}

async function expectHistory(gateway: Gateway, tags: readonly string[], samples: readonly FoundSample[]) {
  const expected = inTime(samples);
  expectExactly(await historyByHttp(gateway, tags), expected, 'HTTP, CSV');
  expectExactly(await historyByCommand(gateway, tags), expected, 'millrace history');
  const query = tags.map((tag) => `tag=${encodeURIComponent(tag)}`).join('&');
  const json = parseHistoryJson(await gateway.text(`/api/v1/history?${query}`, 'application/json'));
  expectExactly(json, expected, 'HTTP, JSON');
  const { stdout } = await gateway.cli('history', ...tags, '--format', 'json');
  expectExactly(parseHistoryJson(stdout.toString('utf8')), expected, 'millrace history --format json');
}

describe.skipIf(!available)('recorded data of a water loop, from MQTT to Kafka', () => {
  test('each value is found bit for bit in the log, the historian and Kafka, also when the gateway was stopped in between', async () => {
    const [first, second, third] = threeRecordings();
    const plays = [
      play(first, 'plant', isoLocal, publishWithDevice),
      play(second, 'plant', isoUtc, publishWithMqttJs),
      play(third, 'epoch', epoch, publishWithPaho),
    ];
    const expected = plays.flatMap((one) => one.expected);
    const published = sum(plays.map(({ publications }) => publications.length));
    const tags = [...byTag(expected).keys()];
    expect(tags).toHaveLength(first.sensors.length + second.sensors.length + third.sensors.length);
    await using kafka = await startKafka();
    await using gateway = await startGateway({ topics, links: links(kafka.brokers) });

    const startMs = performance.now();
    for (const { publications, send } of plays) {
      await send(gateway.mqttPort, publications.slice(0, publications.length / 2));
    }
    await settledLedger(gateway);
    figure('clean stop, ms', await gateway.stop());
    gateway.start();
    await gateway.ready();
    await Promise.all(
      plays.map(({ publications, send }) => send(gateway.mqttPort, publications.slice(publications.length / 2))),
    );
    const seconds = (performance.now() - startMs) / 1000;
    figure('recorded values played', published);
    figure('recorded values/s, restart included', published / seconds);

    await expectBalanced(gateway, published, expected.length);
    await expectHistory(gateway, tags, expected);
    await linksCaughtUp(gateway);
    const equal = await gateway.cli('link', 'verify', 'cloud');
    expect(equal.stdout.toString('utf8')).toContain('Both ends are equal.');
    const sound = await gateway.cli('log', 'verify');
    expect(sound.stdout.toString('utf8')).toContain('The log is sound.');

    await gateway.restart();
    await expectBalanced(gateway, published, expected.length);
    await expectHistory(gateway, tags, expected);
    await linksCaughtUp(gateway);
    const { stdout } = await gateway.cli('link', 'verify', 'cloud', '--json');
    expect(JSON.parse(stdout.toString('utf8'))).toMatchObject({
      equal: true,
      topics: [{ topic: 'samples', destination: 'mill.samples', compared: expected.length, missing: 0, extra: 0 }],
    });

    await gateway.stop();
    const rest = await historyByCommand(gateway, tags);
    expectExactly(rest, inTime(expected), 'millrace history without a gateway');
    const samples = await decodeSamples(await soundAndMirrored(gateway, kafka.brokers, 'mill.samples'));
    expectExactly(samples, expected, 'log and Kafka');
    // A JSON number is a double, also where it has no fraction.
    expect(samples.filter(({ type }) => type !== 'float')).toEqual([]);
  }, 600_000);

  test('a log of several segments: none has anything that Kafka’s tools complain of, and the mirror holds all of it', async () => {
    // Well below the largest value of a sample.
    const text = threeRecordings()[0].text.slice(0, 100_000);
    const repeats = Math.ceil((72 * 1024 * 1024) / text.length);
    await using kafka = await startKafka();
    await using gateway = await startGateway({ topics, links: links(kafka.brokers) });
    await using device = new MqttDevice({ port: gateway.mqttPort, clientId: 'archive', window: 8 }).start();
    const expected: FoundSample[] = [];
    const startMs = performance.now();
    const acknowledged = Array.from({ length: repeats }, (_, number) => {
      const value = `${number}\n${text}`;
      expected.push({ tag: `${site}/loop/archive/file`, timeUs: 1_583_738_073_000_000 + number, value, quality: 0 });
      return device.publish(
        'epoch/loop/archive/file',
        JSON.stringify({ timestamp: 1_583_738_073_000_000 + number, value }),
      );
    });
    await Promise.all(acknowledged);
    figure('MB/s of large payloads', (repeats * text.length) / 1000 / (performance.now() - startMs));
    await device.end();
    await settledLedger(gateway);
    await linksCaughtUp(gateway);
    await gateway.cli('link', 'verify', 'cloud');
    await gateway.stop();

    const segments = topicFiles(gateway, 'samples', '.log');
    figure('segments', segments.length);
    expect(segments.length).toBeGreaterThanOrEqual(2);
    const samples = await decodeSamples(await soundAndMirrored(gateway, kafka.brokers, 'mill.samples'));
    expectExactly(
      samples.filter(({ flags }) => (flags & gapFlag) === 0),
      expected,
      'log',
    );
    const history = await gateway.cli('history', `${site}/loop/archive/file`, '--format', 'json');
    expectExactly(parseHistoryJson(history.stdout.toString('utf8')), expected, 'historian');
  }, 600_000);
});
