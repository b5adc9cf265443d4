import type { SampleHistory } from '../queries/history.ts';
import type { AnalysisPage, AnalysisQuery } from './analysis-query.ts';

/** Whoever answers about history: the gateway's historian through its worker, files read without a gateway, either of them with a cold tier behind it, or QuestDB. */
export interface History extends SampleHistory {
  /** One page of an analysis of a tag: aggregates of Part 13, values at times, event frames and the like. Throws `aggregate-type`. */
  analysisPage(query: AnalysisQuery): Promise<AnalysisPage>;
}
