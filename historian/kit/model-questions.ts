import { Fault } from '../../edge/core/fault.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { AGGREGATES, type BucketCursor, BucketPage } from '../queries/bucket-page.ts';
import { queryBuckets } from '../queries/bucket-query.ts';
import { bucketStart, intervalGrid } from '../queries/buckets.ts';
import { latestPages } from '../queries/latest-page.ts';
import { latestOf } from '../queries/query.ts';
import type { Store } from '../store/store.ts';
import { EVER, lineOf, samplesOf } from './history-kit.ts';
import { isIn, type NaiveHistorian, type NaiveSample } from './naive-historian.ts';

type Row = readonly (number | null)[];

/** For tests: holds samples of a tag against those of a naive historian. Throws what differs. */
export function compareSamples(
  store: Store,
  naive: NaiveHistorian,
  tag: string,
  span: { readonly fromUs: number; readonly toUs: number; readonly limit: number },
): void {
  const found = samplesOf(store, { tag, ...span }).map(lineOf);
  const expected = naive.shown(tag, span.fromUs, span.toUs).map(({ line }) => line);
  if (found.join() !== expected.join()) throw new Error(`${tag}\n${found.join('\n')}\nis not\n${expected.join('\n')}`);
}

/** The same of the last sample, out of blocks and as columns. */
export function compareLast(store: Store, naive: NaiveHistorian, tag: string): void {
  const view = store.pin();
  const [latest] = latestOf(view, [tag]).samples.map(lineOf);
  const [inColumns] = [...latestPages(view, [tag], () => () => false)].flatMap((part) => [...part.samples()]);
  view.release();
  const last = naive.shown(tag, EVER.fromUs, EVER.toUs).at(-1)?.line;
  if (latest !== last) throw new Error(`${tag}: ${latest} is last, not ${last}`);
  const told = inColumns === undefined ? undefined : lineOf(inColumns);
  if (told !== last) throw new Error(`${tag}: ${told} is told to be last, not ${last}`);
}

/**
 * The same of aggregates, page by page as `ends` says; false: they are refused on both sides, for there are texts. Nothing in the span may have expired: what roll-ups say of it the naive
 * historian does not know.
 */
export function compareAggregates(
  store: Store,
  naive: NaiveHistorian,
  tag: string,
  span: { readonly fromUs: number; readonly toUs: number; readonly widthUs: number },
  ends: () => boolean,
): boolean {
  const expected = naiveRows(naive, tag, span);
  const found = foundRows(store, tag, span, ends);
  if (expected === undefined && found === undefined) return false;
  if (expected?.length !== found?.length || expected?.some((row, i) => !isSame(found?.[i] ?? [], row)) === true)
    throw new Error(`${tag} in ${span.widthUs} µs\n${textOf(found)}\nis not\n${textOf(expected)}`);
  return true;
}

function textOf(rows: readonly Row[] | undefined): string {
  return rows?.map((row) => row.join(' ')).join('\n') ?? 'refused';
}

/** The means are sums in another order. */
function isSame([time, mean, ...rest]: Row, [wantedTime, wantedMean, ...wanted]: Row): boolean {
  if (time !== wantedTime || rest.join() !== wanted.join()) return false;
  if (typeof mean !== 'number' || typeof wantedMean !== 'number') return mean === wantedMean;
  return Math.abs(mean - wantedMean) <= 1e-9;
}

/** A bucket is its beginning, then its aggregates. */
function naiveRows(
  naive: NaiveHistorian,
  tag: string,
  { fromUs, toUs, widthUs }: { readonly fromUs: number; readonly toUs: number; readonly widthUs: number },
): Row[] | undefined {
  const shown = naive.shown(tag, fromUs, toUs);
  if (shown.filter(hasGoodValue).some(({ value }) => typeof value === 'string')) return undefined;
  const grid = intervalGrid({ fromUs, toUs }, widthUs);
  return Array.from({ length: grid.count }, (_, i): Row => {
    const bucket = { fromUs: bucketStart(grid, i), toUs: bucketStart(grid, i + 1) };
    const inside = shown.filter(isIn(bucket)).filter(hasGoodValue);
    // Of several at one time the last counts.
    const counted = inside.filter(({ timeUs }, at) => inside[at + 1]?.timeUs !== timeUs);
    const values = counted.map(({ value }) => Number(value));
    const [first] = values;
    if (first === undefined) return [bucket.fromUs, null, null, null, 0, null, null];
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const [min, max] = [Math.min(...values), Math.max(...values)];
    return [bucket.fromUs, mean, min, max, values.length, first, values.at(-1) ?? first];
  });
}

function hasGoodValue({ kind, quality }: NaiveSample): boolean {
  return kind !== ValueKind.null && quality === 0;
}

function foundRows(
  store: Store,
  tag: string,
  { fromUs, toUs, widthUs }: { readonly fromUs: number; readonly toUs: number; readonly widthUs: number },
  ends: () => boolean,
): Row[] | undefined {
  const query = { tag, fromUs, toUs, grid: intervalGrid({ fromUs, toUs }, widthUs), aggregates: AGGREGATES };
  const rows: Row[] = [];
  let after: BucketCursor | undefined;
  for (;;) {
    const view = store.pin();
    try {
      const page = new BucketPage(queryBuckets(view, { ...query, after }, ends));
      for (let row = 0; row < page.rows; row++)
        rows.push([page.times[row] ?? 0, ...AGGREGATES.map((_, i) => numberOf(page.value(row, i)))]);
      if (page.next === null) return rows;
      after = page.next;
    } catch (error) {
      if (error instanceof Fault && error.code === 'aggregate-type') return undefined;
      throw error;
    } finally {
      view.release();
    }
  }
}

function numberOf(value: number | bigint | null): number | null {
  return value === null ? null : Number(value);
}
