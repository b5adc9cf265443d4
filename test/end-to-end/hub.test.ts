import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startKafka } from '../services/kafka.ts';
import { type Questdb, startQuestdb } from '../services/questdb.ts';
import { requireService } from '../services/require.ts';
import { freePort } from '../services/wait.ts';
import { type GatewayProcess, spawnGateway } from './gateway-process.ts';
import { type Gateway, millrace, site, startGateway } from './gateway.ts';
import { settledLedger } from './ledger.ts';
import { MqttDevice } from './mqtt-device.ts';

const services = requireService('questdb', 'kafka');
const SECOND_MS = 1_600_000_000_000;
const topics = [
  { match: 'by/+/+', tag: '{1}/{2}', value: '$.value', time: '$.time', timeFormat: 'ms' },
  { match: 'state/+', tag: 'state/{1}', class: 'critical', value: '$.value', time: '$.time', timeFormat: 'ms' },
];
const launcher = join(import.meta.dirname, '..', '..', 'edge', 'millrace.js');

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

const at = (second: number): string => new Date(SECOND_MS + second * 1000).toISOString();

/** A value a second of each device topic, which is its number. */
async function publish(gateway: Gateway, from: number, to: number): Promise<void> {
  await using device = new MqttDevice({ port: gateway.mqttPort, clientId: `from-${from}` }).start();
  const names = ['by/line1/a', 'by/Line1/b', 'by/line10/a', 'state/a'];
  const all = numbers(from, to).flatMap((value) => names.map((name) => [name, value] as const));
  await Promise.all(
    all.map(([name, value]) => device.publish(name, JSON.stringify({ value, time: SECOND_MS + value * 1000 }))),
  );
}

/** The numbers of a tag that the hub's table shows. */
async function shown({ http }: Questdb, tag: string): Promise<unknown[]> {
  const sql = `SELECT value FROM all_sites WHERE tag = '${site}/${tag}' AND kind >= 0 ORDER BY ts`;
  const answer = await fetch(`${http}/exec?query=${encodeURIComponent(sql)}`);
  return ((await answer.json()) as { dataset?: unknown[][] }).dataset?.flat() ?? [];
}

describe.skipIf(!services.available)('a hub behind the link of a gateway', () => {
  test('has what the gateway has logged; what is erased there is erased here, and does not come back', async () => {
    await using kafka = await startKafka();
    await using server = await startQuestdb();
    const cloud = { name: 'cloud', to: { brokers: [kafka.brokers] }, topics: ['samples*', 'events'], prefix: 'north.' };
    await using gateway = await startGateway({ topics, links: [cloud] });
    const port = await freePort();
    const password = join(gateway.folder, 'password');
    writeFileSync(password, server.password);
    const { http, pg } = server;
    const file = join(gateway.folder, 'hub.yaml');
    const config = {
      version: 1,
      http: { listen: `127.0.0.1:${port}` },
      kafka: { brokers: [kafka.brokers] },
      sites: [{ site, prefix: 'north.' }],
      questdb: { http, pg, password: { file: password }, table: 'all_sites' },
    };
    writeFileSync(file, JSON.stringify(config));
    const checked = await millrace(['hub', '-c', file, '--check'], gateway.folder);
    expect(checked.code).toBe(0);
    const start = (): GatewayProcess =>
      spawnGateway(process.execPath, [launcher, 'hub', '-c', file], gateway.folder, join(gateway.folder, 'hub.txt'));
    const erase = (tag: string, from: number, to: number, ...more: string[]): Promise<unknown> => {
      const span = ['--from', at(from), '--to', at(to), '--reason', 'names', '--by', 'eve', '--yes'];
      return gateway.cli('erase', '--tag', `${site}/${tag}`, ...span, ...more);
    };
    /** The table shows of each tag those of the first so many seconds that were not erased. */
    const shows = (seconds: number): Promise<void> =>
      gateway.until(
        `the first ${seconds} s, less what was erased`,
        async () => {
          const left = numbers(0, seconds);
          const line1 = JSON.stringify(left.filter((i) => i < 10 || i >= 20));
          const state = JSON.stringify(left.filter((i) => i < 40 || i >= 45));
          return (
            JSON.stringify(await shown(server, 'line1/a')) === line1 &&
            JSON.stringify(await shown(server, 'Line1/b')) === line1 &&
            JSON.stringify(await shown(server, 'line10/a')) === JSON.stringify(left) &&
            JSON.stringify(await shown(server, 'state/a')) === state
          );
        },
        120_000,
      );

    await publish(gateway, 0, 50);
    await settledLedger(gateway);
    let hub = start();
    try {
      await gateway.until('the samples in the table', async () => (await shown(server, 'state/a')).length === 50);
      await erase('LINE1', 10, 20, '--prefix');
      await erase('state/a', 40, 45);
      await shows(50);
      // What comes now is behind the orders, also where its time is not.
      expect(await hub.terminate(10_000)).toBe(0);
      await publish(gateway, 50, 60);
      await settledLedger(gateway);
      hub = start();
      await shows(60);
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      expect(text).toMatch(/^millrace_hub_erasures_refused_total 0$/m);
      expect(text).toMatch(/^millrace_hub_malformed_total 0$/m);
      expect(text).toMatch(/^millrace_hub_foreign_total 0$/m);
      expect(await hub.terminate(10_000)).toBe(0);
    } finally {
      await hub.kill9();
    }
  }, 400_000);
});
