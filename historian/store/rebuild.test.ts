import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { LogFolder, type OpenLog } from '../../edge/core/kit/log-kit.ts';
import { LogReader, type ReadResult } from '../../edge/core/reader.ts';
import type { FeedReader } from '../follow/topic-feed.ts';
import { applyAll, batchOf, double, EVER, LOG, pageOf, samplesOf, T0, type Tagged } from '../kit/history-kit.ts';
import type { LogSource } from './replay.ts';
import { Store } from './store.ts';
import type { StoreOptions } from './store-options.ts';

const A = 'northmill/a';
const B = 'northmill/b';

/** Samples of two tags in turn, a second apart: those with these numbers. */
const samples = (from: number, to: number): Tagged[] =>
  Array.from({ length: to - from }, (_, i) => double((from + i) % 2 === 0 ? A : B, from + i, from + i));

/** A log on disk and a historian that is filled from it, a file for each batch. */
class World implements Disposable {
  readonly folder = new LogFolder();
  readonly log: OpenLog = this.folder.open();
  readonly faults: string[] = [];
  store = this.opened();
  private end = 0;

  opened(more: Partial<StoreOptions> = {}): Store {
    const folder = `${this.folder.data}/historian`;
    const store = new Store({ folder, log: LOG, report: ({ detail }) => this.faults.push(detail), ...more });
    store.open();
    return store;
  }

  async add(count: number, more: readonly Tagged[] = []): Promise<void> {
    const batch = batchOf([...samples(this.end, this.end + count), ...more], 0, T0 / 1000 + this.end);
    this.log.writer.append([{ topic: 'samples', batch, records: count + more.length }]);
    const reader = this.reader('samples');
    reader.seek(this.end);
    for (let read = reader.read(); read.kind === 'data'; read = reader.read()) await applyAll(this.store, [read.bytes]);
    reader.close();
    this.end += count + more.length;
    await this.store.flush();
  }

  reader(topic: string): LogReader {
    return new LogReader({ logFolder: this.folder.log, topic, ends: this.log.ends });
  }

  /** The log; what lies before `start` it has let go. */
  source(start = 0): LogSource {
    return { start: () => start, reader: (topic) => this.reader(topic) };
  }

  file(name: string): string {
    return `${this.folder.data}/historian/${name}`;
  }

  /** Changes a bit at a place in a file, and looks at all there is. */
  flip(name: string, at: number): void {
    const bytes = readFileSync(this.file(name));
    const place = at < 0 ? bytes.length + at : at;
    bytes[place] = (bytes[place] ?? 0) ^ 1;
    writeFileSync(this.file(name), bytes);
    this.values();
  }

  /** Files that the manifest does not name. */
  strays(): string[] {
    const names = new Set(this.store.manifest.files.map(({ name }) => name));
    return readdirSync(this.file('')).filter((name) => name.endsWith('.mrh') && !names.has(name));
  }

  values(): unknown[] {
    const both = [A, B].flatMap((tag) => samplesOf(this.store, { tag, ...EVER }));
    return both.map(({ value }) => value).toSorted((a, b) => Number(a) - Number(b));
  }

  /** Numbers that are not there. */
  missing(): number[] {
    const there = new Set(this.values());
    return numbers(0, this.end).filter((i) => !there.has(i));
  }

  async reopen(more: Partial<StoreOptions> = {}): Promise<void> {
    await this.store.close();
    this.store = this.opened(more);
  }

  [Symbol.dispose](): void {
    this.log.writer.close();
    this.folder[Symbol.dispose]();
  }
}

/** A log that a reader comes to know of in these steps; then it ends. */
function inSteps(...steps: readonly ReadResult[]): LogSource {
  const reader = (): FeedReader => {
    const left = [...steps];
    return { seek: () => undefined, read: () => left.shift() ?? { kind: 'end' }, close: () => undefined };
  };
  return { start: () => 0, reader };
}

/** A step that has the samples with these numbers. */
function dataOf(from: number, to: number): ReadResult {
  return { kind: 'data', bytes: batchOf(samples(from, to), from), baseOffset: from, nextOffset: to };
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe('what is damaged', () => {
  test('a block comes back out of the log, whole: no gap is left, and nothing is there twice', async () => {
    using world = new World();
    await world.add(5000);
    await world.add(5000);
    world.flip('0000000001.mrh', 40);
    const damaged = world.missing().length;
    expect(damaged).toBeGreaterThan(500);
    expect(world.store.damaged).toEqual(['0000000001.mrh']);
    expect(await world.store.repair(world.source())).toEqual({
      damaged,
      rebuilt: damaged,
      repaired: ['0000000001.mrh'],
      left: [],
    });
    expect([world.values(), world.store.damaged, world.store.samples]).toEqual([numbers(0, 10_000), [], 10_000]);
    await world.reopen();
    expect(pageOf(world.store, { tag: A, ...EVER }).gaps).toEqual([]);
    expect([world.values(), world.store.samples]).toEqual([numbers(0, 10_000), 10_000]);
    await world.store.close();
  });

  test('what the log holds no more stays a gap, named, also in the next life; the rest comes back', async () => {
    using world = new World();
    await world.add(5000);
    world.flip('0000000001.mrh', 40);
    // The block has every other number: those of one tag.
    const lost = world.missing();
    const [first = 0, last = 0, start = 0] = [lost[0], lost.at(-1), lost[250]];
    const report = await world.store.repair(world.source(start));
    expect(report).toMatchObject({ damaged: lost.length, rebuilt: lost.length - 250 });
    await world.reopen();
    expect(world.missing()).toEqual(lost.slice(0, 250));
    expect(world.store.samples).toBe(5000);
    const { gaps } = pageOf(world.store, { tag: A, ...EVER });
    const span = { fromUs: T0 + first * 1e6, toUs: T0 + last * 1e6 + 1 };
    expect(gaps).toMatchObject([{ reason: 'historian-damaged', samples: 250, ...span }]);
    expect(gaps[0]?.detail).toBe(`Offsets ${first} to ${last} of samples, in 0000000001.mrh.`);
    expect(pageOf(world.store, { tag: B, ...EVER }).gaps).toEqual([]);
    await world.store.close();
  });

  test('a file of which the log has nothing that is damaged stays as it is: its bytes are evidence', async () => {
    using world = new World();
    await world.add(5000);
    world.flip('0000000001.mrh', 40);
    const lost = world.missing();
    const source = world.source((lost.at(-1) ?? 0) + 1);
    expect(await world.store.repair(source)).toEqual({
      damaged: 0,
      rebuilt: 0,
      repaired: [],
      left: ['0000000001.mrh'],
    });
    expect([world.missing(), world.store.damaged]).toEqual([lost, ['0000000001.mrh']]);
    expect(world.store.manifest.unreadable).toEqual([]);
    await world.store.close();
  });

  test('what could not be read for a moment is whole again, and nothing is written', async () => {
    using world = new World();
    await world.add(5000);
    world.flip('0000000001.mrh', 40);
    world.flip('0000000001.mrh', 40);
    expect(await world.store.repair(world.source())).toEqual({ damaged: 0, rebuilt: 0, repaired: [], left: [] });
    expect([world.missing(), world.store.damaged, world.store.manifest.next]).toEqual([[], [], 2]);
    await world.store.close();
  });

  test('a file that cannot be opened comes back if the log has all of it; else what it has comes back and the gap stays', async () => {
    using world = new World();
    for (let i = 0; i < 3; i++) await world.add(1000);
    await world.store.close();
    truncateSync(world.file('0000000001.mrh'), 100);
    rmSync(world.file('0000000003.mrh'));
    world.store = world.opened();
    expect(world.values()).toEqual(numbers(1000, 2000));
    expect(await world.store.repair(world.source(600))).toEqual({
      damaged: 2000,
      rebuilt: 1400,
      repaired: ['0000000003.mrh'],
      left: ['0000000001.mrh'],
    });
    expect(world.values()).toEqual(numbers(600, 3000));
    expect(await world.store.repair(world.source(600))).toMatchObject({ rebuilt: 0, left: ['0000000001.mrh'] });
    await world.reopen();
    expect([world.values(), world.store.damaged]).toEqual([numbers(600, 3000), ['0000000001.mrh']]);
    expect(pageOf(world.store, { tag: A, ...EVER }).gaps).toMatchObject([{ fromUs: T0, toUs: T0 + 999e6 + 1 }]);
    await world.store.close();
  });

  test('what was erased does not come back with it', async () => {
    using world = new World();
    await world.add(1000);
    await world.store.erased(world.store.erase({ tags: { paths: [A] }, fromUs: T0, toUs: T0 + 500e6 }));
    world.flip('0000000002.mrh', 40);
    await world.store.repair(world.source());
    expect(world.values()).toEqual(numbers(0, 1000).filter((i) => i >= 500 || i % 2 === 1));
    await world.store.close();
  });
});

describe('rebuild', () => {
  test('writes anew what the log covers and keeps what it does not; both spans are told, and nothing is there twice', async () => {
    using world = new World();
    for (let i = 0; i < 4; i++) await world.add(1000);
    const before = world.store.manifest.files.map(({ name }) => name);
    const report = await world.store.rebuild(world.source(1500));
    expect(report).toEqual([{ topic: 'samples', first: 1500, last: 3999, samples: 2500, kept: 1500 }]);
    const names = world.store.manifest.files.map(({ name }) => name);
    expect(names.filter((name) => before.includes(name))).toEqual(['0000000001.mrh']);
    expect(world.values()).toEqual(numbers(0, 4000));
    await world.reopen();
    expect([world.values(), world.store.samples]).toEqual([numbers(0, 4000), 4000]);
    await world.store.close();
  });

  test('brings back what is missing, but not what was erased; what corrections replaced stays replaced', async () => {
    using world = new World();
    await world.add(1000);
    await world.add(0, [double(A, 0, -1, { flags: 16 })]);
    await world.store.erased(world.store.erase({ tags: { paths: [B] }, ...EVER }));
    await world.store.close();
    rmSync(world.file(world.store.manifest.files[0]?.name ?? ''));
    world.store = world.opened();
    await world.store.rebuild(world.source());
    expect(world.values()).toEqual([-1, ...numbers(1, 1000).filter((i) => i % 2 === 0)]);
    expect(world.store.damaged).toEqual([]);
    // What was erased stays counted, however often.
    const { samples: counted } = world.store;
    await world.store.rebuild(world.source());
    expect([world.store.samples, world.store.manifest.files.length]).toEqual([counted, 2]);
    await world.store.close();
  });

  test('brings back nothing of an erasure, to the last moment and the last record, and all else', async () => {
    using world = new World();
    await world.add(1000);
    const span = { fromUs: T0 + 100e6, toUs: T0 + 200e6 };
    await world.store.erased(world.store.erase({ tags: { paths: [A] }, ...span, upTo: { samples: 150 } }));
    await world.store.erased(world.store.erase({ tags: { paths: [A] }, fromUs: T0 + 300e6, toUs: T0 + 400e6 }));
    const left = numbers(0, 1000).filter((i) => i % 2 === 1 || i < 100 || (i >= 150 && i < 300) || i >= 400);
    expect(world.values()).toEqual(left);
    expect(await world.store.rebuild(world.source())).toMatchObject([{ samples: left.length }]);
    expect([world.values(), world.store.samples]).toEqual([left, 1000]);
    await world.store.close();
  });

  test('questions are answered from the old files until the new ones are complete, and samples go on coming', async () => {
    using world = new World();
    await world.add(3000);
    const rebuilding = world.store.rebuild(world.source());
    expect(world.values()).toEqual(numbers(0, 3000));
    await world.add(1000);
    await rebuilding;
    expect(world.values()).toEqual(numbers(0, 4000));
    await world.store.close();
  });

  test('what lies in the log alone, behind what is in files, comes once', async () => {
    using world = new World();
    await world.add(1000);
    await applyAll(world.store, [batchOf(samples(1000, 1500), 1000)]);
    const progress: number[][] = [];
    const report = await world.store.rebuild(inSteps(dataOf(0, 1500)), (...told) => progress.push(told));
    expect(report).toEqual([{ topic: 'samples', first: 0, last: 999, samples: 1000, kept: 0 }]);
    expect(progress).toEqual([[1000, 1000]]);
    expect(world.values()).toEqual(numbers(0, 1500));
    await world.store.flush();
    expect([world.values(), world.store.samples]).toEqual([numbers(0, 1500), 1500]);
    await world.store.close();
  });

  test('takes no more memory than the historian has: then there are several files', async () => {
    using world = new World();
    for (let i = 0; i < 3; i++) await world.add(1000);
    await world.reopen({ memtableBytes: 40_000 });
    const progress: number[][] = [];
    const report = await world.store.rebuild(world.source(500), (...told) => progress.push(told));
    expect(report).toMatchObject([{ samples: 2500, kept: 500 }]);
    const { files } = world.store.manifest;
    expect(files.length).toBeGreaterThan(2);
    expect(files.every((file) => file.samples > 0)).toBe(true);
    expect([world.values(), world.store.samples]).toEqual([numbers(0, 3000), 3000]);
    expect(progress.at(-1)).toEqual([2500, 2500]);
    expect(progress).toEqual(progress.toSorted(([a = 0], [b = 0]) => a - b));
    await world.store.close();
  });

  test.each([
    ['one file', [3000]],
    ['a file for each part', [1000, 1000, 1000]],
  ])('keeps of the old files, to the last record, what the log cannot give any more: %s', async (_name, parts) => {
    using world = new World();
    for (const part of parts) await world.add(part);
    const hole = { kind: 'gap', first: 1000, last: 1999, reason: 'damage' } as const;
    const progress: number[][] = [];
    const source = inSteps(dataOf(0, 500), dataOf(500, 1000), hole, dataOf(2000, 3000));
    const report = await world.store.rebuild(source, (...told) => progress.push(told));
    expect(report).toEqual([{ topic: 'samples', first: 0, last: 2999, samples: 2000, kept: 1000 }]);
    expect(progress.map(([done]) => done)).toEqual([500, 1000, 1000, 3000]);
    expect([world.values(), world.store.samples]).toEqual([numbers(0, 3000), 3000]);
    // It ends before what is in the files.
    const early = await world.store.rebuild(inSteps(dataOf(0, 1000), dataOf(1000, 2500)));
    expect(early).toMatchObject([{ samples: 2500, kept: 500 }]);
    await world.reopen();
    expect([world.values(), world.store.samples]).toEqual([numbers(0, 3000), 3000]);
    await world.store.close();
  });

  test('of two topics keeps of each what its own log does not cover, and reads the rest of it again, once', async () => {
    using world = new World();
    const bulk = (from: number, to: number): Tagged[] => numbers(from, to).map((i) => double('northmill/bulk', i, i));
    const stored = (): unknown[] =>
      samplesOf(world.store, { tag: 'northmill/bulk', ...EVER }).map(({ value }) => value);
    await applyAll(world.store, [batchOf(bulk(0, 800), 0)], 'samples.bulk');
    await world.add(1000);
    expect(world.store.manifest.files).toHaveLength(1);
    const hole = { kind: 'gap', first: 600, last: 649, reason: 'damage' } as const;
    const steps: Readonly<Record<string, readonly ReadResult[]>> = {
      samples: [dataOf(200, 600), hole, dataOf(650, 1000)],
      'samples.bulk': [{ kind: 'data', bytes: batchOf(bulk(400, 800), 400), baseOffset: 400, nextOffset: 800 }],
    };
    const reports = await world.store.rebuild({
      start: (topic) => (topic === 'samples' ? 200 : 400),
      reader: (topic) => inSteps(...(steps[topic] ?? [])).reader(topic),
    });
    expect(reports.toSorted((a, b) => a.first - b.first)).toEqual([
      { topic: 'samples', first: 200, last: 999, samples: 750, kept: 250 },
      { topic: 'samples.bulk', first: 400, last: 799, samples: 400, kept: 400 },
    ]);
    expect([world.values(), stored(), world.store.samples]).toEqual([numbers(0, 1000), numbers(0, 800), 1800]);
    // The log of one topic has everything: a file that has something of the other stays.
    await world.store.rebuild({ ...inSteps(dataOf(0, 1000)), start: (topic) => (topic === 'samples' ? 0 : 800) });
    expect([world.values(), stored(), world.store.samples]).toEqual([numbers(0, 1000), numbers(0, 800), 1800]);
    expect(world.strays()).toEqual([]);
    await world.store.close();
  });

  test('does not begin without room beside the old files', async () => {
    using world = new World();
    await world.add(1000);
    const bytes = world.store.manifest.files.reduce((sum, file) => sum + file.bytes, 0);
    await world.reopen({ freeBytes: () => bytes - 1 });
    await expect(world.store.rebuild(world.source())).rejects.toMatchObject({ code: 'historian-write-failed' });
    await world.reopen({ freeBytes: () => bytes });
    expect(await world.store.rebuild(world.source())).toMatchObject([{ samples: 1000 }]);
    await world.store.close();
  });

  test('of a log that begins behind everything that is in files changes nothing', async () => {
    using world = new World();
    await world.add(1000);
    const { files } = world.store.manifest;
    expect(await world.store.rebuild(world.source(1000))).toEqual([]);
    expect(world.store.manifest.files).toEqual(files);
    await world.store.close();
  });

  test('that is stopped leaves everything as it was', async () => {
    using world = new World();
    await world.add(3000);
    await world.reopen({ memtableBytes: 40_000 });
    let closed = 0;
    const failing: LogSource = {
      start: () => 0,
      reader: () => {
        const { seek, read } = inSteps(dataOf(0, 2000)).reader('samples');
        const next = (): ReadResult => {
          const step = read();
          if (step.kind === 'end') throw new Error('no log');
          return step;
        };
        return { seek, read: next, close: () => void closed++ };
      },
    };
    await expect(world.store.rebuild(failing)).rejects.toThrow('no log');
    expect([world.values(), closed]).toEqual([numbers(0, 3000), 1]);
    expect(world.strays()).toEqual([]);
    await world.reopen();
    expect(world.values()).toEqual(numbers(0, 3000));
    await world.store.close();
  });
});
