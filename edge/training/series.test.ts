import { afterEach, beforeEach, expect, test } from 'vitest';
import { pagesOf, type RawQuery } from '../../historian/queries/history.ts';
import {
  applyAll,
  batchOf,
  double,
  EVER,
  pageOf,
  T0,
  TestFolder,
  type Tagged,
} from '../../historian/kit/history-kit.ts';
import type { Store } from '../../historian/store/store.ts';
import { openStore } from '../../historian/kit/world-kit.ts';
import { StatusCode } from '../core/status-code.ts';
import { ValueKind } from '../core/sample.ts';
import { loadSeries, type SeriesBounds } from './series.ts';

const TAG = 'northmill/a';
let folder: TestFolder;
let store: Store;

beforeEach(() => {
  folder = new TestFolder();
  store = openStore(folder);
});

afterEach(() => folder[Symbol.dispose]());

/** Columns of what these samples become, as [second, value]. */
async function seriesOf(
  samples: readonly Tagged[],
  { fromUs, toUs } = EVER,
  bounds: SeriesBounds = {},
): Promise<number[][]> {
  if (samples.length > 0) await applyAll(store, [batchOf(samples, 0)]);
  const page = (query: RawQuery) => Promise.resolve(pageOf(store, query));
  const history = { query: (query: RawQuery) => pagesOf({ page }, query) };
  const { timesUs, values } = await loadSeries(history, TAG, fromUs, toUs, bounds);
  expect(values).toHaveLength(timesUs.length);
  return [...timesUs].map((timeUs, i) => [(timeUs - T0) / 1e6, values[i] ?? Infinity]);
}

test('samples in the order of their time; what is not Good, or no number, is NaN', async () => {
  const series = await seriesOf([
    double(TAG, 3, 30),
    double(TAG, 1, 10),
    double(TAG, 2, 20, { quality: StatusCode.BadNoCommunication }),
    double(TAG, 4, 40, { quality: 0x40000000 }),
    double(TAG, 5, 0, { value: null, kind: ValueKind.null }),
    double(TAG, 6, 0, { value: 60n, kind: ValueKind.uint64 }),
    double(TAG, 7, 0, { value: true, kind: ValueKind.boolean }),
    double(TAG, 8, 0, { value: '80', kind: ValueKind.string }),
    double('northmill/other', 9, 90),
  ]);
  expect(series).toEqual([
    [1, 10],
    [2, Number.NaN],
    [3, 30],
    [4, Number.NaN],
    [5, Number.NaN],
    [6, 60],
    [7, 1],
    [8, Number.NaN],
  ]);
});

test('the span has its beginning and not its end', async () => {
  const span = { fromUs: T0 + 1e6, toUs: T0 + 3e6 };
  expect(await seriesOf([double(TAG, 0, 1), double(TAG, 1, 2), double(TAG, 2, 3), double(TAG, 3, 4)], span)).toEqual([
    [1, 2],
    [2, 3],
  ]);
});

test('the last sample before the span comes too, while its value may stand', async () => {
  const samples = [double(TAG, 0, 1), double(TAG, 100, 2), double(TAG, 1000, 3)];
  const span = { fromUs: T0 + 200e6, toUs: T0 + 2000e6 };
  expect(await seriesOf(samples, span, { holdUs: 3600e6 })).toEqual([
    [100, 2],
    [1000, 3],
  ]);
  expect(await seriesOf([], span, { holdUs: 100e6 })).toEqual([
    [100, 2],
    [1000, 3],
  ]);
  expect(await seriesOf([], span, { holdUs: 99e6 })).toEqual([[1000, 3]]);
});

test('a tag without samples gives empty columns', async () => {
  expect(await seriesOf([double('northmill/other', 9, 1)])).toEqual([]);
});

test.each([1, 9_999, 10_000, 10_001, 25_000, 30_000])(
  'of more than the most, %i, the last ones, over pages',
  async (most) => {
    const samples = Array.from({ length: 25_000 }, (_, i) => double(TAG, i, i));
    const first = Math.max(0, 25_000 - most);
    const series = await seriesOf(samples, EVER, { maxSamples: most });
    expect([series.length, series[0], series.at(-1)]).toEqual([25_000 - first, [first, first], [24_999, 24_999]]);
  },
);
