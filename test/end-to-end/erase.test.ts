import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { errnoOf } from '../../edge/core/fault.ts';
import { dumpComplaints, dumpIndexes, dumpLog, dumpRecords } from '../services/dump-log.ts';
import { requireService } from '../services/require.ts';
import { type Gateway, millrace, site, startGateway } from './gateway.ts';
import { historyByHttp } from './history.ts';
import { imbalances, settledLedger } from './ledger.ts';
import { MqttDevice } from './mqtt-device.ts';
import { random, testSeed } from './random.ts';

const kafka = requireService('kafka');
const SECOND_MS = 1_600_000_000_000;
const topics = [{ match: 'by/+/+', tag: '{1}/{2}', value: '$.value', time: '$.time', timeFormat: 'ms' }];
const TAGS = ['line1/a', 'line1/b', 'line10/a'];
const tagOf = (name: string): string => `${site}/${name}`;

/** A secret a second of each tag. */
async function publish(gateway: Gateway, from: number, to: number): Promise<void> {
  await using device = new MqttDevice({ port: gateway.mqttPort, clientId: `from-${from}` }).start();
  const sent: Promise<void>[] = [];
  for (let i = from; i < to; i++)
    for (const name of TAGS) {
      const payload = JSON.stringify({ value: `secret ${i} of ${name}.`, time: SECOND_MS + i * 1000 });
      sent.push(device.publish(`by/${name}`, payload));
    }
  await Promise.all(sent);
}

const timeOf = (second: number): string => new Date(SECOND_MS + second * 1000).toISOString();

async function secretsOf(gateway: Gateway, name: string): Promise<number[]> {
  const samples = await historyByHttp(gateway, [tagOf(name)]);
  return samples.flatMap(({ value }) => (typeof value === 'string' ? [Number(/^secret (\d+)/.exec(value)?.[1])] : []));
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

/** Files of the data folder whose bytes hold this text, by their folder. The columns of so few texts are not compressed; complete segments of the log may be: see `inLog`. */
function filesWith(gateway: Gateway, text: string): string[] {
  try {
    return foldersWith(gateway.data, text);
  } catch (error) {
    // A file was replaced meanwhile, as an index is that is made anew: what took its place must be looked at too.
    if (errnoOf(error) === 'ENOENT') return filesWith(gateway, text);
    throw error;
  }
}

function foldersWith(data: string, text: string): string[] {
  const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const found = files.filter(({ parentPath, name }) => readFileSync(path.join(parentPath, name)).includes(text));
  return [...new Set(found.map(({ parentPath }) => path.relative(data, parentPath)))].toSorted();
}

/** Values of topic `samples` as the log has them, also out of compressed batches; null: erased. */
async function inLog(gateway: Gateway): Promise<(string | null)[]> {
  const { stdout } = await gateway.cli('log', 'dump', 'samples', '--json');
  const lines = stdout.toString('utf8').trimEnd().split('\n');
  const records = lines.map((line) => JSON.parse(line) as { sample?: { value: string }; erased?: boolean });
  return records.map(({ sample, erased }) => (erased === true ? null : (sample?.value ?? '')));
}

function ofTag(name: string, from: number, to: number): (value: string | null) => boolean {
  const texts = new Set(numbers(from, to).map((i) => `secret ${i} of ${name}.`));
  return (value) => texts.has(value ?? '');
}

interface ErasureItem {
  readonly id: string;
  readonly done: boolean;
  readonly event: number | null;
  readonly places: readonly { readonly name: string; readonly done: string | null }[];
}

async function erasures(gateway: Gateway): Promise<readonly ErasureItem[]> {
  return ((await gateway.api('/api/v1/erasures')) as { items: readonly ErasureItem[] }).items;
}

/** What the gateway has put on record itself. */
async function recorded(gateway: Gateway, topic: 'audit' | 'events', types: readonly string[]): Promise<unknown[]> {
  const { stdout } = await gateway.cli('log', 'dump', topic, '--json');
  const lines = stdout.toString('utf8').trimEnd().split('\n');
  const values = lines.map((line) => (JSON.parse(line) as { value: { type?: string; action?: string } }).value);
  return values.filter(({ type, action }) => types.includes(type ?? action ?? ''));
}

/** Has something done without waiting for the answer: the gateway will be killed. */
function ask(gateway: Gateway, route: string, body?: object): void {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' };
  const more = body === undefined ? {} : { body: JSON.stringify(body) };
  fetch(`${gateway.http}${route}`, { method: 'POST', headers, ...more }).catch(() => undefined);
}

describe('millrace erase', () => {
  test('shows what it is about, asks, erases everywhere, and says what is left where and until when', async () => {
    const links = [{ name: 'cloud', to: { brokers: ['127.0.0.1:1'] }, topics: ['samples'] }];
    const log = { topics: { samples: { retention: '14d' } } };
    await using gateway = await startGateway({ topics, links, log });
    await publish(gateway, 0, 20);
    await settledLedger(gateway);
    const span = ['--from', timeOf(5), '--to', timeOf(10), '--reason', 'names of persons', '--by', 'eve'];
    const dry = await gateway.cli('erase', '--tag', tagOf('line1'), '--prefix', ...span, '--dry-run');
    expect(dry.stdout.toString('utf8')).toBe(
      'tag                samples\nnorthmill/line1/a        5\nnorthmill/line1/b        5\n10 samples of 2 tags in the historian; copies elsewhere (log) are erased too, and not counted\n',
    );
    expect(await erasures(gateway)).toEqual([]);
    const unasked = await millrace(
      ['erase', '--tag', tagOf('line1/a'), ...span, '-c', gateway.configFile],
      gateway.folder,
    );
    expect([unasked.code, unasked.stderr.includes('--yes')]).toEqual([2, true]);
    const { stdout } = await gateway.cli('erase', '--tag', tagOf('LINE1'), '--prefix', ...span, '--yes');
    const [order] = await erasures(gateway);
    expect(order).toMatchObject({ done: true });
    expect(stdout.toString('utf8').split('\n').slice(4)).toEqual([
      `Erasure ${order?.id}: 10 samples of 2 tags.`,
      'historian: erased',
      'log: erased',
      `event: erased, offset ${order?.event} of topic events`,
      'link cloud: does not mirror topic events, so the other end is NOT told; what it has mirrored is still there',
      '',
    ]);
    const left = [...numbers(0, 5), ...numbers(10, 20)];
    expect([await secretsOf(gateway, 'line1/a'), await secretsOf(gateway, 'line1/b')]).toEqual([left, left]);
    expect(await secretsOf(gateway, 'line10/a')).toEqual(numbers(0, 20));
    expect(filesWith(gateway, 'secret 7 of line1/a.')).toEqual([]);
    expect(filesWith(gateway, 'secret 7 of line10/a.')).toContain('historian');
    expect(filesWith(gateway, 'secret 4 of line1/a.')).toContain('historian');
    const values = await inLog(gateway);
    expect(values).toHaveLength(60);
    expect(values.filter((value) => value === null)).toHaveLength(10);
    for (const name of ['line1/a', 'line1/b']) expect(values.filter(ofTag(name, 5, 10))).toEqual([]);
    expect(values.filter(ofTag('line10/a', 0, 20))).toHaveLength(20);
    const verified = await gateway.cli('log', 'verify', '--json');
    expect(JSON.parse(verified.stdout.toString('utf8'))).toMatchObject({ sound: true });
    const about = { by: 'eve', reason: 'names of persons', prefix: true, samples: 10 };
    expect(await recorded(gateway, 'audit', ['erase'])).toMatchObject([about]);
    expect(await recorded(gateway, 'events', ['erased', 'erasure-done'])).toMatchObject([about, { id: order?.id }]);
    const ledger = await settledLedger(gateway);
    expect([imbalances(ledger), ledger.total.stored]).toEqual([[], 60]);
    const listed = await gateway.cli('historian', 'erasures');
    expect(listed.stdout.toString('utf8')).toContain('eve: names of persons');
  });

  test('without a gateway it is done under the lock of the data, and the next start knows of it', async () => {
    await using gateway = await startGateway({ topics });
    await publish(gateway, 0, 20);
    await settledLedger(gateway);
    await gateway.stop();
    const span = ['--from', timeOf(0), '--to', timeOf(20), '--reason', 'test'];
    await gateway.cli('erase', '--tag', tagOf('line1/a'), ...span, '--yes');
    const rebuilt = await gateway.cli('rebuild', 'historian', '--json');
    const { topics: found } = JSON.parse(rebuilt.stdout.toString('utf8')) as { topics: { topic: string }[] };
    expect(found.filter(({ topic }) => topic === 'samples')).toMatchObject([{ first: 0, last: 59, samples: 40 }]);
    expect(filesWith(gateway, 'of line1/a.')).toEqual([]);
    expect(filesWith(gateway, 'of line1/b.')).toContain('historian');
    gateway.start();
    await gateway.ready();
    expect(await secretsOf(gateway, 'line1/a')).toEqual([]);
    expect(await secretsOf(gateway, 'line1/b')).toEqual(numbers(0, 20));
    expect(await erasures(gateway)).toMatchObject([{ done: true }]);
    expect(imbalances(await settledLedger(gateway))).toEqual([]);
  });
});

test('without a gateway QuestDB is not reached: that is said, and stays on record for one that runs', async () => {
  const questdb = {
    http: 'http://127.0.0.1:1',
    pg: 'postgres://admin@127.0.0.1:1/qdb',
    password: { env: 'PATH' },
  };
  await using gateway = await startGateway({ topics, historian: { questdb } });
  await publish(gateway, 0, 5);
  await settledLedger(gateway);
  await gateway.stop();
  const span = ['--from', timeOf(0), '--to', timeOf(20), '--reason', 'test'];
  const order = ['erase', '--tag', tagOf('line1/a'), ...span, '--yes', '-c', gateway.configFile];
  const { code, stdout } = await millrace(order, gateway.folder);
  expect([code, stdout.toString('utf8')]).toEqual([1, expect.stringContaining('questdb: NOT DONE')]);
  gateway.start();
  await gateway.ready();
  const [erasure] = await erasures(gateway);
  expect(erasure?.places.filter(({ done }) => done === null).map(({ name }) => name)).toEqual(['questdb']);
});

describe('the log', () => {
  test.skipIf(!kafka.available)(
    `is one that Kafka's own tools have no complaint about, and compressed batches hold nothing of it ${kafka.reason}`,
    async () => {
      await using gateway = await startGateway({ topics });
      // In batches of hundreds, which are compressed.
      await publish(gateway, 0, 2000);
      await settledLedger(gateway);
      const span = ['--from', timeOf(100), '--to', timeOf(1900), '--reason', 'test'];
      await gateway.cli('erase', '--tag', tagOf('line1/b'), ...span, '--yes');
      const values = await inLog(gateway);
      expect(values.filter(ofTag('line1/b', 100, 1900))).toEqual([]);
      expect(values.filter((value) => value === null)).toHaveLength(1800);
      expect(values.filter(ofTag('line1/a', 0, 2000))).toHaveLength(2000);
      await gateway.stop();
      const folder = path.join(gateway.data, 'log', 'samples-0');
      const files = (end: string): string[] => {
        const names = readdirSync(folder).filter((name) => name.endsWith(end));
        return names.map((name) => path.join(folder, name));
      };
      expect(files('.log').length).toBeGreaterThan(1);
      const said = (await dumpLog(files('.log'))) + (await dumpIndexes([...files('.index'), ...files('.timeindex')]));
      expect(dumpComplaints(said)).toEqual([]);
      const records = await dumpRecords(files('.log'));
      expect(records.filter(({ value }) => value === null)).toHaveLength(1800);
      expect(records.map(({ offset }) => offset)).toEqual(numbers(0, 6000));
    },
    120_000,
  );
});

describe('kill -9', () => {
  test('right behind samples that are then erased without a gateway: the ledger balances, and nothing of it comes back', async () => {
    await using gateway = await startGateway({ topics });
    await publish(gateway, 0, 20);
    await gateway.kill9();
    const span = ['--from', timeOf(5), '--to', timeOf(15), '--reason', 'test'];
    await gateway.cli('erase', '--tag', tagOf('line1'), '--prefix', ...span, '--yes');
    expect(filesWith(gateway, 'secret 7 of line1/')).toEqual([]);
    gateway.start();
    await gateway.ready();
    const ledger = await settledLedger(gateway);
    expect(imbalances(ledger)).toEqual([]);
    expect(ledger.total).toMatchObject({ received: 60, logged: 60, stored: 60, lag: 0 });
    expect(await secretsOf(gateway, 'line1/a')).toEqual([...numbers(0, 5), ...numbers(15, 20)]);
    expect(await secretsOf(gateway, 'line10/a')).toEqual(numbers(0, 20));
  });

  test('in the middle of an erasure: it is gone on with at the next start, and nothing of it comes back', async () => {
    const choose = random(testSeed());
    await using gateway = await startGateway({ topics });
    for (let round = 0; round < 4; round++) {
      const first = round * 20;
      await publish(gateway, first, first + 20);
      await settledLedger(gateway);
      const order = { tags: [tagOf('line1')], prefix: true, from: timeOf(first + 5), to: timeOf(first + 15) };
      ask(gateway, '/api/v1/erasures', { ...order, reason: `round ${round}` });
      await pause(choose.between(0, 60));
      await gateway.kill9();
      gateway.start();
      await gateway.ready();
      const orders = await erasures(gateway);
      if (orders.length <= round) {
        // It was not on record yet: it is given again.
        ask(gateway, '/api/v1/erasures', { ...order, reason: `round ${round}` });
      }
      await gateway.until('the erasure is done', async () => {
        const items = await erasures(gateway);
        return items.length > round && items.every(({ done, event }) => done && event !== null);
      });
      const left = numbers(0, first + 20).filter((i) => i % 20 < 5 || i % 20 >= 15);
      expect([await secretsOf(gateway, 'line1/a'), await secretsOf(gateway, 'line1/b')]).toEqual([left, left]);
      for (const i of [5, 7, 14]) expect(filesWith(gateway, `secret ${first + i} of line1/`)).toEqual([]);
      for (const i of [4, 15]) expect(filesWith(gateway, `secret ${first + i} of line1/`)).toContain('historian');
      expect((await inLog(gateway)).filter((value) => value === null)).toHaveLength(20 * (round + 1));
    }
    expect(await secretsOf(gateway, 'line10/a')).toEqual(numbers(0, 80));
    const rebuilt = await gateway.cli('rebuild', 'historian');
    expect(rebuilt.stdout.toString('utf8')).toContain('The historian is rebuilt.');
    const left = numbers(0, 80).filter((i) => i % 20 < 5 || i % 20 >= 15);
    expect(await secretsOf(gateway, 'line1/a')).toEqual(left);
    expect(imbalances(await settledLedger(gateway))).toEqual([]);
  });

  test('in the middle of a rebuild: the old files are there, whole, and no others', async () => {
    const choose = random(testSeed());
    await using gateway = await startGateway({ topics });
    await publish(gateway, 0, 3000);
    await settledLedger(gateway);
    await gateway.restart();
    for (let round = 0; round < 4; round++) {
      ask(gateway, '/api/v1/historian/rebuild');
      await pause(choose.between(0, 150));
      await gateway.kill9();
      gateway.start();
      await gateway.ready();
      expect(await secretsOf(gateway, 'line1/a')).toEqual(numbers(0, 3000));
      const { files } = (await gateway.api('/api/v1/historian')) as { files: number };
      const named = readdirSync(path.join(gateway.data, 'historian')).filter((name) => name.endsWith('.mrh'));
      expect(named).toHaveLength(files);
    }
    await gateway.cli('rebuild', 'historian');
    expect(await secretsOf(gateway, 'line10/a')).toEqual(numbers(0, 3000));
    await gateway.cli('historian', 'verify');
    expect(imbalances(await settledLedger(gateway))).toEqual([]);
  });
});
