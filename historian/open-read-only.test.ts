import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Disk, realDisk } from '../edge/core/disk.ts';
import { LogFolder, type OpenLog } from '../edge/core/kit/log-kit.ts';
import { TracedDisk } from '../edge/core/kit/traced-disk.ts';
import { intervalGrid } from './queries/buckets.ts';
import { applyAll, batchOf, double, EVER, T0, type Tagged } from './kit/history-kit.ts';
import { openReadOnly, type ReadOnlyHistory } from './open-read-only.ts';
import { Store } from './store/store.ts';

const TAG = 'northmill/a';

const historianOf = (folder: LogFolder): string => path.join(folder.data, 'historian');

/** A disk that refuses to change anything. */
function readOnlyDisk(): Disk {
  const disk = new TracedDisk();
  disk.before = ({ op, file }) => {
    if (op !== 'list') throw new Error(`${op} ${file}`);
  };
  return disk;
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
const doubles = (from: number, to: number): Tagged[] => numbers(from, to).map((i) => double(TAG, i, i));

/** Appends to the log, and gives the store the same bytes. */
async function append(log: OpenLog, store: Store, from: number, to: number): Promise<void> {
  const batch = batchOf(doubles(from, to), 0);
  log.writer.append([{ topic: 'samples', batch: batch.slice(), records: to - from }]);
  await applyAll(store, [batchOf(doubles(from, to), from)]);
}

async function read(history: ReadOnlyHistory, tag = TAG): Promise<{ values: unknown[]; gaps: unknown[] }> {
  const values: unknown[] = [];
  const gaps: unknown[] = [];
  for await (const page of history.query({ tag, ...EVER, limit: 1e6 })) {
    for (const { value } of page.samples()) values.push(value);
    gaps.push(...page.gaps);
  }
  return { values, gaps };
}

/** A log and a store that a gateway left behind: files, and a tail of the log that is in no file. */
async function abandoned(folder: LogFolder): Promise<void> {
  const log = folder.open();
  const store = new Store({ folder: historianOf(folder), log: log.writer.identity });
  store.open();
  await append(log, store, 0, 20);
  await store.flush();
  await append(log, store, 20, 25);
  await store.flush();
  await append(log, store, 25, 40);
  await store.close();
  log.writer.close();
}

describe('history without a gateway', () => {
  test('is the files and the log’s tail behind them; nothing on the disk is touched', async () => {
    using folder = new LogFolder();
    await abandoned(folder);
    const before = readdirSync(historianOf(folder)).map((name) => readFileSync(path.join(historianOf(folder), name)));
    const history = openReadOnly({ folder: historianOf(folder), logFolder: folder.log, disk: readOnlyDisk() });
    expect(await read(history)).toEqual({ values: numbers(0, 40), gaps: [] });
    const tags = [];
    for await (const page of history.tags()) tags.push(...page);
    expect(tags).toEqual([{ tag: TAG, samples: 40, firstUs: T0, lastUs: T0 + 39e6 }]);
    for await (const part of history.latest(null)) expect([...part.samples()]).toMatchObject([{ tag: TAG, value: 39 }]);
    history.close();
    const after = readdirSync(historianOf(folder)).map((name) => readFileSync(path.join(historianOf(folder), name)));
    expect(after).toEqual(before);
  });

  test('has the same aggregates as the historian of a gateway, and those of topic derived', async () => {
    using folder = new LogFolder();
    await abandoned(folder);
    const log = folder.open({ topics: ['samples', 'derived'] });
    log.writer.append([{ topic: 'derived', batch: batchOf([double('northmill/score', 3, 0.5)], 0), records: 1 }]);
    log.writer.close();
    const history = openReadOnly({ folder: historianOf(folder), logFolder: folder.log, disk: readOnlyDisk() });
    const rows = async (tag: string): Promise<unknown[]> => {
      const span = { fromUs: T0, toUs: T0 + 40e6 };
      const found: unknown[] = [];
      const grid = intervalGrid(span, 20e6);
      for await (const page of history.buckets({ tag, ...span, grid, aggregates: ['mean', 'count', 'last'] }))
        for (let row = 0; row < page.rows; row++) found.push([0, 1, 2].map((column) => page.value(row, column)));
      return found;
    };
    expect(await rows(TAG)).toEqual([
      [9.5, 20, 19],
      [29.5, 20, 39],
    ]);
    expect(await rows('northmill/score')).toEqual([
      [0.5, 1, 0.5],
      [null, 0, null],
    ]);
    expect(await history.summaries(['northmill/none', TAG])).toEqual([
      { tag: TAG, samples: 40, firstUs: T0, lastUs: T0 + 39e6 },
    ]);
    history.close();
  });

  test('of a historian that never was is what the log has', async () => {
    using folder = new LogFolder();
    await abandoned(folder);
    rmSync(historianOf(folder), { recursive: true });
    const history = openReadOnly({ folder: historianOf(folder), logFolder: folder.log, disk: readOnlyDisk() });
    expect((await read(history)).values).toEqual(numbers(0, 40));
    history.close();
  });

  test('without a log is what the files have', async () => {
    using folder = new LogFolder();
    await abandoned(folder);
    rmSync(folder.log, { recursive: true });
    const history = openReadOnly({ folder: historianOf(folder), logFolder: folder.log });
    expect((await read(history)).values).toEqual(numbers(0, 25));
    history.close();
  });

  test('shows what does not fit into memory as a gap that has no end', async () => {
    using folder = new LogFolder();
    const log = folder.open();
    for (let i = 0; i < 4; i++) {
      const batch = batchOf(doubles(i * 10_000, i * 10_000 + 10_000), 0);
      log.writer.append([{ topic: 'samples', batch, records: 10_000 }]);
    }
    log.writer.close();
    const history = openReadOnly({ folder: historianOf(folder), logFolder: folder.log, memoryBytes: 700_000 });
    const { values, gaps } = await read(history);
    // As many as fit, at 25 bytes a sample and in whole chunks.
    expect(values.length).toBeGreaterThan(24_000);
    expect(values).toEqual(numbers(0, values.length));
    const detail = `Records ${values.length} to 39999 of samples.`;
    expect(gaps).toMatchObject([{ reason: 'unread', detail, fromUs: T0 }]);
    history.close();
  });

  test('refuses a log that it was not filled from, and damaged manifests', async () => {
    using folder = new LogFolder();
    using other = new LogFolder();
    await abandoned(folder);
    other.with({}, (log) => log.append(0, 1));
    other.write('millrace.json', JSON.stringify({ v: 1, logId: 'another', epoch: 0 }));
    expect(() => openReadOnly({ folder: historianOf(folder), logFolder: other.log })).toThrow('another log');
    other.write('millrace.json', 'garbage');
    expect(() => openReadOnly({ folder: historianOf(folder), logFolder: other.log })).toThrow(
      expect.objectContaining({ code: 'data-unreadable' }),
    );
    rmSync(path.join(historianOf(folder), 'MANIFEST'));
    expect(() => openReadOnly({ folder: historianOf(folder), logFolder: folder.log })).toThrow('no MANIFEST');
  });

  test('reads the manifest again when a gateway has merged files away meanwhile', async () => {
    using folder = new LogFolder();
    await abandoned(folder);
    const live = historianOf(folder);
    const merged = path.join(folder.data, 'merged');
    // What a merge leaves: another manifest, one file of another name.
    cpSync(live, merged, { recursive: true });
    const log = folder.open();
    const store = new Store({ folder: merged, log: log.writer.identity });
    store.open();
    await applyAll(store, [batchOf(doubles(25, 40), 25)]);
    await store.flush();
    await store.close();
    log.writer.close();
    rmSync(path.join(live, '0000000001.mrh'));
    let manifests = 0;
    const disk: Disk = {
      ...realDisk,
      open: (file, flags) => {
        // The first look is at the old manifest, every later one at the new folder.
        const moved = file.endsWith('MANIFEST') ? manifests++ > 0 : manifests > 1;
        return realDisk.open(moved ? file.replace(live, merged) : file, flags);
      },
    };
    const history = openReadOnly({ folder: live, logFolder: folder.log, disk });
    expect(await read(history)).toEqual({ values: numbers(0, 40), gaps: [] });
    expect(manifests).toBeGreaterThan(1);
    history.close();
  });
});
