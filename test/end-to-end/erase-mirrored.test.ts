import { describe, expect, test } from 'vitest';
import { startKafka } from '../services/kafka.ts';
import { requireService } from '../services/require.ts';
import { type Gateway, site, startGateway } from './gateway.ts';
import { linksCaughtUp, settledLedger } from './ledger.ts';
import { MqttDevice } from './mqtt-device.ts';

const services = requireService('kafka');
const SECOND_MS = 1_600_000_000_000;
const topics = [{ match: 'by/+', tag: 'line1/{1}', value: '$.value', time: '$.time', timeFormat: 'ms' }];

/** A value a second of two tags. */
async function publish(gateway: Gateway, from: number, to: number): Promise<void> {
  await using device = new MqttDevice({ port: gateway.mqttPort, clientId: `from-${from}` }).start();
  const sent: Promise<void>[] = [];
  for (let i = from; i < to; i++)
    for (const name of ['a', 'b'])
      sent.push(device.publish(`by/${name}`, JSON.stringify({ value: i + 0.5, time: SECOND_MS + i * 1000 })));
  await Promise.all(sent);
}

interface Verified {
  readonly topic: string;
  readonly compared: number;
  readonly erased: number;
  readonly different: number;
  readonly missing: number;
}

async function verify(gateway: Gateway): Promise<{ equal: boolean; samples: Verified | undefined }> {
  const { stdout } = await gateway.cli('link', 'verify', 'cloud', '--json');
  const { equal, topics: found } = JSON.parse(stdout.toString('utf8')) as { equal: boolean; topics: Verified[] };
  return { equal, samples: found.find(({ topic }) => topic === 'samples') };
}

const timeOf = (second: number): string => new Date(SECOND_MS + second * 1000).toISOString();

async function erase(gateway: Gateway, from: number, to: number): Promise<string> {
  const span = ['--from', timeOf(from), '--to', timeOf(to), '--reason', 'test'];
  const { stdout } = await gateway.cli('erase', '--tag', `${site}/line1/b`, ...span, '--yes');
  return stdout.toString('utf8');
}

describe.skipIf(!services.available)('what is erased at the source of a link', () => {
  test(`goes out as null where it had not been sent; what had been is told, and the link goes on all the same ${services.reason}`, async () => {
    await using kafka = await startKafka();
    const links = [{ name: 'cloud', to: { brokers: [kafka.brokers] }, topics: ['samples', 'events'] }];
    await using gateway = await startGateway({ topics, links });
    await publish(gateway, 0, 100);
    await settledLedger(gateway);
    await linksCaughtUp(gateway);
    expect(await erase(gateway, 50, 100)).toContain('link cloud: carries the event');
    await linksCaughtUp(gateway);
    const before = { compared: 150, erased: 50, different: 0, missing: 0 };
    expect(await verify(gateway)).toMatchObject({ equal: true, samples: before });

    // The tail of the mirror, which is compared before anything is sent, has what was erased.
    await gateway.restart();
    await publish(gateway, 100, 120);
    await settledLedger(gateway);
    await linksCaughtUp(gateway);
    expect(await verify(gateway)).toMatchObject({ equal: true, samples: { ...before, compared: 190 } });

    await kafka.kill9();
    await publish(gateway, 120, 160);
    await settledLedger(gateway);
    await erase(gateway, 120, 140);
    await kafka.restart();
    await linksCaughtUp(gateway);
    // Twenty of these are null at both ends.
    expect(await verify(gateway)).toMatchObject({ equal: true, samples: { ...before, compared: 270 } });
    const dumped = await gateway.cli('log', 'dump', 'samples');
    expect(dumped.stdout.toString('utf8').match(/\(erased\)/g)).toHaveLength(70);
  }, 180_000);
});
