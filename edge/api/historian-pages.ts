import type { Aggregate, BucketPage } from '../../historian/bucket-page.ts';
import { bucketStart, type Grid, intervalGrid, pointsGrid, type Span } from '../../historian/buckets.ts';
import type { History } from '../../historian/history.ts';
import { Fault } from '../core/fault.ts';
import { MAX_TIME_US } from '../core/sample.ts';
import type { TagDictionary, TagEntry } from '../tags/dictionary.ts';
import type { BucketRow, BucketsPage, BucketsQuery, HistoryPage, HistoryQuery } from './services.ts';

/** Answers a history query from the historian, tag by tag, each once however often and in whatever case it was asked for. Throws `tag-unknown` before the first page. */
export async function* historianPages(
  history: Pick<History, 'query'>,
  dictionary: Pick<TagDictionary, 'find'>,
  query: HistoryQuery,
): AsyncGenerator<HistoryPage> {
  const { fromUs, toUs, signal } = query;
  for (const tag of new Set(entriesOf(dictionary, query.tags).map(({ path }) => path))) {
    for await (const page of history.query({ tag, fromUs, toUs }, signal)) {
      yield { tag, samples: page.samples(), gaps: page.gaps };
    }
  }
}

function entriesOf(dictionary: Pick<TagDictionary, 'find'>, tags: readonly string[]): TagEntry[] {
  return tags.map((path) => {
    const entry = dictionary.find(path);
    if (entry === undefined) throw new Fault('tag-unknown', path);
    return entry;
  });
}

/** Aggregates of each bucket of a chart. */
export const CHART_AGGREGATES = ['min', 'max', 'first', 'last', 'count'] as const satisfies readonly Aggregate[];

/** Answers a query for aggregates or charts from the historian, as `historianPages` does for samples. Throws `tag-unknown`, `aggregate-type`, `request-invalid` before the first page. */
export async function* historianBuckets(
  history: Pick<History, 'buckets' | 'summaries'>,
  dictionary: Pick<TagDictionary, 'find'>,
  query: BucketsQuery,
): AsyncGenerator<BucketsPage> {
  const entries = entriesOf(dictionary, query.tags);
  for (const { path, type } of entries)
    if (type === 'string' || type === 'bytes' || type === 'array')
      throw new Fault('aggregate-type', `${path} is of type ${type}.`);
  const tags = [...new Set(entries.map(({ path }) => path))];
  const span = await boundedSpan(history, tags, query);
  const { reduction } = query;
  const chart = reduction.type === 'points';
  const grid = chart ? pointsGrid(span, reduction.points) : intervalGrid(span, reduction.widthUs);
  const aggregates = chart ? CHART_AGGREGATES : reduction.aggregates;
  const partial = chart ? [] : partialOf(grid, query);
  const samplesUpTo = chart ? reduction.points : 0;
  for (const tag of tags) {
    for await (const page of history.buckets({ tag, ...span, grid, aggregates, samplesUpTo }, query.signal)) {
      const widthUs = page.raw ? null : grid.widthUs;
      yield { tag, widthUs, partial, rows: rowsOf(page, aggregates.length), gaps: page.gaps };
    }
  }
}

/** Where the span is open it ends with the first or last sample of these tags. */
async function boundedSpan(history: Pick<History, 'summaries'>, tags: readonly string[], asked: Span): Promise<Span> {
  let { fromUs, toUs } = asked;
  if (fromUs > -MAX_TIME_US && toUs <= MAX_TIME_US) return { fromUs, toUs };
  const summaries = await history.summaries(tags);
  if (summaries.length === 0) return { fromUs: 0, toUs: 0 };
  if (fromUs === -MAX_TIME_US) fromUs = Math.min(...summaries.map(({ firstUs }) => firstUs));
  if (toUs > MAX_TIME_US) toUs = Math.max(...summaries.map(({ lastUs }) => lastUs)) + 1;
  return { fromUs, toUs };
}

/** Starts of the first and the last bucket where the span that was asked for does not have all of them; where it is open it cuts nothing off. */
function partialOf(grid: Grid, { fromUs, toUs }: Span): number[] {
  if (grid.count === 0) return [];
  const first = grid.originUs;
  const last = bucketStart(grid, grid.count - 1);
  const starts = [...(first < fromUs ? [first] : []), ...(last + grid.widthUs > toUs ? [last] : [])];
  return [...new Set(starts)];
}

function* rowsOf(page: BucketPage, columns: number): Generator<BucketRow> {
  for (let row = 0; row < page.rows; row++) {
    const values = Array.from({ length: columns }, (_, column) => page.value(row, column));
    yield { timeUs: page.times[row] ?? 0, values };
  }
}
