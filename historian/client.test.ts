import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault } from '../edge/core/fault.ts';
import { LogFolder, type OpenLog } from '../edge/core/kit/log-kit.ts';
import { type Value, ValueKind } from '../edge/core/sample.ts';
import { waitFor } from '../test/services/wait.ts';
import { pointsGrid } from './queries/buckets.ts';
import { HistorianClient, type HistorianOptions } from './client.ts';
import { batchOf, double, EVER, LOG, T0, type Tagged } from './kit/history-kit.ts';
import { fileName } from './files/manifest.ts';
import type { HistoricSample } from './points/points.ts';
import { TIER_FILES } from './store/upkeep.ts';

const TAG = 'northmill/a';

/** A log, its historian in a worker, and what was reported. */
class Gateway implements AsyncDisposable {
  readonly folder = new LogFolder();
  readonly log: OpenLog = this.folder.open();
  readonly reported: Fault[] = [];
  client: HistorianClient = this.newClient();

  newClient(more: Partial<HistorianOptions> = {}): HistorianClient {
    this.client = new HistorianClient({
      logFolder: this.folder.log,
      folder: `${this.folder.data}/historian`,
      ends: this.log.ends,
      logId: LOG.logId,
      report: (fault) => this.reported.push(fault),
      ...more,
    });
    return this.client;
  }

  append(samples: readonly Tagged[], timestampMs = T0 / 1000): void {
    this.log.writer.append([{ topic: 'samples', batch: batchOf(samples, 0, timestampMs), records: samples.length }]);
  }

  async caughtUp(): Promise<void> {
    await waitFor('the historian to have caught up', () => this.client.state().lagSamples === 0);
  }

  async samples(tag = TAG): Promise<HistoricSample[]> {
    const samples: HistoricSample[] = [];
    for await (const page of this.client.query({ tag, ...EVER })) samples.push(...page.samples());
    return samples;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.client.state().running) await this.client.stop();
    this.log.writer.close();
    this.folder[Symbol.dispose]();
  }
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
const doubles = (from: number, to: number): Tagged[] => numbers(from, to).map((i) => double(TAG, i, i));
const valuesOf = (samples: readonly HistoricSample[]): Value[] => samples.map(({ value }) => value);

describe('the historian in its worker', () => {
  test('follows the log, streams a history of many pages, and after a clean stop has all of it in its files', async () => {
    await using gateway = new Gateway();
    await gateway.client.start();
    for (let i = 0; i < 10; i++) gateway.append(doubles(i * 4000, i * 4000 + 4000));
    await gateway.caughtUp();
    const state = { running: true, position: 0, lagSamples: 0, points: 40_000 };
    expect(gateway.client.state()).toEqual(state);
    expect(valuesOf(await gateway.samples())).toEqual(numbers(0, 40_000));
    expect(await gateway.client.stored()).toEqual(new Map([[TAG, 40_000]]));
    await gateway.client.stop();
    expect(gateway.client.state()).toEqual({ ...state, running: false, position: 40_000 });
    expect(gateway.client.holds()).toEqual({ samples: 40_000 });

    gateway.append(doubles(40_000, 40_010));
    await gateway.client.start();
    await gateway.caughtUp();
    expect(await gateway.client.status()).toMatchObject({
      files: 1,
      fileSamples: 40_000,
      memorySamples: 10,
      damaged: [],
    });
    expect(valuesOf(await gateway.samples())).toEqual(numbers(0, 40_010));
    expect(gateway.reported).toEqual([]);
  });

  test('values of every kind cross the threads bit for bit', async () => {
    await using gateway = new Gateway();
    await gateway.client.start();
    const kinds: [ValueKind, Value][] = [
      [ValueKind.null, null],
      [ValueKind.boolean, true],
      [ValueKind.long, 2n ** 63n - 1n],
      [ValueKind.long, -5],
      [ValueKind.float, Math.fround(0.1)],
      [ValueKind.double, -0],
      [ValueKind.string, 'Öl'],
      [ValueKind.bytes, Uint8Array.of(1, 2)],
      [ValueKind.uint64, 2n ** 64n - 1n],
      [ValueKind.array, { shape: [2], stepNs: 1, element: 'long', items: BigInt64Array.of(1n, -1n) }],
    ];
    gateway.append(
      kinds.map(([kind, value], i) => ({ tag: TAG, sample: { ...double(TAG, i, 0).sample, kind, value } })),
    );
    await gateway.caughtUp();
    const inMemory = await gateway.samples();
    await gateway.client.flush();
    const inFile = await gateway.samples();
    expect(inMemory.map(({ kind, value }) => [kind, value])).toEqual(kinds);
    expect(inFile).toEqual(inMemory);
  });

  test('gives the last sample of named tags, and of all', async () => {
    await using gateway = new Gateway();
    await gateway.client.start();
    const tags = numbers(0, 700).map((i) => `northmill/${i}`);
    gateway.append(tags.map((tag, i) => double(tag, i, i)));
    gateway.append(tags.map((tag, i) => double(tag, i - 1, -1)));
    await gateway.caughtUp();
    await gateway.client.flush();
    gateway.append([double('northmill/3', 1000, 33), double('northmill/4', 0, 44)]);
    await gateway.caughtUp();
    const named = [];
    for await (const part of gateway.client.latest(['northmill/4', 'northmill/none', 'northmill/3']))
      for (const { tag, value } of part.samples()) named.push([tag, value]);
    expect(named).toEqual([
      ['northmill/4', 4],
      ['northmill/3', 33],
    ]);
    const all = new Map<string, Value>();
    for await (const part of gateway.client.latest(null)) {
      expect([...part.gaps()]).toEqual([]);
      for (const { tag, value } of part.samples()) all.set(tag, value);
    }
    expect(all).toEqual(new Map(tags.map((tag, i) => [tag, i === 3 ? 33 : i])));
  });

  test('knows tags by number only as long as the worker that gave the numbers', async () => {
    await using gateway = new Gateway();
    const { client } = gateway;
    const tagsOf = async (): Promise<string[]> => {
      const found: string[] = [];
      for await (const part of client.latest(null))
        for (const { tag, value } of part.samples()) found.push(`${tag} ${Number(value)}`);
      return found;
    };
    await client.start();
    gateway.append([double('northmill/b', 0, 1)]);
    await gateway.caughtUp();
    expect(await tagsOf()).toEqual(['northmill/b 1']);
    gateway.append([double('northmill/a', 0, 2), double('northmill/Öl', 0, 3)]);
    await gateway.caughtUp();
    const all = ['northmill/a 2', 'northmill/b 1', 'northmill/Öl 3'];
    expect(await tagsOf()).toEqual(all);
    // From now on they are numbered in the order of the file.
    await client.stop();
    await client.start();
    expect(await Promise.all([tagsOf(), tagsOf()])).toEqual([all, all]);
    const known: string[] = [];
    for await (const page of client.tags()) known.push(...page.map(({ tag, samples }) => `${tag} ${samples}`));
    expect(known).toEqual(['northmill/a 1', 'northmill/b 1', 'northmill/Öl 1']);
  });

  test('gives aggregates of a million samples in pages, while it goes on to follow the log', async () => {
    await using gateway = new Gateway();
    const { client } = gateway;
    await client.start();
    for (let i = 0; i < 100; i++) gateway.append(doubles(i * 10_000, i * 10_000 + 10_000));
    await gateway.caughtUp();
    await client.flush();
    const span = { fromUs: T0, toUs: T0 + 1e12 };
    const question = { tag: TAG, ...span, aggregates: ['mean', 'count'] as const };
    const rows: unknown[] = [];
    for await (const page of client.buckets({ ...question, grid: pointsGrid(span, 1) }))
      if (page.rows > 0) rows.push([page.value(0, 0), page.value(0, 1)]);
    expect(rows).toEqual([[499_999.5, 1_000_000]]);
    let pages = 0;
    let samples = 0;
    // Wider than a page has rows, and no bucket of it is a whole block.
    const grid = { originUs: T0, widthUs: 11e6, count: Math.ceil(1e6 / 11) };
    for await (const page of client.buckets({ ...question, grid })) {
      if (pages++ === 0) gateway.append([double('northmill/late', 0, 7)]);
      for (let row = 0; row < page.rows; row++) samples += Number(page.value(row, 1));
    }
    expect(samples).toBe(1_000_000);
    expect(pages).toBeGreaterThan(9);
    const asker = new AbortController();
    for await (const page of client.buckets({ ...question, grid: pointsGrid(span, 10_000) }, asker.signal)) {
      expect(page.rows).toBeGreaterThan(0);
      asker.abort();
    }
    expect(await client.summaries([TAG, 'northmill/none'])).toMatchObject([{ tag: TAG, samples: 1_000_000 }]);
    await gateway.caughtUp();
    expect(valuesOf(await gateway.samples('northmill/late'))).toEqual([7]);
  });

  test('refuses aggregates of texts', async () => {
    await using gateway = new Gateway();
    await gateway.client.start();
    gateway.append([double(TAG, 0, 0, { kind: ValueKind.string, value: 'on' })]);
    await gateway.caughtUp();
    const span = { fromUs: T0, toUs: T0 + 1e6 };
    const asked = gateway.client.bucketPage({ tag: TAG, ...span, grid: pointsGrid(span, 1), aggregates: ['mean'] });
    await expect(asked).rejects.toMatchObject({ code: 'aggregate-type' });
  });

  test('an asker that goes away stops the stream', async () => {
    await using gateway = new Gateway();
    await gateway.client.start();
    gateway.append(doubles(0, 15_000));
    gateway.append(doubles(15_000, 25_000));
    await gateway.caughtUp();
    const asker = new AbortController();
    let pages = 0;
    for await (const page of gateway.client.query({ tag: TAG, ...EVER }, asker.signal)) {
      expect(page.points.count).toBe(10_000);
      pages++;
      asker.abort();
    }
    expect(pages).toBe(1);
    let first = 0;
    for await (const page of gateway.client.query({ tag: TAG, ...EVER, limit: 12_000 })) first += page.points.count;
    expect(first).toBe(12_000);
  });

  test('refuses questions when it does not run, and more than it can hold', async () => {
    await using gateway = new Gateway();
    const question = { tag: TAG, ...EVER };
    await expect(gateway.client.page(question)).rejects.toMatchObject({ code: 'not-ready' });
    await gateway.client.start();
    const answers = await Promise.allSettled(numbers(0, 300).map(() => gateway.client.page(question)));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(256);
    const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as unknown] : []));
    expect(refused[0]).toMatchObject({ code: 'not-ready' });
    await gateway.client.stop();
    await expect(gateway.client.page(question)).rejects.toMatchObject({ code: 'not-ready' });
  });

  test('start fails with the reason; it starts again when that is gone', async () => {
    await using gateway = new Gateway();
    await gateway.client.start();
    await gateway.client.stop();
    const other = gateway.newClient({ logId: 'another' });
    await expect(other.start()).rejects.toMatchObject({ code: 'historian-log-differs' });
    expect(await other.ended).toMatchObject({ code: 'historian-log-differs' });
    const right = gateway.newClient();
    await right.start();
    expect(right.state().running).toBe(true);
  });

  test('tells of a damaged file and serves the rest with a gap', async () => {
    await using gateway = new Gateway();
    await gateway.client.start();
    gateway.append(doubles(0, 5));
    await gateway.caughtUp();
    await gateway.client.flush();
    gateway.append(doubles(5, 9));
    await gateway.caughtUp();
    await gateway.client.stop();
    const file = `${gateway.folder.data}/historian/0000000001.mrh`;
    const bytes = readFileSync(file);
    bytes[bytes.length - 30] = (bytes[bytes.length - 30] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    await gateway.client.start();
    await waitFor('the report', () => gateway.reported.length > 0);
    expect(gateway.reported).toMatchObject([{ code: 'historian-damaged' }]);
    const page = await gateway.client.page({ tag: TAG, ...EVER });
    expect(valuesOf([...page.samples()])).toEqual([5, 6, 7, 8]);
    expect(page.gaps).toMatchObject([{ fromUs: T0, toUs: T0 + 4_000_001, reason: 'historian-damaged' }]);
    expect((await gateway.client.status()).damaged).toEqual(['0000000001.mrh']);
  });

  test('a worker that fails ends with the reason; what was asked of it is refused', async () => {
    await using gateway = new Gateway();
    const { client } = gateway;
    await client.start();
    gateway.append(doubles(0, 5));
    await gateway.caughtUp();
    // A folder where the next file should be.
    const obstacle = `${gateway.folder.data}/historian/0000000001.mrh`;
    mkdirSync(obstacle);
    await expect(client.flush()).rejects.toMatchObject({ code: 'historian-write-failed' });
    const fault = await client.ended;
    expect(fault).toBeInstanceOf(Fault);
    expect(fault?.code).toBe('historian-write-failed');
    expect(client.state()).toMatchObject({ running: false, position: 0 });
    await client.stop();
    rmdirSync(obstacle);
    await client.start();
    await gateway.caughtUp();
    expect(valuesOf(await gateway.samples())).toEqual([0, 1, 2, 3, 4]);
  });

  test('a folder that is a file ends it too, in the words of the system', async () => {
    await using gateway = new Gateway();
    const { client, folder } = gateway;
    writeFileSync(`${folder.data}/historian`, 'no folder');
    const started = client.start();
    const asked = client.status();
    await expect(started).rejects.toMatchObject({ code: 'data-unreadable' });
    await expect(asked).rejects.toThrow(
      /^The part that answers this is not ready. The historian has ended: .*historian/,
    );
    rmSync(`${folder.data}/historian`);
    await client.start();
    gateway.append(doubles(0, 2));
    await gateway.caughtUp();
    expect(valuesOf(await gateway.samples())).toEqual([0, 1]);
  });

  test('a manifest that cannot be read is no failed write', async () => {
    await using gateway = new Gateway();
    const { client, folder } = gateway;
    mkdirSync(`${folder.data}/historian/MANIFEST`, { recursive: true });
    await expect(client.start()).rejects.toMatchObject({ code: 'data-unreadable' });
    rmdirSync(`${folder.data}/historian/MANIFEST`);
    await client.start();
    gateway.append(doubles(0, 2));
    await gateway.caughtUp();
    expect(valuesOf(await gateway.samples())).toEqual([0, 1]);
  });

  test('a worker that fails gives up the merge that is under way, and can be started again at once', async () => {
    await using gateway = new Gateway();
    const { client, folder } = gateway;
    const named = (file: number): string => `${folder.data}/historian/${fileName(file)}`;
    await client.start();
    const values = fc.sample(fc.double({ noNaN: true, noDefaultInfinity: true }), { numRuns: 5000, seed: 1 });
    const batch = values.map((value, i) => double(TAG, i, value));
    // One file too many: the ninth flush begins to merge them into the tenth, which takes much longer than to fail.
    for (let file = 0; file <= TIER_FILES; file++) {
      for (let at = 0; at < 10; at++) gateway.append(batch);
      await gateway.caughtUp();
      await client.flush();
    }
    mkdirSync(named(11));
    gateway.append(batch);
    await gateway.caughtUp();
    await expect(client.flush()).rejects.toMatchObject({ code: 'historian-write-failed' });
    expect((await client.ended)?.code).toBe('historian-write-failed');
    expect([existsSync(named(9)), existsSync(named(10))]).toEqual([true, false]);
    rmdirSync(named(11));
    await client.start();
    expect((await client.status()).fileSamples).toBe(450_000);
  });
});
