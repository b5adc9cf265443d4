import { readFileSync, writeFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HandClock } from '../../edge/core/retention/clock-kit.ts';
import type { Fault } from '../../edge/core/fault.ts';
import { LogFolder, type OpenLog } from '../../edge/core/kit/log-kit.ts';
import { LogReader } from '../../edge/core/reader.ts';
import { waitFor } from '../../test/services/wait.ts';
import { Care, type CareState, type WorkProgress } from './care.ts';
import { HistorianClient, type HistorianOptions } from '../client.ts';
import { countSamples, type TagCount } from '../queries/counting.ts';
import { applyAll, batchOf, double, EVER, LOG, samplesOf, T0, type Tagged, TestFolder } from '../kit/history-kit.ts';
import type { RepairReport } from './repair.ts';
import { Store } from './store.ts';

const A = 'northmill/a';
const B = 'northmill/b';
const DAY_MS = 86_400_000;
const never = (): boolean => false;

/** A log, and its historian in a worker. */
class Gateway implements AsyncDisposable {
  readonly folder = new LogFolder();
  readonly log: OpenLog = this.folder.open();
  readonly reported: Fault[] = [];
  readonly repairs: RepairReport[] = [];
  readonly client: HistorianClient;
  private end = 0;

  constructor(more: Partial<HistorianOptions> = {}) {
    this.client = new HistorianClient({
      logFolder: this.folder.log,
      folder: `${this.folder.data}/historian`,
      ends: this.log.ends,
      logId: LOG.logId,
      report: (fault) => this.reported.push(fault),
      onRepair: (report) => this.repairs.push(report),
      ...more,
    });
  }

  append(samples: readonly Tagged[]): void {
    const batch = batchOf(samples, 0, T0 / 1000 + this.end);
    this.log.writer.append([{ topic: 'samples', batch, records: samples.length }]);
    this.end += samples.length;
  }

  async taken(samples: readonly Tagged[]): Promise<void> {
    this.append(samples);
    await waitFor('the historian to have caught up', () => this.client.state().lagSamples === 0);
    await this.client.flush();
  }

  file(name: string): string {
    return `${this.folder.data}/historian/${name}`;
  }

  async values(tag = A): Promise<unknown[]> {
    const values: unknown[] = [];
    for await (const page of this.client.query({ tag, ...EVER })) values.push(...page.samples());
    return values.map((sample) => (sample as { value: unknown }).value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.client.state().running) await this.client.stop();
    this.log.writer.close();
    this.folder[Symbol.dispose]();
  }
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
const doubles = (from: number, to: number, tag = A): Tagged[] => numbers(from, to).map((i) => double(tag, i, i));

describe('the historian in its worker', () => {
  test('erases: out of every answer at once, out of the files when it is done, with progress', async () => {
    await using gateway = new Gateway();
    const { client } = gateway;
    await client.start();
    for (let i = 0; i < 4; i++) await gateway.taken(doubles(i * 1000, i * 1000 + 1000));
    gateway.append(doubles(4000, 4100));
    await waitFor('it to have caught up', () => client.state().lagSamples === 0);
    const span = { fromUs: T0 + 500e6, toUs: T0 + 4050e6 };
    const counts: TagCount[] = [];
    for await (const count of client.count({ tags: [A, B], ...span })) counts.push(count);
    expect(counts).toEqual([
      { tag: A, samples: 3550, unreadable: 0 },
      { tag: B, samples: 0, unreadable: 0 },
    ]);
    const id = await client.erase({ tags: { paths: [A] }, ...span });
    const left = [...numbers(0, 500), ...numbers(4050, 4100)];
    expect(await gateway.values()).toEqual(left);
    expect(await client.erased(id)).toEqual([]);
    expect(client.care).toMatchObject({ erasing: 0, erasures: 1 });
    await client.stop();
    await client.start();
    expect(await gateway.values()).toEqual(left);
    expect(client.state().points).toBe(4100);
    expect(gateway.reported).toEqual([]);
  });

  test('an erasure of the same name is recorded once, and what has come since stays', async () => {
    await using gateway = new Gateway();
    const { client } = gateway;
    await client.start();
    await gateway.taken(doubles(0, 10));
    const request = { tags: { paths: [A] }, fromUs: T0, toUs: T0 + 5e6, key: 'order/0' };
    const id = await client.erase(request);
    await gateway.taken([double(A, 1, 100)]);
    await client.stop();
    await client.start();
    expect(await client.erase(request)).toBe(id);
    expect(await gateway.values()).toEqual([100, 5, 6, 7, 8, 9]);
    expect(await client.erase({ ...request, key: 'order/1' })).toBe(id + 1);
    expect(await gateway.values()).toEqual([5, 6, 7, 8, 9]);
  });

  test('refuses what cannot be erased', async () => {
    await using gateway = new Gateway();
    const { client } = gateway;
    const paths = numbers(0, 1001).map((i) => `northmill/${i}`);
    await expect(client.erase({ tags: { paths }, ...EVER })).rejects.toMatchObject({ code: 'not-ready' });
    await client.start();
    await expect(client.erase({ tags: { paths }, ...EVER })).rejects.toMatchObject({ code: 'erase-refused' });
    const empty = client.erase({ tags: { paths: [A] }, fromUs: 5, toUs: 5 });
    await expect(empty).rejects.toMatchObject({ code: 'erase-refused' });
  });

  test('is rebuilt while it is asked and goes on to follow the log, and says how far it is', async () => {
    await using gateway = new Gateway();
    const { client } = gateway;
    await client.start();
    for (let i = 0; i < 19; i++) gateway.append(doubles(i * 5000, i * 5000 + 5000));
    await gateway.taken(doubles(95_000, 100_000));
    const steps: WorkProgress[] = [];
    const rebuilding = client.rebuild((progress) => steps.push(progress));
    expect(await gateway.values()).toHaveLength(100_000);
    gateway.append(doubles(100_000, 100_100));
    expect(await rebuilding).toEqual([{ topic: 'samples', first: 0, last: 99_999, samples: 100_000, kept: 0 }]);
    expect(steps.length).toBeGreaterThan(0);
    for (const { done, total, unit } of steps) expect([done <= total, total, unit]).toEqual([true, 100_000, 'records']);
    await waitFor('it to have caught up', () => client.state().lagSamples === 0);
    expect(await gateway.values()).toEqual(numbers(0, 100_100));
  });

  test('mends by itself what turns out to be damaged, once, and tells of it', async () => {
    await using gateway = new Gateway();
    const { client } = gateway;
    await client.start();
    await gateway.taken(doubles(0, 5000));
    const file = gateway.file('0000000001.mrh');
    const bytes = readFileSync(file);
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    expect((await gateway.values()).length).toBeLessThan(5000);
    await waitFor('the repair', () => gateway.repairs.length > 0);
    expect(gateway.repairs).toMatchObject([{ repaired: ['0000000001.mrh'], left: [] }]);
    expect(gateway.repairs[0]?.rebuilt).toBe(gateway.repairs[0]?.damaged);
    expect(await gateway.values()).toEqual(numbers(0, 5000));
    expect(gateway.reported.map(({ code }) => code)).toEqual(['historian-damaged']);
    await waitFor('it to be told', () => client.care.repairedSamples > 0);
    expect(client.care).toMatchObject({ damaged: [], repairedSamples: gateway.repairs[0]?.rebuilt });
  });

  test('gives up what is older than it is kept when it is told the time, and not before', async () => {
    await using gateway = new Gateway({ retentionMs: { samples: 10 * DAY_MS } });
    const { client } = gateway;
    await client.start();
    await gateway.taken(doubles(0, 100));
    const nowMs = Date.now();
    client.believe(nowMs);
    client.believe(nowMs + 9 * DAY_MS);
    await gateway.taken(doubles(100, 110));
    expect(await gateway.values()).toHaveLength(110);
    client.believe(nowMs + 11 * DAY_MS);
    await waitFor('it to expire', () => client.care.expired.length > 0);
    const { gaps, points } = await client.page({ tag: A, ...EVER });
    expect([points.count, gaps.map(({ reason, samples }) => [reason, samples])]).toEqual([0, [['expired', 110]]]);
    expect(client.state().points).toBe(110);
  });
});

/** A store and its care in this thread, with time in the test's hand. */
class World implements Disposable {
  readonly folder = new LogFolder();
  readonly log: OpenLog = this.folder.open();
  readonly clock = new HandClock(T0 / 1000);
  readonly faults: string[] = [];
  readonly repairs: RepairReport[] = [];
  readonly store: Store;
  readonly care: Care;

  constructor(freeBytes: () => number = () => Infinity) {
    const { clock } = this;
    const folder = `${this.folder.data}/historian`;
    this.store = new Store({ folder, log: LOG, clock, freeBytes, report: ({ code }) => this.faults.push(code) });
    this.store.open();
    this.care = new Care({
      store: this.store,
      follower: { flushSoon: () => this.store.flush() },
      logFolder: this.folder.log,
      ends: this.log.ends,
      clock,
      onRepair: (report) => this.repairs.push(report),
      report: ({ message }) => this.faults.push(message),
    });
  }

  async add(samples: readonly Tagged[]): Promise<void> {
    const from = this.log.ends.end('samples');
    this.log.writer.append([
      { topic: 'samples', batch: batchOf(samples, 0, this.clock.nowMs()), records: samples.length },
    ]);
    const reader = new LogReader({ logFolder: this.folder.log, topic: 'samples', ends: this.log.ends });
    reader.seek(from);
    for (let read = reader.read(); read.kind === 'data'; read = reader.read()) await applyAll(this.store, [read.bytes]);
    reader.close();
    await this.store.flush();
  }

  /** Changes a bit of a file, and asks for all there is. */
  flip(name: string, at = 40): void {
    const file = `${this.folder.data}/historian/${name}`;
    const bytes = readFileSync(file);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    this.values();
  }

  values(tag = A): unknown[] {
    return samplesOf(this.store, { tag, ...EVER }).map(({ value }) => value);
  }

  /** Ticks until something holds. */
  ticked(what: string, condition: (state: CareState) => boolean): Promise<void> {
    return waitFor(what, () => {
      this.care.tick();
      this.clock.pass(1000);
      return condition(this.care.state);
    });
  }

  [Symbol.dispose](): void {
    this.log.writer.close();
    this.folder[Symbol.dispose]();
  }
}

describe('care', () => {
  test('a repair that fails is tried again after ten minutes, not before', async () => {
    using world = new World();
    const { store, care } = world;
    await world.add(doubles(0, 5000));
    world.flip('0000000001.mrh');
    let failures = 2;
    const failing = new Care({
      store,
      follower: { flushSoon: () => store.flush() },
      logFolder: world.folder.log,
      ends: world.log.ends,
      clock: world.clock,
      onRepair: (report) => world.repairs.push(report),
      report: ({ code }) => world.faults.push(code),
    });
    const repair = store.repair.bind(store);
    store.repair = (log, calmly) => {
      if (failures-- > 0) return Promise.reject(new Error('no space'));
      return repair(log, calmly);
    };
    for (let second = 0; second < 1190; second++) {
      failing.tick();
      await Promise.resolve();
      world.clock.pass(1000);
    }
    expect(world.faults).toEqual(['historian-damaged', 'historian-write-failed', 'historian-write-failed']);
    expect(world.repairs).toEqual([]);
    await waitFor('the repair', () => {
      failing.tick();
      world.clock.pass(1000);
      return world.repairs.length > 0;
    });
    expect(world.values()).toEqual(numbers(0, 5000));
    expect(care.state.damaged).toEqual([]);
    await store.close();
  });

  test('what the log holds nothing of is looked at once, and left', async () => {
    using world = new World();
    const { store } = world;
    await world.add(doubles(0, 3000));
    await world.add(doubles(3000, 3100, B));
    world.flip('0000000001.mrh');
    const there = world.values();
    world.log.ends.publish('samples', 3100, 3050);
    await world.ticked('the look', () => world.repairs.length > 0);
    expect(world.repairs).toEqual([{ damaged: 0, rebuilt: 0, repaired: [], left: ['0000000001.mrh'] }]);
    for (let second = 0; second < 5000; second++) {
      world.care.tick();
      world.clock.pass(1000);
    }
    expect([world.repairs.length, world.values(), store.damaged]).toEqual([1, there, ['0000000001.mrh']]);
    await store.close();
  });

  test('what is erased is forgotten when the log begins behind it', async () => {
    using world = new World();
    const { store, care } = world;
    await world.add(doubles(0, 100));
    await store.erased(store.erase({ tags: { paths: [A] }, fromUs: T0, toUs: T0 + 50e6 }));
    care.tick();
    expect(care.state).toMatchObject({ erasing: 0, erasures: 1 });
    world.log.ends.publish('samples', 100, 100);
    care.tick();
    expect(care.state).toMatchObject({ erasing: 0, erasures: 0 });
    expect(world.values()).toEqual(numbers(50, 100));
    await store.close();
  });
});

describe('counting', () => {
  const anyLife = fc.array(
    fc.record({
      samples: fc.array(fc.record({ tag: fc.constantFrom(A, B), second: fc.nat(40), correction: fc.boolean() }), {
        minLength: 1,
        maxLength: 30,
      }),
      erase: fc.option(
        fc.record({ tag: fc.constantFrom(A, B), from: fc.nat(40), length: fc.integer({ min: 1, max: 20 }) }),
      ),
      flush: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8 },
  );

  test('counts what every answer with what was replaced gives, whatever was erased and wherever it lies', async () => {
    await fc.assert(
      fc.asyncProperty(anyLife, fc.nat(40), fc.nat(40), async (life, from, length) => {
        using folder = new TestFolder();
        const store = new Store({ folder: folder.file('historian'), log: LOG });
        store.open();
        let end = 0;
        for (const { samples, erase, flush } of life) {
          const tagged = samples.map(({ tag, second, correction }, i) =>
            double(tag, second, i, { flags: correction ? 16 : 0 }),
          );
          await applyAll(store, [batchOf(tagged, end)]);
          end += samples.length;
          if (flush) await store.flush();
          if (erase === null) continue;
          const fromUs = T0 + erase.from * 1e6;
          store.erase({ tags: { paths: [erase.tag] }, fromUs, toUs: fromUs + erase.length * 1e6 });
        }
        const span = { fromUs: T0 + from * 1e6, toUs: T0 + (from + length) * 1e6 };
        const view = store.pin();
        const counts = countSamples(view, { tags: [A, B], ...span }, never);
        view.release();
        const expected = [A, B].map((tag) => {
          const samples = length === 0 ? 0 : samplesOf(store, { tag, ...span, replaced: true }).length;
          return { tag, samples, unreadable: 0 };
        });
        expect(counts).toEqual(expected);
        await store.close();
      }),
      { numRuns: 150 },
    );
  });

  test('gives at least one tag, however little time there is', async () => {
    using folder = new TestFolder();
    const store = new Store({ folder: folder.file('historian'), log: LOG });
    store.open();
    await applyAll(store, [batchOf(doubles(0, 5), 0)]);
    const view = store.pin();
    expect(countSamples(view, { tags: [A, B], ...EVER }, () => true)).toEqual([{ tag: A, samples: 5, unreadable: 0 }]);
    view.release();
    await store.close();
  });
});
