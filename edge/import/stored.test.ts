import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyAll, batchOf, double, LOG, pageOf, TestFolder, T0 } from '../../historian/kit/history-kit.ts';
import type { RawQuery } from '../../historian/queries/history.ts';
import { Store } from '../../historian/store/store.ts';
import { systemClock } from '../core/clock.ts';
import { Flag } from '../core/flags.ts';
import { type Sample, ValueKind } from '../core/sample.ts';
import { storedOf } from './stored.ts';

const TAG = 'northmill/a';

function openStore(folder: TestFolder): Store {
  const store = new Store({
    folder: folder.path,
    log: LOG,
    clock: systemClock(),
    report: (fault) => {
      throw fault;
    },
  });
  store.open();
  return store;
}

/** The store's history in pages of so many samples, and how many pages were asked for. */
function history(store: Store, pageSize: number) {
  const asked = { pages: 0 };
  const page = (query: RawQuery) => {
    asked.pages++;
    return Promise.resolve(pageOf(store, { ...query, limit: Math.min(pageSize, query.limit ?? pageSize) }));
  };
  return { asked, history: { page } };
}

const sample = fc.record({
  second: fc.integer({ min: 0, max: 30 }),
  value: fc.constantFrom(0, -0, 1, 2),
  quality: fc.constantFrom(0, 0x80000000),
});

function made({ second, value, quality }: { second: number; value: number; quality: number }) {
  return double(TAG, second, value, { quality });
}

/** Everything by which samples are told apart. */
function key({ timeUs, value, quality }: Sample): string {
  return `${timeUs} ${Object.is(value, -0) ? '-0' : Number(value)} ${quality}`;
}

test('exactly those are found that a look at everything finds, whatever the size of pages', async () => {
  const samples = fc.array(sample, { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(samples, samples, fc.integer({ min: 1, max: 12 }), async (stored, given, pageSize) => {
      using folder = new TestFolder();
      const store = openStore(folder);
      if (stored.length > 0) await applyAll(store, [batchOf(stored.map(made), 0)]);
      const rows = given.map((each) => made(each).sample).toSorted((a, b) => a.timeUs - b.timeUs);
      const known = new Set(stored.map((each) => key(made(each).sample)));
      const expected = rows.map((row) => {
        const isKnown = known.has(key(row));
        known.add(key(row));
        return isKnown;
      });
      expect(await storedOf(history(store, pageSize).history, TAG, rows)).toEqual(expected);
      await store.close();
    }),
    { numRuns: 200 },
  );
});

test('a few samples in a long time cost a few pages', async () => {
  using folder = new TestFolder();
  const store = openStore(folder);
  for (let at = 0; at < 200_000; at += 5000)
    await applyAll(store, [
      batchOf(
        Array.from({ length: 5000 }, (_, i) => double(TAG, at + i, i)),
        at,
      ),
    ]);
  const { asked, history: counted } = history(store, 10_000);
  const rows = Array.from(
    { length: 10 },
    (_, i) => double(TAG, i * 20_000 + 7, i % 2 === 0 ? (i * 20_000 + 7) % 5000 : -1).sample,
  );
  expect(await storedOf(counted, TAG, rows)).toEqual(rows.map((_, i) => i % 2 === 0));
  expect(asked.pages).toBeLessThanOrEqual(11);
  await store.close();
});

test('what a correction has replaced is still known: it does not come back', async () => {
  using folder = new TestFolder();
  const store = openStore(folder);
  const wrong = double(TAG, 5, 99);
  const right = { tag: TAG, sample: { ...wrong.sample, value: 1, flags: Flag.correction } };
  await applyAll(store, [batchOf([wrong, right], 0)]);
  expect(wrong.sample.timeUs).toBe(T0 + 5_000_000);
  expect(wrong.sample.kind).toBe(ValueKind.double);
  expect(await storedOf(history(store, 100).history, TAG, [wrong.sample])).toEqual([true]);
  await store.close();
});
