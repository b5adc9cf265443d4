import { rmSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Sample } from '../../edge/core/sample.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import {
  anySample,
  applyAll,
  batchOf,
  double,
  EVER,
  lineOf,
  pageOf,
  samplesOf,
  T0,
  TestFolder,
} from '../kit/history-kit.ts';
import { MAX_PAGE_POINTS, PAGE_HEAP_BYTES } from '../limits.ts';
import { latestOf, tagPage } from './query.ts';
import { anyStep, openStore, TAGS, World } from '../kit/world-kit.ts';

describe('a raw query', () => {
  test('agrees with a list, bit for bit, whatever came late, was flushed, merged or replayed', async () => {
    let merges = 0;
    const question = fc.record({
      tag: fc.constantFrom(...TAGS),
      from: fc.integer({ min: -2, max: 42 }),
      length: fc.integer({ min: 0, max: 45 }),
      limit: fc.integer({ min: 1, max: 30 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyStep(anySample), { minLength: 20, maxLength: 60, size: 'max' }),
        fc.array(question, { maxLength: 8 }),
        async (steps, questions) => {
          using folder = new TestFolder();
          const world = new World(folder);
          for (const step of steps) await world.take(step);
          merges += world.merges;
          const { store, naive } = world;
          for (const tag of TAGS) {
            const expected = naive.shown(tag, EVER.fromUs, EVER.toUs).map(({ line }) => line);
            expect(samplesOf(store, { tag, ...EVER }).map(lineOf)).toEqual(expected);
            const view = store.pin();
            expect(latestOf(view, [tag]).samples.map(lineOf)).toEqual(expected.slice(-1));
            const summary = tagPage(view).find((candidate) => candidate.tag === tag);
            view.release();
            // What a merge has dropped because it was replaced stays counted.
            const all = naive.all(tag, EVER.fromUs, EVER.toUs).map(({ line }) => line);
            expect(summary?.samples ?? 0).toBe(all.length);
            const withReplaced = samplesOf(store, { tag, ...EVER, replaced: true }).map(lineOf);
            expect(all).toEqual(expect.arrayContaining(withReplaced));
            expect(withReplaced).toEqual(expect.arrayContaining(expected));
          }
          for (const { tag, from, length, limit } of questions) {
            const fromUs = T0 + from * 1000;
            const toUs = fromUs + length * 1000;
            const found = samplesOf(store, { tag, fromUs, toUs, limit }).map(lineOf);
            expect(found).toEqual(naive.shown(tag, fromUs, toUs).map(({ line }) => line));
          }
          await store.close();
        },
      ),
      { numRuns: 60 },
    );
    expect(merges).toBeGreaterThan(0);
  });

  test('of a tag that nobody knows gives an empty page', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    const page = pageOf(store, { tag: 'northmill/none', ...EVER });
    expect([page.points.count, page.gaps, page.next]).toEqual([0, [], null]);
    await store.close();
  });

  test('answers in pages of at most 10,000 samples, and fewer where values are large', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    const small = Array.from({ length: 25_000 }, (_, i) => double('northmill/a', i, i));
    await applyAll(store, [batchOf(small, 0)]);
    await store.flush();
    const first = pageOf(store, { tag: 'northmill/a', ...EVER, limit: 1e9 });
    expect([first.points.count, first.next]).toEqual([
      MAX_PAGE_POINTS,
      { timeUs: T0 + 9999e6, topic: 0, offset: 9999 },
    ]);
    expect(samplesOf(store, { tag: 'northmill/a', ...EVER })).toHaveLength(25_000);

    const value = new Uint8Array(400_000);
    for (let i = 0; i < 30; i++) {
      const sample: Sample = { ...double('', i, 0).sample, kind: ValueKind.bytes, value };
      await applyAll(store, [batchOf([{ tag: 'northmill/b', sample }], 25_000 + i)]);
    }
    const heaps: number[] = [];
    for (let after; ;) {
      const page = pageOf(store, { tag: 'northmill/b', ...EVER, after });
      heaps.push(page.points.heapLength);
      if (page.next === null) break;
      after = page.next;
    }
    expect(heaps.length).toBeGreaterThan(2);
    expect(Math.max(...heaps)).toBeLessThan(PAGE_HEAP_BYTES + 1_500_000);
    expect(samplesOf(store, { tag: 'northmill/b', ...EVER })).toHaveLength(30);
    await store.close();
  });

  test('shows the ingest time of a suspect clock as time, and the device’s time beside it', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    const ahead = double('northmill/a', 1e9, 1, { flags: 2 });
    await applyAll(store, [batchOf([ahead, double('northmill/a', 3, 2)], 0, T0 / 1000 + 5000)]);
    expect(samplesOf(store, { tag: 'northmill/a', ...EVER })).toMatchObject([
      { timeUs: T0 + 3e6, value: 2, deviceTimeUs: null },
      { timeUs: T0 + 5e6, value: 1, deviceTimeUs: T0 + 1e15, flags: 2 },
    ]);
    await store.close();
  });

  test('tells of records that the log did not have, once, where they came', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    await applyAll(
      store,
      [0, 1, 2].map((i) => batchOf([double('northmill/a', i, i)], i)),
    );
    const fromMs = T0 / 1000 + 1500;
    store.lose({ topic: 'samples', first: 3, last: 7, reason: 'damage', fromMs, toMs: fromMs + 100 });
    store.progress('samples').position = 8;
    const gap = { fromUs: fromMs * 1000, toUs: fromMs * 1000 + 101_000, reason: 'damage', samples: null };
    const pages = [];
    for (let after; ;) {
      const page = pageOf(store, { tag: 'northmill/a', ...EVER, limit: 1, after });
      pages.push(page.gaps);
      if (page.next === null) break;
      after = page.next;
    }
    expect(pages).toMatchObject([[], [], [gap]]);
    const part = pageOf(store, { tag: 'northmill/a', fromUs: gap.fromUs + 5, toUs: gap.fromUs + 9 });
    expect(part.gaps).toMatchObject([{ fromUs: gap.fromUs + 5, toUs: gap.fromUs + 9 }]);
    for (const atUs of [gap.fromUs, gap.fromUs + 5])
      expect(pageOf(store, { tag: 'northmill/a', fromUs: atUs, toUs: atUs }).gaps).toEqual([]);
    // A tag of which there is nothing may have had all of it there; one of another topic not.
    expect(pageOf(store, { tag: 'northmill/none', ...EVER }).gaps).toMatchObject([gap]);
    await applyAll(store, [batchOf([double('northmill/critical', 0, 0)], 0)], 'samples.critical');
    expect(pageOf(store, { tag: 'northmill/critical', ...EVER }).gaps).toEqual([]);

    await store.flush();
    await store.close();
    const again = openStore(folder);
    expect(pageOf(again, { tag: 'northmill/a', ...EVER }).gaps).toMatchObject([gap]);
    expect([again.progress('samples').position, again.lostRecords]).toEqual([8, 5]);
    await again.close();
  });
});

test('an answer has at most 1,000 gaps: the last ones are joined', async () => {
  using folder = new TestFolder();
  const store = openStore(folder);
  await applyAll(store, [batchOf([double('northmill/a', -1, 0)], 0)]);
  await store.flush();
  await store.close();
  rmSync(folder.file('historian/0000000001.mrh'));
  const again = openStore(folder);
  await applyAll(again, [batchOf([double('northmill/a', -1, 0)], 1)]);
  for (let i = 0; i < 1200; i++) {
    const fromMs = T0 / 1000 + i * 10;
    again.lose({ topic: 'samples', first: i * 2 + 2, last: i * 2 + 2, reason: 'malformed', fromMs, toMs: fromMs + 1 });
  }
  const { gaps } = pageOf(again, { tag: 'northmill/a', ...EVER });
  // The damaged file, and of the 1,000 newest lost ranges all but the last two.
  expect(gaps).toHaveLength(1000);
  expect(gaps[0]).toMatchObject({ reason: 'historian-damaged', fromUs: T0 - 1e6 });
  expect(gaps[1]).toMatchObject({ reason: 'malformed', fromUs: T0 + 2_000_000 });
  expect(gaps.at(-1)).toMatchObject({ fromUs: T0 + 11_980_000, toUs: T0 + 11_992_000, detail: '2 gaps.' });
  expect(again.lostRecords).toBe(1200);
  await again.close();
});

describe('the list of tags', () => {
  test('comes in pages, ordered by the bytes of the paths, a tag of two topics once', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    const tags = Array.from({ length: 12_000 }, (_, i) => `northmill/${(i * 7919) % 12_000}`);
    await applyAll(store, [
      batchOf(
        tags.map((tag) => double(tag, 0, 0)),
        0,
      ),
    ]);
    await applyAll(store, [batchOf([double('northmill/5', -9, 0)], 0)], 'samples.critical');
    const view = store.pin();
    const pages = [];
    for (let after: string | undefined; ; after = pages.at(-1)?.at(-1)?.tag) {
      const page = tagPage(view, after);
      if (page.length === 0) break;
      pages.push(page);
    }
    view.release();
    expect(pages.map((page) => page.length)).toEqual([5000, 5000, 2000]);
    expect(pages.flat().map(({ tag }) => tag)).toEqual(tags.toSorted());
    const twice = pages.flat().find(({ tag }) => tag === 'northmill/5');
    expect(twice).toEqual({ tag: 'northmill/5', samples: 2, firstUs: T0 - 9e6, lastUs: T0 });
    await store.close();
  });
});
