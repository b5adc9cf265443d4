import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { double } from '../../historian/kit/history-kit.ts';
import { QuestdbHttp } from '../../historian/questdb/http.ts';
import { type GatewayProcess, spawnGateway } from '../../test/end-to-end/gateway-process.ts';
import { millrace } from '../../test/end-to-end/gateway.ts';
import { type Kafka, startKafka } from '../../test/services/kafka.ts';
import { type Questdb, startQuestdb } from '../../test/services/questdb.ts';
import { requireService } from '../../test/services/require.ts';
import { freePort, waitFor } from '../../test/services/wait.ts';
import { ByteWriter } from '../core/byte-writer.ts';
import { writeSample } from '../core/sample-codec.ts';
import { erased } from './hub-kit.ts';

const services = requireService('questdb', 'kafka');
const SITES = ['north', 'south', 'east', 'west'];
const launcher = path.resolve(import.meta.dirname, '..', 'millrace.js');
const TABLE = 'hub_process';
/** On a quiet machine some seconds, and half a minute where a member of the group or the broker was killed. */
const LIMIT_MS = 180_000;

/** `millrace hub` as a process of its own. */
class HubProcess {
  readonly http: string;
  private readonly file: string;
  private readonly folder: string;
  private process: GatewayProcess | undefined;

  constructor(folder: string, name: string, port: number, config: object) {
    this.folder = folder;
    this.file = path.join(folder, `${name}.yaml`);
    this.http = `http://127.0.0.1:${port}`;
    // Every JSON text is YAML 1.2.
    writeFileSync(this.file, JSON.stringify({ ...config, http: { listen: `127.0.0.1:${port}` } }));
  }

  start(): void {
    const args = [launcher, 'hub', '-c', this.file];
    this.process = spawnGateway(process.execPath, args, this.folder, `${this.file}.out`);
  }

  async kill9(): Promise<void> {
    await this.process?.kill9();
  }

  async stop(): Promise<number | string | undefined> {
    return this.process?.terminate(10_000);
  }

  async get(what: string): Promise<{ status: number; text: string }> {
    const answer = await fetch(`${this.http}${what}`);
    return { status: answer.status, text: await answer.text() };
  }

  /** It follows its topics, and has partitions of its own. */
  async follows(): Promise<void> {
    await waitFor('the hub to follow', async () => {
      const { status, text } = await this.get('/readyz');
      if (status !== 200) throw new Error(text);
      return (JSON.parse(text) as { partitions: number }).partitions > 0;
    });
  }

  output(): string {
    return this.process === undefined ? '' : readFileSync(`${this.file}.out`, 'utf8');
  }
}

async function partitionsOf(hubs: readonly HubProcess[]): Promise<number[]> {
  return Promise.all(
    hubs.map(async (hub) => (JSON.parse((await hub.get('/readyz')).text) as { partitions: number }).partitions),
  );
}

describe.skipIf(!services.available)('millrace hub', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-hub-'));
  let kafka: Kafka;
  let server: Questdb;
  let db: QuestdbHttp;
  let client: InstanceType<typeof kafkajs.Kafka>;
  let config: object;
  /** Samples of each site. */
  let sent = 0;

  beforeAll(async () => {
    // A broker that a busy machine cannot make believe that it has died: Kafka's own times.
    const properties = { 'broker.session.timeout.ms': '9000', 'broker.heartbeat.interval.ms': '2000' };
    [kafka, server] = await Promise.all([startKafka({ properties }), startQuestdb()]);
    db = new QuestdbHttp({ http: server.http });
    client = new kafkajs.Kafka({ brokers: [kafka.brokers], logLevel: kafkajs.logLevel.NOTHING });
    const secret = path.join(folder, 'password');
    writeFileSync(secret, server.password);
    config = {
      version: 1,
      kafka: { brokers: [kafka.brokers], group: 'process' },
      sites: SITES.map((site) => ({ site, prefix: `${site}.` })),
      questdb: { http: server.http, pg: server.pg, password: { file: secret }, table: TABLE },
    };
    const admin = client.admin();
    await admin.connect();
    const topics = SITES.flatMap((site) => [{ topic: `${site}.samples` }, { topic: `${site}.events` }]);
    await admin.createTopics({ topics, waitForLeaders: true });
    await admin.disconnect();
  });
  afterAll(async () => {
    db.close();
    await Promise.all([kafka[Symbol.asyncDispose](), server[Symbol.asyncDispose]()]);
    rmSync(folder, { recursive: true, force: true });
  });

  /** More samples of each site, whose values are their numbers. */
  async function send(count: number): Promise<void> {
    const producer = client.producer();
    await producer.connect();
    for (const site of SITES) {
      const key = Buffer.from(`${site}/a`);
      const messages = Array.from({ length: count }, (_, i) => {
        const out = new ByteWriter();
        writeSample(out, double('', sent + i, sent + i).sample);
        return { key, value: Buffer.from(out.take()), timestamp: String(Date.now()) };
      });
      await producer.send({ topic: `${site}.samples`, messages, compression: kafkajs.CompressionTypes.GZIP });
    }
    sent += count;
    await producer.disconnect();
  }

  /** All rows of all sites: how many, how many different ones, and their sum. */
  async function rows(): Promise<unknown[]> {
    const answer = await db.exec(
      `SELECT tag, count(), count_distinct("offset"), sum(value) FROM ${TABLE} ORDER BY tag`,
    );
    return [...answer.rows];
  }

  async function hasAll(): Promise<void> {
    const sum = (sent * (sent - 1)) / 2;
    const expected = SITES.toSorted().map((site) => [`${site}/a`, sent, sent, sum]);
    let found: unknown[] = [];
    await waitFor(
      'all rows, each once',
      async () => {
        found = await rows();
        return JSON.stringify(found) === JSON.stringify(expected);
      },
      LIMIT_MS,
    ).catch((error: unknown) => {
      throw new Error(JSON.stringify({ found, expected }), { cause: error });
    });
    // Nothing that is still on its way is there twice.
    expect(await rows()).toEqual(expected);
  }

  test('neither kill -9 of a hub, of QuestDB and of the broker nor hubs that join and leave lose a sample or store one twice', async () => {
    const first = new HubProcess(folder, 'first', await freePort(), config);
    const second = new HubProcess(folder, 'second', await freePort(), config);
    try {
      first.start();
      await first.follows();
      await send(2000);
      await hasAll();
      second.start();
      await waitFor('both to share the topics', async () =>
        (await partitionsOf([first, second])).every((own) => own === 4),
      );
      await send(2000);
      await hasAll();
      for (let round = 0; round < 2; round++) {
        await send(2000);
        await first.kill9();
        await send(500);
        first.start();
        await send(2000);
        await hasAll();
      }
      await send(3000);
      await server.kill9();
      await send(3000);
      await waitFor('the hubs to tell that QuestDB is away', async () => (await second.get('/readyz')).status === 503);
      expect((await second.get('/healthz')).status).toBe(200);
      await server.restart();
      await hasAll();
      await send(3000);
      await kafka.kill9();
      await kafka.restart();
      await send(1000);
      await hasAll();
      await second.follows();
      const metrics = (await second.get('/metrics')).text;
      for (const name of [
        'rows_total',
        'foreign_total',
        'malformed_total',
        'lost_total',
        'refused_total',
        'erased_total',
        'erasures_total',
        'erasures_refused_total',
        'erased_rows_total',
        'erasures_open',
        'lag_records',
        'partitions',
      ])
        expect(metrics).toMatch(new RegExp(`^millrace_hub_${name} \\d+$`, 'm'));
      expect(metrics).toContain('millrace_hub_state{state="following"} 1');
      expect([await first.stop(), await second.stop()]).toEqual([0, 0]);
    } catch (error) {
      const told = [first, second].map(async (hub) => {
        const state = await hub.get('/readyz').catch(() => ({ text: 'no answer' }));
        return `${hub.http}: ${state.text}${hub.output().slice(-4000)}`;
      });
      throw new Error((await Promise.all(told)).join('\n'), { cause: error });
    } finally {
      await first.kill9();
      await second.kill9();
    }
  }, 900_000);

  test('kill -9 of hubs in the middle of erasures: what a site has erased is gone for good, everything else is there once', async () => {
    const hubs = [
      new HubProcess(folder, 'third', await freePort(), config),
      new HubProcess(folder, 'fourth', await freePort(), config),
    ] as const;
    const left = new Set(Array.from({ length: sent }, (_, i) => i));
    const producer = client.producer();
    await producer.connect();
    /** More samples of each site, some of them behind the order to erase them. */
    const more = async (): Promise<void> => {
      const from = sent;
      await send(300);
      for (let i = from; i < sent; i++) left.add(i);
      const [first, last] = [from - 100, sent + 50];
      for (const site of SITES) {
        const order = erased({ tags: [`${site}/a`], from: first, to: last, upTo: { samples: sent + 20 } });
        await producer.send({ topic: `${site}.events`, messages: [order] });
      }
      await send(100);
      for (let i = sent - 100; i < sent; i++) left.add(i);
      for (let i = Math.max(0, first); i < last && i < sent - 100 + 20; i++) left.delete(i);
    };
    try {
      for (const hub of hubs) hub.start();
      for (const hub of hubs) await hub.follows();
      for (let round = 0; round < 6; round++) {
        await more();
        const hub = hubs[round % 2];
        if (round < 4) await pause(300 * round); // killed at another step each time
        if (round < 4) await hub?.kill9();
        await more();
        if (round < 4) hub?.start();
      }
      const expected = [...left].toSorted((a, b) => a - b);
      for (const site of SITES)
        await waitFor(
          `what is left of ${site}`,
          async () => {
            const { rows: found } = await db.exec(
              `SELECT value FROM ${TABLE} WHERE tag = '${site}/a' AND kind >= 0 ORDER BY "offset"`,
            );
            return JSON.stringify(found.flat()) === JSON.stringify(expected);
          },
          LIMIT_MS,
        );
      // Erased rows say nothing but that they were there.
      const { rows: erasedRows } = await db.exec(
        `SELECT count(value), count(text), count(quality), count_distinct(tag) FROM ${TABLE} WHERE kind < 0`,
      );
      expect(erasedRows).toEqual([[0, 0, 0, SITES.length]]);
      await waitFor('all orders to be done', async () => {
        const texts = await Promise.all(hubs.map(async (hub) => (await hub.get('/metrics')).text));
        return texts.every((text) => /^millrace_hub_erasures_open 0$/m.test(text));
      });
      expect((await hubs[0].get('/metrics')).text).toMatch(/^millrace_hub_erasures_refused_total 0$/m);
      expect(hubs.map((hub) => hub.output()).join('')).toContain('an erasure was carried out');
    } finally {
      for (const hub of hubs) await hub.kill9();
      await producer.disconnect();
    }
  }, 600_000);
});

test('--check prints every error with its place, or what the hub would do', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-hub-'));
  try {
    const file = path.join(folder, 'hub.yaml');
    writeFileSync(file, 'version: 1\nkafka: { brokers: [] }\nsites: []\n');
    const wrong = await millrace(['hub', '--check'], folder);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr.split('\n').slice(0, 3)).toEqual([
      'hub.yaml:1:1  questdb  is missing  expected a mapping with `http`, `pg` and `password`',
      'hub.yaml:2:19  kafka.brokers  is an empty list  expected at least one HOST:PORT, such as kafka.example.com:9092',
      'hub.yaml:3:8  sites  is an empty list  expected at least one site',
    ]);
    writeFileSync(
      file,
      'version: 1\nkafka: { brokers: ["k:9092"] }\nsites: [{ site: north, prefix: north. }]\n' +
        'questdb: { http: "http://q:9000", pg: "postgres://admin@q:8812/qdb", password: { env: Q } }\n',
    );
    const right = await millrace(['hub', '--check'], folder);
    expect([right.code, right.stdout.toString('utf8')]).toEqual([
      0,
      'hub.yaml: no errors\n  north out of k:9092 as group millrace-hub\n  into table samples of http://q:9000\n',
    ]);
    const missing = await millrace(['hub', '-c', 'none.yaml', '--check'], folder);
    expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('none.yaml')]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
