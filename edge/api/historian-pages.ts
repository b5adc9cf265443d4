import type { Aggregate } from '../../historian/queries/bucket-page.ts';
import { bucketStart, type Grid, intervalGrid, pointsGrid, type Span } from '../../historian/queries/buckets.ts';
import type { HistoryPage, SampleHistory } from '../../historian/queries/history.ts';
import { Fault } from '../core/fault.ts';
import { MAX_TIME_US, type TagType } from '../core/sample.ts';
import type { TagEntry } from '../tags/dictionary.ts';
import { type KnownTags, tagAt } from '../tags/near-tag.ts';
import type { BucketsPage, BucketsQuery, HistoryQuery } from './services.ts';

/** Answers a history query from the historian, tag by tag, each once however often and in whatever case it was asked for. Throws `tag-unknown` before the first page. */
export async function* samplePages(
  history: Pick<SampleHistory, 'query'>,
  dictionary: KnownTags,
  query: HistoryQuery,
): AsyncGenerator<HistoryPage> {
  const { fromUs, toUs, signal } = query;
  for (const tag of pathsOf(dictionary, query.tags)) yield* history.query({ tag, fromUs, toUs }, signal);
}

/** The paths of these tags as the dictionary has them, each once. Throws `tag-unknown`. */
export function pathsOf(dictionary: KnownTags, tags: readonly string[]): string[] {
  return [...new Set(entriesOf(dictionary, tags).map(({ path }) => path))];
}

/** These tags as the dictionary has them. Throws `tag-unknown`. */
export function entriesOf(dictionary: KnownTags, tags: readonly string[]): TagEntry[] {
  return tags.map((path) => tagAt(dictionary, path));
}

/** Aggregates of each bucket of a chart. */
export const CHART_AGGREGATES = ['min', 'max', 'first', 'last', 'count'] as const satisfies readonly Aggregate[];

/** Answers a query for aggregates or charts from the historian, as `samplePages` does for samples. Throws `tag-unknown`, `aggregate-type`, `request-invalid` before the first page. */
export async function* historianBuckets(
  history: Pick<SampleHistory, 'buckets' | 'summaries'>,
  dictionary: KnownTags,
  query: BucketsQuery,
): AsyncGenerator<BucketsPage> {
  const entries = entriesOf(dictionary, query.tags);
  for (const { path, type } of entries)
    if (isText(type)) throw new Fault('aggregate-type', `${path} is of type ${type}.`);
  const tags = [...new Set(entries.map(({ path }) => path))];
  const span = await boundedSpan(history, tags, query);
  const { reduction } = query;
  const chart = reduction.type === 'points';
  const grid = chart ? pointsGrid(span, reduction.points) : intervalGrid(span, reduction.widthUs, reduction.countedUs);
  const aggregates = chart ? CHART_AGGREGATES : reduction.aggregates;
  const cut = partialOf(grid, query);
  const samplesUpTo = chart ? reduction.points : 0;
  for (const tag of tags) {
    for await (const page of history.buckets({ tag, ...span, grid, aggregates, samplesUpTo }, query.signal)) {
      const [widthUs, partial] = page.raw ? [null, []] : [grid.widthUs, cut];
      yield { tag, widthUs, partial, buckets: page, gaps: page.gaps };
    }
  }
}

/** Whether values of this type are no numbers. */
export function isText(type: TagType | null): boolean {
  return type === 'string' || type === 'bytes' || type === 'array';
}

/** Where the span is open it ends with the first or last sample of these tags. */
export async function boundedSpan(
  history: Pick<SampleHistory, 'summaries'>,
  tags: readonly string[],
  asked: Span,
): Promise<Span> {
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
