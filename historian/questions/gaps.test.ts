import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Flag } from '../../edge/core/flags.ts';
import { DEFAULT_CONFIGURATION } from '../aggregates/aggregate.ts';
import type { BlockList } from '../files/block-list.ts';
import { applyAll, batchOf, double, LOG, T0, TestFolder } from '../kit/history-kit.ts';
import { Store } from '../store/store.ts';
import type { Gap } from '../reading/gap.ts';
import type { View } from '../reading/view.ts';
import {
  type AnalysisCursor,
  type AnalysisPage,
  type AnalysisQuery,
  analysisPagesOf,
  windowsOf,
} from './analysis-query.ts';
import type { AskedAggregates } from './asked.ts';
import { newGaps } from './new-gaps.ts';
import { queryAnalysis } from './query-analysis.ts';

const TAG = 'northmill/a';

function openStore(folder: TestFolder): Store {
  const store = new Store({ folder: folder.path, log: LOG });
  store.open();
  return store;
}

/** One sample a second. */
async function fill(store: Store, seconds: number, valueAt: (second: number) => number): Promise<void> {
  for (let from = 0; from < seconds; from += 4000) {
    const count = Math.min(4000, seconds - from);
    await applyAll(store, [
      batchOf(
        Array.from({ length: count }, (_, i) => double(TAG, from + i, valueAt(from + i))),
        from,
      ),
    ]);
  }
  await store.flush();
}

function asked(edges: readonly number[], aggregates: AskedAggregates['aggregates']): AskedAggregates {
  const intervals = { edges: Float64Array.from(edges, (second) => T0 + second * 1e6), backwards: false, cut: null };
  return { what: 'aggregates', intervals, aggregates, stepped: false, configuration: DEFAULT_CONFIGURATION };
}

function queryOf(question: AskedAggregates): AnalysisQuery {
  const { edges } = question.intervals;
  return { tag: TAG, fromUs: edges[0] ?? 0, toUs: edges[edges.length - 1] ?? 0, asked: question };
}

function allPages(view: View, query: AnalysisQuery, expired: () => boolean = () => false): AnalysisPage[] {
  const pages: AnalysisPage[] = [];
  for (let after: AnalysisCursor | undefined; ;) {
    const page = queryAnalysis(view, { ...query, after }, expired);
    pages.push(page);
    if (page.next === null) return pages;
    after = structuredClone(page.next);
  }
}

const valuesOf = (pages: readonly AnalysisPage[], column: number): number[] =>
  pages.flatMap((page) => [...(page.columns[column]?.values ?? [])]);
const severities = (pages: readonly AnalysisPage[], column: number): number[] =>
  pages.flatMap((page) => Array.from(page.columns[column]?.qualities ?? [], (quality) => quality >>> 30));

describe('what is missing', () => {
  test('a damaged block is a gap: told once, and no aggregate goes over it as if it were known', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    await fill(store, 10_000, () => 5);
    await store.close();
    const [name = ''] = readdirSync(folder.path).filter((each) => each.endsWith('.mrh'));
    const file = folder.file(name);
    const bytes = readFileSync(file);
    // Somewhere in the columns of a block.
    const at = Math.floor(bytes.length / 4);
    writeFileSync(file, bytes.with(at, (bytes[at] ?? 0) ^ 0x55));
    const again = openStore(folder);
    const view = again.pin();
    const question = asked([0, 2000, 4000, 6000, 8000, 10_000], ['count', 'PercentGood', 'TimeAverage2']);
    const pages = allPages(view, queryOf(question), () => true);
    const gaps = pages.flatMap((page) => page.gaps);
    expect(gaps).toHaveLength(1);
    expect(gaps[0]).toMatchObject({ reason: 'historian-damaged' });
    const lost = gaps[0]?.samples ?? 0;
    expect(lost).toBeGreaterThan(0);
    expect(valuesOf(pages, 0).reduce((sum, count) => sum + count, 0)).toBe(10_000 - lost);
    const good = valuesOf(pages, 1);
    expect(good.filter((percent) => percent < 100).length).toBeGreaterThan(0);
    expect(good.reduce((sum, percent) => sum + percent, 0) * 20).toBeCloseTo(10_000 - lost, 0);
    expect(Math.max(...severities(pages, 2))).toBeGreaterThan(0);
    view.release();
    await again.close();
  });

  test('a sample that says that Millrace lost what follows is no value', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    const lost = double(TAG, 5, 7, { quality: 0x809b0000, flags: Flag.gap });
    await applyAll(store, [batchOf([double(TAG, 0, 1), lost, double(TAG, 8, 3), double(TAG, 20, 3)], 0)]);
    const view = store.pin();
    const pages = allPages(view, queryOf(asked([0, 10], ['DurationBad', 'Count'])));
    expect([valuesOf(pages, 0), valuesOf(pages, 1)]).toEqual([[3000], [2]]);
    view.release();
    await store.close();
  });
});

/** The view, and how often it has read a block. */
function counting(view: View): { view: View; loads: () => number } {
  let loads = 0;
  const blocks = view.blocks.bind(view);
  const counted = (list: BlockList): BlockList => {
    const load = list.load.bind(list);
    list.load = (block) => {
      loads++;
      return load(block);
    };
    return list;
  };
  view.blocks = (tag, fromUs, toUs) => blocks(tag, fromUs, toUs).map(counted);
  return { view, loads: () => loads };
}

/** Equal to so many digits, or both none. */
function isNear(value: number, expected: number): boolean {
  return Number.isNaN(expected) ? Number.isNaN(value) : Math.abs(value - expected) < 1e-9;
}

describe('blocks', () => {
  test('that lie in one interval are not read where their summary is enough', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    await fill(store, 36_000, (second) => Math.sin(second / 100));
    const edges = Array.from({ length: 6 }, (_, i) => i * 7200 - 3600);
    const names = [
      'mean',
      'max',
      'TimeAverage2',
      'Total',
      'PercentGood',
      'Range',
      'EndBound',
      'Interpolative',
    ] as const;
    const few = counting(store.pin());
    const bySummary = allPages(few.view, queryOf(asked(edges, names)));
    expect(few.loads()).toBeLessThan(15);
    const all = counting(store.pin());
    // With a minimum every sample is looked at.
    const bySample = allPages(all.view, queryOf(asked(edges, [...names, 'Minimum'])));
    expect(all.loads()).toBeGreaterThan(30);
    for (const column of names.keys()) {
      expect(severities(bySummary, column)).toEqual(severities(bySample, column));
      const expected = valuesOf(bySample, column);
      expect(valuesOf(bySummary, column).filter((value, i) => !isNear(value, expected[i] ?? 0))).toEqual([]);
    }
    few.view.release();
    all.view.release();
    await store.close();
  });
});

/** A gap between two seconds. */
function gap(from: number, to: number): Gap {
  const span = { fromUs: T0 + from * 1e6, toUs: T0 + to * 1e6 };
  return { ...span, reason: 'expired', samples: 1, detail: 'Kept no longer.' };
}

describe('long questions', () => {
  test('of many intervals are asked in parts, and give the same as in one', async () => {
    using folder = new TestFolder();
    const store = openStore(folder);
    await fill(store, 9000, (second) => second % 97);
    const edges = Array.from({ length: 4501 }, (_, i) => i * 2 - 10);
    const question = asked(edges, ['count', 'Average', 'NumberOfTransitions', 'TimeAverage']);
    const windows = windowsOf(queryOf(question), question);
    const sizes = windows.map(({ asked: part }) => (part.what === 'aggregates' ? part.intervals.edges.length : 0));
    expect(sizes).toEqual([2001, 2001, 501]);
    const view = store.pin();
    const parts = windows.flatMap((window) => allPages(view, window));
    const whole = allPages(view, queryOf(question));
    for (const column of question.aggregates.keys()) expect(valuesOf(parts, column)).toEqual(valuesOf(whole, column));
    view.release();
    await store.close();
  });

  test('tell each gap once, with the part in which it begins, and cut the interval that is cut', () => {
    const edges = Array.from({ length: 4501 }, (_, i) => i * 2);
    const question = asked(edges, ['count']);
    const query = { ...queryOf(question), toldToUs: T0 + 1e6 };
    // The first one was told by another question, the last ones are about other times.
    const gaps = [gap(-9, 9), gap(1, 9), gap(3999, 4000), gap(3999, 9999), gap(4000, 4001), gap(8999, 9001)];
    const beside = [gap(-9, 0), gap(9000, 9001)];
    const told = windowsOf(query, question).map((part) => newGaps([...beside, ...gaps.toReversed()], part));
    // One that goes on over the other parts is told as a whole.
    expect(told).toEqual([[gap(1, 9), gap(3999, 9000), gap(3999, 4000)], [gap(4000, 4001)], [gap(8999, 9000)]]);
    const cuts = (cut: number | null): unknown[] => {
      const intervals = { ...question.intervals, cut };
      const parts = windowsOf(queryOf(question), { ...question, intervals });
      return parts.map((part) => (part.asked.what === 'aggregates' ? part.asked.intervals.cut : undefined));
    };
    expect([null, 0, 1999, 2000, 4499].map(cuts)).toEqual([
      [null, null, null],
      [0, null, null],
      [1999, null, null],
      [null, 0, null],
      [null, null, 499],
    ]);
  });

  test('end at once when nobody wants the answer any more', async () => {
    const asking = new AbortController();
    let pages = 0;
    const question = asked([0, 1], ['Average']);
    const next = { back: null, sinceUs: 0, place: null, ahead: false, state: null };
    const empty = {
      tag: TAG,
      times: new Float64Array(0),
      columns: [],
      frames: [],
      events: [],
      impossible: [],
      gaps: [],
    };
    const history = {
      analysisPage: () => {
        if (++pages === 3) asking.abort();
        return Promise.resolve({ ...empty, doneUs: 0, next });
      },
    };
    const told: AnalysisPage[] = [];
    for await (const page of analysisPagesOf(history, queryOf(question), asking.signal)) told.push(page);
    expect(told).toHaveLength(3);
  });
});
