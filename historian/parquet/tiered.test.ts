import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import * as fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { Flag } from '../../edge/core/flags.ts';
import { HandClock } from '../../edge/core/retention/clock-kit.ts';
import { anySample, double, EVER, lineOf, T0, type Tagged, TestFolder } from '../kit/history-kit.ts';
import { DAY0, historyOf, TierWorld } from '../kit/tier-kit.ts';
import { intervalGrid } from '../queries/buckets.ts';
import { pagesOf, type SampleHistory } from '../queries/history.ts';
import { openReadOnly } from '../open-read-only.ts';
import { LeftBehind, rowsHere } from '../sql/sql-kit.ts';
import { ask } from '../sql/engine.ts';
import { ColdTable, DAY_US } from './cold-table.ts';
import { FILE_COLUMNS } from './columns.ts';
import { ColdTier } from './cold-tier.ts';
import { openDuckdb } from './engine.ts';
import { exportHistory } from './export.ts';
import { ParquetProcess } from './process.ts';
import { LocalTierFolder } from './tier-folder.ts';
import { Tier } from './tier.ts';
import { TierKeeper } from './tier-keeper.ts';

const DAY_MS = DAY_US / 1000;
const FIRST_DAY = Math.floor(T0 / DAY_US);
const duckdb = new ParquetProcess();
afterAll(() => duckdb.close());

/** What a gateway left behind, with a cold tier beside it. */
class World implements AsyncDisposable {
  readonly left = new LeftBehind();
  readonly folder = new TestFolder();
  readonly clock = new HandClock(T0 / 1000);
  readonly tier = new Tier({
    place: () => Promise.resolve({ folder: this.folder.file('tier') }),
    copies: this.folder.file('copies'),
    folder: this.folder.file('tier'),
  });
  readonly table = new ColdTable(new LocalTierFolder(this.folder.file('tier')));
  readonly written: number[] = [];

  /** Puts away the days that ended before so many days behind the first. */
  keeper(afterDays = 0): TierKeeper {
    const folder = new LocalTierFolder(this.folder.file('tier'));
    const tier = new ColdTier({ folder, table: this.table, duckdb, scratch: this.folder.file('scratch') });
    return new TierKeeper({
      source: this.left.source,
      table: this.table,
      tier,
      afterMs: afterDays * DAY_MS,
      clock: this.clock,
      onDay: (day) => void (day !== null && this.written.push(day - FIRST_DAY)),
    });
  }

  /** Moves the clock to the beginning of a day. */
  at(day: number): void {
    this.clock.wallMs = ((FIRST_DAY + day) * DAY_US) / 1000;
  }

  /** Takes samples day by day, each at the end of its day, as a gateway does. */
  async take(samples: readonly Tagged[]): Promise<void> {
    const byDay = Map.groupBy(samples, ({ sample }) => Math.floor(sample.timeUs / DAY_US) - FIRST_DAY);
    await this.left.write([], [], [], this.clock);
    for (const [day, some] of [...byDay].toSorted(([a], [b]) => a - b)) {
      this.at(day + 1);
      await this.left.writeMore(some, this.clock);
    }
  }

  /** What a question in SQL gives, with the tier behind the store. */
  async rows(text: string): Promise<Record<string, unknown>[]> {
    const lent: (() => void)[] = [];
    const coldFolder = this.tier.localFolder;
    const { source } = this.left;
    const begun = await ask({ source, sql: text, memoryBytes: 256 << 20, threads: 1, coldFolder }, async (span) => {
      const days = await this.tier.lend(span);
      lent.push(() => days.release());
      return days.files;
    });
    const rows = await rowsHere(source, text, begun);
    for (const release of lent) release();
    return rows;
  }

  /** All samples as lines, through the store alone or with the tier. */
  async lines(tag: string, withTier = true, limit?: number): Promise<{ lines: string[]; gaps: string[] }> {
    const store = openReadOnly(this.left.source);
    const history: Pick<SampleHistory, 'page'> = withTier ? this.tier.history(store) : store;
    const lines: string[] = [];
    const gaps: string[] = [];
    const small = {
      page: (query: Parameters<SampleHistory['page']>[0]) =>
        history.page({ ...query, limit: Math.min(limit ?? 10_000, query.limit ?? 10_000) }),
    };
    for await (const page of pagesOf(small, { tag, ...EVER })) {
      lines.push(...[...page.samples()].map(lineOf));
      gaps.push(...page.gaps.map(({ reason }) => reason));
    }
    store.close();
    return { lines, gaps };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tier.close();
    this.left[Symbol.dispose]();
    this.folder[Symbol.dispose]();
  }
}

/** Every kind of sample over some days; none moved by its clock, none a correction. */
function mixed(count: number, seed: number, days: number): Tagged[] {
  return fc
    .sample(fc.record({ tag: fc.constantFrom('site/a', 'site/Öl'), sample: anySample }), { numRuns: count, seed })
    .map(({ tag, sample }, i) => {
      const timeUs = T0 + (i % days) * DAY_US + (i % 40) * 1000;
      return { tag, sample: { ...sample, flags: sample.flags & ~(Flag.clockSuspect | Flag.correction), timeUs } };
    });
}

describe('a store with a cold tier behind it', () => {
  test('gives what the store gave before it gave it up: same samples, same order, pages of any size, no gap', async () => {
    await using world = new World();
    await world.take([...mixed(200, 3, 4), double('site/new', 4 * 86_400, 1)]);
    const before = await world.lines('site/a', false);
    expect(before.lines.length).toBeGreaterThan(70);
    world.at(10);
    await world.keeper(1).look();
    expect(world.written).toEqual([0, 1, 2, 3, 4]);
    for (const keptDays of [8.4, 7, 6.3]) {
      await world.left.expire(keptDays * DAY_MS, world.clock.wallMs);
      for (const limit of [keptDays === 7 ? 1 : 9, 10_000])
        expect(await world.lines('site/a', true, limit)).toEqual(before);
      expect((await world.lines('site/a', false)).gaps).toEqual(['expired']);
    }
    expect((await world.lines('site/a', false)).lines.length).toBeLessThan(before.lines.length / 2);
    expect((await world.lines('site/absent')).lines).toEqual([]);
  });

  test('late samples and corrections come from the store, and into the tier before the store gives them up', async () => {
    await using world = new World();
    world.at(3);
    const first = Array.from({ length: 40 }, (_, i) => double('site/a', i * 5000, i));
    await world.left.write(first, [], [], world.clock);
    world.at(6);
    await world.keeper(1).look();
    expect(world.written).toEqual([0, 1, 2]);
    await world.left.expire(2 * DAY_MS, world.clock.wallMs);
    const late = [double('site/a', 1, 100), double('site/a', 0, 101, { flags: Flag.correction })];
    await world.left.writeMore(late, world.clock);
    world.written.length = 0;
    await world.keeper(1).look();
    expect(world.written).toEqual([0]);
    const all = (await world.lines('site/a')).lines;
    // The correction has taken the place of the first sample.
    expect(all).toHaveLength(41);
    world.at(30);
    await world.left.expire(2 * DAY_MS, world.clock.wallMs);
    expect((await world.lines('site/a', false)).lines).toEqual([]);
    expect(await world.lines('site/a')).toEqual({ lines: all, gaps: [] });
    world.written.length = 0;
    await world.keeper(1).look();
    expect(world.written).toEqual([]);
    expect(world.table.covered?.untilUs).toBe((FIRST_DAY + 29) * DAY_US);
  });

  test('SQL and export see it too', async () => {
    await using world = new World();
    const walk = Array.from({ length: 3000 }, (_, i) => double('site/walk', i * 100, i / 4));
    await world.take([...walk, double('site/b', 0, -0)]);
    world.at(10);
    await world.keeper().look();
    const sql = `SELECT tag, count(*) AS n, sum(value) AS sum, min(time) AS first FROM samples GROUP BY tag ORDER BY tag`;
    const whole = await rowsHere(world.left.source, sql);
    const select = `SELECT * FROM samples WHERE tag = 'site/walk' AND time >= '2020-03-18' AND time < '2020-03-20' ORDER BY log_offset`;
    const part = await rowsHere(world.left.source, select);
    expect(part.length).toBeGreaterThan(1700);
    await world.left.expire(8 * DAY_MS, world.clock.wallMs);
    expect(await rowsHere(world.left.source, sql)).not.toEqual(whole);
    const asked = (text: string): Promise<Record<string, unknown>[]> => world.rows(text);
    expect(await asked(sql)).toEqual(whole);
    expect(await asked(select)).toEqual(part);
    for (const outside of ['/etc/passwd', `${world.folder.file('tier')}/metadata/version-hint.text`])
      await expect(asked(`SELECT * FROM read_text('${outside}')`)).rejects.toMatchObject({ code: 'sql-refused' });
    const file = world.folder.file('all.parquet');
    const job = { source: world.left.source, tags: null, ...EVER, file, format: 'parquet' } as const;
    expect(await exportHistory(job, { cold: world.tier })).toMatchObject({ rows: 3001, gaps: [] });
    const { connection, close } = await openDuckdb();
    const read = await connection.runAndReadAll(
      `SELECT count(*), sum(value), count(*) FILTER (value = 0 AND signbit(value)) FROM read_parquet('${file}')`,
    );
    expect(read.getRows()[0]?.map(Number)).toEqual([3001, (2999 * 3000) / 8, 1]);
    close();
  });

  test('in SQL and export too a late correction replaces at once what only the tier has', async () => {
    await using world = new World();
    world.at(3);
    const tags = ['site/a', 'site/b'];
    const first = tags.flatMap((tag) => Array.from({ length: 40 }, (_, i) => double(tag, i * 5000, i)));
    // Of two values at one time both are kept, and a correction replaces both.
    await world.left.write([...first, double('site/a', 5000, -1)], [], [], world.clock);
    world.at(6);
    await world.keeper(1).look();
    await world.left.expire(2 * DAY_MS, world.clock.wallMs);
    const late = [
      double('site/a', 0, 100, { flags: Flag.correction }),
      double('site/a', 5000, 101, { flags: Flag.correction }),
      double('site/a', 5000, 102),
      double('site/a', 10_000, 103),
      double('site/a', 15_000, 104, { flags: Flag.correction }),
      double('site/a', 15_000, 105, { flags: Flag.correction }),
      double('site/b', 1, 106, { flags: Flag.correction }),
    ];
    await world.left.writeMore(late, world.clock);
    const columns = 'epoch_us(time) AS us, value, log_offset';
    const file = world.folder.file('late.parquet');
    const exported = async (): Promise<unknown> => {
      await exportHistory(
        { source: world.left.source, tags: null, ...EVER, file, format: 'parquet' },
        { cold: world.tier },
      );
      const { connection, close } = await openDuckdb();
      const read = await connection.runAndReadAll(
        `SELECT tag, ${columns} FROM read_parquet('${file}') ORDER BY tag, us, log_offset`,
      );
      close();
      return read.getRows().map(([tag, us, value, offset]) => [tag, Number(us), value, Number(offset)]);
    };
    const everything: unknown[] = [];
    for (const tag of tags) {
      const samples: unknown[] = [];
      const store = openReadOnly(world.left.source);
      for await (const page of world.tier.history(store).query({ tag, ...EVER }))
        for (const { timeUs, value, offset } of page.samples()) samples.push([timeUs, value, offset]);
      store.close();
      const rows = await world.rows(`SELECT ${columns} FROM samples WHERE tag = '${tag}' ORDER BY us, log_offset`);
      expect(rows.map(({ us, value, log_offset: offset }) => [Number(us), value, Number(offset)])).toEqual(samples);
      everything.push(...samples.map((sample) => [tag, ...(sample as unknown[])]));
    }
    expect(everything).toHaveLength(81 + 7 - 5);
    expect(await exported()).toEqual(everything);
    const count = await world.rows(`SELECT count(*) AS n FROM samples WHERE time < '2020-03-18'`);
    await world.keeper(1).look();
    expect(await world.rows(`SELECT count(*) AS n FROM samples WHERE time < '2020-03-18'`)).toEqual(count);
    expect(await exported()).toEqual(everything);
  });

  test('what is erased is out of every answer at once, and out of the files when that is done', async () => {
    await using world = new World();
    await world.take(Array.from({ length: 60 }, (_, i) => double(i % 2 === 0 ? 'site/a' : 'site/b', i * 3000, i)));
    world.at(10);
    const keeper = world.keeper();
    await keeper.look();
    await world.left.expire(5 * DAY_MS, world.clock.wallMs);
    const fromUs = (FIRST_DAY + 1) * DAY_US;
    const erasure = { tags: ['site/a'], fromUs, toUs: EVER.toUs, upTo: { samples: 1000 } };
    const before = await world.lines('site/b');
    expect((await world.lines('site/a')).lines).toHaveLength(30);
    const done = world.tier.hide(erasure);
    const left = await world.lines('site/a');
    expect(left.lines.length).toBeLessThan(20);
    await keeper.erase(erasure);
    await keeper.erase(erasure);
    await world.tier.refresh();
    done();
    expect(await world.lines('site/a')).toEqual(left);
    expect(await world.lines('site/b')).toEqual(before);
    // A day of which nothing is left goes as a whole.
    await keeper.erase({ tags: ['site/a', 'site/b'], fromUs, toUs: fromUs + DAY_US, upTo: { samples: 1000 } });
    expect(world.table.days.map(({ day }) => day - FIRST_DAY)).toEqual([0, 2]);
    // What came later is kept.
    await keeper.erase({ tags: ['site/a', 'site/b'], ...EVER, upTo: { samples: 0 } });
    expect(world.table.days).toHaveLength(2);
    const { connection, close } = await openDuckdb();
    const files = `${world.folder.file('tier')}/data/*/*.parquet`;
    const columns = await connection.runAndReadAll(
      `DESCRIBE SELECT * FROM read_parquet('${files}', hive_partitioning = false)`,
    );
    expect(columns.getRows().map(([name]) => name)).toEqual(Object.keys(FILE_COLUMNS));
    close();
  });

  test('what expired before the tier began is a gap', async () => {
    await using world = new World();
    await world.take(Array.from({ length: 30 }, (_, i) => double('site/a', i * 6000, i)));
    world.at(10);
    await world.left.expire(8.9 * DAY_MS, world.clock.wallMs);
    await world.keeper().look();
    await world.left.expire(7 * DAY_MS, world.clock.wallMs);
    const { lines, gaps } = await world.lines('site/a');
    expect(gaps).toEqual(['expired']);
    expect(lines.length).toBeGreaterThan(10);
    expect(world.table.beginUs).toBe((FIRST_DAY + 1) * DAY_US);
  });

  test('a tier that cannot be read is the fault of those questions that need it', async () => {
    await using world = new World();
    await world.take([double('site/a', 0, 1), double('site/a', 2 * 86_400, 2)]);
    world.at(10);
    await world.left.expire(8 * DAY_MS, world.clock.wallMs);
    const s3 = {
      endpoint: 'http://127.0.0.1:1',
      bucket: 'b',
      prefix: 'p',
      region: 'r',
      accessKey: 'a',
      secretKey: 's',
    };
    const gone = new Tier({ place: () => Promise.resolve({ s3 }), copies: world.folder.file('gone') });
    const store = openReadOnly(world.left.source);
    const history = gone.history(store);
    await expect(history.page({ tag: 'site/a', ...EVER })).rejects.toMatchObject({ code: 'tier-unreachable' });
    const recent = await history.page({ tag: 'site/a', fromUs: T0 + 2 * DAY_US, toUs: EVER.toUs });
    expect(recent.points.count).toBe(1);
    store.close();
    await gone.close();
  });

  test('one that does not answer is waited for once, and what the roll-ups say is said without it', async () => {
    await using world = new TierWorld([100, 200, 300]);
    world.at(1);
    const start = (DAY0 - T0) / 1e6;
    await world.take(Array.from({ length: 3600 }, (_, i) => double('site/a', start + i, i)));
    world.at(10);
    await world.tier(1);
    await world.expire(5);
    let asked = 0;
    const server = createServer((socket) => {
      asked++;
      socket.destroy();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const keys = { bucket: 'b', prefix: 'p', region: 'r', accessKey: 'a', secretKey: 's' };
    const place = { s3: { endpoint: `http://127.0.0.1:${port}`, ...keys } };
    const silent = new Tier({ place: () => Promise.resolve(place), copies: world.folder.file('copies') });
    const history = silent.behind(historyOf(world.store));
    const span = { tag: 'site/a', fromUs: DAY0, toUs: DAY0 + 3600e6 };
    const counts = async (widthUs: number): Promise<unknown[]> => {
      const found: unknown[] = [];
      for await (const page of history.buckets({ ...span, grid: intervalGrid(span, widthUs), aggregates: ['count'] }))
        found.push(...Array.from(page.times, (_, row) => page.value(row, 0)));
      return found;
    };
    expect(await counts(600e6)).toEqual([600, 600, 600, 600, 600, 600]);
    expect(asked).toBe(0);
    await expect(counts(30e6)).rejects.toMatchObject({ code: 'tier-unreachable' });
    const before = asked;
    expect(before).toBeGreaterThan(0);
    await expect(history.page(span)).rejects.toMatchObject({ code: 'tier-unreachable' });
    await expect(counts(30e6)).rejects.toMatchObject({ code: 'tier-unreachable' });
    expect(asked).toBe(before);
    const gaps: string[] = [];
    for await (const part of history.latest(['site/a']))
      gaps.push(...Array.from(part.gaps(), ({ reason, detail }) => `${reason} ${detail}`));
    expect(gaps).toEqual([expect.stringMatching(/^tier-unreachable .*does not answer/)]);
    expect(asked).toBe(before);
    await silent.close();
    server.close();
  });
});
