import type { Span } from '../../historian/queries/buckets.ts';
import { columnsOf } from './analysis/columns.ts';
import { type TableTexts, parseTable } from './analysis/parameters.ts';
import type { TableRequest } from './analysis/request.ts';
import { tableArrow } from './analysis/table-arrow.ts';
import { tableText } from './analysis/table-text.ts';
import { MAX_WIDE_TAGS, wideTable, wideText } from './analysis/wide.ts';
import { bucketsText } from './buckets-text.ts';
import { historyArrow } from './history-arrow.ts';
import { type AnswerFormat, historyText } from './history-text.ts';
import { parseReduction } from './reduction.ts';
import { parseSpan } from './time-text.ts';
import { Fault } from '../core/fault.ts';
import type { HistoryQuery, Reduction, Services } from './services.ts';

/** What is asked of a history beside its tags and its span. */
export type HistoryWish =
  | { readonly type: 'samples' }
  | { readonly type: 'buckets'; readonly reduction: Reduction }
  | { readonly type: 'table'; readonly table: TableRequest };

/** Whoever answers: the services of a gateway, or files read without one. */
export type HistorySource = Pick<Services, 'samplePages' | 'buckets' | 'tables' | 'paths'>;

/** What the parameters ask for. Throws `code`, with the parameter that is wrong and what was expected; `time-invalid`. */
export function parseWish(texts: TableTexts, code: 'request-invalid' | 'usage' = 'request-invalid'): HistoryWish {
  const table = parseTable(texts, code);
  if (table !== undefined) return { type: 'table', table };
  const reduction = parseReduction(texts, code);
  return reduction === undefined ? { type: 'samples' } : { type: 'buckets', reduction };
}

/** The span of the question; that of times that are named goes by them. Throws `time-invalid`, `code`. */
export function spanOf(
  wish: HistoryWish,
  from: string | undefined,
  to: string | undefined,
  code: 'request-invalid' | 'usage' = 'request-invalid',
): Span {
  const span = parseSpan(from, to, code);
  if (wish.type !== 'table' || wish.table.request.type !== 'values' || 'every' in wish.table.request.times) return span;
  if (from !== undefined || to !== undefined) throw new Fault(code, 'at: not together with from and to.');
  const { at } = wish.table.request.times;
  return { fromUs: at[0] ?? 0, toUs: (at.at(-1) ?? 0) + 1 };
}

/** The answer, in pieces. The route and the command both write with this, so that they give the same bytes. `onEnd` is told, before the last piece, in how many spans samples may be missing. */
export function historyAnswer(
  format: AnswerFormat,
  source: HistorySource,
  query: HistoryQuery,
  wish: HistoryWish,
  onEnd: (gaps: number) => void,
): AsyncIterable<string | Uint8Array> {
  const manyTags = query.tags.length > 1;
  if (wish.type === 'table') return tableAnswer(format, source, query, wish.table, onEnd);
  if (format === 'arrow')
    return historyArrow(source, query, wish.type === 'samples' ? undefined : wish.reduction, onEnd);
  if (wish.type === 'samples') return historyText(format, manyTags, source.samplePages(query), onEnd);
  const { reduction } = wish;
  return bucketsText(format, manyTags, reduction, source.buckets({ ...query, reduction }), onEnd);
}

function tableAnswer(
  format: AnswerFormat,
  source: HistorySource,
  query: HistoryQuery,
  table: TableRequest,
  onEnd: (gaps: number) => void,
): AsyncIterable<string | Uint8Array> {
  const { request, layout } = table;
  if (layout === 'wide') {
    if (format === 'arrow') throw new Fault('not-acceptable', 'layout: wide is given as JSON and CSV.');
    if (query.tags.length > MAX_WIDE_TAGS)
      throw new Fault('request-invalid', `layout: wide takes at most ${MAX_WIDE_TAGS} tags.`);
    return wideAnswer(format, source, query, table, onEnd);
  }
  const pages = source.tables({ ...query, table });
  if (format === 'arrow') return tableArrow(source.paths(query.tags), columnsOf(request), pages, onEnd);
  return tableText(format, query.tags.length > 1, columnsOf(request), pages, onEnd);
}

/** The tags side by side. Where the span is open, it is that of all of them. */
async function* wideAnswer(
  format: 'csv' | 'json',
  source: HistorySource,
  query: HistoryQuery,
  table: TableRequest,
  onEnd: (gaps: number) => void,
): AsyncGenerator<string> {
  const tags = source.paths(query.tags);
  yield* wideText(
    format,
    wideTable(table.request, tags, (tag) => source.tables({ ...query, tags: [tag], spanOf: tags, table })),
    onEnd,
  );
}
