import type { HistoryPage, PageSource, TagSummary } from '../queries/history.ts';
import { Points } from '../points/points.ts';
import type { HistoryPlace } from '../reading/place.ts';

/** Samples that a window backwards has, about. */
const WINDOW_SAMPLES = 1000;
const SECOND_US = 1e6;
/** The first window is no longer: how far samples lie apart now says little of how they did then. */
const FIRST_WINDOW_US = 86_400 * SECOND_US;

/** Where the window begins that is read before the one that began at `upToUs`, in a search that began at `fromUs`: each is as long as all behind it, the first has about 1,000 samples. */
export function windowBefore(known: TagSummary, fromUs: number, upToUs: number): number {
  const spacingUs = (known.lastUs - known.firstUs) / Math.max(1, known.samples - 1);
  const firstUs = Math.min(Math.max(SECOND_US, Math.ceil(spacingUs * WINDOW_SAMPLES)), FIRST_WINDOW_US);
  return Math.max(known.firstUs, upToUs - Math.max(firstUs, fromUs - upToUs));
}

/** A sample as the one row, with the names of its topics. */
export interface OneSample {
  readonly points: Points;
  readonly topics: readonly string[];
}

/** The last sample of a tag before a time; undefined: there is none. */
export async function lastBefore(source: PageSource, tag: string, fromUs: number): Promise<OneSample | undefined> {
  const [known] = await source.summaries([tag]);
  if (known === undefined) return undefined;
  for (let upToUs = fromUs; upToUs > known.firstUs;) {
    const beginUs = windowBefore(known, fromUs, upToUs);
    const last = await lastOf(source, tag, beginUs, upToUs);
    if (last !== undefined) return last;
    upToUs = beginUs;
  }
  return undefined;
}

async function lastOf(source: PageSource, tag: string, fromUs: number, toUs: number): Promise<OneSample | undefined> {
  let last: OneSample | undefined;
  for (let after: HistoryPlace | undefined; ;) {
    const page: HistoryPage = await source.page({ tag, fromUs, toUs, after });
    const { points, topics } = page;
    if (points.count > 0) {
      last = { points: new Points(1), topics };
      last.points.append(points, points.count - 1, points.count);
    }
    if (page.next === null) return last;
    after = page.next;
  }
}
