import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../edge/core/fault.ts';
import { TracedDisk } from '../../edge/core/kit/traced-disk.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import {
  applyAll,
  batchOf,
  double,
  EVER,
  LOG,
  pageOf,
  samplesOf,
  T0,
  type Tagged,
  TestFolder,
} from '../kit/history-kit.ts';
import { openReadOnly } from '../open-read-only.ts';
import { Store } from './store.ts';
import type { StoreOptions } from './store-options.ts';

const A = 'northmill/line1/a';
const B = 'northmill/line1/b';
const OTHER = 'northmill/line10/a';

const report = (fault: Fault): void => expect.fail(fault.message);

function openStore(folder: TestFolder, more: Partial<StoreOptions> = {}): Store {
  const store = new Store({ folder: folder.file('historian'), log: LOG, report, ...more });
  store.open();
  store.progress('samples');
  return store;
}

const values = (store: Store, tag = A): unknown[] => samplesOf(store, { tag, ...EVER }).map(({ value }) => value);

/** A secret text a second of each tag, and the batch that brings it. */
function secrets(first: number, count: number): Uint8Array {
  const samples = Array.from({ length: count }, (_, i): Tagged => {
    const tag = [A, B, OTHER][i % 3] ?? '';
    return double(tag, first + i, 0, { kind: ValueKind.string, value: `secret ${first + i}` });
  });
  return batchOf(samples, first);
}

const seconds = (from: number, to: number) => ({ fromUs: T0 + from * 1e6, toUs: T0 + to * 1e6 });

/** Whether the bytes of any file hold this text; the columns of so few samples are not compressed. */
function isOnDisk(folder: TestFolder, text: string): boolean {
  const files = readdirSync(folder.file('historian')).filter((name) => name.endsWith('.mrh'));
  return files.some((name) => readFileSync(folder.file(`historian/${name}`)).includes(text));
}

describe('erase', () => {
  test('is out of every answer at once, and out of memory and files when it is done', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    const batches = [secrets(0, 9), secrets(9, 9)];
    await applyAll(store, batches.slice(0, 1));
    await store.flush();
    await applyAll(store, batches);
    expect(isOnDisk(folder, 'secret 3')).toBe(true);
    const erasure = store.erase({ tags: { paths: [A] }, ...seconds(3, 13) });
    expect(values(store)).toEqual(['secret 0', 'secret 15']);
    expect(values(store, B)).toHaveLength(6);
    const done = store.erased(erasure);
    await store.flush();
    await done;
    expect([3, 6, 9, 12].map((i) => isOnDisk(folder, `secret ${i}`))).toEqual([false, false, false, false]);
    expect([0, 15, 4, 10].map((i) => isOnDisk(folder, `secret ${i}`))).toEqual([true, true, true, true]);
    expect(store.samples).toBe(18);
    await store.close();
    const again = openStore(folder);
    expect([values(again), again.samples]).toEqual([['secret 0', 'secret 15'], 18]);
    await again.close();
  });

  test('of a prefix is of all tags whose path begins so; the path of a line does not begin that of another', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    await applyAll(store, [secrets(0, 9)]);
    await store.flush();
    await store.erased(store.erase({ tags: { prefix: 'northmill/line1/' }, ...EVER }));
    expect([values(store), values(store, B), values(store, OTHER)]).toEqual([
      [],
      [],
      ['secret 2', 'secret 5', 'secret 8'],
    ]);
    expect(pageOf(store, { tag: A, ...EVER }).gaps).toEqual([]);
    await store.close();
  });

  test('does not come back out of a replay of the log, and keeps what comes later at the same times', async () => {
    using folder = new TestFolder();
    const first = openStore(folder);
    const batches = [secrets(0, 9), secrets(9, 9)];
    await applyAll(first, batches.slice(0, 1));
    // The log has more already than the historian: that is erased too.
    first.erase({ tags: { paths: [A] }, ...EVER, upTo: { samples: 18 } });
    await first.close();

    const second = openStore(folder);
    await applyAll(second, batches);
    expect(values(second)).toEqual([]);
    const later = batchOf([double(A, 3, 1)], 18);
    await applyAll(second, [later]);
    expect(values(second)).toEqual([1]);
    await second.flush();
    expect(values(second)).toEqual([1]);
    expect(isOnDisk(folder, 'secret 3')).toBe(false);
    await second.close();
    const reader = openReadOnly({ folder: folder.file('historian'), logFolder: folder.file('log') });
    expect((await reader.page({ tag: A, ...EVER })).points.count).toBe(1);
    reader.close();
  });

  test('is of what lies below its offsets: what had come later when it is taken on record stays, in memory and in files', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    await applyAll(store, [secrets(0, 9)]);
    await store.flush();
    await applyAll(store, [secrets(9, 9)]);
    const erased = store.erased(store.erase({ tags: { paths: [A] }, ...EVER, upTo: { samples: 12 } }));
    expect(values(store)).toEqual(['secret 12', 'secret 15']);
    await store.flush();
    await erased;
    expect(values(store)).toEqual(['secret 12', 'secret 15']);
    expect([3, 9, 12, 15].map((i) => isOnDisk(folder, `secret ${i}`))).toEqual([false, false, true, true]);
    // Of a file that has both.
    await store.erased(store.erase({ tags: { paths: [B] }, ...EVER, upTo: { samples: 14 } }));
    expect(values(store, B)).toEqual(['secret 16']);
    expect([10, 13, 16].map((i) => isOnDisk(folder, `secret ${i}`))).toEqual([false, false, true]);
    await store.close();
  });

  test('writes only those files again that hold something of it', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    for (let i = 0; i < 4; i++) {
      await applyAll(store, [secrets(i * 3, 3)]);
      await store.flush();
    }
    const before = store.manifest.files.map(({ name }) => name);
    await store.erased(store.erase({ tags: { paths: [A] }, ...seconds(3, 4) }));
    const after = store.manifest.files.map(({ name }) => name);
    expect(after).toEqual([before[0], before[2], before[3], '0000000005.mrh']);
    await store.close();
  });

  test('writes no file again that begins where it ends, in time or in the log, or that ends before it', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    for (let i = 0; i < 3; i++) {
      await applyAll(store, [secrets(i * 3, 3)]);
      await store.flush();
    }
    const before = store.manifest.files.map(({ name }) => name);
    await store.erased(store.erase({ tags: { paths: [A] }, fromUs: T0 + 1, toUs: T0 + 3e6 }));
    expect(store.manifest.files.map(({ name }) => name)).toEqual(before);
    await store.erased(store.erase({ tags: { paths: [A] }, fromUs: T0 + 1, toUs: EVER.toUs, upTo: { samples: 3 } }));
    await store.erased(store.erase({ tags: { paths: ['northmill/absent'] }, ...EVER }));
    await store.erased(store.erase({ tags: { prefix: 'northmill/absent/' }, ...EVER }));
    expect(store.manifest.files.map(({ name }) => name)).toEqual(before);
    // All four are done, and what the log does not hold any more is forgotten.
    store.logStartsAt(() => 9);
    expect([store.manifest.erasures, values(store)]).toEqual([[], ['secret 0', 'secret 3', 'secret 6']]);
    // One sample of it is enough.
    await store.erased(store.erase({ tags: { paths: [A] }, fromUs: T0 + 3e6, toUs: T0 + 6e6, upTo: { samples: 4 } }));
    expect(store.manifest.files.map(({ name }) => name)).toEqual([before[0], before[2], '0000000004.mrh']);
    expect(isOnDisk(folder, 'secret 3')).toBe(false);
    await store.close();
  });

  test('of numbers that are still in memory is not written into their file', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    await applyAll(store, [
      batchOf(
        Array.from({ length: 9 }, (_, i) => double(A, i, i)),
        0,
      ),
    ]);
    const erased = store.erased(store.erase({ tags: { paths: [A] }, ...seconds(3, 6) }));
    await store.flush();
    await erased;
    expect(values(store)).toEqual([0, 1, 2, 6, 7, 8]);
    expect([store.manifest.files.map(({ samples }) => samples), store.samples]).toEqual([[6], 9]);
    await store.close();
  });

  test('of something else writes no file again that was written without an earlier one', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    await applyAll(store, [secrets(0, 9)]);
    await store.flush();
    // What is left of the tag lies on both sides of it.
    await store.erased(store.erase({ tags: { paths: [A] }, ...seconds(3, 4) }));
    const files = store.manifest.files.map(({ name }) => name);
    expect(files).toEqual(['0000000002.mrh']);
    await store.erased(store.erase({ tags: { paths: ['northmill/absent'] }, ...EVER }));
    expect(store.manifest.files.map(({ name }) => name)).toEqual(files);
    await store.close();
  });

  test('stays on record while a file that cannot be opened may hold something of it', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    for (let i = 0; i < 2; i++) {
      await applyAll(store, [secrets(i * 3, 3)]);
      await store.flush();
    }
    await store.close();
    const name = folder.file('historian/0000000001.mrh');
    const bytes = readFileSync(name);
    truncateSync(name, 10);
    const blind = openStore(folder, { report: () => undefined });
    await blind.erased(blind.erase({ tags: { paths: [A] }, ...EVER }));
    const { manifest } = blind;
    expect(manifest.erasures).toHaveLength(1);
    blind.logStartsAt(() => 100);
    // Nothing was forgotten, and nothing written.
    expect(blind.manifest).toBe(manifest);
    await blind.close();
    writeFileSync(name, bytes);
    const again = openStore(folder);
    expect(values(again)).toEqual([]);
    await again.erased(manifest.erasures[0] ?? { id: -1 });
    again.logStartsAt(() => 100);
    expect(again.manifest.erasures).toEqual([]);
    await again.close();
  });

  test('says what is left of it: files to be written again, and the memory', async () => {
    using folder = new TestFolder();
    let free = 0;
    const store = openStore(folder, { freeBytes: () => free, report: () => undefined });
    await applyAll(store, [secrets(0, 3)]);
    await store.flush();
    await applyAll(store, [secrets(0, 3), secrets(3, 3)]);
    const first = store.erase({ tags: { paths: [A] }, ...seconds(0, 1) });
    const second = store.erase({ tags: { paths: [A] }, ...seconds(3, 4) });
    const done: number[] = [];
    for (const erasure of [first, second]) void store.erased(erasure).then(() => done.push(erasure.id));
    expect([store.eraseLeft(first), store.eraseLeft(second)]).toEqual([
      { files: 1, memory: true },
      { files: 1, memory: true },
    ]);
    await store.flush();
    // There is no room to write the file again; the new one was written without any of it.
    expect([store.eraseLeft(first), store.eraseLeft(second), done]).toEqual([
      { files: 1, memory: false },
      { files: 1, memory: false },
      [],
    ]);
    free = 1e9;
    await store.erased(second);
    expect([store.eraseLeft(first), store.eraseLeft(second), done]).toEqual([
      { files: 0, memory: false },
      { files: 0, memory: false },
      [1, 2],
    ]);
    await store.close();
  });

  test('waits where a file cannot be written, says so, and goes on after the next flush', async () => {
    using folder = new TestFolder();
    const disk = new TracedDisk();
    const faults: string[] = [];
    const store = openStore(folder, { disk, report: (fault) => faults.push(fault.detail) });
    await applyAll(store, [secrets(0, 9)]);
    await store.flush();
    disk.before = ({ op, file }) => {
      if (op === 'write' && file === '0000000002.mrh') throw new Error('no space');
    };
    const erasure = store.erase({ tags: { paths: [A] }, ...EVER });
    await expect(store.erased(erasure)).rejects.toMatchObject({ detail: 'Merge: no space' });
    expect([values(store), faults]).toEqual([[], ['Merge: no space']]);
    disk.before = undefined;
    await store.erased(erasure);
    expect(isOnDisk(folder, 'secret 3')).toBe(false);
    await store.close();
  });

  test('goes through a damaged file: what else cannot be read there is named as gone, for good', async () => {
    using folder = new TestFolder();
    const faults: string[] = [];
    const store = openStore(folder, { report: (fault) => faults.push(fault.code) });
    await applyAll(store, [secrets(0, 9)]);
    await store.flush();
    const file = folder.file('historian/0000000001.mrh');
    const bytes = readFileSync(file);
    const at = bytes.indexOf('secret 4');
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    await store.erased(store.erase({ tags: { paths: [A] }, ...EVER }));
    expect([store.damaged, faults]).toEqual([[], ['historian-damaged']]);
    await store.close();
    const again = openStore(folder);
    expect([values(again), values(again, OTHER).length, again.samples]).toEqual([[], 3, 9]);
    expect(pageOf(again, { tag: B, ...EVER }).gaps).toMatchObject([
      { reason: 'historian-damaged', samples: 3, fromUs: T0 + 1e6, toUs: T0 + 7e6 + 1 },
    ]);
    await again.close();
  });

  test('is refused without a span, and when too many are on record; they go when the log has let go of them', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    await applyAll(store, [secrets(0, 9)]);
    await store.flush();
    expect(() => store.erase({ tags: { paths: [A] }, fromUs: 5, toUs: 5 })).toThrow('The erasure was not begun');
    for (let i = 0; i < 1000; i++) store.erase({ tags: { paths: ['northmill/none'] }, ...EVER });
    expect(() => store.erase({ tags: { paths: [A] }, ...EVER })).toThrow('1000 erasures');
    store.logStartsAt(() => 8);
    expect(() => store.erase({ tags: { paths: [A] }, ...EVER })).toThrow('1000 erasures');
    store.logStartsAt(() => 9);
    expect(store.manifest.erasures).toEqual([]);
    await store.erased(store.erase({ tags: { paths: [A] }, ...EVER }));
    expect([values(store), store.manifest.lastErasure]).toEqual([[], 1001]);
    await store.close();
  });
});
