import type { Points } from '../points/points.ts';

/** Place of a sample in the order of a tag's history: by effective time, then topic, then log offset. */
export interface HistoryPlace {
  readonly timeUs: number;
  readonly topic: number;
  readonly offset: number;
}

/** Before any sample. */
export const BEFORE_ALL: HistoryPlace = { timeUs: Number.NEGATIVE_INFINITY, topic: 0, offset: 0 };

/** Where a row stands. */
export function placeOf({ times, topics, offsets }: Points, row: number): HistoryPlace {
  return { timeUs: times[row] ?? 0, topic: topics[row] ?? 0, offset: offsets[row] ?? 0 };
}

/** Below 0: `a` comes first; 0: it is the same place. */
export function comparePlaces(a: HistoryPlace, b: HistoryPlace): number {
  return a.timeUs - b.timeUs || a.topic - b.topic || a.offset - b.offset;
}
