import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { batchOf, double, T0 } from '../historian/kit/history-kit.ts';
import { type Questdb, startQuestdb } from '../test/services/questdb.ts';
import { requireService } from '../test/services/require.ts';
import { waitFor } from '../test/services/wait.ts';
import type { QuestdbConfig } from './config/questdb-schema.ts';
import { LogFolder } from './core/kit/log-kit.ts';
import { Log } from './core/log.ts';
import { ValueKind } from './core/sample.ts';
import { QUESTDB, QuestdbPart } from './questdb-part.ts';
import { Supervisor } from './supervise.ts';

const questdb = requireService('questdb');
const TAG = 'northmill/press/report';
const BUDGET_BYTES = 600_000;

let tables = 0;

interface RecordedEvent extends Record<string, unknown> {
  readonly key: string;
  readonly type: string;
}

/** A log with a small budget, and the part that feeds it into a table of its own. */
class World implements AsyncDisposable {
  readonly folder = new LogFolder();
  readonly log = new Log({
    dataFolder: this.folder.data,
    budgetBytes: BUDGET_BYTES,
    segmentBytes: 50_000,
    nowMs: Date.now(),
  });
  readonly recorded: RecordedEvent[] = [];
  readonly passwordFile = path.join(this.folder.data, 'password');
  private readonly config: QuestdbConfig;
  private started: { readonly part: QuestdbPart; readonly supervisor: Supervisor } | undefined;
  private next = 0;

  constructor({ http, pg, password }: Questdb) {
    this.config = {
      http,
      pg,
      password: { file: this.passwordFile },
      lanes: 2,
      table: `part_${process.pid}_${tables++}`,
    };
    writeFileSync(this.passwordFile, `${password}\n`);
  }

  async open(): Promise<this> {
    await this.log.open((fault) => {
      throw fault;
    });
    return this;
  }

  get part(): QuestdbPart {
    if (this.started === undefined) throw new Error('it was not started');
    return this.started.part;
  }

  start(): void {
    const part = new QuestdbPart({
      config: this.config,
      data: this.folder.data,
      log: this.log,
      logger: pino({ level: 'silent' }),
      events: {
        add: (key, type, members) => {
          this.recorded.push({ key, type, ...members });
          return Promise.resolve();
        },
      },
      onGap: (key, gap) => this.recorded.push({ ...gap, key, type: 'gap' }),
    });
    const supervisor = new Supervisor({
      name: QUESTDB,
      part: part.client,
      onRestart: (error) => expect.fail(String(error)),
    });
    supervisor.start();
    this.started = { part, supervisor };
  }

  async stop(): Promise<void> {
    await this.started?.supervisor.stop();
    await this.started?.part.close();
  }

  /** Appends samples of 20 kB. */
  async append(count: number): Promise<void> {
    const producer = this.log.producer();
    for (let i = 0; i < count; i++) {
      const value = `${this.next} ${randomBytes(15_000).toString('base64')}`;
      const batch = batchOf([double(TAG, this.next++, 0, { kind: ValueKind.string, value })], 0, T0 / 1000 + this.next);
      await producer.append('samples', batch, 1);
    }
  }

  /** What the gateway does every second. */
  hold(): void {
    this.log.hold({ local: { samples: this.log.ends.end('samples') }, links: this.part.holds() });
  }

  async caughtUp(): Promise<void> {
    await waitFor(
      'everything in QuestDB',
      () => this.part.status().state === 'following' && this.part.status().lagRecords === 0,
    );
  }

  /** Numbers of the samples in QuestDB, and the gaps beside them. */
  async stored(): Promise<{ numbers: number[]; gaps: unknown[] }> {
    const history = await this.part.history();
    const numbers: number[] = [];
    const gaps: unknown[] = [];
    for await (const page of history.query({ tag: TAG, fromUs: 0, toUs: 2 ** 53 })) {
      for (const { value } of page.samples()) numbers.push(Number.parseInt(typeof value === 'string' ? value : '', 10));
      gaps.push(...page.gaps);
    }
    return { numbers, gaps };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.log.close();
    this.folder[Symbol.dispose]();
  }
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe.skipIf(!questdb.available)('QuestDB beside the historian', () => {
  let server: Questdb;
  beforeAll(async () => {
    server = await startQuestdb();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('is fed, says how far it has come, and answers questions', async () => {
    await using world = await new World(server).open();
    await world.append(5);
    world.start();
    expect(world.part.holds()).toEqual({
      [QUESTDB]: { samples: 0, 'samples.critical': 0, 'samples.bulk': 0, derived: 0 },
    });
    await world.caughtUp();
    await waitFor('the hold', () => world.part.holds()[QUESTDB]?.['samples'] === 5);
    expect(world.part.status()).toMatchObject({ detail: null, lagRecords: 0, rows: 5, refused: 0 });
    expect(await world.stored()).toEqual({ numbers: range(0, 5), gaps: [] });
    const registry = new Registry();
    world.part.addMetrics(registry);
    const text = await registry.metrics();
    expect(text).toContain('millrace_questdb_lag_records 0');
    expect(text).toContain('millrace_questdb_rows_total 5');
    expect(text).toContain('millrace_questdb_state{state="following"} 1');
    expect(world.recorded).toEqual([]);
  });

  test('a server that is away for long: senders are never slowed, the log keeps to its budget, the rest comes later, and what went is a gap', async () => {
    await using away = await startQuestdb();
    await using world = await new World(away).open();
    world.start();
    await world.append(2);
    await world.caughtUp();
    await away.kill9();
    await world.append(10);
    await waitFor('the problem', () => world.recorded.some(({ type }) => type === 'problem'));
    await waitFor('the detail', () => world.part.status().detail?.includes('QuestDB cannot be reached') === true);
    world.hold();
    await world.append(90);
    world.hold();
    await waitFor('the oldest to go', () => world.log.ends.start('samples') > 2);
    await waitFor(
      'the budget',
      () => world.log.state.figures.bytes > 0 && world.log.state.figures.bytes <= BUDGET_BYTES + 1000,
    );
    const start = world.log.ends.start('samples');
    expect(start).toBeGreaterThan(2);
    await waitFor('the gap', () =>
      world.log.takeRecorded().some(({ members }) => JSON.stringify(members).includes(QUESTDB)),
    );
    await away.restart();
    await world.caughtUp();
    const { numbers, gaps } = await world.stored();
    expect(numbers).toEqual([0, 1, ...range(start, 102)]);
    expect(gaps).toMatchObject([{ reason: 'retention', detail: `Records 2 to ${start - 1} of samples.` }]);
    await waitFor('the recovery', () => world.recorded.some(({ type }) => type === 'recovered'));
    expect(world.recorded.filter(({ key }) => key === QUESTDB)).toMatchObject([
      { type: 'problem', code: 'questdb-unreachable' },
      { type: 'gap', topic: 'samples', first: 2, last: start - 1 },
      { type: 'recovered', codes: ['questdb-unreachable'] },
    ]);
  });

  test('a table that was wiped is on record, and is filled again as far back as the log goes', async () => {
    await using world = await new World(server).open();
    world.start();
    await world.append(5);
    await world.caughtUp();
    await world.stop();
    const { table } = world.part.status();
    await fetch(`${server.http}/exec?query=${encodeURIComponent(`DROP TABLE ${table}`)}`);
    world.start();
    await waitFor('the table', async () => (await world.stored()).numbers.length === 5);
    await waitFor('the recovery', () => world.recorded.some(({ type }) => type === 'recovered'));
    expect(world.recorded).toMatchObject([
      { key: QUESTDB, type: 'problem', code: 'questdb-rows-lost' },
      { key: QUESTDB, type: 'recovered' },
    ]);
  });

  test('a password that counts for HTTP alone is told, and counts as soon as it is right', async () => {
    await using world = await new World(server).open();
    const { password } = server;
    writeFileSync(world.passwordFile, 'wrong');
    await world.append(1);
    world.start();
    // HTTP of this server asks for nobody's password; PostgreSQL's protocol does.
    await waitFor('the state', () => world.part.status().state === 'unreadable');
    await waitFor('the sample', () => world.part.status().lagRecords === 0);
    expect(world.part.status().detail).toMatch(/^QuestDB does not let Millrace in\. .*password.* Check the user names/);
    const registry = new Registry();
    world.part.addMetrics(registry);
    expect(await registry.metrics()).toContain('millrace_questdb_state{state="unreadable"} 1');
    const asked = async (): Promise<unknown> => (await world.part.history()).summaries([TAG]);
    await expect(asked()).rejects.toMatchObject({ code: 'questdb-unauthorized' });
    writeFileSync(world.passwordFile, password);
    expect(await asked()).toMatchObject([{ tag: TAG, samples: 1 }]);
    await world.caughtUp();
    await waitFor('the recovery', () => world.recorded.some(({ type }) => type === 'recovered'));
    expect(world.part.status().detail).toBeNull();
    expect(world.recorded).toMatchObject([
      { type: 'problem', code: 'questdb-unauthorized' },
      { type: 'recovered', codes: ['questdb-unauthorized'] },
    ]);
  });

  test('a password that a server takes no longer is told though nothing comes, and so is that it takes it again', async () => {
    await using strict = await startQuestdb({ properties: { 'http.user': 'writer', 'http.password': 'quest' } });
    await using world = await new World({ ...strict, http: strict.http.replace('//', '//writer@') }).open();
    await world.append(1);
    world.start();
    await world.caughtUp();
    const conf = path.join(strict.dir, 'conf', 'server.conf');
    const before = readFileSync(conf, 'utf8');
    writeFileSync(conf, before.replace('http.password=quest', 'http.password=other'));
    await strict.restart();
    await waitFor('the state', () => world.part.status().state === 'waiting');
    await waitFor(
      'the cause',
      () => world.part.status().detail?.includes('refuses writer with this password') === true,
    );
    writeFileSync(conf, before);
    await strict.restart();
    await world.caughtUp();
    await waitFor('the recovery', () => world.recorded.some(({ type }) => type === 'recovered'));
    expect(world.part.status().detail).toBeNull();
    expect((await world.stored()).numbers).toEqual([0]);
  });
});
