import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Flag } from '../../edge/core/flags.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { AGGREGATE_FUNCTIONS, DEFAULT_CONFIGURATION } from '../aggregates/aggregate.ts';
import { AGGREGATES } from '../queries/bucket-page.ts';
import { applyAll, batchOf, EVER, LOG, T0, type Tagged, TestFolder } from '../kit/history-kit.ts';
import type { RawQuery } from '../queries/history.ts';
import { queryPage, summariesOf } from '../queries/query.ts';
import { Points } from '../points/points.ts';
import { Scan } from '../reading/scan.ts';
import { Store } from '../store/store.ts';
import { analysisOfPages } from './analysis-of-pages.ts';
import { type AnalysisCursor, type AnalysisPage, type AnalysisQuery } from './analysis-query.ts';
import type { Asked } from './asked.ts';
import type { Decided } from './calculation.ts';
import { calculationOf } from './calculations.ts';
import { queryAnalysis } from './query-analysis.ts';

const TAG = 'northmill/a';

/** Samples of one tag, some at equal times, some late, some bad, uncertain, null or corrections. */
const anySamples: fc.Arbitrary<Tagged[]> = fc.array(
  fc
    .record({
      second: fc.nat(120),
      value: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: -20, max: 20 }) },
        { weight: 1, arbitrary: fc.constant(null) },
      ),
      quality: fc.oneof(
        { weight: 6, arbitrary: fc.constant(0) },
        { weight: 2, arbitrary: fc.constantFrom(0x40900000, 0x80310000, 0x809b0000, 0x80000000) },
      ),
      flags: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(Flag.correction) }),
    })
    .map(({ second, value, quality, flags }): Tagged => {
      const kind = value === null ? ValueKind.null : ValueKind.double;
      return { tag: TAG, sample: { timeUs: T0 + second * 1e6, kind, value, quality, flags, serverTimeUs: null } };
    }),
  { maxLength: 150, size: 'max' },
);

const secondsUs = (seconds: readonly number[]): Float64Array =>
  Float64Array.from(
    [...new Set(seconds)].toSorted((a, b) => a - b),
    (second) => T0 + second * 1e6,
  );

const anyEdges = fc
  .array(fc.nat(125), { minLength: 2, maxLength: 12 })
  .map(secondsUs)
  .filter((edges) => edges.length > 1);

const anyAggregates: fc.Arbitrary<Asked> = fc
  .record({
    edges: anyEdges,
    functions: fc.shuffledSubarray([...AGGREGATE_FUNCTIONS], { minLength: 0 }),
    short: fc.shuffledSubarray([...AGGREGATES], { minLength: 0 }),
    stepped: fc.boolean(),
    treatUncertainAsBad: fc.boolean(),
    useSlopedExtrapolation: fc.boolean(),
    percentDataGood: fc.constantFrom(100, 50),
  })
  .map(({ edges, functions, short, stepped, ...configuration }) => {
    const intervals = { edges, backwards: false, cut: null };
    const aggregates = [...short, ...functions];
    return {
      what: 'aggregates',
      intervals,
      aggregates,
      stepped,
      configuration: { ...DEFAULT_CONFIGURATION, ...configuration },
    };
  });

const anyValues: fc.Arbitrary<Asked> = fc
  .record({
    times: fc.array(fc.nat(125), { minLength: 1, maxLength: 20 }).map(secondsUs),
    rule: fc.constantFrom('interpolated', 'simple', 'previous-good', 'next-good', 'exact'),
    stepped: fc.boolean(),
    uncertainIsBad: fc.boolean(),
    slopedExtrapolation: fc.boolean(),
  })
  .map(({ times, ...options }) => ({ what: 'values', times, options }));

const anyShape: fc.Arbitrary<Asked> = fc
  .record({ shape: fc.constantFrom('minmax', 'lttb'), widthUs: fc.integer({ min: 1, max: 60 }) })
  .map(({ shape, widthUs }) => {
    return { what: 'shape', shape, grid: { originUs: T0, widthUs: widthUs * 1e6, count: Math.ceil(130 / widthUs) } };
  });

const anyFrames: fc.Arbitrary<Asked> = fc
  .record({
    when: fc.constantFrom('above', 'below', 'outside', 'inside', 'equals', 'bad', 'not-good'),
    limit: fc.integer({ min: -10, max: 10 }),
    deadband: fc.nat(5),
    for: fc.nat(10_000),
    bridge: fc.nat(10_000),
    stale: fc.option(fc.integer({ min: 1, max: 20_000 }), { nil: undefined }),
    uncertainIsBad: fc.boolean(),
  })
  .map(({ when, limit, deadband, bridge, stale, uncertainIsBad, for: longer }): Asked => {
    const common = { for: longer, ...(stale === undefined ? {} : { stale }) };
    const ofValues = { ...common, bridge };
    const range = { low: limit, high: limit + 12, deadband };
    switch (when) {
      case 'above':
      case 'below':
        return { what: 'frames', uncertainIsBad, condition: { when, limit, deadband, ...ofValues } };
      case 'outside':
      case 'inside':
        return { what: 'frames', uncertainIsBad, condition: { when, ...range, ...ofValues } };
      case 'equals':
        return { what: 'frames', uncertainIsBad, condition: { when, state: limit, ...ofValues } };
      case 'bad':
      case 'not-good':
        return { what: 'frames', uncertainIsBad, condition: { when, ...common } };
    }
  });

const anyTotals: fc.Arbitrary<Asked> = fc
  .record({
    edges: anyEdges,
    rollover: fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
    correction: fc.nat(3),
    replaced: fc.uniqueArray(
      fc.record({
        second: fc.nat(120),
        readings: fc.option(fc.record({ last: fc.nat(20), first: fc.nat(20) })),
      }),
      { maxLength: 3, selector: ({ second }) => second },
    ),
  })
  .map(({ edges, rollover, correction, replaced }) => {
    const rules = { correction, ...(rollover === undefined ? {} : { rollover }) };
    const replacements = replaced
      .toSorted((a, b) => a.second - b.second)
      .map(({ second, readings }) => ({ timeUs: T0 + second * 1e6, readings }));
    return { what: 'totals', starts: edges.slice(0, -1), ends: edges.slice(1), rules, replacements };
  });

const anyAsked = fc.oneof(anyAggregates, anyValues, anyShape, anyFrames, anyTotals);

/** The span that a question is about. */
function spanOf(asked: Asked, from: number, to: number): { fromUs: number; toUs: number } {
  if (asked.what === 'aggregates') return ends(asked.intervals.edges);
  if (asked.what === 'values') return { fromUs: asked.times[0] ?? 0, toUs: (asked.times.at(-1) ?? 0) + 1 };
  if (asked.what === 'totals') return { fromUs: asked.starts[0] ?? 0, toUs: asked.ends.at(-1) ?? 0 };
  return { fromUs: T0 + Math.min(from, to) * 1e6, toUs: T0 + (Math.max(from, to) + 1) * 1e6 };
}

function ends(edges: Float64Array): { fromUs: number; toUs: number } {
  return { fromUs: edges[0] ?? 0, toUs: edges.at(-1) ?? 0 };
}

/** Everything that was decided, as plain numbers. */
function flat(parts: readonly Decided[]): unknown {
  const columns: unknown[][] = [];
  for (const part of parts) {
    for (const [i, { values, qualities, times, large }] of part.columns.entries()) {
      const rows = Array.from(values, (value, row) => [value, qualities?.[row], times?.[row], large?.get(row)]);
      (columns[i] ??= []).push(...rows);
    }
  }
  return {
    times: parts.flatMap((part) => [...part.times]),
    columns: columns.filter((column) => column.length > 0),
    // With which sample a frame began is not looked for before the span.
    frames: parts.flatMap((part) =>
      part.frames.map((frame) => (frame.start === 'open' ? { ...frame, quality: 0 } : frame)),
    ),
    events: parts.flatMap((part) => part.events),
    impossible: parts.flatMap((part) => part.impossible),
  };
}

/** The calculation over the whole history at once; of shapes and frames up to the end of the span. */
function reference(store: Store, asked: Asked, span: { fromUs: number; toUs: number }): unknown {
  const view = store.pin();
  const calculation = calculationOf(asked, span, null);
  const isBounded = asked.what === 'shape' || asked.what === 'frames';
  const { fromUs, toUs } = asked.what === 'shape' ? span : isBounded ? { ...EVER, toUs: span.toUs } : EVER;
  const all = new Points(1000);
  new Scan(view.blocks(TAG, fromUs, toUs), { fromUs, toUs }, () => undefined).collect(all, 1000, 1e6);
  if (all.count > 0) calculation.take(all, 0, all.count);
  calculation.finish();
  view.release();
  return flat([calculation.drain()]);
}

async function storeWith(folder: TestFolder, batches: readonly (readonly Tagged[])[]): Promise<Store> {
  const store = new Store({ folder: folder.path, log: LOG });
  store.open();
  let offset = 0;
  for (const [i, samples] of batches.entries()) {
    if (samples.length === 0) continue;
    await applyAll(store, [batchOf(samples, offset)]);
    offset += samples.length;
    if (i % 2 === 0) await store.flush();
  }
  return store;
}

/** All pages, each with a cursor that has crossed a thread; `cuts` says after how many blocks pages end. */
async function answer(
  ask: (query: AnalysisQuery) => AnalysisPage | Promise<AnalysisPage>,
  query: AnalysisQuery,
): Promise<{ decided: unknown; pages: AnalysisPage[] }> {
  const pages: AnalysisPage[] = [];
  for (let after: AnalysisCursor | undefined; ;) {
    const page = await ask({ ...query, after });
    pages.push(page);
    if (page.next === null) return { decided: flat(pages), pages };
    after = structuredClone(page.next);
    expect(pages.length).toBeLessThan(2000);
  }
}

function cutter(cuts: readonly boolean[]): () => boolean {
  let at = 0;
  return () => cuts[at++ % cuts.length] ?? true;
}

const anyCuts = fc.array(fc.boolean(), { minLength: 1, maxLength: 7 });

describe('an analysis asked of the store', () => {
  test('gives what the calculation gives over the whole history, wherever its pages are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anySamples, { maxLength: 4 }),
        anyAsked,
        fc.nat(120),
        fc.nat(120),
        anyCuts,
        async (batches, asked, from, to, cuts) => {
          using folder = new TestFolder();
          const store = await storeWith(folder, batches);
          const span = spanOf(asked, from, to);
          const view = store.pin();
          const expired = cutter(cuts);
          const { decided } = await answer((query) => queryAnalysis(view, query, expired), {
            tag: TAG,
            ...span,
            asked,
          });
          expect(decided).toEqual(reference(store, asked, span));
          view.release();
          await store.close();
        },
      ),
      { numRuns: 200 },
    );
  });

  test('gives the same over pages of samples', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anySamples, { maxLength: 3 }),
        anyAsked,
        fc.nat(120),
        fc.nat(120),
        fc.integer({ min: 1, max: 60 }),
        async (batches, asked, from, to, limit) => {
          using folder = new TestFolder();
          const store = await storeWith(folder, batches);
          const span = spanOf(asked, from, to);
          const view = store.pin();
          const page = (query: RawQuery) =>
            Promise.resolve(queryPage(view, { ...query, limit: Math.min(limit, query.limit ?? limit) }));
          const source = { page, summaries: (tags: readonly string[]) => Promise.resolve(summariesOf(view, tags)) };
          const { decided } = await answer((query) => analysisOfPages(source, query), { tag: TAG, ...span, asked });
          expect(decided).toEqual(reference(store, asked, span));
          view.release();
          await store.close();
        },
      ),
      { numRuns: 200 },
    );
  });
});
