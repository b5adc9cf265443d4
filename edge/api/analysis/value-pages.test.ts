import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { applyAll, batchOf, double, LOG, T0, TestFolder } from '../../../historian/kit/history-kit.ts';
import { openReadOnly } from '../../../historian/open-read-only.ts';
import { Store } from '../../../historian/store/store.ts';
import type { HistoryGap } from '../history-services.ts';
import type { TagEntry } from '../../tags/dictionary.ts';
import type { Cell, ValuesRequest } from './request.ts';
import { valuePages } from './value-pages.ts';

const TAG = 'northmill/a';
const SECOND_US = 1e6;
const entry: TagEntry = {
  id: 1,
  path: TAG,
  type: 'double',
  unit: null,
  class: 'standard',
  connector: 'floor',
  source: 'press',
  createdUs: T0,
};

test('values at times that lie far apart are several questions, and a gap over several of them is told once, as a whole', async () => {
  using folder = new TestFolder();
  const store = new Store({ folder: folder.path, log: LOG });
  store.open();
  for (let from = 0; from < 48_000; from += 4000) {
    const samples = Array.from({ length: 4000 }, (_, i) => double(TAG, from + i, from + i));
    await applyAll(store, [batchOf(samples, from)]);
    if (from === 28_000) await store.flush();
  }
  await store.flush();
  await store.close();
  const [damaged = ''] = readdirSync(folder.path).filter((name) => name.endsWith('.mrh'));
  writeFileSync(folder.file(damaged), 'no file of the historian');
  const logFolder = folder.file('log');
  mkdirSync(logFolder);
  const history = openReadOnly({ folder: folder.path, logFolder });
  const times = Float64Array.of(1000, 20_000, 45_000).map((second) => T0 + second * SECOND_US);
  const request: ValuesRequest = {
    type: 'values',
    times: { at: [...times] },
    method: 'stepped',
    stepped: undefined,
    uncertainIsBad: false,
    slopedExtrapolation: false,
  };
  const gaps: HistoryGap[] = [];
  const found: (readonly Cell[])[] = [];
  const pages = valuePages(history, entry, times, request, AbortSignal.timeout(60_000));
  for await (const page of pages) {
    gaps.push(...page.gaps);
    found.push(...page.rows);
  }
  history.close();
  expect(found.map(([timeUs, value]) => [timeUs, value])).toEqual([
    [times[0], null],
    [times[1], null],
    [times[2], 45_000],
  ]);
  expect(gaps).toMatchObject([{ fromUs: T0 + 1000 * SECOND_US, toUs: T0 + 31_999 * SECOND_US + 1 }]);
});
