import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runPython } from '../services/python.ts';
import { requireService } from '../services/require.ts';
import { waitFor } from '../services/wait.ts';
import { badPayloads } from './bad-payloads.ts';
import { decodeSamples, exact, gapFlag } from './decode.ts';
import { figure, memoryOf, quantile } from './figures.ts';
import { site, startGateway, type Gateway } from './gateway.ts';
import { GoodDevice } from './good-device.ts';
import { historyByHttp, parseHistoryJson } from './history.ts';
import { imbalances, ledgerOf, settledLedger } from './ledger.ts';
import { MqttDevice } from './mqtt-device.ts';
import { random, testSeed } from './random.ts';
import { connectRaw, connectRawMqtt, publishPacket, type RawConnection } from './raw-connection.ts';
import { dumpTopic, indexComplaints } from './stored-records.ts';
import { dumpFrom, topicEnd, type DumpedLine } from './topic-dump.ts';

const services = requireService('kafka', 'python');

const mib = 1024 * 1024;
/** The budget of a gateway of normal size (CONTRACT, "Sizes"). */
const memoryLimitMb = 700;
const latencyLimitMs = 5000;

const topics = [
  { match: 'plant/+/+', tag: '{1}/{2}', value: '$.value', time: '$.timestamp' },
  // The topic is the tag, the payload the value.
  { match: 'names/#' },
];
const iso = '"timestamp":"2020-03-09T10:14:33+03:00"';

/** One gateway for all tests; a device that does everything right publishes all the while. */
describe.skipIf(!services.available)('what devices do wrong', () => {
  let gateway: Gateway;
  let good: GoodDevice;
  const expected = { quarantined: 0, logged: 0 };
  const halfPackets: RawConnection[] = [];

  beforeAll(async () => {
    gateway = await startGateway({ topics });
    good = new GoodDevice(gateway.mqttPort, 'plant/good/counter').start(5);
    const memory = memoryOf(gateway.pid);
    figure('memory of the gateway at the start, MB', memory?.nowMb ?? 'not known here');
  });

  afterAll(async () => {
    good.stop();
    await good.device.end();
    for (const { socket } of halfPackets) socket.destroy();
    await gateway[Symbol.asyncDispose]();
  });

  /** Publishes everything from one device, waits for every PUBACK, and gives what came into quarantine because of it. */
  async function publishAll(
    clientId: string,
    messages: readonly { readonly topic: string; readonly payload: string | Uint8Array }[],
    window = 200,
  ): Promise<DumpedLine[]> {
    const from = await topicEnd(gateway, 'quarantine');
    await using device = new MqttDevice({ port: gateway.mqttPort, clientId, window }).start();
    await Promise.all(messages.map(({ topic, payload }) => device.publish(topic, payload)));
    expect(device).toMatchObject({ connections: 1, resent: 0 });
    return (await dumpFrom(gateway, 'quarantine', from)).filter(({ headers }) => headers['source'] === clientId);
  }

  test('1,000 malformed payloads: each is in quarantine, whole, with its reason, in order', async () => {
    const payloads = badPayloads(1000, random(testSeed()));
    const records = await publishAll(
      'careless',
      payloads.map(({ payload }) => ({ topic: 'plant/bad/payload', payload })),
    );
    expected.quarantined += payloads.length;
    // Under its tag, once there is such a tag.
    const keys = new Set(['(unmapped)', `${site}/bad/payload`]);
    const wrong = payloads.flatMap(({ kind, payload, reasons }, index) => {
      const { key, headers, ...record } = records[index] ?? {};
      const fits =
        keys.has(key ?? '') &&
        reasons.includes(headers?.['reason'] ?? '') &&
        headers?.['detail'] !== '' &&
        headers?.['connector'] === 'floor' &&
        headers['address'] === 'plant/bad/payload' &&
        headers['length'] === String(payload.length) &&
        headers['sha256'] === createHash('sha256').update(payload).digest('hex') &&
        headers['copy'] === undefined;
      return fits ? [] : [{ kind, payload: Buffer.from(payload).toString('latin1'), key, headers, record }];
    });
    expect(wrong.slice(0, 5)).toEqual([]);
    expect(records).toHaveLength(payloads.length);
    const reasons = Object.groupBy(records, ({ headers }) => headers['reason'] ?? '');
    const counts = Object.entries(reasons).map(([reason, found]) => `${reason} ${found?.length}`);
    figure('malformed payloads by reason', counts.join(', '));
    const metrics = await gateway.text('/metrics', 'text/plain');
    expect(metrics).toMatch(/^millrace_samples_quarantined_total\{reason="malformed"\} \d+$/m);
  });

  test('another type than the tag has: in quarantine under the tag, which keeps its type', async () => {
    const values = ['1.5', '"run"', 'true', '[1,2]', '2', '""'];
    const messages = values.map((value, n) => ({
      topic: 'plant/types/speed',
      payload: `{"timestamp":${1_600_000_000 + n},"value":${value}}`,
    }));
    const records = await publishAll('types', messages);
    expected.quarantined += 4;
    expected.logged += 2;
    expect(records.map(({ key, headers, value }) => [key, headers['reason'], value])).toEqual(
      [1, 2, 3, 5].map((n) => [`${site}/types/speed`, 'wrong-type', JSON.parse(messages[n]?.payload ?? '') as unknown]),
    );
    const { items } = (await gateway.api('/api/v1/tags?match=*/types/*')) as { items: unknown[] };
    expect(items).toMatchObject([{ path: `${site}/types/speed`, type: 'double' }]);
    await gateway.until('both are in the historian', async () => (await historyOf('types/speed')).length === 2);
    expect((await historyOf('types/speed')).map(({ value }) => value)).toEqual([1.5, 2]);
  });

  async function historyOf(tag: string) {
    const query = new URLSearchParams({ tag: `${site}/${tag}` }).toString();
    return parseHistoryJson(await gateway.text(`/api/v1/history?${query}`, 'application/json'));
  }

  test('NaN and infinities, as Python writes them: logged as null with BadOutOfRange, the original in quarantine as a copy', async () => {
    const script = `
import json
for n, value in enumerate([float('nan'), float('inf'), float('-inf')]):
    print(json.dumps({'timestamp': 1600000000 + n, 'value': value}))`;
    const { stdout } = await runPython(script);
    const payloads = stdout.toString('utf8').trimEnd().split('\n');
    expect(payloads[0]).toContain('NaN');
    const records = await publishAll(
      'python',
      payloads.map((payload) => ({ topic: 'plant/finite/flow', payload })),
    );
    expected.logged += payloads.length;
    expect(records.map(({ key, headers }) => [key, headers['reason'], headers['copy']])).toEqual(
      payloads.map(() => [`${site}/finite/flow`, 'not-finite', '1']),
    );
    expect(records.map(({ value }) => value)).toEqual(payloads);
    await gateway.until('all are in the historian', async () => (await historyOf('finite/flow')).length === 3);
    expect((await historyOf('finite/flow')).map(({ timeUs, value, quality }) => [timeUs, value, quality])).toEqual(
      payloads.map((_, n) => [(1_600_000_000 + n) * 1e6, null, 0x803c_0000]),
    );
  });

  test('a time in 2099 is logged as it is, flagged, and stands in history at its arrival; one in 1970 is like any other', async () => {
    const fromUs = Date.now() * 1000;
    const times = ['2099-01-01T00:00:00Z', '1970-01-01T00:00:00Z', '1969-12-31T23:59:59.999999Z'];
    const before = await topicEnd(gateway, 'samples');
    const records = await publishAll(
      'clocks',
      times.map((time, n) => ({ topic: 'plant/clocks/level', payload: `{"timestamp":"${time}","value":${n}}` })),
    );
    const toUs = Date.now() * 1000;
    expected.logged += 3;
    expect(records).toEqual([]);
    const logged = (await dumpFrom(gateway, 'samples', before)).filter(({ key }) => key === `${site}/clocks/level`);
    expect(logged.map(({ sample }) => [sample?.time, sample?.value, sample?.quality, sample?.flags])).toEqual([
      ['2099-01-01T00:00:00.000000Z', 0, 0, ['clockSuspect']],
      ['1970-01-01T00:00:00.000000Z', 1, 0, []],
      ['1969-12-31T23:59:59.999999Z', 2, 0, []],
    ]);
    await gateway.until('all are in the historian', async () => (await historyOf('clocks/level')).length === 3);
    const [oldest, old, future] = await historyOf('clocks/level');
    expect(oldest).toMatchObject({ timeUs: -1, value: 2, flags: [], deviceTimeUs: null });
    expect(old).toMatchObject({ timeUs: 0, value: 1, flags: [], deviceTimeUs: null });
    expect(future).toMatchObject({ value: 0, flags: ['clockSuspect'], deviceTimeUs: Date.UTC(2099, 0, 1) * 1000 });
    expect(future?.timeUs).toBeGreaterThanOrEqual(fromUs - 1000);
    expect(future?.timeUs).toBeLessThanOrEqual(toUs + 1000);
  });

  test('a message of 10 MiB is acknowledged and in quarantine with its first 64 KiB; one of 500 kB is a sample', async () => {
    const large = Buffer.alloc(10 * mib, `{${iso},"value":"abc`);
    const justTooLarge = Buffer.alloc(512_001, 'x');
    const text = 'x'.repeat(500_000);
    const records = await publishAll('camera', [
      { topic: 'plant/camera/image', payload: large },
      { topic: 'plant/camera/text', payload: `{${iso},"value":"${text}"}` },
      { topic: 'plant/camera/image', payload: justTooLarge },
    ]);
    expected.quarantined += 2;
    expected.logged += 1;
    expect(records).toHaveLength(2);
    for (const [index, payload] of [large, justTooLarge].entries()) {
      const { headers, value } = records[index] ?? {};
      const sha256 = createHash('sha256').update(payload).digest('hex');
      expect(headers).toMatchObject({ reason: 'too-large', length: String(payload.length), sha256 });
      expect(value === payload.toString('latin1', 0, 65_536)).toBe(true);
    }
    await gateway.until('the text is in the historian', async () => (await historyOf('camera/text')).length === 1);
    expect((await historyOf('camera/text'))[0]?.value === text).toBe(true);
  });

  test('a message of 17 MiB ends its connection at the fixed header: an event and the ledger say that it was refused', async () => {
    const before = await topicEnd(gateway, 'events');
    const connection = await connectRawMqtt(gateway.mqttPort, 'video');
    const packet = publishPacket('plant/camera/video', Buffer.alloc(17 * mib));
    // The fixed header alone: nothing of the message needs to be read.
    connection.write(packet.subarray(0, 5));
    await waitFor('the connection is closed', connection.isClosed);
    const whole = await connectRawMqtt(gateway.mqttPort, 'video');
    whole.write(packet);
    await waitFor('the connection is closed', whole.isClosed);
    await gateway.until('both are refused', async () => (await ledgerOf(gateway)).total.refused === 2);
    const events = (await dumpFrom(gateway, 'events', before)).map(({ value }) => value as Record<string, unknown>);
    const refused = events.filter(({ type }) => type === 'refused');
    expect(refused).toMatchObject([
      { connector: 'floor', source: 'video', reason: expect.any(String) as string },
      { connector: 'floor', source: 'video', reason: expect.any(String) as string },
    ]);
    for (const { bytes } of refused) expect(bytes).toBeGreaterThan(17 * mib - 1);
  });

  test('names that a tag may not have are escaped, reversibly', async () => {
    const names: readonly (readonly [name: string, segment: string])[] = [
      ['50%', '50%25'],
      ['%41', '%2541'],
      ['a b ', 'a b%20'],
      [' x ', '%20x%20'],
      ['O\u0308l', 'O%CC%88l'],
      ['\u00d6l', '\u00d6l'],
      ['[1]', '%5B1%5D'],
      ['{x}', '%7Bx%7D'],
      ['$', '%24'],
      ['$SYS', '%24SYS'],
      ['?', '%3F'],
      ['*', '%2A'],
      ['a\\b', 'a%5Cb'],
      ['tab\there', 'tab%09here'],
      ['\u0001\u001f', '%01%1F'],
      ['\u007f\u0085', '%7F%C2%85'],
      ['\u6e29\u5ea6', '\u6e29\u5ea6'],
      ['x'.repeat(255 - `${site}/names/`.length), 'x'.repeat(255 - `${site}/names/`.length)],
    ];
    const records = await publishAll(
      'names',
      names.map(([name], n) => ({ topic: `names/${name}`, payload: `${n}.5` })),
    );
    expected.logged += names.length;
    expect(records).toEqual([]);
    for (const [n, [name, segment]] of names.entries()) {
      expect(decodeURIComponent(segment)).toBe(name);
      await gateway.until(`${segment} is stored`, async () => (await historyOf(`names/${segment}`)).length === 1);
      expect(await historyOf(`names/${segment}`)).toMatchObject([{ value: n + 0.5, quality: 0 }]);
    }
    const { stdout } = await gateway.cli('history', `${site}/names/50%25`);
    expect(stdout.toString('utf8')).toMatch(/^time,value,quality\n\S+Z,0\.5,0\n$/);
  });

  test('topics that cannot be a tag are in quarantine, each with its reason', async () => {
    const cases: readonly (readonly [topic: string, reason: string])[] = [
      ['names//x', 'bad-tag'],
      ['names/', 'bad-tag'],
      ['names/x//', 'bad-tag'],
      [`names/${Array.from({ length: 15 }, (_, n) => n).join('/')}`, 'bad-tag'],
      [`names/${'x'.repeat(256 - `${site}/names/`.length)}`, 'tag-too-long'],
      [`names/${'%'.repeat(90)}`, 'tag-too-long'],
      [`names/${'\u6e29'.repeat(90)}`, 'tag-too-long'],
      [`names/${'x'.repeat(60_000)}`, 'tag-too-long'],
      ['names/Pump', 'case-conflict'],
      ['/names/x', 'no-mapping'],
      ['nobody/expects/this', 'no-mapping'],
    ];
    expect(await publishAll('names', [{ topic: 'names/pump', payload: '1' }])).toEqual([]);
    const records = await publishAll(
      'addresses',
      cases.map(([topic], n) => ({ topic, payload: `${n}` })),
    );
    expected.logged += 1;
    expected.quarantined += cases.length;
    expect(records.map(({ headers }) => [headers['address'], headers['reason']])).toEqual(
      cases.map(([topic, reason]) => [topic.slice(0, 4096), reason]),
    );
    expect(records.map(({ key, value }) => [key, value])).toEqual(cases.map((_, n) => ['(unmapped)', `${n}`]));
  });

  test('100,000 topics from one device: it gets its 10,000 tags, the rest is in quarantine, and other devices get theirs', async () => {
    const count = 100_000;
    const startMs = performance.now();
    const messages = Array.from({ length: count }, (_, n) => ({ topic: `names/flood/t${n}`, payload: `${n}` }));
    const records = await publishAll('flood', messages, 1000);
    figure('topics/s of one device with 100,000', (count / (performance.now() - startMs)) * 1000);
    expected.logged += 10_000;
    expected.quarantined += 90_000;
    expect(records).toHaveLength(90_000);
    expect(records.filter(({ key, headers }) => key !== '(unmapped)' || headers['reason'] !== 'tag-quota')).toEqual([]);
    const { items } = (await gateway.api('/api/v1/tags?match=*/names/flood/*&limit=50000')) as { items: unknown[] };
    expect(items).toHaveLength(10_000);
    expect(await publishAll('flood', [{ topic: 'names/flood/t0', payload: '0.5' }])).toEqual([]);
    expect(await publishAll('newcomer', [{ topic: 'names/newcomer/t0', payload: '0.5' }])).toEqual([]);
    expected.logged += 2;
  });

  test('bytes that are no MQTT end their connections; half a packet keeps nothing but its own', async () => {
    const choose = random(testSeed() + 1);
    const connections: RawConnection[] = [];
    for (let n = 0; n < 200; n++) {
      const connection = await connectRaw(gateway.mqttPort);
      connection.write(Uint8Array.from({ length: choose.whole(1, 2000) }, () => choose.whole(0, 255)));
      connections.push(connection);
    }
    // Garbage may look like the beginning of a long packet; who says nothing more is not listened to for ever.
    const left = () => connections.filter(({ isClosed }) => !isClosed()).length;
    await waitFor('connections that sent garbage are closed', () => left() === 0);
    const packet = publishPacket('plant/half/packet', Buffer.from(`{${iso},"value":1}`));
    for (let n = 0; n < 50; n++) {
      const connection = await connectRawMqtt(gateway.mqttPort, `half-${n}`);
      connection.write(packet.subarray(0, choose.whole(1, packet.length - 1)));
      if (n % 2 === 0) connection.socket.destroy();
      else halfPackets.push(connection);
    }
    const wild = await connectRawMqtt(gateway.mqttPort, 'wild');
    wild.write(publishPacket('plant/good/counter', Buffer.from('{}')).subarray(0, 2));
    wild.write(Buffer.alloc(100_000, 0xff));
    await waitFor('the connection that became garbage is closed', wild.isClosed);
    const { items } = (await gateway.api('/api/v1/tags?match=*/half/*')) as { items: unknown[] };
    expect(items).toEqual([]);
  });

  // MQTT 3.1.1, sections 1.5.3 and 3.3.2.1: the connection must be closed.
  test.each([
    ['is not UTF-8', Buffer.from([0x6e, 0x61, 0x6d, 0x65, 0x73, 0x2f, 0xff, 0xfe])],
    ['holds half of a surrogate pair', Buffer.from([0x6e, 0x61, 0x6d, 0x65, 0x73, 0x2f, 0xed, 0xa0, 0x80])],
    ['holds U+0000', Buffer.from('names/a\0b')],
    ['holds the wildcard +', Buffer.from('names/+/x')],
    ['holds the wildcard #', Buffer.from('names/#')],
    ['is empty', Buffer.alloc(0)],
  ])('a topic that %s ends its connection, and nothing of it is logged', async (_, topic) => {
    const before = await topicEnd(gateway, 'samples');
    const connection = await connectRawMqtt(gateway.mqttPort, 'topics');
    const length = 2 + topic.length + 2 + 1;
    // PUBLISH of QoS 1, packet id 7, payload `5`.
    connection.write(Buffer.concat([Buffer.from([0x32, length, 0, topic.length]), topic, Buffer.from([0, 7, 0x35])]));
    await waitFor('the connection is closed', connection.isClosed);
    const keys = (await dumpFrom(gateway, 'samples', before)).map(({ key }) => key);
    expect(keys.filter((key) => key !== `${site}/good/counter`)).toEqual([]);
  });

  test('the good data around it is all there, in time; the ledger accounts for everything; memory stayed bounded', async () => {
    good.stop();
    await waitFor('every good message is acknowledged', () => good.device.pending === 0);
    figure('good messages', good.sent);
    figure('PUBACK of the good device, ms, median', quantile(good.latenciesMs, 0.5));
    figure('PUBACK of the good device, ms, p99', quantile(good.latenciesMs, 0.99));
    figure('PUBACK of the good device, ms, most', Math.max(...good.latenciesMs));
    expect(good.device).toMatchObject({ connections: 1, resent: 0, acknowledged: good.sent });
    expect(Math.max(...good.latenciesMs)).toBeLessThan(latencyLimitMs);

    const memory = memoryOf(gateway.pid);
    figure('memory of the gateway at the end, MB', memory?.nowMb ?? 'not known here');
    figure('memory of the gateway, most, MB', memory?.peakMb ?? 'not known here');
    expect(memory?.peakMb ?? 0).toBeLessThan(memoryLimitMb);
    expect((await fetch(`${gateway.http}/readyz`)).status).toBe(200);
    const metrics = await gateway.text('/metrics', 'text/plain');
    expect(metrics).toContain('# TYPE millrace_worker_restarts_total counter');
    expect([...metrics.matchAll(/^millrace_worker_restarts_total\S* (\d+)$/gm)].filter(([, n]) => n !== '0')).toEqual(
      [],
    );

    const ledger = await settledLedger(gateway);
    figure('ledger', JSON.stringify(ledger.total));
    expect(imbalances(ledger)).toEqual([]);
    const { quarantined, refused, logged } = ledger.total;
    expect({ quarantined, logged }).toEqual({ ...expected, logged: expected.logged + good.sent });
    const events = (await dumpFrom(gateway, 'events', 0)).map(({ value }) => value as { readonly type: string });
    expect(refused).toBe(events.filter(({ type }) => type === 'refused').length);
    expect(ledger.total).toMatchObject({ duplicate: 0, filtered: 0, lost: 0, inFlight: 0, lag: 0 });

    const tag = `${site}/good/counter`;
    const wanted = Array.from({ length: good.sent }, (_, n) =>
      exact({ tag, timeUs: good.timeUs(n), value: n + 0.25, quality: 0 }),
    );
    expect((await historyByHttp(gateway, [tag])).map(exact)).toEqual(wanted);
    figure('clean stop, ms', await gateway.stop());
    await gateway.cli('log', 'verify');
    const records = await dumpTopic(gateway, 'samples');
    const ours = await decodeSamples(records.filter(({ key }) => key?.toString('utf8') === tag));
    expect(ours.filter(({ flags }) => (flags & gapFlag) === 0).map(exact)).toEqual(wanted);
    for (const topic of ['samples', 'quarantine', 'events', 'tags']) {
      expect(await indexComplaints(gateway, topic)).toEqual([]);
    }
    for (const topic of ['quarantine', 'events', 'tags']) await dumpTopic(gateway, topic);
  });
});
