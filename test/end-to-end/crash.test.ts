import type { IHeaders } from 'kafkajs';
import { availableParallelism, loadavg } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startKafka, type Kafka } from '../services/kafka.ts';
import { requireService } from '../services/require.ts';
import { waitFor } from '../services/wait.ts';
import { byTag, decodeSamples, exact, gapFlag, type LoggedSample } from './decode.ts';
import { figure, quantile, sum } from './figures.ts';
import { site, startGateway, type Gateway } from './gateway.ts';
import { historyByCommand, historyByHttp } from './history.ts';
import { imbalances, linksCaughtUp, settledLedger } from './ledger.ts';
import { Load, messageOf, numberOf, type LoadDevice } from './load.ts';
import { MqttDevice, type DeviceMessage } from './mqtt-device.ts';
import { random, testSeed, type Random } from './random.ts';
import { consumeHeaders, dumpTopic, soundAndMirrored } from './stored-records.ts';

const services = requireService('kafka', 'kcat', 'python');

const gatewayKills = 20;
const brokerKills = 5;
/** Asked of the product; the load offers more. */
const requiredRate = 2000;
const offeredRate = 3200;
/** Where no process waits for a core; where some do, as many times longer as there are too many of them. */
const toFirstAckLimitMs = 5000;

const topics = [
  { match: 'timed/+/+', tag: 'timed/{1}/{2}', value: '$.value', time: '$.timestamp', timeFormat: 'us' },
  { match: 'plain/+/+', tag: 'plain/{1}/{2}', value: '$.value' },
];

/** What was seen of the acknowledgements of QoS 1, which are what the rate is about. */
class Acknowledgements {
  count = 0;
  private awaited: { atMs: number | undefined } | undefined;

  note(): void {
    this.count++;
    if (this.awaited === undefined) return;
    this.awaited.atMs = performance.now();
    this.awaited = undefined;
  }

  /** When the next one comes, as soon as it has come. */
  next(): { readonly atMs: number | undefined } {
    this.awaited = { atMs: undefined };
    return this.awaited;
  }
}

/** Eight devices of QoS 1 and two of QoS 2; every other one gives no time. */
function devicesOf(port: number, acknowledgements: Acknowledgements): LoadDevice[] {
  // Of the last hour, so that no clock is ahead.
  const startUs = (Date.now() - 3_600_000) * 1000;
  return Array.from({ length: 10 }, (_, index) => {
    const qos = index < 8 ? 1 : 2;
    const timed = index % 2 === 0;
    const clientId = `press-${index}`;
    const packetIds: number[] = [];
    const onAcknowledged = ({ payload, packetId }: DeviceMessage): void => {
      packetIds[numberOf(payload)] = packetId;
      if (qos === 1) acknowledgements.note();
    };
    const device = new MqttDevice({ port, clientId, window: 100, onAcknowledged }).start();
    return {
      device,
      qos,
      topic: `${timed ? 'timed' : 'plain'}/${clientId}`,
      tags: 4,
      packetIds,
      startUs: timed ? startUs : null,
    };
  });
}

interface Round {
  /** Messages of QoS 1 that were acknowledged between the first PUBACK and the kill, and how long that was. */
  readonly acknowledged: number;
  readonly seconds: number;
  readonly toFirstAckMs: number;
  /** Processes that wanted a core in the minute up to then, for each core. */
  readonly crowd: number;
}

function crowd(): number {
  return (loadavg()[0] ?? 0) / availableParallelism();
}

/** Under load: at a random moment after the first PUBACK pulls the plug, starts again; every fourth start is killed once itself, and now and then it is stopped cleanly. */
async function killGateway(gateway: Gateway, load: Load, acknowledgements: Acknowledgements, choose: Random) {
  const rounds: Round[] = [];
  for (let round = 0; round < gatewayKills; round++) {
    const fromMs = performance.now();
    const before = acknowledgements.count;
    await pause(choose.between(200, 2500));
    // What these have sent and the gateway has logged will be sent again for certain.
    for (const index of [choose.whole(0, 4), choose.whole(5, 9)]) load.devices[index]?.device.loseAcknowledgements();
    await pause(choose.between(20, 100));
    const acknowledged = acknowledgements.count - before;
    const seconds = (performance.now() - fromMs) / 1000;
    await gateway.kill9();
    if (round % 4 === 3) {
      gateway.start();
      await pause(choose.between(50, 1000));
      await gateway.kill9();
    }
    const toFirstAckMs = await startUnderLoad(gateway, acknowledgements);
    rounds.push({ acknowledged, seconds, toFirstAckMs, crowd: crowd() });
    if (round % 7 !== 6) continue;
    await pause(choose.between(200, 1000));
    figure('clean stop under load, ms', await gateway.stop());
    await startUnderLoad(gateway, acknowledgements);
  }
  return rounds;
}

/** Returns how long it took from the start of the process to the first PUBACK, ms. */
async function startUnderLoad(gateway: Gateway, acknowledgements: Acknowledgements): Promise<number> {
  gateway.start();
  const first = acknowledgements.next();
  await gateway.until('something is acknowledged again', () => first.atMs !== undefined);
  return (first.atMs ?? Infinity) - gateway.startedMs;
}

async function killBroker(kafka: Kafka, choose: Random): Promise<void> {
  for (let round = 0; round < brokerKills; round++) {
    await pause(choose.between(1000, 6000));
    await kafka.kill9();
    await pause(choose.between(0, 2000));
    await kafka.restart();
  }
}

/** The numbers of a device's messages as the samples of its tags have them, in order; where one is missing, doubled or moved, in words. */
function wrongNumbers(samples: ReadonlyMap<string, readonly LoggedSample[]>, load: Load): string[] {
  const wrong: string[] = [];
  for (const [index, one] of load.devices.entries()) {
    for (let first = 0; first < one.tags; first++) {
      const tag = `${site}/${one.topic}/${messageOf(one, first).tag}`;
      const found = samples.get(tag) ?? [];
      const count = Math.ceil((load.count(index) - first) / one.tags);
      const at = Array.from({ length: count }, (_, n) => first + n * one.tags).findIndex((number, n) => {
        const sample = found[n];
        if (sample?.value !== number + 0.5 || sample.quality !== 0 || sample.flags !== 0) return true;
        return one.startUs !== null && sample.timeUs !== one.startUs + number;
      });
      if (at >= 0) wrong.push(`${tag}: sample ${at} is ${JSON.stringify(found[at])}`);
      if (found.length !== count) wrong.push(`${tag}: ${found.length} samples of ${count} messages`);
    }
  }
  return wrong;
}

/** Samples without a device time carry client id and packet id of their delivery, all others nothing. */
function wrongHeaders(headers: readonly IHeaders[], samples: readonly LoggedSample[], load: Load): string[] {
  const packetIds = new Map(load.devices.map(({ device, packetIds: ids }) => [device.clientId, ids]));
  return samples.flatMap(({ offset, tag, value, flags }) => {
    const [, kind, clientId = ''] = tag.split('/');
    const packetId = packetIds.get(clientId)?.[Math.floor(Number(value))] ?? 0;
    const { c, p, ...rest } = headers[offset] ?? {};
    const found = Object.keys(rest).concat(String(c), Buffer.isBuffer(p) ? String(p.readUInt16BE()) : String(p));
    const plain = kind === 'plain' && (flags & gapFlag) === 0;
    const wanted = plain ? `${clientId},${packetId}` : 'undefined,undefined';
    return found.join() === wanted ? [] : [`record ${offset}: ${found.join()}, not ${wanted}`];
  });
}

/** As the historian gives them: by tag, then time, then the order of the log. */
function asHistory(samples: ReadonlyMap<string, readonly LoggedSample[]>, tags: readonly string[]): string[] {
  return tags.flatMap((tag) => (samples.get(tag) ?? []).toSorted((a, b) => a.timeUs - b.timeUs).map(exact));
}

const kinds = [
  ['timed/a', 1],
  ['plain/b', 1],
  ['timed/c', 2],
  ['plain/d', 2],
] as const;

async function breakConnections(_: Gateway, devices: readonly MqttDevice[]): Promise<void> {
  for (const device of devices) device.breakConnection();
  await waitFor('the devices are back', () => devices.every(({ connections }) => connections === 2));
}

describe.skipIf(!services.available)('power cuts', () => {
  test(`kill -9 of the gateway ${gatewayKills} times and of the broker ${brokerKills} times under load: each acknowledged message stands once, everywhere`, async () => {
    const choose = random(testSeed());
    await using kafka = await startKafka();
    const links = [{ name: 'cloud', to: { brokers: [kafka.brokers] }, topics: ['samples'] }];
    await using gateway = await startGateway({ topics, links });
    const acknowledgements = new Acknowledgements();
    const load = new Load(devicesOf(gateway.mqttPort, acknowledgements), offeredRate * 1.25);

    const startMs = performance.now();
    load.start();
    await gateway.until('something is acknowledged', () => acknowledgements.count > 0);
    const [rounds] = await Promise.all([
      killGateway(gateway, load, acknowledgements, choose),
      killBroker(kafka, random(choose.whole(0, 1e9))),
    ]);
    await load.stop(120_000);
    const seconds = (performance.now() - startMs) / 1000;
    for (const { device } of load.devices) await device.end();

    const rate = sum(rounds.map(({ acknowledged }) => acknowledged)) / sum(rounds.map((round) => round.seconds));
    const startsMs = rounds.map(({ toFirstAckMs }) => toFirstAckMs);
    figure('messages acknowledged', load.total);
    figure('seconds of load', seconds);
    figure('messages/s of QoS 1 that were acknowledged while the gateway ran', rate);
    figure('messages/s over all, outages included', load.total / seconds);
    figure('process start to first PUBACK, ms', startsMs.map((ms) => Math.round(ms)).join(' '));
    figure('process start to first PUBACK, ms, median', quantile(startsMs, 0.5));
    const crowded = Math.max(...rounds.map((round) => round.crowd));
    figure('processes that wanted a core, for each core, in the worst minute', crowded);
    figure('messages sent again', sum(load.devices.map(({ device }) => device.resent)));
    await gateway.ready();
    const ledger = await settledLedger(gateway);
    figure('ledger', JSON.stringify(ledger.total));
    const { total } = ledger;
    expect(imbalances(ledger)).toEqual([]);
    expect(total).toMatchObject({ logged: load.total, quarantined: 0, refused: 0, lost: 0, filtered: 0, inFlight: 0 });
    expect(total.duplicate).toBeGreaterThan(0);
    expect(total.received).toBe(load.total + total.duplicate);
    await linksCaughtUp(gateway);
    const { stdout } = await gateway.cli('link', 'verify', 'cloud', '--json');
    const comparison = { compared: total.logged + total.generated, different: 0, missing: 0, extra: 0 };
    expect(JSON.parse(stdout.toString('utf8'))).toMatchObject({ equal: true, topics: [comparison] });
    const tags = ledger.items.map(({ tag }) => tag).filter((tag) => tag.startsWith(`${site}/`));
    const history = await historyByHttp(gateway, tags);
    await gateway.stop();

    const logged = await soundAndMirrored(gateway, kafka.brokers, 'samples');
    const all = await decodeSamples(logged);
    const samples = byTag(all.filter(({ flags }) => (flags & gapFlag) === 0));
    expect(all.length - total.logged).toBe(total.generated);
    expect(wrongNumbers(samples, load)).toEqual([]);
    const headers = await consumeHeaders(kafka.brokers, 'samples', logged.length);
    expect(wrongHeaders(headers, all, load).slice(0, 3)).toEqual([]);
    const everything = asHistory(byTag(all), tags);
    expect(history.map(exact)).toEqual(everything);
    expect((await historyByCommand(gateway, tags)).map(exact)).toEqual(everything);
    expect(rate).toBeGreaterThanOrEqual(requiredRate);
    expect(Math.max(...startsMs)).toBeLessThan(toFirstAckLimitMs * Math.max(1, crowded));
  }, 600_000);

  test.each([
    ['a broken connection', breakConnections, true],
    ['kill -9', (gateway: Gateway) => gateway.kill9().then(() => gateway.start()), false],
    ['a clean stop', (gateway: Gateway) => gateway.stop().then(() => gateway.start()), false],
  ])(
    'what was logged, not acknowledged and sent again after %s stands once and is counted as duplicate',
    async (_, interrupt, sameSession) => {
      const messages = 200;
      await using gateway = await startGateway({ topics });
      const startUs = (Date.now() - 3_600_000) * 1000;
      const load = kinds.map(([topic, qos]): LoadDevice => {
        const device = new MqttDevice({ port: gateway.mqttPort, clientId: topic, window: messages }).start();
        return { device, topic, qos, tags: 2, packetIds: [], startUs: topic.startsWith('timed') ? startUs : null };
      });
      const devices = load.map(({ device }) => device);
      const expected = load.length * messages;
      await waitFor('every device is connected', () => devices.every(({ connections }) => connections === 1));
      for (const device of devices) device.loseAcknowledgements();
      const acknowledged = load.flatMap((one) =>
        Array.from({ length: messages }, (__, number) => {
          const { topic, payload } = messageOf(one, number);
          return one.device.publish(topic, payload, one.qos);
        }),
      );
      await gateway.until('all of it is logged', async () => (await settledLedger(gateway)).total.logged === expected);
      expect(devices.map((device) => device.acknowledged)).toEqual(devices.map(() => 0));
      await interrupt(gateway, devices);
      await gateway.ready();
      await Promise.all(acknowledged);
      expect(devices.map((device) => device.resent)).toEqual(devices.map(() => messages));
      for (const device of devices) await device.end();

      const ledger = await settledLedger(gateway);
      expect(imbalances(ledger)).toEqual([]);
      for (const { topic, qos, tags } of load) {
        const rows = ledger.items.filter(({ tag }) => tag.startsWith(`${site}/${topic}/`));
        expect(rows.map(({ logged }) => logged)).toEqual(Array.from({ length: tags }, () => messages / tags));
        // What QoS 2 repeats within its session the broker itself knows again: it is the same delivery, and received once.
        const repeats = qos === 1 || !sameSession ? messages / tags : 0;
        expect(rows.map(({ duplicate }) => duplicate)).toEqual(rows.map(() => repeats));
      }
      await gateway.stop();
      const samples = await decodeSamples(await dumpTopic(gateway, 'samples'));
      const values = byTag(samples.filter(({ flags }) => (flags & gapFlag) === 0));
      const wanted = load.flatMap(({ topic, tags }) =>
        Array.from({ length: tags }, (__, t) => [
          `${site}/${topic}/t${t}`,
          Array.from({ length: messages / tags }, (___, n) => t + tags * n + 0.5),
        ]),
      );
      expect(Object.fromEntries([...values].map(([tag, found]) => [tag, found.map(({ value }) => value)]))).toEqual(
        Object.fromEntries(wanted),
      );
    },
  );

  test('a device that is gone without a word: each of its tags has a null sample from then on, and values again when it is back', async () => {
    await using gateway = await startGateway({ topics });
    const startUs = (Date.now() - 3_600_000) * 1000;
    const tags = ['a', 'b'].map((name) => `${site}/timed/pump/${name}`);
    const publish = (device: MqttDevice, n: number) =>
      Promise.all(
        ['a', 'b'].map((name) => device.publish(`timed/pump/${name}`, `{"timestamp":${startUs + n},"value":${n}}`)),
      );
    const first = new MqttDevice({ port: gateway.mqttPort, clientId: 'pump' }).start();
    await publish(first, 1);
    const goneUs = Date.now() * 1000;
    first.vanish();
    await gateway.until(
      'the gap is logged',
      async () => (await settledLedger(gateway)).total.generated === tags.length,
    );
    await using again = new MqttDevice({ port: gateway.mqttPort, clientId: 'pump' }).start();
    await publish(again, 2);
    const ledger = await settledLedger(gateway);
    expect(imbalances(ledger)).toEqual([]);
    expect(ledger.total).toMatchObject({ received: 4, logged: 4, generated: 2, duplicate: 0, stored: 6 });
    for (const tag of tags) {
      const found = await historyByHttp(gateway, [tag]);
      const badNoCommunication = 0x8031_0000;
      expect(found.map(({ value, quality }) => [value, quality])).toEqual([
        [1, 0],
        [2, 0],
        [null, badNoCommunication],
      ]);
      expect(found[2]?.timeUs).toBeGreaterThanOrEqual(goneUs - 1000);
    }
  });
});
