import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Questdb, startQuestdb } from '../services/questdb.ts';
import { requireService } from '../services/require.ts';
import { figure } from './figures.ts';
import { type Gateway, site, startGateway } from './gateway.ts';
import { settledLedger } from './ledger.ts';
import { MqttDevice } from './mqtt-device.ts';
import { random as randomOf, testSeed } from './random.ts';

const services = requireService('questdb');
const START_MS = 1_600_000_000_000;

const mapping = { value: '$.value', time: '$.time', timeFormat: 'ms' };
const topics = [
  { match: 'numbers/+', tag: 'numbers/{1}', ...mapping },
  { match: 'integers/+', tag: 'integers/{1}', type: 'long', ...mapping },
  { match: 'states/+', tag: 'states/{1}', class: 'critical', ...mapping },
  { match: 'texts/+', tag: 'texts/{1}', class: 'bulk', ...mapping },
];

/** Time of a step, as the API takes it. */
function at(second: number): string {
  return new Date(START_MS + second * 1000).toISOString();
}

interface State {
  readonly state: string;
  readonly detail: string | null;
  readonly lagRecords: number;
  readonly rows: number;
  readonly refused: number;
}

/** What a device publishes at step `i` under each of its topics, as JSON; now and then two values at one time, and late ones. */
function* messages(random: () => number, steps: number): Generator<[topic: string, payload: string]> {
  for (let i = 0; i < steps; i++) {
    const late = random() < 0.1 ? Math.floor(random() * 60_000) : 0;
    const time = START_MS + i * 1000 - late - (random() < 0.1 ? 1000 : 0);
    const number =
      random() < 0.5 ? Math.round(random() * 1e4) / 100 : (random() - 0.5) * 10 ** Math.floor(random() * 300 - 150);
    yield ['numbers/a', JSON.stringify({ value: number, time })];
    // More than a double holds: written by hand.
    yield ['integers/a', `{"value":${BigInt(Math.floor(random() * 2 ** 52)) * 2011n},"time":${time}}`];
    yield ['states/a', JSON.stringify({ value: random() < 0.5, time })];
    yield ['texts/a', JSON.stringify({ value: `"${'ö\\\n'.repeat(Math.floor(random() * 5))}${i}'`, time })];
  }
}

async function publish(gateway: Gateway, clientId: string, all: Iterable<[string, string]>): Promise<void> {
  await using device = new MqttDevice({ port: gateway.mqttPort, clientId, window: 1000 }).start();
  await Promise.all(Array.from(all, ([topic, payload]) => device.publish(topic, payload)));
}

async function stateOf(gateway: Gateway): Promise<State> {
  return (await gateway.api('/api/v1/historian/questdb')) as State;
}

async function caughtUp(gateway: Gateway): Promise<void> {
  await settledLedger(gateway);
  await gateway.until('QuestDB to have everything', async () => {
    const state = await stateOf(gateway);
    if (state.state !== 'following' || state.lagRecords > 0) throw new Error(JSON.stringify(state));
    return true;
  });
}

const passwordFile = join(tmpdir(), `millrace-questdb-password-${process.pid}`);
afterAll(() => rmSync(passwordFile, { force: true }));

/** A gateway with this QuestDB beside its historian. */
async function gatewayWith({ http, pg, password }: Questdb, table: string): Promise<Gateway> {
  writeFileSync(passwordFile, password, { mode: 0o600 });
  return startGateway({ topics, historian: { questdb: { http, pg, password: { file: passwordFile }, table } } });
}

async function count({ http }: Questdb, table: string): Promise<number> {
  const query = encodeURIComponent(`SELECT count() FROM ${table}`);
  const answer = (await (await fetch(`${http}/exec?query=${query}`)).json()) as { dataset: number[][] };
  return answer.dataset[0]?.[0] ?? 0;
}

describe.skipIf(!services.available)('QuestDB beside the historian of a gateway', () => {
  test('gives the same answers to the same questions, by HTTP and by command', async () => {
    await using server = await startQuestdb();
    await using gateway = await gatewayWith(server, 'same');
    const chance = randomOf(testSeed());
    const random = (): number => chance.next();
    await publish(gateway, 'press', messages(random, 2000));
    await caughtUp(gateway);
    const { stored, duplicate } = (await settledLedger(gateway)).total;
    expect(stored + duplicate).toBe(8000);
    expect(await stateOf(gateway)).toMatchObject({ rows: stored, refused: 0, detail: null });
    expect(await count(server, 'same')).toBe(stored);

    const span = `from=${at(100)}&to=${at(1900)}`;
    const numbers = `tag=${site}/numbers/a`;
    const questions = [
      ...['numbers', 'integers', 'states', 'texts'].map((kind) => `tag=${site}/${kind}/a`),
      `${numbers}&tag=${site}/states/a&${span}`,
      `${numbers}&${span}&interval=1m&aggregate=min,max,count,first,last`,
      `tag=${site}/integers/a&${span}&interval=7s&aggregate=min,max,count,first,last`,
      `${numbers}&${span}&points=100`,
      `${numbers}&${span}&points=10000`,
      `tag=${site}/states/a&${span}&interval=1m&aggregate=count,first`,
      `${numbers}&${span}&interval=1m&aggregate=TimeAverage2,PercentGood,Range`,
      `${numbers}&${span}&every=10s&method=interpolated`,
      `${numbers}&${span}&points=50&shape=lttb`,
      `${numbers}&tag=${site}/states/a&${span}&every=30s&layout=wide`,
      `${numbers}&from=${at(1e6)}&to=${at(2e6)}`,
    ];
    for (const accept of ['application/json', 'text/csv']) {
      for (const question of questions) {
        const embedded = await gateway.text(`/api/v1/history?${question}`, accept);
        expect(embedded.length).toBeGreaterThan(10);
        const found = await gateway.text(`/api/v1/history?${question}&source=questdb`, accept);
        expect([question, found]).toEqual([question, embedded]);
      }
    }
    const command = ['history', `${site}/numbers/a`, '--interval', '1m', '--aggregate', 'min,max'];
    expect((await gateway.cli(...command, '--source', 'questdb')).stdout.toString('utf8')).toBe(
      (await gateway.cli(...command)).stdout.toString('utf8'),
    );
    const status = (await gateway.cli('status')).stdout.toString('utf8');
    expect(status).toMatch(
      /^questdb: following, 0 records behind the log, \d,\d{3} rows sent to same of http:\/\/127/m,
    );
    expect(await gateway.text('/metrics', 'text/plain')).toContain('millrace_questdb_state{state="following"} 1');
  });

  test('kill -9 of the gateway and of QuestDB, and a QuestDB that is away: intake goes on, and every row is there once afterwards', async () => {
    await using server = await startQuestdb();
    await using gateway = await gatewayWith(server, 'crash');
    const chance = randomOf(testSeed());
    const random = (): number => chance.next();
    let rows = 0;
    const more = async (steps: number): Promise<void> => {
      const own = rows;
      // Each at times of its own.
      const all = Array.from(
        messages(random, steps),
        ([topic, payload]) =>
          [topic, payload.replace(/"time":(\d+)/, (_, ms: string) => `"time":${Number(ms) + own * 10_000}`)] as [
            string,
            string,
          ],
      );
      await publish(gateway, 'press', all);
      rows += all.length;
    };
    await more(300);
    await gateway.kill9();
    gateway.start();
    await gateway.ready();
    await more(300);
    await server.kill9();
    const startMs = performance.now();
    await more(500);
    figure('samples/s acknowledged while QuestDB is away', 2000 / ((performance.now() - startMs) / 1000));
    await gateway.until('the problem to be told', async () => (await stateOf(gateway)).state === 'waiting');
    expect((await fetch(`${gateway.http}/readyz`)).status).toBe(200);
    const events = (await gateway.api('/api/v1/events?limit=1000')) as {
      items: { key: string; value: { type: string } }[];
    };
    expect(events.items.filter(({ key }) => key === 'historian/questdb').map(({ value }) => value.type)).toContain(
      'problem',
    );
    const away = await fetch(`${gateway.http}/api/v1/history?tag=${site}/numbers/a&source=questdb`);
    expect([away.status, ((await away.json()) as { type: string }).type]).toEqual([
      502,
      'urn:millrace:error:questdb-unreachable',
    ]);
    await server.restart();
    await caughtUp(gateway);
    const { total } = await settledLedger(gateway);
    expect(await count(server, 'crash')).toBe(total.stored);
    for (const kind of ['numbers', 'integers', 'states', 'texts']) {
      const question = `/api/v1/history?tag=${site}/${kind}/a`;
      expect(await gateway.text(`${question}&source=questdb`, 'text/csv')).toBe(
        await gateway.text(question, 'text/csv'),
      );
    }
  });

  test('millrace erase reaches it', async () => {
    await using server = await startQuestdb();
    await using gateway = await gatewayWith(server, 'erased');
    const chance = randomOf(testSeed());
    await publish(
      gateway,
      'press',
      messages(() => chance.next(), 300),
    );
    await caughtUp(gateway);
    const all = `/api/v1/history?tag=${site}/texts/a`;
    const rowsOf = async (more: string): Promise<string[]> =>
      (await gateway.text(`${all}&from=${at(-100)}&to=${at(150)}${more}`, 'text/csv')).trimEnd().split('\n').slice(1);
    expect((await rowsOf('&source=questdb')).length).toBeGreaterThan(100);
    const span = ['--from', at(-100), '--to', at(150)];
    await gateway.cli('erase', '--tag', `${site}/texts/a`, ...span, '--reason', 'a test', '--by', 'nobody', '--yes');
    await gateway.until('it to be erased in QuestDB', async () => (await rowsOf('&source=questdb')).length === 0);
    expect(await rowsOf('')).toEqual([]);
    expect(await gateway.text(`${all}&source=questdb`, 'text/csv')).toBe(await gateway.text(all, 'text/csv'));
  });

  test('without one it says what is missing', async () => {
    await using gateway = await startGateway({ topics });
    await publish(gateway, 'press', messages(Math.random, 1));
    await settledLedger(gateway);
    const answer = await fetch(`${gateway.http}/api/v1/history?tag=${site}/numbers/a&source=questdb`);
    expect([answer.status, ((await answer.json()) as { detail: string }).detail]).toEqual([
      400,
      'source: questdb; the configuration has no historian.questdb.',
    ]);
    expect((await fetch(`${gateway.http}/api/v1/historian/questdb`)).status).toBe(404);
  });
});
