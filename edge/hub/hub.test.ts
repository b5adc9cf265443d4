import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { EVER, T0 } from '../../historian/kit/history-kit.ts';
import { startKafka } from '../../test/services/kafka.ts';
import { startQuestdb } from '../../test/services/questdb.ts';
import { requireService } from '../../test/services/require.ts';
import { shared } from '../../test/services/shared.ts';
import { waitFor } from '../../test/services/wait.ts';
import type { GroupMember } from './group.ts';
import { HubWorld, numbers, record, SITES } from './hub-kit.ts';
import { SiteTopics } from './site-topics.ts';

const services = requireService('questdb', 'kafka');

// Side by side: each test has topics, a group and a table of its own, and most of its time is waiting.
describe.skipIf(!services.available)('the hub', { concurrent: true }, () => {
  const kafka = shared(() => startKafka());
  // A table can be suspended by hand, as a failure would, in development mode alone.
  const server = shared(() => startQuestdb({ properties: { 'dev.mode.enabled': 'true' } }));

  test('brings mirrored topics of many sites into one table, and commits what the table has', async () => {
    await using world = await new HubWorld(kafka(), server()).open();
    for (const site of SITES)
      await world.send(
        site,
        numbers(0, 1000).map((i) => record(`${site}/a`, i)),
      );
    const hub = world.start();
    await waitFor('all rows', async () => (await world.count()) === 3000);
    await waitFor('all positions', async () => (await world.committed()) === 3000);
    const untaken = { foreign: 0, malformed: 0, lost: 0, refused: 0 };
    expect(hub.status()).toMatchObject({ state: 'following', problem: null, ...untaken });
    // Some are sent again where the group was divided anew; in the table each is there once.
    expect(hub.status().rows).toBeGreaterThanOrEqual(3000);
    expect(await world.count()).toBe(3000);
    const page = await world.history.page({ tag: 'south/a', ...EVER });
    expect([...page.samples()].map(({ timeUs, value, offset, topic }) => [timeUs, value, offset, topic])).toEqual(
      numbers(0, 1000).map((i) => [T0 + i * 1_000_000, i, i, world.topic('south')]),
    );
  });

  test('the site comes from the topic, never from the key: a tag of another site is refused; what is no sample, or was erased before it came, is counted, a gap is shown', async () => {
    await using world = await new HubWorld(kafka(), server()).open();
    await world.send('north', [
      record('north/a', 0),
      record('south/a', 1),
      record('northern/a', 2),
      record('north', 3),
      { key: Buffer.from('north/a'), value: Buffer.from('no sample') },
      { key: null, value: Buffer.from('no key') },
      { key: null, value: null, headers: { gap: 'retention' } },
      record('north/a', 4),
      // Erased at the gateway before it was mirrored.
      { key: Buffer.from('north/a'), value: null },
      { key: null, value: null },
    ]);
    const hub = world.start();
    await waitFor('all positions', async () => (await world.committed()) === 10);
    expect(hub.status()).toMatchObject({ rows: 2, foreign: 3, malformed: 2, erased: 2, lost: 0 });
    expect(await world.history.summaries(['north/a', 'south/a', 'northern/a', 'north'])).toMatchObject([
      { tag: 'north/a', samples: 2 },
    ]);
    const { gaps } = await world.history.page({ tag: 'north/a', ...EVER });
    expect(gaps).toMatchObject([{ reason: 'filler', detail: `Records 6 to 6 of ${world.topic('north')}.` }]);
  });

  test('members come and go while records flow: nothing is lost, nothing is there twice', async () => {
    await using world = await new HubWorld(kafka(), server()).open();
    const first = world.start();
    let next = 0;
    const more = async (): Promise<void> => {
      for (const site of SITES)
        await world.send(
          site,
          numbers(next, next + 200).map((i) => record(`${site}/a`, i)),
        );
      next += 200;
    };
    const flow = async (seconds: number): Promise<void> => {
      for (const endMs = performance.now() + seconds * 1000; performance.now() < endMs; await pause(50)) await more();
    };
    await flow(2);
    const second = world.start();
    await waitFor('the second member to take a part', async () => {
      await more();
      return second.status().rows > 0;
    });
    await flow(1);
    await world.stop(first);
    await flow(1);
    world.start();
    await flow(1);
    await waitFor('all positions', async () => (await world.committed()) === next * 3);
    expect(await world.count()).toBe(next * 3);
    const { rows } = await world.db.exec(
      `SELECT tag, count_distinct("offset"), min(value), max(value) FROM ${world.names.samples} ORDER BY tag`,
    );
    expect(rows).toEqual(SITES.toSorted().map((site) => [`${site}/a`, next, 0, next - 1]));
  });

  test('a topic that comes later is found; what is under way meanwhile is there once', async () => {
    await using world = await new HubWorld(kafka(), server()).open();
    const hub = world.start({ member: () => Promise.resolve(world.member({ lookAgainMs: 500 })) });
    const send = (topic: string, tag: string, from: number, to: number): Promise<void> =>
      world.send(
        'south',
        numbers(from, to).map((i) => record(tag, i)),
        topic,
      );
    await send('samples', 'south/a', 0, 100);
    await waitFor('the first rows', async () => (await world.count()) === 100);
    await world.create(world.topic('south', 'samples.bulk'));
    await send('samples.bulk', 'south/bulk', 0, 50);
    await send('samples', 'south/a', 100, 200);
    await waitFor('all rows', async () => (await world.count()) === 250);
    await waitFor('all positions', async () => (await world.committed()) === 200);
    expect([await world.values('south/a'), await world.values('south/bulk')]).toEqual([
      numbers(0, 200),
      numbers(0, 50),
    ]);
    expect(hub.status()).toMatchObject({ lost: 0, malformed: 0, foreign: 0 });
  });

  test('a crash between the table and the commit sends again, and the table takes each row once', async () => {
    await using world = await new HubWorld(kafka(), server()).open();
    for (const site of SITES)
      await world.send(
        site,
        numbers(0, 500).map((i) => record(`${site}/a`, i)),
      );
    let crashes = 2;
    const member = (): Promise<GroupMember> => {
      const real = world.member();
      return Promise.resolve({
        run: (taker, signal) => real.run(taker, signal),
        committed: (topics) => real.committed(topics),
        commit: (positions, mark) =>
          crashes-- > 0 ? Promise.reject(new Error('gone before the commit')) : real.commit(positions, mark),
      });
    };
    const hub = world.start({ member });
    await waitFor('all positions', async () => (await world.committed()) === 1500);
    expect(hub.status().rows).toBeGreaterThan(1500);
    expect(await world.count()).toBe(1500);
    expect(world.reported.map(({ detail }) => detail)).toContain('gone before the commit');
  });

  test('records that Kafka has deleted before they were taken are counted, and a gap in the table', async () => {
    await using world = await new HubWorld(kafka(), server()).open();
    const send = (from: number, to: number): Promise<void> =>
      world.send(
        'north',
        numbers(from, to).map((i) => record('north/a', i)),
      );
    await send(0, 100);
    const first = world.start();
    await waitFor('all positions', async () => (await world.committed()) === 100);
    await world.stop(first);
    await send(100, 200);
    // Has the client ask for the topic's leader first.
    await world.admin.fetchTopicOffsets(world.topic('north'));
    const partitions = [{ partition: 0, offset: '150' }];
    await world.admin.deleteTopicRecords({ topic: world.topic('north'), partitions });
    const second = world.start();
    await waitFor('all positions', async () => (await world.committed()) === 200);
    expect(second.status().lost).toBe(50);
    expect(second.status().rows).toBeGreaterThanOrEqual(50);
    expect(await world.count()).toBe(150);
    const { gaps } = await world.history.page({ tag: 'north/a', ...EVER });
    expect(gaps).toMatchObject([{ reason: 'retention', detail: `Records 100 to 149 of ${world.topic('north')}.` }]);
  });

  test('a suspended table, which acknowledges and shows nothing, commits nothing; it is told what to do', async () => {
    await using world = await new HubWorld(kafka(), server()).open();
    const hub = world.start();
    const send = (from: number, to: number): Promise<void> =>
      world.send(
        'north',
        numbers(from, to).map((i) => record('north/a', i)),
      );
    await send(0, 100);
    await waitFor('all positions', async () => (await world.committed()) === 100);
    await world.db.exec(`ALTER TABLE ${world.names.samples} SUSPEND WAL`);
    await send(100, 200);
    await waitFor('the problem', () => hub.status().problem?.code === 'questdb-suspended');
    expect(hub.status().problem?.message).toContain(`ALTER TABLE ${world.names.samples} RESUME WAL`);
    expect([await world.committed(), await world.count()]).toEqual([100, 100]);
    await world.db.exec(`ALTER TABLE ${world.names.samples} RESUME WAL`);
    await waitFor('all positions', async () => (await world.committed()) === 200);
    expect(await world.count()).toBe(200);
  });

  test('a table that is not the one that was filled before is told, with what brings the rows back as far as Kafka has them', async () => {
    await using world = await new HubWorld(kafka(), server()).open();
    const send = (from: number, to: number): Promise<void> =>
      world.send(
        'north',
        numbers(from, to).map((i) => record('north/a', i)),
      );
    await send(0, 50);
    const first = world.start();
    await waitFor('all positions', async () => (await world.committed()) === 50);
    await world.stop(first);
    await send(50, 60);
    const second = world.start();
    await waitFor('all positions', async () => (await world.committed()) === 60);
    await world.stop(second);
    expect(world.reported.map(({ code }) => code)).not.toContain('hub-table-replaced');
    await world.db.exec(`DROP TABLE ${world.names.samples}`);
    await send(60, 70);
    const third = world.start();
    await waitFor('all positions', async () => (await world.committed()) === 70);
    await world.stop(third);
    expect(await world.count()).toBe(10);
    const [told] = world.reported.filter(({ code }) => code === 'hub-table-replaced');
    expect(told?.todo).toContain('--reset-offsets --to-earliest');
    // What is told helps.
    await world.admin.deleteGroups([`hub-${world.run}`]);
    const fourth = world.start();
    await waitFor('all positions', async () => (await world.committed()) === 70);
    expect(fourth.status().rows).toBeGreaterThanOrEqual(70);
    expect(await world.count()).toBe(70);
  });

  test('a table that cannot be had commits nothing, and is filled when it is there again', async () => {
    await using gone = await startQuestdb();
    await using world = await new HubWorld(kafka(), gone).open();
    const hub = world.start();
    for (const site of SITES)
      await world.send(
        site,
        numbers(0, 100).map((i) => record(`${site}/a`, i)),
      );
    await waitFor('all positions', async () => (await world.committed()) === 300);
    await gone.kill9();
    for (const site of SITES)
      await world.send(
        site,
        numbers(100, 200).map((i) => record(`${site}/a`, i)),
      );
    await waitFor('the problem', () => hub.status().problem?.code === 'questdb-unreachable');
    expect(await world.committed()).toBe(300);
    await gone.restart();
    await waitFor('all positions', async () => (await world.committed()) === 600);
    expect(await world.count()).toBe(600);
  });
});

test('two sites cannot have one topic', () => {
  const sources = [
    { site: 'north', prefix: 'n.' },
    { site: 'south', prefix: 'n.' },
  ];
  expect(() => new SiteTopics(sources)).toThrow(/n\.samples would be of north and of south/);
});

test('what is lacking of the sites is known: topics of samples, and events', () => {
  const topics = new SiteTopics(['north', 'south', 'east'].map((site) => ({ site, prefix: `${site}.` })));
  expect(topics.lacking(topics.names)).toEqual({ samples: [], events: [] });
  expect(topics.lacking(['north.samples.bulk', 'south.events', 'other.samples'])).toEqual({
    samples: ['south', 'east'],
    events: ['north', 'east'],
  });
});
