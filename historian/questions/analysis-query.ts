import type { Gap } from '../reading/gap.ts';
import type { Lacks } from '../reading/lacking.ts';
import type { Asked, AskedAggregates } from './asked.ts';
import type { Decided } from './calculation.ts';
import type { CalculationState } from './calculations.ts';
import type { LookBackState } from './look-back.ts';
import type { HistoryPlace } from '../reading/place.ts';

/** What is asked of one tag. */
export interface AnalysisQuery {
  readonly tag: string;
  /** The span that it is about, µs. Samples before and behind it are looked at where the answer depends on them. */
  readonly fromUs: number;
  readonly toUs: number;
  readonly asked: Asked;
  /** Gaps that begin before this time were told by another question about the same span; left out: none were. */
  readonly toldToUs?: number | undefined;
  /** Gaps are told up to this time, µs: where it is one of several questions about a span, and the others tell no gap again that began here. Left out: up to `toUs`. */
  readonly gapsToUs?: number | undefined;
  /** From this time on, µs, what has expired is to be had elsewhere: the page ends before it, where it does not have the answer of the samples themselves. Left out: nothing is. */
  readonly elsewhereFromUs?: number | undefined;
  /** Goes on where the page before ended: its `next`. */
  readonly after?: AnalysisCursor | undefined;
}

/** Where the next page begins, with what has been calculated so far. */
export interface AnalysisCursor {
  /** Still looking for the samples before the span; null: they are found. */
  readonly back: LookBackState | null;
  /** The first sample that is looked at is not before this, µs. */
  readonly sinceUs: number;
  /** Last sample that was taken; null: none yet. */
  readonly place: HistoryPlace | null;
  /** Looks for samples behind the span, where that is a question of its own. */
  readonly ahead: boolean;
  /** Null: nothing was calculated yet. */
  readonly state: CalculationState | null;
}

/** A part of an answer; plain memory that crosses threads. */
export interface AnalysisPage extends Decided {
  readonly tag: string;
  readonly gaps: readonly Gap[];
  /** Up to where samples have been looked at, µs. */
  readonly doneUs: number;
  /** Null: this was the last page. */
  readonly next: AnalysisCursor | null;
  /** It cannot go on from `next`: the samples behind that have expired and are elsewhere. */
  readonly lacks?: Lacks;
}

/** What must be named in the transfer list of a message. What is empty may be shared, and stays. */
export function analysisBuffers({ times, columns }: AnalysisPage): ArrayBuffer[] {
  const all = [times, ...columns.flatMap(({ values, qualities, times: own }) => [values, qualities, own])];
  return all.flatMap((column) => (column === null || column.length === 0 ? [] : [column.buffer]));
}

/** Intervals of one question: its memory (500 bytes each) and what a page's end throws away stay small. */
const WINDOW = 2000;

/** A question about aggregates as several, each about some of its intervals, in order of time. */
export function windowsOf(query: AnalysisQuery, asked: AskedAggregates): AnalysisQuery[] {
  const { edges, backwards, cut } = asked.intervals;
  const { gapsToUs = query.toUs } = query;
  const queries: AnalysisQuery[] = [];
  for (let from = 0; from < edges.length - 1; from += WINDOW) {
    const own = edges.slice(from, from + WINDOW + 1);
    const isCut = cut !== null && cut >= from && cut < from + own.length - 1;
    const intervals = { edges: own, backwards, cut: isCut ? cut - from : null };
    const span = { fromUs: own[0] ?? 0, toUs: own[own.length - 1] ?? 0 };
    const toldToUs = from === 0 ? query.toldToUs : span.fromUs;
    queries.push({ ...query, ...span, toldToUs, gapsToUs, asked: { ...asked, intervals } });
  }
  return queries;
}

/** All pages of a question; ends at once when the signal is aborted. */
export async function* analysisPagesOf(
  history: { analysisPage(query: AnalysisQuery): Promise<AnalysisPage> },
  query: AnalysisQuery,
  signal?: AbortSignal,
): AsyncGenerator<AnalysisPage, void> {
  for (let { after } = query; ;) {
    if (signal?.aborted === true) return;
    const page = await history.analysisPage({ ...query, after });
    yield page;
    if (page.next === null) return;
    after = page.next;
  }
}
