import { copyFileSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Clock } from '../../edge/core/clock.ts';
import { type Disk, realDisk } from '../../edge/core/disk.ts';
import type { Fault } from '../../edge/core/fault.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { systemError, TracedDisk } from '../../edge/core/kit/traced-disk.ts';
import { FILE_HEADER_BYTES } from '../files/file-writer.ts';
import { applyAll, batchOf, double, EVER, LOG, pageOf, samplesOf, T0, TestFolder } from '../kit/history-kit.ts';
import { queryPage } from '../queries/query.ts';
import { Store } from './store.ts';
import type { StoreOptions } from './store-options.ts';
import { TIER_FILES } from './upkeep.ts';

const TAG = 'northmill/a';

const unexpected = (fault: Fault): void => expect.fail(fault.message);

function openStore(folder: TestFolder, more: Partial<StoreOptions> = {}): Store {
  const store = new Store({ folder: folder.file('historian'), log: LOG, report: unexpected, ...more });
  store.open();
  return store;
}

const filesIn = (folder: TestFolder): string[] => readdirSync(folder.file('historian')).toSorted();

const values = (store: Store, tag = TAG): unknown[] => samplesOf(store, { tag, ...EVER }).map(({ value }) => value);

/** Flushes `count` files, each with one sample of two tags; offsets from `first` on. */
async function flushFiles(store: Store, first: number, count: number): Promise<void> {
  for (let i = first; i < first + count; i++) {
    await applyAll(store, [batchOf([double(TAG, i, i), double('northmill/b', -i, i)], i * 2)]);
    await store.flush();
  }
}

const numbers = (end: number): number[] => Array.from({ length: end }, (_, i) => i);

describe('flush', () => {
  test('writes one file and moves the position in the same manifest; a new store goes on there', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    await applyAll(store, [batchOf([double(TAG, 1, 10), double(TAG, 0, 20)], 0)]);
    expect([store.progress('samples').position, store.savedPosition('samples')]).toEqual([2, 0]);
    await store.flush();
    expect([store.savedPosition('samples'), store.memory.samples]).toEqual([2, 0]);
    expect(store.manifest.files).toMatchObject([{ name: '0000000001.mrh', samples: 2, firstUs: T0, lastUs: T0 + 1e6 }]);
    await applyAll(store, [batchOf([double(TAG, 2, 30)], 2)]);
    expect(values(store)).toEqual([20, 10, 30]);
    await store.close();

    const again = openStore(folder);
    expect(again.progress('samples')).toMatchObject({ position: 2, lastMs: T0 / 1000, lost: 0 });
    await applyAll(again, [batchOf([double(TAG, 1, 10), double(TAG, 0, 20)], 0), batchOf([double(TAG, 2, 30)], 2)]);
    expect(values(again)).toEqual([20, 10, 30]);
    expect(again.samples).toBe(3);
    await again.close();
  });

  test('does nothing when nothing has come', async () => {
    using folder = new TestFolder();
    const disk = new TracedDisk();
    const store = openStore(folder, { disk });
    const calls = disk.calls.length;
    await store.flush();
    expect(disk.calls.length).toBe(calls);
    await store.close();
  });

  test('a full memtable is flushed on the way, at the record where it is full, without losing or doubling one', async () => {
    using folder = new TestFolder();
    const store = openStore(folder, { memtableBytes: 1_000_000 });
    const samples = Array.from({ length: 100_000 }, (_, i) => double(TAG, i, i));
    for (let at = 0; at < samples.length; at += 5000)
      await applyAll(store, [batchOf(samples.slice(at, at + 5000), at)]);
    expect(store.manifest.files.length).toBeGreaterThanOrEqual(2);
    expect(values(store)).toEqual(samples.map(({ sample }) => sample.value));
    await store.close();
  });

  test('is due when a sample has waited five minutes, by the clock that was given', async () => {
    using folder = new TestFolder();
    let nowMs = 1e6;
    const clock: Clock = { nowMs: () => nowMs, nowUs: () => nowMs * 1000, monotonicMs: () => nowMs };
    const store = openStore(folder, { clock });
    expect(store.flushDue()).toBe(false);
    nowMs += 1e9;
    await applyAll(store, [batchOf([double(TAG, 0, 1)], 0)]);
    expect(store.flushDue()).toBe(false);
    nowMs += 299_999;
    expect(store.flushDue()).toBe(false);
    nowMs += 1;
    expect(store.flushDue()).toBe(true);
    await store.flush();
    expect(store.flushDue()).toBe(false);
    await store.close();
  });

  test('queries are answered while it is under way', async () => {
    using folder = new TestFolder();
    // A clock on which every look takes long: the thread is given to others at each series.
    let nowMs = 0;
    const clock: Clock = { nowMs: () => 0, nowUs: () => 0, monotonicMs: () => (nowMs += 1000) };
    const store = openStore(folder, { clock });
    await applyAll(store, [
      batchOf(
        numbers(50).map((i) => double(`northmill/${i}`, 0, i)),
        0,
      ),
    ]);
    const flushing = { done: false };
    const flush = store.flush().then(() => (flushing.done = true));
    let asked = 0;
    for (; !flushing.done; asked++) {
      expect(values(store, `northmill/${asked % 50}`)).toEqual([asked % 50]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await flush;
    expect(asked).toBeGreaterThan(20);
    await store.close();
  });

  test('after a failed write nothing more is taken', async () => {
    using folder = new TestFolder();
    const disk = new TracedDisk();
    const store = openStore(folder, { disk });
    await applyAll(store, [batchOf([double(TAG, 0, 1)], 0)]);
    disk.before = ({ op }) => {
      if (op === 'sync') throw new Error('bad disk');
    };
    await expect(store.flush()).rejects.toMatchObject({ code: 'historian-write-failed' });
    disk.before = undefined;
    await expect(store.flush()).rejects.toMatchObject({ code: 'historian-write-failed' });
    expect(store.failed?.message).toContain('bad disk');
    await store.close();
  });
});

describe('merging', () => {
  test('keeps the number of files small and every sample in place', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    for (let i = 0; i < 40; i++) {
      await flushFiles(store, i, 1);
      await store.settled();
      expect(store.manifest.files.length).toBeLessThanOrEqual(TIER_FILES);
    }
    expect(filesIn(folder)).toEqual(['MANIFEST', ...store.manifest.files.map(({ name }) => name)].toSorted());
    expect(values(store)).toEqual(numbers(40));
    expect(values(store, 'northmill/b')).toEqual(numbers(40).toReversed());
    expect(store.samples).toBe(80);
    await store.close();
    const again = openStore(folder);
    expect(again.progress('samples').position).toBe(80);
    expect(values(again)).toEqual(numbers(40));
    await again.close();
  });

  test('who holds an old version reads on from files that are gone', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    await flushFiles(store, 0, TIER_FILES);
    await applyAll(store, [batchOf([double(TAG, TIER_FILES, TIER_FILES)], TIER_FILES * 2)]);
    const view = store.pin();
    await store.flush();
    await store.settled();
    expect(filesIn(folder)).toEqual(['0000000010.mrh', 'MANIFEST']);
    await applyAll(store, [batchOf([double(TAG, 0.5, -1), double('northmill/c', 0, 0)], TIER_FILES * 2 + 1)]);
    const page = queryPage(view, { tag: TAG, ...EVER });
    expect([...page.samples()].map(({ value }) => value)).toEqual(numbers(TIER_FILES + 1));
    expect(page.gaps).toEqual([]);
    view.release();
    expect(values(store)).toEqual([0, -1, ...numbers(TIER_FILES + 1).slice(1)]);
    await store.close();
  });

  test('a damaged file is left as it is, told of, and the others are merged', async () => {
    using folder = new TestFolder();
    const faults: string[] = [];
    const store = openStore(folder, { report: (fault) => faults.push(fault.code) });
    await flushFiles(store, 0, TIER_FILES);
    const bad = folder.file('historian/0000000003.mrh');
    const bytes = readFileSync(bad);
    bytes[30] = (bytes[30] ?? 0) ^ 1;
    writeFileSync(bad, bytes);
    await flushFiles(store, TIER_FILES, 2);
    await store.settled();
    expect(faults).toEqual(['historian-damaged']);
    expect(store.damaged).toEqual(['0000000003.mrh']);
    expect(filesIn(folder)).toContain('0000000003.mrh');
    expect(store.manifest.files).toHaveLength(2);
    const page = pageOf(store, { tag: TAG, ...EVER });
    expect([...page.samples()].map(({ value }) => value)).toEqual(numbers(TIER_FILES + 2).filter((i) => i !== 2));
    expect(page.gaps).toMatchObject([
      { fromUs: T0 + 2e6, toUs: T0 + 2e6 + 1, reason: 'historian-damaged', samples: 1 },
    ]);
    await store.close();
  });

  test('that fails is told of and tried again after the next flush; nothing is left of it', async () => {
    using folder = new TestFolder();
    const faults: string[] = [];
    const disk = new TracedDisk();
    const store = openStore(folder, { disk, report: (fault) => faults.push(fault.detail) });
    await flushFiles(store, 0, TIER_FILES);
    disk.before = ({ op, file }) => {
      if (op === 'write' && file === '0000000010.mrh') throw new Error('no space');
    };
    await flushFiles(store, TIER_FILES, 1);
    await store.settled();
    expect(faults).toEqual(['Merge: no space']);
    expect(filesIn(folder)).not.toContain('0000000010.mrh');
    await flushFiles(store, TIER_FILES + 1, 1);
    await store.settled();
    expect(store.manifest.files).toHaveLength(1);
    expect(values(store)).toEqual(numbers(TIER_FILES + 2));
    await store.close();
  });
});

describe('opening', () => {
  test('removes files that no manifest names', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    await flushFiles(store, 0, 1);
    await store.close();
    writeFileSync(folder.file('historian/0000000002.mrh'), 'half written');
    writeFileSync(folder.file('historian/notes.txt'), 'not ours');
    const again = openStore(folder);
    expect(filesIn(folder)).toEqual(['0000000001.mrh', 'MANIFEST', 'notes.txt']);
    await again.close();
  });

  test('refuses a folder that has lost its manifest, or whose manifest is damaged, and removes nothing', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    await flushFiles(store, 0, 1);
    await store.close();
    const manifest = folder.file('historian/MANIFEST');
    const text = readFileSync(manifest, 'utf8');
    for (const damaged of [text.slice(0, -2), text.replace('"samples":2', '"samples":3'), '', `x${text}`]) {
      writeFileSync(manifest, damaged);
      expect(() => openStore(folder)).toThrow('The checksum of');
    }
    rmSync(manifest);
    expect(() => openStore(folder)).toThrow('has files but no MANIFEST');
    expect(filesIn(folder)).toEqual(['0000000001.mrh']);
  });

  test('refuses to go on from another log, or from another epoch of it', async () => {
    using folder = new TestFolder();
    await openStore(folder).close();
    expect(() => openStore(folder, { log: { ...LOG, logId: 'another' } })).toThrow('filled from another log');
    expect(() => openStore(folder, { log: { ...LOG, epoch: 1 } })).toThrow('filled from another log');
  });

  test('a file that is missing or cut off is a gap over its span; the others are served and merged around it', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    await flushFiles(store, 0, 4);
    await store.close();
    rmSync(folder.file('historian/0000000002.mrh'));
    truncateSync(folder.file('historian/0000000003.mrh'), 50);
    const faults: string[] = [];
    const again = openStore(folder, { report: (fault) => faults.push(fault.detail) });
    expect(faults).toHaveLength(2);
    expect(again.damaged).toEqual(['0000000002.mrh', '0000000003.mrh']);
    const page = pageOf(again, { tag: TAG, ...EVER });
    expect([...page.samples()].map(({ value }) => value)).toEqual([0, 3]);
    // The files also hold northmill/b at -1 s and -2 s: what is missing of which tag is not known.
    expect(page.gaps.map(({ fromUs, toUs, samples }) => [fromUs, toUs, samples])).toEqual([
      [T0 - 2e6, T0 + 2e6 + 1, null],
      [T0 - 1e6, T0 + 1e6 + 1, null],
    ]);
    await flushFiles(again, 4, TIER_FILES);
    await again.settled();
    expect(again.manifest.files.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['0000000002.mrh', '0000000003.mrh']),
    );
    expect(values(again)).toEqual([0, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    await again.close();
  });

  test('a block that turns out to be damaged when it is asked for is told of, once', async () => {
    using folder = new TestFolder();
    const faults: string[] = [];
    const store = openStore(folder, { report: (fault) => faults.push(fault.detail) });
    await flushFiles(store, 0, 1);
    const file = folder.file('historian/0000000001.mrh');
    const bytes = readFileSync(file);
    bytes[10] = (bytes[10] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    expect([values(store), values(store)]).toEqual([[], []]);
    expect(faults).toEqual([expect.stringMatching(/0000000001\.mrh at byte 8: /)]);
    await store.close();
  });

  test('a sound file in the place of another is not taken for it', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    await flushFiles(store, 1, 2);
    await store.close();
    const [one, two] = store.manifest.files;
    expect(one?.bytes).toBe(two?.bytes);
    copyFileSync(folder.file('historian/0000000001.mrh'), folder.file('historian/0000000002.mrh'));
    const faults: string[] = [];
    const again = openStore(folder, { report: (fault) => faults.push(fault.detail) });
    expect(faults).toEqual([expect.stringContaining('0000000002.mrh: Not the file that the manifest names.')]);
    expect(values(again)).toEqual([1]);
    await again.close();
  });

  test('a sector that the disk cannot read is a gap', async () => {
    using folder = new TestFolder();
    const bad = { position: -1 };
    const disk: Disk = {
      ...realDisk,
      read: (fd, into, position) => {
        if (position === bad.position) throw systemError('EIO');
        return realDisk.read(fd, into, position);
      },
    };
    const faults: string[] = [];
    const store = openStore(folder, { disk, report: (fault) => faults.push(fault.code) });
    await flushFiles(store, 0, 2);
    bad.position = FILE_HEADER_BYTES;
    const page = pageOf(store, { tag: TAG, ...EVER });
    expect([page.points.count, page.gaps.length]).toEqual([0, 2]);
    expect(page.gaps[0]?.detail).toContain('EIO');
    expect(faults).toEqual(['historian-damaged', 'historian-damaged']);
    bad.position = -1;
    expect(values(store)).toEqual([0, 1]);
    await store.close();
  });

  test('counts what is stored of each tag from the files and the memory', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    await flushFiles(store, 0, 3);
    await store.close();
    const again = openStore(folder);
    const late = { ...double(TAG, -100, 1), tag: TAG };
    await applyAll(again, [
      batchOf([late, { tag: TAG, sample: { ...late.sample, kind: ValueKind.null, value: null } }], 6),
    ]);
    const id = again.series.find(0, TAG);
    const view = again.pin();
    expect(view.total(id)).toEqual({ samples: 5, firstUs: T0 - 100e6, lastUs: T0 + 2e6 });
    view.release();
    await again.close();
  });
});
