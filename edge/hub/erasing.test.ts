import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { T0 } from '../../historian/kit/history-kit.ts';
import { startKafka } from '../../test/services/kafka.ts';
import { startQuestdb } from '../../test/services/questdb.ts';
import { requireService } from '../../test/services/require.ts';
import { shared } from '../../test/services/shared.ts';
import { waitFor } from '../../test/services/wait.ts';
import { Fault } from '../core/fault.ts';
import type { GroupMember } from './group.ts';
import type { Hub } from './hub.ts';
import { erased, HubWorld, numbers, record, SITES } from './hub-kit.ts';

const services = requireService('questdb', 'kafka');

/** So many samples of a tag in each topic of a site, the value of each its offset. */
async function send(world: HubWorld, site: string, from: number, to: number, topic = 'samples'): Promise<void> {
  const all = numbers(from, to).map((i) => record(`${site}/a`, i));
  await world.send(site, all, topic);
}

async function allCommitted(world: HubWorld, samples: number, events: number): Promise<void> {
  await waitFor(
    'all positions',
    async () => (await world.committed()) === samples && (await world.committed('events')) === events,
    120_000,
  );
}

// Side by side: each test has topics, a group and a table of its own, and most of its time is waiting.
describe.skipIf(!services.available)('erasures of the sites', { concurrent: true }, () => {
  const kafka = shared(() => startKafka());
  const server = shared(() => startQuestdb());

  test('are carried out in the table: rows of the site, its tags in any case, below its offsets and in its span, and no others', async () => {
    await using world = await new HubWorld(kafka(), server()).open();
    for (const site of SITES) await send(world, site, 0, 100);
    await world.send('north', [record('north/b', 0), record('north/Line1/x', 1), record('north/line10/x', 2)]);
    await send(world, 'north', 0, 10, 'samples.critical');
    const hub = world.start();
    await waitFor('all rows', async () => (await world.count()) === 313);
    await world.send('north', [erased({ tags: ['North/A'], from: 10, to: 60, upTo: { samples: 50 } })], 'events');
    await allCommitted(world, 303, 1);
    expect(await world.values('north/a')).toEqual([...numbers(0, 10), ...numbers(50, 100), ...numbers(0, 10)]);
    for (const site of ['south', 'east']) expect(await world.values(`${site}/a`)).toEqual(numbers(0, 100));
    expect(hub.status()).toMatchObject({ erasures: 1, erasedRows: 40, erasuresRefused: 0, erasuresOpen: 0, erased: 0 });
    expect(world.noted).toMatchObject([{ site: 'north', rows: 40 }]);
    // By a path, in two topics, everything; said twice, as after a crash of the gateway.
    const all = erased({
      tags: ['north/line1', 'north/a'],
      prefix: true,
      upTo: { samples: 200, 'samples.critical': 5 },
    });
    await world.send('north', [all, all], 'events');
    await allCommitted(world, 303, 3);
    expect(await world.values('north/a')).toEqual(numbers(5, 10));
    expect(await world.values('north/Line1/x')).toEqual([]);
    expect(await world.values('north/line10/x')).toEqual([2]);
    expect(await world.values('north/b')).toEqual([0]);
    expect(hub.status()).toMatchObject({ erasures: 3, erasedRows: 40 + 60 + 5 + 1 });
    const { rows } = await world.db.exec(
      `SELECT count() FROM ${world.names.samples} WHERE kind < 0 AND (value IS NOT NULL OR quality IS NOT NULL OR text IS NOT NULL)`,
    );
    expect(rows).toEqual([[0]]);
    expect(world.reported.filter(({ code }) => code === 'hub-erasure-refused')).toEqual([]);
  });

  test('hold for samples that come after them, also over a restart of the hub; samples behind their offsets are stored', async () => {
    await using world = await new HubWorld(kafka(), server()).open();
    const first = world.start();
    await world.send('north', [erased({ tags: ['north/a'], from: 0, to: 500, upTo: { samples: 200 } })], 'events');
    await allCommitted(world, 0, 1);
    await send(world, 'north', 0, 100);
    await allCommitted(world, 100, 1);
    expect(first.status()).toMatchObject({ rows: 0, erased: 100, erasures: 1, erasedRows: 0 });
    await world.stop(first);
    const second = world.start();
    await send(world, 'north', 100, 300);
    await allCommitted(world, 300, 1);
    expect(second.status()).toMatchObject({ rows: 100, erased: 100 });
    expect(await world.values('north/a')).toEqual(numbers(200, 300));
    expect(await world.count()).toBe(100);
  });

  test('that are read by one hub reach the samples that another one has, while the group is divided anew', async () => {
    await using world = await new HubWorld(kafka(), server()).open();
    const kept = new Map(SITES.map((site) => [site, new Set<number>()]));
    let next = 0;
    let events = 0;
    /** More samples of each site; of some of them what came lately is erased, before it is read or after. */
    const more = async (): Promise<void> => {
      await Promise.all(SITES.map((site) => send(world, site, next, next + 100)));
      for (const site of SITES) for (const i of numbers(next, next + 100)) kept.get(site)?.add(i);
      next += 100;
      const site = SITES[events % SITES.length] ?? '';
      const [from, to] = [next - 150, next - 20 - (events % 40)];
      // Records that are mirrored later than their erasure are meant too.
      const upTo = { samples: next + (events % 3) * 50 };
      await world.send(site, [erased({ tags: [`${site}/a`], from, to, upTo })], 'events');
      for (const i of numbers(Math.max(0, from), to)) kept.get(site)?.delete(i);
      events++;
    };
    const flow = async (hubs: readonly Hub[], seconds: number): Promise<void> => {
      const own = (): boolean => hubs.every((hub) => hub.status().partitions > 0);
      for (const endMs = performance.now() + seconds * 1000; performance.now() < endMs || !own(); await pause(100))
        await more();
    };
    const first = world.start();
    await flow([first], 1);
    const second = world.start();
    await flow([first, second], 2);
    const third = world.start();
    await flow([first, second, third], 2);
    await world.stop(first);
    await flow([second, third], 1);
    await allCommitted(world, next * SITES.length, events);
    for (const site of SITES)
      expect(await world.values(`${site}/a`)).toEqual([...(kept.get(site) ?? [])].toSorted((a, b) => a - b));
    const done = [first, second, third].map((hub) => hub.status());
    expect(done.reduce((sum, { erasures }) => sum + erasures, 0)).toBeGreaterThanOrEqual(events);
    expect(done.reduce((sum, { erasuresRefused }) => sum + erasuresRefused, 0)).toBe(0);
    // Some were erased when they were there, some before.
    expect(done.reduce((sum, { erasedRows }) => sum + erasedRows, 0)).toBeGreaterThan(0);
    expect(done.reduce((sum, { erased: before }) => sum + before, 0)).toBeGreaterThan(0);
  }, 180_000);

  test('are carried out again after a crash at any step, which does nothing more', async () => {
    await using world = await new HubWorld(kafka(), server()).open();
    await send(world, 'north', 0, 100);
    await world.send('north', [erased({ tags: ['north/a'], from: 0, to: 70, upTo: { samples: 150 } })], 'events');
    let step = 0;
    const steps: string[] = [];
    /** Fails the first time that it comes to each of these steps. */
    const crashes = <T>(name: string, work: () => Promise<T>, after: boolean): Promise<T> => {
      if (steps.includes(`${name} ${after}`)) return work();
      steps.push(`${name} ${after}`);
      const crash = (): never => {
        throw new Fault('questdb-unreachable', `crash ${step++}`);
      };
      return after ? work().then(crash) : Promise.reject(new Fault('questdb-unreachable', `crash ${step++}`));
    };
    const twice = <T>(name: string, work: () => Promise<T>): Promise<T> =>
      crashes(name, () => crashes(name, work, true), false);
    const hub = world.start({
      erasures: () => {
        const table = world.erasures();
        const put = table.put.bind(table);
        table.put = (orders) => (orders.length === 0 ? put(orders) : twice('record', () => put(orders)));
        return Promise.resolve(table);
      },
      delivery: () => {
        const delivery = world.delivery();
        const change = delivery.change.bind(delivery);
        delivery.change = (statement) => twice('erase', () => change(statement));
        return Promise.resolve(delivery);
      },
      member: () => {
        const real = world.member();
        return Promise.resolve<GroupMember>({
          run: (taker, signal) => real.run(taker, signal),
          committed: (topics) => real.committed(topics),
          commit: (positions, mark) => twice('commit', () => real.commit(positions, mark)),
        });
      },
      longestPauseMs: 100,
    });
    await allCommitted(world, 100, 1);
    expect(steps.toSorted()).toEqual(
      ['commit', 'erase', 'record'].flatMap((name) => [`${name} false`, `${name} true`]),
    );
    expect(await world.values('north/a')).toEqual(numbers(70, 100));
    await send(world, 'north', 100, 200);
    await allCommitted(world, 200, 1);
    expect(await world.values('north/a')).toEqual(numbers(70, 200));
    expect(hub.status().erasuresOpen).toBe(0);
    expect(await world.count()).toBe(200);
  }, 240_000);

  test('that no gateway of the site writes are refused, counted and told in bounded numbers; nothing else waits for them', async () => {
    await using world = await new HubWorld(kafka(), server()).open();
    for (const site of SITES) await send(world, site, 0, 50);
    const everything = { upTo: { samples: 2 ** 50 } };
    const hostile = [
      erased({ tags: ['south/a'], ...everything }),
      erased({ tags: ['south'], prefix: true, ...everything }),
      erased({ tags: ['north/a', 'south/a'], ...everything }),
      erased({ tags: [''], prefix: true, ...everything }),
      erased({ tags: ['north/a'], from: 50, to: 10, ...everything }),
      erased({ tags: numbers(0, 5001).map((i) => `north/${i}`), ...everything }),
      { key: null, value: Buffer.from('{"type":"erased"') },
      { key: null, value: Buffer.from('{"type":"erased","tags":["north/a"]}') },
      { key: null, value: Buffer.from(`{"type":"erased","tags":${'['.repeat(100_000)}`) },
    ];
    const others = [
      { key: Buffer.from('press'), value: Buffer.from('{"v":1,"type":"connected"}') },
      { key: Buffer.from('press'), value: Buffer.from('no JSON') },
      { key: null, value: null, headers: { gap: 'damage' } },
      { key: Buffer.from('x'), value: null },
    ];
    await world.send('north', [...hostile, ...others], 'events');
    // A name like any other, and all of its own samples, as far as they ever come.
    const own = [
      erased({ tags: ["north/a') OR tag IN ('south/a"], ...everything }),
      erased({ tags: ['north'], prefix: true, ...everything }),
    ];
    await world.send('north', own, 'events');
    const hub = world.start();
    await allCommitted(world, 150, 15);
    expect(await world.values('north/a')).toEqual([]);
    for (const site of ['south', 'east']) expect(await world.values(`${site}/a`)).toEqual(numbers(0, 50));
    expect(hub.status()).toMatchObject({ erasures: 2, erasuresRefused: hostile.length, lost: 1, malformed: 0 });
    await world.stop(hub);
    const told = world.reported.map(({ code, detail }) => [code, detail]);
    expect(told).toEqual([
      ['hub-erasure-refused', `${world.topic('north', 'events')}, offset 0: "south/a" is no tag of north.`],
      ['hub-erasure-refused', expect.stringMatching(/^9 erasures, the first of them: .*offset 1: "south" is no tag/)],
    ]);
  });

  test('of one site in a flood hold up no other site', async () => {
    await using world = await new HubWorld(kafka(), server()).open();
    await send(world, 'north', 0, 130);
    const flood = numbers(0, 130).map((i) => erased({ tags: ['north/a'], from: i, to: i + 1, upTo: { samples: 130 } }));
    await world.send('north', flood, 'events');
    await world.send('south', [erased({ tags: ['south/a'], to: 10, upTo: { samples: 100 } })], 'events');
    await send(world, 'south', 0, 20);
    // However quick the server is, the flood takes some seconds.
    const hub = world.start({
      delivery: () => {
        const delivery = world.delivery();
        const change = delivery.change.bind(delivery);
        delivery.change = async (statement) => {
          await pause(30);
          await change(statement);
        };
        return Promise.resolve(delivery);
      },
    });
    await waitFor('the erasure of the other site', async () => (await world.values('south/a')).length === 10);
    expect(hub.status().erasures).toBeLessThan(130);
    await send(world, 'south', 20, 100);
    await waitFor('samples of the other site', async () => (await world.values('south/a')).length === 90);
    await allCommitted(world, 230, 131);
    expect(await world.values('north/a')).toEqual([]);
    expect(await world.values('south/a')).toEqual(numbers(10, 100));
    expect(hub.status()).toMatchObject({ erasures: 131, erasedRows: 140, erasuresOpen: 0 });
  }, 180_000);

  test('as many of a site as can be kept are kept; more about records that were not read yet are refused', async () => {
    await using world = await new HubWorld(kafka(), server()).open();
    const table = world.erasures();
    await table.open();
    const erasure = { id: 'x', by: 'eve', reason: '', tags: ['north/b'], prefix: false, fromUs: 0, toUs: T0, upTo: {} };
    await table.put(
      numbers(0, 1000).map((i) => {
        return { topic: world.topic('north'), upTo: 60, offset: 10_000 + i, timestampMs: T0 / 1000, erasure };
      }),
    );
    table.close();
    const hub = world.start();
    await world.send('north', [erased({ tags: ['north/a'], upTo: { samples: 60 } })], 'events');
    await allCommitted(world, 0, 1);
    expect(hub.status()).toMatchObject({ erasures: 0, erasuresRefused: 1 });
    expect(world.reported.map(({ detail }) => detail)).toEqual([
      expect.stringContaining(`records of ${world.topic('north')} that have not been read yet`),
    ]);
    await send(world, 'north', 0, 60);
    await allCommitted(world, 60, 1);
    expect(await world.values('north/a')).toEqual(numbers(0, 60));
    // All that those mean has been read: there is room again.
    await world.send('north', [erased({ tags: ['north/a'], upTo: { samples: 70 } })], 'events');
    await allCommitted(world, 60, 2);
    expect(await world.values('north/a')).toEqual([]);
  }, 120_000);

  test('that the server refuses are tried again; positions that depend on them wait, others do not', async () => {
    await using world = await new HubWorld(kafka(), server()).open();
    await send(world, 'north', 0, 50);
    await world.send('north', [erased({ tags: ['north/a'], to: 20, upTo: { samples: 50 } })], 'events');
    let isRefused = true;
    const hub = world.start({
      delivery: () => {
        const delivery = world.delivery();
        const change = delivery.change.bind(delivery);
        delivery.change = (statement) =>
          isRefused ? Promise.reject(new Fault('questdb-refused', 'permission denied [UPDATE]')) : change(statement);
        return Promise.resolve(delivery);
      },
    });
    await waitFor('the refusal', () => world.reported.length > 0);
    const detail: unknown = expect.stringContaining('permission denied');
    expect(world.reported).toMatchObject([{ code: 'hub-erasure-refused', detail }]);
    await send(world, 'south', 0, 30);
    await waitFor('the other site', async () => (await world.committed()) === 30);
    expect([await world.committed('events'), hub.status().erasuresOpen, hub.status().state]).toEqual([
      0,
      1,
      'following',
    ]);
    isRefused = false;
    await allCommitted(world, 80, 1);
    expect(await world.values('north/a')).toEqual(numbers(20, 50));
    expect(hub.status()).toMatchObject({ erasures: 1, erasedRows: 20, erasuresOpen: 0 });
  });
});
