import type { Gap } from '../reading/gap.ts';
import { joinedGaps } from '../reading/gaps.ts';
import type { AnalysisQuery } from './analysis-query.ts';

/** The gaps of a question's span, cut to it, without those that another question has told; at most 1,000. */
export function newGaps(gaps: readonly Gap[], query: AnalysisQuery): Gap[] {
  const { fromUs, toUs, toldToUs = Number.NEGATIVE_INFINITY, gapsToUs = toUs } = query;
  const own = gaps.filter((gap) => gap.fromUs < toUs && gap.toUs > fromUs && gap.fromUs >= toldToUs);
  const cut = own.map((gap) => ({ ...gap, fromUs: Math.max(gap.fromUs, fromUs), toUs: Math.min(gap.toUs, gapsToUs) }));
  return joinedGaps(cut.toSorted((a, b) => a.fromUs - b.fromUs));
}
