import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Disk, realDisk } from '../../edge/core/disk.ts';
import { type Sample, ValueKind } from '../../edge/core/sample.ts';
import { anySample, applyAll, batchOf, double, lineOf, LOG, T0, type Tagged, TestFolder } from '../kit/history-kit.ts';
import { latestPage, latestPages } from './latest-page.ts';
import { MAX_LATEST_ROWS, PAGE_HEAP_BYTES } from '../limits.ts';
import { latestOf } from './query.ts';
import { Store } from '../store/store.ts';
import { anyStep, openStore, TAGS, World } from '../kit/world-kit.ts';

const NEVER = (): boolean => false;

/** All samples as lines behind their tags. */
function linesOf(store: Store, tags: readonly string[] | null, isOver = NEVER): string[] {
  const view = store.pin();
  try {
    const parts = [...latestPages(view, tags, () => isOver)];
    return parts.flatMap((part) => [...part.samples()].map((sample) => `${sample.tag} ${lineOf(sample)}`));
  } finally {
    view.release();
  }
}

function gapsOf(store: Store, tags: readonly string[] | null) {
  const view = store.pin();
  try {
    return [...latestPages(view, tags, () => NEVER)].flatMap((part) => [...part.gaps()]);
  } finally {
    view.release();
  }
}

/** What the blocks say. */
function linesOfBlocks(store: Store, tags: readonly string[]): string[] {
  const view = store.pin();
  try {
    return latestOf(view, tags).samples.map((sample) => `${sample.tag} ${lineOf(sample)}`);
  } finally {
    view.release();
  }
}

const manyTags = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `northmill/${String(i).padStart(6, '0')}`);

/** A sample of each of these tags. */
function batch(tags: readonly string[], second: number): Tagged[] {
  return tags.map((tag, i) => double(tag, second, i));
}

/** A disk that counts what is read. */
class CountingDisk {
  reads = 0;
  readonly disk: Disk = {
    ...realDisk,
    read: (fd, into, position) => {
      this.reads++;
      return realDisk.read(fd, into, position);
    },
  };
}

describe('the last samples', () => {
  test('are those of the blocks and of the memory, whatever came late, was flushed, merged, replayed or erased', async () => {
    const step = fc.oneof(
      { weight: 9, arbitrary: anyStep(anySample) },
      {
        weight: 1,
        arbitrary: fc.record({
          type: fc.constant('erase' as const),
          tag: fc.constantFrom(...TAGS),
          from: fc.integer({ min: -5, max: 42 }),
          length: fc.integer({ min: 1, max: 45 }),
        }),
      },
    );
    let erased = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60, size: 'max' }), async (steps) => {
        using folder = new TestFolder();
        const world = new World(folder);
        for (const each of steps) {
          if (each.type === 'erase') {
            const fromUs = T0 + each.from * 1000;
            world.store.erase({ tags: { paths: [each.tag] }, fromUs, toUs: fromUs + each.length * 1000 });
            erased++;
          } else await world.take(each);
          const expected = linesOfBlocks(world.store, TAGS);
          expect(linesOf(world.store, TAGS)).toEqual(expected);
          expect(linesOf(world.store, null)).toEqual(linesOfBlocks(world.store, TAGS.toSorted()));
        }
        await world.store.close();
      }),
      { numRuns: 25 },
    );
    expect(erased).toBeGreaterThan(20);
  });

  test('of all tags come in the order of their bytes, in pages that end anywhere', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    const tags = manyTags(5000);
    await applyAll(store, [batchOf(batch(tags.toReversed(), 1), 0)]);
    await applyAll(store, [batchOf(batch(tags.slice(100, 300), 2), 0)], 'samples.critical');
    await store.flush();
    await applyAll(store, [batchOf(batch(tags.slice(0, 2500), 3), 5000)]);
    const whole = linesOf(store, null);
    expect(whole.map((line) => line.split(' ')[0])).toEqual(tags);
    expect(whole).toEqual(linesOfBlocks(store, tags));
    let looks = 0;
    for (const isOver of [() => true, () => looks++ % 3 === 1])
      for (const asked of [null, tags]) expect(linesOf(store, asked, isOver)).toEqual(whole);
    expect(linesOf(store, ['northmill/none', tags[7] ?? '', tags[7] ?? ''])).toEqual([whole[7], whole[7]]);
    await store.close();
  });

  test('an answer has at most 32,768 of them', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    const tags = manyTags(MAX_LATEST_ROWS + 5);
    const samples = tags.map((tag, i) => double(tag, 0, i));
    await applyAll(store, [batchOf(samples.slice(0, 20_000), 0), batchOf(samples.slice(20_000), 20_000)]);
    const view = store.pin();
    const first = latestPage(view, null, null, NEVER);
    expect([first.points.count, first.places.length]).toEqual([MAX_LATEST_ROWS, MAX_LATEST_ROWS]);
    const second = latestPage(view, null, first.next, NEVER);
    expect([second.points.count, second.next]).toEqual([5, null]);
    view.release();
    await store.close();
  });

  test('need no look into the files, neither at the start nor when they are asked for', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    const tags = manyTags(1000);
    for (let file = 0; file < 3; file++) {
      await applyAll(store, [
        batchOf(
          tags.map((tag, i) => double(tag, file, i)),
          file * 1000,
        ),
      ]);
      await store.flush();
    }
    await store.close();
    const counting = new CountingDisk();
    const again = new Store({ folder: folder.file('historian'), log: LOG, disk: counting.disk });
    again.open();
    const atStart = counting.reads;
    // The manifest; of each file its head, its trailer and its table.
    expect(atStart).toBeLessThan(20);
    expect(linesOf(again, null)).toHaveLength(1000);
    expect(counting.reads).toBe(atStart);
    await again.close();
  });

  test('that were erased are looked for in the blocks once', async () => {
    using folder = new TestFolder();
    const counting = new CountingDisk();
    const store = new Store({ folder: folder.file('historian'), log: LOG, disk: counting.disk, freeBytes: () => 0 });
    store.open();
    const tags = manyTags(50);
    const samples = tags.flatMap((tag) => [0, 1, 2].map((second) => double(tag, second, second)));
    await applyAll(store, [batchOf(samples, 0)]);
    await store.flush();
    store.erase({ tags: { prefix: 'northmill/' }, fromUs: T0 + 2e6, toUs: T0 + 9e6 });
    const before = counting.reads;
    expect(linesOf(store, null)).toEqual(linesOfBlocks(store, tags));
    const looked = counting.reads;
    expect(looked).toBeGreaterThan(before);
    expect(linesOf(store, null)).toHaveLength(50);
    expect(counting.reads).toBe(looked);
    // Nothing of a tag is left.
    store.erase({ tags: { paths: [tags[3] ?? ''] }, fromUs: T0, toUs: T0 + 9e6 });
    expect(linesOf(store, [tags[2] ?? '', tags[3] ?? ''])).toHaveLength(1);
    await store.close();
  });

  test('that are long texts are read from their blocks, as many as one answer can have', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    const tags = manyTags(30);
    for (const [i, tag] of tags.entries()) {
      const sample: Sample = { ...double(tag, i, 0).sample, kind: ValueKind.string, value: `${i}`.repeat(200_000) };
      await applyAll(store, [batchOf([{ tag, sample }], i)]);
    }
    await store.flush();
    const view = store.pin();
    const sizes: number[] = [];
    for (let after: number | null = null; ;) {
      const page = latestPage(view, null, after, NEVER);
      sizes.push(page.points.heapLength);
      if (page.next === null) break;
      after = page.next;
    }
    view.release();
    expect(sizes.length).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBeLessThan(PAGE_HEAP_BYTES + 500_000);
    expect(linesOf(store, null)).toEqual(linesOfBlocks(store, tags));
    await store.close();
  });
});

describe('where there is damage', () => {
  const TAG = 'northmill/a';

  async function twoFiles(folder: TestFolder): Promise<void> {
    const store = openStore(folder);
    await applyAll(store, [batchOf([double(TAG, 0, 0), double('northmill/b', 0, 1)], 0)]);
    await store.flush();
    await applyAll(store, [batchOf([double(TAG, 5, 5)], 2)]);
    await store.flush();
    await store.close();
  }

  test('a block that cannot be read hides no last sample: the table of its file has it', async () => {
    using folder = new TestFolder();
    await twoFiles(folder);
    const file = folder.file('historian/0000000002.mrh');
    const bytes = readFileSync(file);
    bytes[12] = (bytes[12] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const store = openStore(folder);
    const view = store.pin();
    const found = [...latestPages(view, [TAG], () => NEVER)].flatMap((part) => [...part.samples()]);
    view.release();
    expect(found).toMatchObject([{ tag: TAG, value: 5, timeUs: T0 + 5e6 }]);
    expect(gapsOf(store, null)).toEqual([]);
    await store.close();
  });

  test('what a damaged block hides when the last sample was erased is told of each time', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    const values = Array.from({ length: 1500 }, (_, i) => double(TAG, i, i));
    await applyAll(store, [batchOf(values, 0)]);
    await store.flush();
    await store.close();
    const file = folder.file('historian/0000000001.mrh');
    const bytes = readFileSync(file);
    const table = Number(bytes.readBigUInt64LE(bytes.length - 24));
    for (let at = 8; at < table; at++) bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const again = new Store({ folder: folder.file('historian'), log: LOG, freeBytes: () => 0 });
    again.open();
    again.erase({ tags: { paths: [TAG] }, fromUs: T0 + 1e9, toUs: T0 + 9e9 });
    for (let turn = 0; turn < 2; turn++) {
      expect(linesOf(again, [TAG])).toEqual([]);
      expect(gapsOf(again, [TAG])).toMatchObject([{ tag: TAG, reason: 'historian-damaged' }]);
      expect(gapsOf(again, null)).toEqual(gapsOf(again, [TAG]));
    }
    await again.close();
  });

  test('a file that cannot be opened may hide a later sample of every tag, which is said', async () => {
    using folder = new TestFolder();
    await twoFiles(folder);
    rmSync(folder.file('historian/0000000002.mrh'));
    const store = openStore(folder);
    const asked = [TAG, 'northmill/b', 'northmill/none'];
    const view = store.pin();
    const expected = latestOf(view, asked);
    view.release();
    expect(linesOf(store, asked)).toEqual(linesOfBlocks(store, asked));
    expect(expected.gaps).toHaveLength(3);
    expect(new Set(gapsOf(store, asked).map((gap) => JSON.stringify(gap)))).toEqual(
      new Set(expected.gaps.map((gap) => JSON.stringify(gap))),
    );
    await applyAll(store, [batchOf([double(TAG, 60, 6)], 3)]);
    expect(gapsOf(store, null)).toMatchObject([{ tag: 'northmill/b', fromUs: T0 + 5e6 }]);
    await store.close();
  });
});
