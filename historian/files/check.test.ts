import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Disk, realDisk } from '../../edge/core/disk.ts';
import { checkFiles } from './check.ts';
import { applyAll, batchOf, double, LOG, TestFolder } from '../kit/history-kit.ts';
import { Store } from '../store/store.ts';

/** A historian of so many files, each with a sample of two tags. */
async function filled(folder: TestFolder, files: number): Promise<{ store: Store; at: string }> {
  const at = folder.file('historian');
  const store = new Store({ folder: at, log: LOG });
  store.open();
  for (let i = 0; i < files; i++) {
    await applyAll(store, [batchOf([double('northmill/a', i, i), double('northmill/b', i, i)], i * 2)]);
    await store.flush();
  }
  return { store, at };
}

test('every byte of every file counts', async () => {
  using folder = new TestFolder();
  const { store, at } = await filled(folder, 2);
  await store.close();
  const sound = [...checkFiles(realDisk, at)];
  expect(sound).toMatchObject([1, 2].map((i) => ({ name: `000000000${i}.mrh`, samples: 2, problems: [] })));

  const file = `${at}/0000000001.mrh`;
  const bytes = readFileSync(file);
  for (let i = 0; i < bytes.length; i++) {
    writeFileSync(file, bytes.with(i, (bytes[i] ?? 0) ^ 1));
    const [damaged, other] = [...checkFiles(realDisk, at)];
    expect(damaged?.problems[0], `byte ${i}`).toBe('The checksum of the file differs.');
    expect(other?.problems).toEqual([]);
  }
});

test('says which samples cannot be read any more', async () => {
  using folder = new TestFolder();
  const { store, at } = await filled(folder, 3);
  await store.close();
  const [one, two, three] = [1, 2, 3].map((i) => `${at}/000000000${i}.mrh`) as [string, string, string];
  const bytes = readFileSync(one);
  writeFileSync(one, bytes.with(10, (bytes[10] ?? 0) ^ 1));
  truncateSync(two, 50);
  rmSync(three);
  expect([...checkFiles(realDisk, at)].map(({ problems }) => problems)).toEqual([
    ['The checksum of the file differs.', `northmill/a, 1 samples: ${one} at byte 8: Block: checksum differs.`],
    [expect.stringMatching(/^50 bytes instead of \d+\.$/)],
    [expect.stringContaining('ENOENT')],
  ]);
});

test('tells the parts of a tag that two topics have apart', async () => {
  using folder = new TestFolder();
  const at = folder.file('historian');
  const store = new Store({ folder: at, log: LOG });
  store.open();
  await applyAll(store, [batchOf([double('northmill/a', 0, 0)], 0)]);
  await applyAll(store, [batchOf([double('northmill/a', 1, 1), double('northmill/a', 2, 2)], 0)], 'samples.bulk');
  await store.flush();
  await store.close();
  const file = `${at}/0000000001.mrh`;
  const bytes = readFileSync(file);
  const found = new Set<string>();
  for (let i = 8; i < 100; i++) {
    writeFileSync(file, bytes.with(i, (bytes[i] ?? 0) ^ 1));
    const [damaged] = [...checkFiles(realDisk, at)];
    for (const problem of damaged?.problems ?? [])
      for (const [part] of problem.matchAll(/northmill\/a, \d samples/g))
        found.add(`${damaged?.problems.length} ${part}`);
  }
  // Besides the checksum of the file, one part at a time.
  expect([...found].toSorted()).toEqual(['2 northmill/a, 1 samples', '2 northmill/a, 2 samples']);
});

test('a file that a gateway merges away meanwhile is no damage, and what took its place is checked', async () => {
  using folder = new TestFolder();
  const { store, at } = await filled(folder, 8);
  const found = checkFiles(realDisk, at);
  expect(found.next().value).toMatchObject({ name: '0000000001.mrh' });
  await applyAll(store, [batchOf([double('northmill/a', 8, 8)], 16)]);
  await store.flush();
  await store.settled();
  expect([...found]).toMatchObject([{ name: '0000000010.mrh', samples: 17, problems: [] }]);
  await store.close();
});

test('a file that goes while it is being checked is no damage either', async () => {
  using folder = new TestFolder();
  const { store, at } = await filled(folder, 1);
  await store.close();
  const manifest = readFileSync(`${at}/MANIFEST`);
  rmSync(at, { recursive: true });
  const next = await filled(folder, 0);
  await next.store.close();
  const later = readFileSync(`${at}/MANIFEST`);
  writeFileSync(`${at}/MANIFEST`, manifest);
  const disk: Disk = {
    ...realDisk,
    open(file, mode) {
      if (file.endsWith('.mrh')) writeFileSync(`${at}/MANIFEST`, later);
      return realDisk.open(file, mode);
    },
  };
  expect([...checkFiles(disk, at)]).toEqual([]);
});

test('a folder without a manifest does not pass for a sound one', () => {
  using folder = new TestFolder();
  expect(() => [...checkFiles(realDisk, folder.path)]).toThrow('There is no MANIFEST in');
});
