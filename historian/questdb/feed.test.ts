import { existsSync, readFileSync, rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ValueKind } from '../../edge/core/sample.ts';
import { startQuestdb } from '../../test/services/questdb.ts';
import { requireService } from '../../test/services/require.ts';
import { shared } from '../../test/services/shared.ts';
import { waitFor } from '../../test/services/wait.ts';
import { double } from '../kit/history-kit.ts';
import { QuestdbHttp } from './http.ts';
import { Lane } from './lane.ts';
import { LineBuffer, linePrefix } from './ilp.ts';
import { doubles, QuestdbWorld, TAG, TOPICS } from './questdb-kit.ts';

const questdb = requireService('questdb');

// Side by side: each test has a table of its own, and most of its time is waiting.
describe.skipIf(!questdb.available)('feeding QuestDB', { concurrent: true }, () => {
  // A table can be suspended by hand, as a failure would, in development mode alone.
  const server = shared(() => startQuestdb({ properties: { 'dev.mode.enabled': 'true' } }));

  test('brings the log into the table, and the cursor follows when the table has applied it', async () => {
    await using world = new QuestdbWorld(server());
    world.append(doubles(0, 30_000));
    world.append(doubles(0, 1000, 'northmill/b'), 'samples.critical');
    world.start();
    await world.caughtUp();
    expect(world.reported).toEqual([]);
    expect(world.feed.status()).toMatchObject({
      state: 'following',
      problem: null,
      confirmed: { samples: 30_000, 'samples.critical': 1000 },
      rows: 31_000,
      refused: 0,
    });
    expect(await world.count()).toBe(31_000);
    world.append(doubles(30_000, 30_010));
    await world.caughtUp();
    expect(await world.count()).toBe(31_010);
    await world.stop();
    expect(world.feed.holds()).toEqual({ samples: 30_010, 'samples.critical': 1000 });
    expect(world.reported).toEqual([]);
  });

  test('goes on where it stopped, and sends nothing twice', async () => {
    await using world = new QuestdbWorld(server());
    world.append(doubles(0, 500));
    world.start();
    await world.caughtUp();
    await world.stop();
    world.append(doubles(500, 700));
    world.newFeed();
    world.start();
    await world.caughtUp();
    expect([world.feed.status().rows, await world.count()]).toEqual([200, 700]);
  });

  test('a crash sends again what was not confirmed, and no row is there twice', async () => {
    await using world = new QuestdbWorld(server());
    world.append(doubles(0, 500));
    world.start();
    await world.caughtUp();
    await world.stop();
    // As a crash leaves it that comes before the cursor is written.
    const cursor = `${world.folder.data}/questdb/cursor`;
    expect(existsSync(cursor)).toBe(true);
    rmSync(cursor);
    world.append(doubles(500, 600));
    world.newFeed();
    world.start();
    await world.caughtUp();
    expect([world.feed.status().rows, await world.count()]).toEqual([600, 600]);
  });

  test('two values at one time are two rows, also the same value of two topics', async () => {
    await using world = new QuestdbWorld(server());
    world.append([double(TAG, 0, 1), double(TAG, 0, 1), double(TAG, 0, 2)]);
    world.append([double(TAG, 0, 1)], 'samples.critical');
    world.start();
    await world.caughtUp();
    expect(await world.count()).toBe(4);
  });

  test('a suspended table accepts rows and shows none: the cursor stays, nothing more is sent, and it is told what to do', async () => {
    await using world = new QuestdbWorld(server());
    world.start();
    world.append(doubles(0, 100));
    await world.caughtUp();
    await world.db.exec(`ALTER TABLE ${world.names.samples} SUSPEND WAL`);
    world.append(doubles(100, 200));
    await world.problem('questdb-suspended');
    const { problem, confirmed, lagRecords } = world.feed.status();
    expect(problem?.message).toContain(`ALTER TABLE ${world.names.samples} RESUME WAL`);
    expect([confirmed['samples'], lagRecords, await world.count()]).toEqual([100, 100, 100]);
    const { rows } = world.feed.status();
    world.append(doubles(200, 300));
    // Two more attempts, none of which sends anything.
    await waitFor('two more attempts', () => world.reported.length > 0 && world.feed.status().state === 'waiting');
    expect(world.feed.status().rows).toBe(rows);
    await world.db.exec(`ALTER TABLE ${world.names.samples} RESUME WAL`);
    await world.caughtUp();
    expect(await world.count()).toBe(300);
  });

  test.each([
    ['a full disk', 'DISK FULL', 'no space left'],
    ['a full disk without a tag', '', 'io.questdb.cairo.CairoException: [28] No space left [size=131072]'],
    ['a full heap', '', 'Java heap space'],
  ])(
    'a table that %s has suspended is resumed: what failed is tried again, nothing is skipped',
    async (_, tag, why) => {
      await using world = new QuestdbWorld(server());
      world.start();
      world.append(doubles(0, 100));
      await world.caughtUp();
      await world.db.exec(`ALTER TABLE ${world.names.samples} SUSPEND WAL WITH '${tag}', '${why}'`);
      world.append(doubles(100, 200));
      await world.caughtUp();
      expect(world.reported.map(({ code }) => code)).toContain('questdb-suspended');
      expect(await world.count()).toBe(200);
    },
  );

  test('a table that was dropped and made anew is noticed, though the server acknowledges: everything is sent again over new connections', async () => {
    await using world = new QuestdbWorld(server());
    world.start();
    world.append(doubles(0, 100));
    await world.caughtUp();
    const { samples } = world.names;
    const { rows } = await world.db.exec(`SHOW CREATE TABLE ${samples}`);
    await world.db.exec(`DROP TABLE ${samples}`);
    await world.db.exec(String(rows[0]?.[0]));
    world.append(doubles(100, 200));
    await waitFor('the new table to have everything', async () => (await world.count()) === 200);
    await world.caughtUp();
    expect(world.reported.map(({ code }) => code)).toContain('questdb-rows-lost');
  });

  test('a table that was dropped is made again and filled', async () => {
    await using world = new QuestdbWorld(server());
    world.start();
    world.append(doubles(0, 100));
    await world.caughtUp();
    await world.db.exec(`DROP TABLE ${world.names.samples}`);
    world.append(doubles(100, 200));
    await waitFor('the new table to have everything', async () => (await world.count()) === 200);
    await world.caughtUp();
    expect(world.feed.status().confirmed).toMatchObject({ samples: 200 });
  });

  test('a table of another form stops it before anything is sent, and says what differs', async () => {
    await using world = new QuestdbWorld(server());
    const { samples } = world.names;
    await world.db.exec(
      `CREATE TABLE ${samples} (ts TIMESTAMP, tag SYMBOL, value FLOAT) TIMESTAMP(ts) PARTITION BY DAY WAL DEDUP UPSERT KEYS(ts, tag)`,
    );
    world.start();
    await world.problem('questdb-table-unfit');
    const message = world.feed.status().problem?.message ?? '';
    expect(message).toContain('value is FLOAT instead of DOUBLE');
    expect(message).toContain('(tag, ts) instead of (epoch, offset, tag, topic, ts)');
    // It is of somebody else, and left as it is.
    const { rows } = await world.db.exec(`SELECT "column" FROM table_columns('${samples}')`);
    expect(rows.flat()).toEqual(['ts', 'tag', 'value']);
    await world.db.exec(`RENAME TABLE ${samples} TO ${samples}_old`);
    world.append(doubles(0, 10));
    await world.caughtUp();
    expect(await world.count()).toBe(10);
  });

  test('a column that came with a later version is added; columns of others are left alone', async () => {
    await using world = new QuestdbWorld(server());
    world.start();
    world.append(doubles(0, 10));
    await world.caughtUp();
    await world.stop();
    await world.db.exec(`ALTER TABLE ${world.names.samples} ADD COLUMN note VARCHAR`);
    await world.db.exec(`ALTER TABLE ${world.names.samples} DROP COLUMN server_time`);
    const columns = `SELECT "column" FROM table_columns('${world.names.samples}') WHERE "column" IN ('note', 'server_time')`;
    await waitFor('both changes', async () => (await world.db.exec(columns)).rows.join() === 'note');
    world.append([double(TAG, 10, 10, { serverTimeUs: 77 })]);
    world.newFeed();
    world.start();
    await world.caughtUp();
    expect((await world.lines()).at(-1)).toContain(' 77 samples 10');
  });

  test('columns that change while it sends lose nothing', async () => {
    await using world = new QuestdbWorld(server());
    world.start();
    world.append(doubles(0, 100));
    await world.caughtUp();
    for (let i = 1; i < 10; i++) {
      world.append(doubles(i * 100, i * 100 + 100));
      await world.db.exec(`ALTER TABLE ${world.names.samples} ADD COLUMN c${i} LONG`);
    }
    await world.caughtUp();
    expect(await world.count()).toBe(1000);
  });

  test('a sample that the table cannot hold is refused and told, the others are stored', async () => {
    await using world = new QuestdbWorld(server());
    world.start();
    world.append([double(TAG, 0, 1), double(TAG, 0, 2, { timeUs: -1 }), double(TAG, 1, 3)]);
    await world.caughtUp();
    expect([await world.count(), world.feed.status().refused]).toEqual([2, 1]);
    expect(world.reported[0]?.message).toContain(`${TAG} at -1 µs, offset 1: a time before 1970`);
  });

  test('records that the log does not have any more are a gap in every answer', async () => {
    await using world = new QuestdbWorld(server());
    world.append(doubles(0, 10));
    for (const topic of TOPICS) world.log.ends.publish(topic, world.log.ends.end(topic), topic === 'samples' ? 7 : 0);
    world.start();
    await world.caughtUp();
    const page = await world.history.page({ tag: TAG, fromUs: 0, toUs: 2 ** 53 });
    expect(page.points.count).toBe(3);
    expect(page.gaps).toMatchObject([{ reason: 'retention', detail: 'Records 0 to 6 of samples.' }]);
  });

  test('one bad row rejects its request: it is named and taken out, the rest is stored', async () => {
    await using world = new QuestdbWorld(server());
    world.start();
    world.append(doubles(0, 1));
    await world.caughtUp();
    await world.stop();
    const refused: string[] = [];
    const db = new QuestdbHttp({ http: server().http });
    const lane = new Lane(
      db,
      {
        onAcknowledged: () => undefined,
        onRefused: (row) => refused.push(row),
        onFailed: (fault) => refused.push(fault.message),
      },
      () => new LineBuffer(100, 100_000),
    );
    const prefix = linePrefix(world.names.samples, Buffer.from(TAG), 'samples');
    for (let i = 1; i <= 5; i++) {
      if (i === 3) lane.buffer.addPlain(prefix, 'kind="four",offset=3i', 3);
      else lane.buffer.add(prefix, i, 0, i, { ...double(TAG, i, i).sample, kind: ValueKind.double }, Number.NaN);
      lane.added();
    }
    await lane.drained();
    db.close();
    expect(refused).toEqual([expect.stringContaining('kind="four",offset=3i 3')]);
    await waitFor('the others', async () => (await world.count()) === 5);
  });
});

describe.skipIf(!questdb.available)('a server', () => {
  test('that is killed in the middle, and gone for long: everything is there afterwards, each row once', async () => {
    await using server = await startQuestdb();
    await using world = new QuestdbWorld(server);
    world.start();
    let next = 0;
    const more = (): void => {
      world.append(doubles(next, next + 2000));
      next += 2000;
    };
    more();
    await world.caughtUp();
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 10; i++) more();
      await server.kill9();
      await world.problem('questdb-unreachable');
      // More than its memory takes: it stays in the log.
      for (let i = 0; i < 60; i++) more();
      const { confirmed } = world.feed.status();
      expect(confirmed['samples']).toBeLessThan(next);
      expect(world.feed.holds()['samples']).toBeLessThanOrEqual(confirmed['samples'] ?? 0);
      await server.restart();
      await world.caughtUp();
      expect(await world.count()).toBe(next);
    }
    const { rows } = await world.db.exec(
      `SELECT count_distinct("offset"), min(value), max(value) FROM ${world.names.samples}`,
    );
    expect(rows).toEqual([[next, 0, next - 1]]);
  });

  test('that was wiped or put back from a backup is filled again as far back as the log goes', async () => {
    await using server = await startQuestdb();
    await using world = new QuestdbWorld(server);
    world.start();
    for (let i = 0; i < 5; i++) {
      world.append(doubles(i * 10, i * 10 + 10));
      await world.caughtUp();
    }
    await server.stop();
    rmSync(`${server.dir}/db`, { recursive: true });
    world.append(doubles(50, 60));
    await server.restart();
    await waitFor('the new server to have everything', async () => (await world.count()) === 60);
    await world.caughtUp();
    expect(await world.lines()).toHaveLength(60);
  });

  test('that does not sync keeps the cursor behind what it has applied', async () => {
    await using server = await startQuestdb({ properties: { 'cairo.commit.mode': 'nosync' } });
    await using world = new QuestdbWorld(server, { settleMs: 2000 });
    world.start();
    world.append(doubles(0, 10));
    await world.caughtUp();
    expect(world.feed.holds()).toMatchObject({ samples: 0 });
    expect(world.reported.map(({ code }) => code)).toEqual(['questdb-unsynced']);
    await waitFor('the cursor to follow', () => world.feed.holds()['samples'] === 10);
    expect(readFileSync(`${world.folder.data}/questdb/cursor`, 'utf8')).toContain('"samples":10');
  });

  test('that cuts or forgets connections is asked again over new ones', async () => {
    await using server = await startQuestdb();
    await using world = new QuestdbWorld(server);
    world.start();
    world.append(doubles(0, 10));
    await world.caughtUp();
    const latest = async (): Promise<unknown[]> => {
      const values = [];
      for await (const part of world.history.latest([TAG])) for (const { value } of part.samples()) values.push(value);
      return values;
    };
    expect(await latest()).toEqual([9]);
    await server.restart();
    expect(await latest()).toEqual([9]);
    expect(await world.history.summaries([TAG])).toMatchObject([{ tag: TAG, samples: 10 }]);
    // The plans that it has made are of a table that is no longer there.
    await world.db.exec(`DROP TABLE ${world.names.samples}`);
    world.append(doubles(10, 20));
    await waitFor('the new table', async () => (await world.count()) === 20);
    expect(await latest()).toEqual([19]);
    await world.db.exec(`ALTER TABLE ${world.names.samples} ADD COLUMN note VARCHAR`);
    expect(await latest()).toEqual([19]);
    expect(await world.lines()).toHaveLength(20);
    await server.stop();
    await expect(latest()).rejects.toMatchObject({ code: 'questdb-unreachable' });
    await expect(world.lines()).rejects.toMatchObject({ code: 'questdb-unreachable' });
  });
});
