import { MAX_GAPS } from '../limits.ts';
import type { LostRange } from '../files/manifest.ts';

/** Adds a range to a list of lost ranges: joined to the last one where it goes on with it; the oldest are forgotten beyond 1,000 (the counters of the topics stay). */
export function withLostRange(ranges: readonly LostRange[], range: LostRange): readonly LostRange[] {
  const last = ranges.at(-1);
  const goesOn = last?.topic === range.topic && last.reason === range.reason && last.last + 1 >= range.first;
  if (last === undefined || !goesOn) return [...ranges, range].slice(-MAX_GAPS);
  const joined = { ...last, last: Math.max(last.last, range.last), toMs: Math.max(last.toMs, range.toMs) };
  return [...ranges.slice(0, -1), joined];
}
