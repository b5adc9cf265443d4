import type { KnownCounter } from '../../../historian/analysis/counter-rules.ts';
import { pointsGrid, type Span } from '../../../historian/queries/buckets.ts';
import type { History } from '../../../historian/questions/history.ts';
import { OF_ANY_TYPE } from '../../../historian/questions/aggregates.ts';
import {
  type AnalysisPage,
  analysisPagesOf,
  type AnalysisQuery,
  windowsOf,
} from '../../../historian/questions/analysis-query.ts';
import type { AskedAggregates } from '../../../historian/questions/asked.ts';
import { assert, Fault } from '../../core/fault.ts';
import type { TagEntry } from '../../tags/dictionary.ts';
import type { KnownTags } from '../../tags/near-tag.ts';
import { boundedSpan, entriesOf, isText } from '../historian-pages.ts';
import { formatTime } from '../time-text.ts';
import { type Intervals, intervalsOf } from './intervals.ts';
import type { Request, SiteCalendar, TablePage, TableQuery } from './request.ts';
import { aggregateRows, countedRows, eventOf, impossibleOf, valueRows } from './table-rows.ts';
import { hasValues, isSteppedType, valuePages } from './value-pages.ts';

/** Answers a question whose answer is a table, tag by tag. Throws `tag-unknown`, `aggregate-type`, `request-invalid` before the first page. */
export async function* historianTables(
  history: Pick<History, 'analysisPage' | 'query' | 'page' | 'summaries'>,
  dictionary: KnownTags,
  site: SiteCalendar,
  query: TableQuery,
): AsyncGenerator<TablePage, void> {
  const { request, timezone = site.timezone } = query.table;
  const entries = [...new Map(entriesOf(dictionary, query.tags).map((entry) => [entry.path, entry])).values()];
  for (const entry of entries) checkType(entry, request);
  const tags = entries.map(({ path }) => path);
  const span = await boundedSpan(history, query.spanOf ?? tags, query);
  const answer = new TableAnswer(history, { ...site, timezone }, query, span);
  answer.prepare(tags);
  for (const entry of entries) yield* answer.of(entry);
}

/** Throws `aggregate-type` where values of the tag's type have no answer. */
function checkType(entry: TagEntry, request: Request): void {
  const { path, type } = entry;
  if (request.type === 'samples' || !isText(type)) return;
  if (request.type === 'values' && hasValues(entry, request)) return;
  if (request.type === 'aggregates' && request.aggregates.every((name) => OF_ANY_TYPE.has(name))) return;
  const there = request.type === 'aggregates' ? ` There are ${[...OF_ANY_TYPE].join(', ')} of it.` : '';
  throw new Fault('aggregate-type', `${path} is of type ${type ?? ''}.${there}`);
}

/** One question about several tags. */
class TableAnswer {
  private readonly history: Pick<History, 'analysisPage' | 'query' | 'page' | 'summaries'>;
  private readonly site: SiteCalendar;
  private readonly query: TableQuery;
  private readonly span: Span;
  private intervals: Intervals | undefined;
  private times: Float64Array | undefined;

  constructor(
    history: Pick<History, 'analysisPage' | 'query' | 'page' | 'summaries'>,
    site: SiteCalendar,
    query: TableQuery,
    span: Span,
  ) {
    this.history = history;
    this.site = site;
    this.query = query;
    this.span = span;
  }

  /** What all tags have in common. Throws `request-invalid`. */
  prepare(tags: readonly string[]): void {
    const { request } = this.query.table;
    if ('interval' in request) this.intervals = intervalsOf(request.interval, this.span, this.query, this.site);
    if (request.type === 'counted') for (const tag of tags) this.counterOf(tag);
    if (request.type !== 'values') return;
    this.times = 'at' in request.times ? Float64Array.from(request.times.at) : this.startsOf(request.times.every);
  }

  /** Where intervals begin within the span. */
  private startsOf(every: Parameters<typeof intervalsOf>[0]): Float64Array {
    const { fromUs, toUs } = this.span;
    const { starts } = intervalsOf(every, this.span, this.query, this.site);
    return starts.filter((timeUs) => timeUs >= fromUs && timeUs < toUs);
  }

  async *of(entry: TagEntry): AsyncGenerator<TablePage, void> {
    const { request } = this.query.table;
    const page = { tag: entry.path, head: this.headOf(), events: [], gaps: [], rows: [] };
    // However little there is of a tag, it is there.
    yield page;
    if (this.span.toUs <= this.span.fromUs) return;
    switch (request.type) {
      case 'aggregates':
        return yield* this.aggregates(entry, page);
      case 'counted':
        return yield* this.counted(entry, page);
      case 'values':
        return yield* this.values(entry, page);
      case 'shape':
        return yield* this.shape(entry, page);
      case 'samples':
        return yield* this.samples(entry.path, this.span, page);
    }
  }

  private headOf(): Record<string, unknown> {
    const { request } = this.query.table;
    const partial = this.intervals?.partial.map(formatTime) ?? [];
    if ('interval' in request) {
      const { type, text } = request.interval;
      const timezone = type === 'time' ? {} : { timezone: this.site.timezone };
      const aggregates = request.type === 'aggregates' ? request.aggregates : ['counted'];
      return { interval: text, ...timezone, aggregates, partial };
    }
    if (request.type === 'values') return { method: request.method };
    return request.type === 'shape' ? { shape: request.shape } : {};
  }

  private async *aggregates(entry: TagEntry, page: TablePage): AsyncGenerator<TablePage, void> {
    const { request } = this.query.table;
    const { intervals } = this;
    assert(request.type === 'aggregates' && intervals !== undefined, 'intervals of aggregates');
    const { edges, numbers } = intervals;
    const { aggregates, configuration, stepped = isSteppedType(entry) } = request;
    const asked: AskedAggregates = {
      what: 'aggregates',
      intervals: { edges, backwards: false, cut: null },
      aggregates,
      stepped,
      configuration,
    };
    let first = 0;
    for (const window of windowsOf(this.ask(entry, asked), asked)) {
      for await (const part of this.pages(window)) {
        const rows = aggregateRows(part, intervals, numbers.subarray(first));
        first += part.times.length;
        yield { ...page, gaps: part.gaps, rows };
      }
    }
  }

  private async *counted({ path }: TagEntry, page: TablePage): AsyncGenerator<TablePage, void> {
    const { intervals } = this;
    assert(intervals !== undefined, 'intervals of totals');
    const { edges, numbers } = intervals;
    const own = numbers.map((number, i) => (number < 0 ? -1 : i)).filter((i) => i >= 0);
    const starts = Float64Array.from(own, (i) => edges[i] ?? 0);
    const ends = Float64Array.from(own, (i) => edges[i + 1] ?? 0);
    const { replacements = [], ...rules } = this.counterOf(path);
    const asked = { what: 'totals', starts, ends, rules, replacements } as const;
    let first = 0;
    for await (const part of this.pages({ tag: path, ...this.edgesSpan(), asked })) {
      const { length } = part.times;
      const rows = countedRows(part, intervals, first);
      first += length;
      yield {
        ...page,
        gaps: part.gaps,
        rows,
        events: [...part.events.map(eventOf), ...part.impossible.map(impossibleOf)],
      };
    }
  }

  /** How a tag counts. Throws `request-invalid` if nobody has said so. */
  private counterOf(path: string): KnownCounter {
    const { request } = this.query.table;
    const configured = this.site.counterOf(path);
    const said = request.type === 'counted' ? request.rules : undefined;
    if (configured === undefined && said === undefined) {
      const expected = 'give rollover, maxPerSecond or correction to count it all the same';
      throw new Fault(
        'request-invalid',
        `aggregate: counted, but ${path} is not said to be a counter (historian.counters); ${expected}.`,
      );
    }
    return { correction: 0, ...configured, ...said };
  }

  private async *values(entry: TagEntry, page: TablePage): AsyncGenerator<TablePage, void> {
    const { request } = this.query.table;
    const { times } = this;
    assert(request.type === 'values' && times !== undefined, 'times of values');
    for await (const part of valuePages(this.history, entry, times, request, this.query.signal))
      yield { ...page, ...part };
  }

  private async *shape({ path }: TagEntry, page: TablePage): AsyncGenerator<TablePage, void> {
    const { request } = this.query.table;
    assert(request.type === 'shape', 'a chart');
    // There is nothing to leave out.
    if (!(await this.hasMoreThan(path, request.points))) {
      yield* this.samples(path, this.span, page);
      return;
    }
    const grid = pointsGrid(this.span, request.points);
    for await (const part of this.pages({
      tag: path,
      ...this.span,
      asked: { what: 'shape', shape: request.shape, grid },
    }))
      yield { ...page, gaps: part.gaps, rows: valueRows(part, false, undefined) };
  }

  /** Whether a tag has more samples in the span. Of a cold tier they may come in small pages. */
  private async hasMoreThan(tag: string, limit: number): Promise<boolean> {
    let samples = 0;
    for await (const { points } of this.history.query({ tag, ...this.span, limit: limit + 1 }, this.query.signal))
      samples += points.count;
    return samples > limit;
  }

  private async *samples(tag: string, span: Span, page: TablePage): AsyncGenerator<TablePage, void> {
    for await (const part of this.history.query({ tag, ...span }, this.query.signal)) {
      const rows = (function* () {
        for (const { timeUs, value, quality } of part.samples()) yield [timeUs, value, quality];
      })();
      yield { ...page, gaps: part.gaps, rows };
    }
  }

  private ask({ path }: TagEntry, asked: AskedAggregates): AnalysisQuery {
    return { tag: path, ...this.edgesSpan(), asked };
  }

  private edgesSpan(): Span {
    const { edges = new Float64Array(0) } = this.intervals ?? {};
    return { fromUs: edges[0] ?? 0, toUs: edges[edges.length - 1] ?? 0 };
  }

  private pages(query: AnalysisQuery): AsyncGenerator<AnalysisPage, void> {
    return analysisPagesOf(this.history, query, this.query.signal);
  }
}
