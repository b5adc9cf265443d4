import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startMosquitto } from '../services/mosquitto.ts';
import { requireService } from '../services/require.ts';
import { waitFor } from '../services/wait.ts';
import { decodeSamples, exact } from './decode.ts';
import { microseconds, parseHistoryCsv } from './history.ts';
import { MqttDevice } from './mqtt-device.ts';
import { random } from './random.ts';
import { indexComplaints, type StoredRecord } from './stored-records.ts';

/* The instruments are tried on something that is known, so that a test that fails speaks of the gateway. */

const mosquitto = requireService('mosquitto');
const python = requireService('python');

function record(hex: string): StoredRecord {
  const value = Buffer.from(hex, 'hex');
  return { offset: 7, timestampMs: 0, key: Buffer.from('northmill/a'), value };
}

function choices(seed: number): number[] {
  const choose = random(seed);
  return Array.from({ length: 100 }, () => choose.whole(0, 9));
}

describe.skipIf(!mosquitto.available)('the device', () => {
  test('publishes with QoS 1 and 2; what was not acknowledged comes again with DUP after a reconnect, in order', async () => {
    await using broker = await startMosquitto();
    const listener = await connectAsync(broker.url);
    const received: string[] = [];
    listener.on('message', (_, payload) => received.push(payload.toString('utf8')));
    await listener.subscribeAsync('plant/#');
    await using device = new MqttDevice({ port: broker.port, clientId: 'd', window: 10 }).start();
    await Promise.all(['a', 'b', 'c'].map((payload) => device.publish('plant/x', payload)));
    await Promise.all(['d', 'e', 'f'].map((payload) => device.publish('plant/x', payload, 2)));
    device.loseAcknowledgements();
    const again = ['g', 'h'].map((payload) => device.publish('plant/x', payload));
    const once = device.publish('plant/x', 'i', 2);
    await waitFor('the listener has g and h', () => received.includes('h'));
    expect(device).toMatchObject({ acknowledged: 6, pending: 3, resent: 0 });
    device.breakConnection();
    await Promise.all([...again, once]);
    await waitFor('the listener has i', () => received.includes('i'));
    expect(device).toMatchObject({ acknowledged: 9, pending: 0, resent: 3, connections: 2 });
    // mosquitto passes a resent QoS 1 message on again, and one of QoS 2 once.
    expect(received.join('')).toBe('abcdefghghi');
    await listener.endAsync();
  });

  test('that is refused says so to whoever waits for it', async () => {
    await using broker = await startMosquitto({ config: ['allow_anonymous false'] });
    await using device = new MqttDevice({ port: broker.port, clientId: 'stranger' }).start();
    await expect(device.publish('plant/x', 'a')).rejects.toThrow('stranger was refused with code 5');
    expect(device.pending).toBe(0);
  });
});

describe.skipIf(!python.available)('the decoder', () => {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'edge', 'core', 'FORMAT.md'), 'utf8');

  test('reads the samples of FORMAT.md', async () => {
    const examples = [
      ...page.matchAll(/^\| `(004b81f81c[0-9a-f]+)` \| (\d+) \| (?:double (\S+)|null) \| (\d+) \| (\d+) \|/gm),
    ];
    expect(examples.length).toBeGreaterThanOrEqual(4);
    const samples = await decodeSamples(examples.map(([, hex = '']) => record(hex)));
    expect(samples).toEqual(
      examples.map(([, , time, double, quality, flags]) => ({
        offset: 7,
        tag: 'northmill/a',
        timeUs: Number(time),
        value: double === undefined ? null : Number(double),
        quality: Number(quality),
        flags: Number(flags),
        type: double === undefined ? 'NoneType' : 'float',
      })),
    );
  });

  test('refuses another schema id and bytes behind a sample', async () => {
    const [, hex = ''] = /`(004b81f81c[0-9a-f]+)`/.exec(page) ?? [];
    await expect(decodeSamples([record(hex.replace('1c', '1d'))])).rejects.toThrow('schema id 1266808861');
    await expect(decodeSamples([record(`${hex}00`)])).rejects.toThrow('bytes behind the sample');
  });
});

test('one bit of a value, a time or a quality makes another text', () => {
  const sample = { tag: 'a/b', timeUs: 1, value: 0.1, quality: 0 };
  const others = [
    { ...sample, value: 0.1 + Number.EPSILON / 16 },
    { ...sample, timeUs: 2 },
    { ...sample, quality: 1 },
  ];
  expect(new Set([sample, { ...sample, value: 0 }, { ...sample, value: -0 }, ...others].map(exact)).size).toBe(6);
});

test('history is read back: time in µs, null, numbers, text', () => {
  const csv = 'time,value,quality\n2020-03-09T07:14:33.000001Z,0.0265878,0\n2020-03-09T07:14:34.000000Z,,2147483648\n';
  expect(parseHistoryCsv(csv, 'a/b')).toEqual([
    { tag: 'a/b', timeUs: 1_583_738_073_000_001, value: 0.0265878, quality: 0 },
    { tag: 'a/b', timeUs: 1_583_738_074_000_000, value: null, quality: 2_147_483_648 },
  ]);
  expect(() => microseconds('2020-03-09T07:14:33Z')).toThrow('2020-03-09T07:14:33Z');
});

test('a segment without its indexes is a complaint', async () => {
  const data = mkdtempSync(join(tmpdir(), 'millrace-indexes-'));
  onTestFinished(() => rmSync(data, { recursive: true }));
  mkdirSync(join(data, 'log', 'samples-0'), { recursive: true });
  expect(await indexComplaints({ data }, 'samples')).toEqual(['samples: 0 segments, without ']);
  const segment = join(data, 'log', 'samples-0', '00000000000000000000');
  for (const ending of ['.log', '.index']) writeFileSync(`${segment}${ending}`, '');
  expect(await indexComplaints({ data }, 'samples')).toEqual([`samples: 1 segments, without ${segment}.timeindex`]);
});

test('the same seed makes the same choices', () => {
  expect(choices(7)).toEqual(choices(7));
  expect(choices(7)).not.toEqual(choices(8));
  expect(new Set(choices(7)).size).toBe(10);
});
