import type { Sample } from '../core/sample.ts';
import type { HistoryPage, SampleHistory } from '../../historian/queries/history.ts';
import type { Points } from '../../historian/points/points.ts';

/** Samples of one question: a block or two, so that little is read in vain where the import has few samples in a long time. */
const SMALL_PAGE = 1000;
const LARGE_PAGE = 10_000;

/**
 * Which of these samples of a tag (in the order of their times) the historian has already, or the same list earlier on: the same time, value and quality. Reads only where the samples lie: a stretch without any is
 * jumped over. What a correction has replaced counts as being there: it is not to come back.
 */
export async function storedOf(
  history: Pick<SampleHistory, 'page'>,
  tag: string,
  samples: readonly Sample[],
): Promise<boolean[]> {
  const found = repeated(samples);
  const endUs = (samples.at(-1)?.timeUs ?? 0) + 1;
  let next = 0;
  let limit = SMALL_PAGE;
  let after: HistoryPage['next'] = null;
  while (next < samples.length) {
    const fromUs = samples[next]?.timeUs ?? 0;
    const page: HistoryPage = await history.page({
      tag,
      fromUs,
      toUs: endUs,
      limit,
      replaced: true,
      after: after ?? undefined,
    });
    const { points } = page;
    const lastUs: number = points.count === 0 ? fromUs : (points.times[points.count - 1] ?? 0);
    const settledUs = page.next === null ? endUs : lastUs;
    next = mark(samples, next, points, settledUs, found);
    if (page.next === null) return found;
    // Of the last time there may be more: it is read again, unless it is all that was read.
    const behind = samples[next]?.timeUs ?? 0;
    const isCrowd = points.count > 0 && points.times[0] === lastUs && behind === lastUs;
    if (isCrowd) markAt(samples, next, points, lastUs, found);
    // A page without samples is one of a day that has none of them.
    after = isCrowd || points.count === 0 ? page.next : null;
    // Where the samples lie densely a question may as well be large.
    limit = behind === lastUs ? LARGE_PAGE : SMALL_PAGE;
  }
  return found;
}

/** Marks what stands in `points` before `settledUs`; returns the first sample from there on. */
function mark(samples: readonly Sample[], from: number, points: Points, settledUs: number, found: boolean[]): number {
  let row = 0;
  let i = from;
  for (; i < samples.length; i++) {
    const sample = samples[i];
    if (sample === undefined || sample.timeUs >= settledUs) break;
    while (row < points.count && (points.times[row] ?? 0) < sample.timeUs) row++;
    found[i] ||= isAmong(sample, points, row);
  }
  return i;
}

function markAt(samples: readonly Sample[], from: number, points: Points, timeUs: number, found: boolean[]): void {
  for (let i = from; samples[i]?.timeUs === timeUs; i++) {
    const sample = samples[i];
    if (sample !== undefined) found[i] ||= isAmong(sample, points, 0);
  }
}

function isAmong(sample: Sample, points: Points, from: number): boolean {
  for (let row = from; row < points.count && points.times[row] === sample.timeUs; row++) {
    if (points.qualities[row] !== sample.quality || points.kinds[row] !== sample.kind) continue;
    if (isSameValue(points.value(row), sample.value)) return true;
  }
  return false;
}

/** Equal to the bit: 0 and -0 are two values. */
function isSameValue(a: Sample['value'], b: Sample['value']): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  return Object.is(a, b);
}

/** Which samples, in the order of their times, stand in the list before: the same time, value and quality. */
export function repeated(samples: readonly Sample[]): boolean[] {
  const found = samples.map(() => false);
  for (let i = 1; i < samples.length; i++) {
    const sample = samples[i];
    for (let before = i - 1; before >= 0; before--) {
      const other = samples[before];
      if (sample === undefined || other?.timeUs !== sample.timeUs) break;
      if (other.kind !== sample.kind || other.quality !== sample.quality || !isSameValue(other.value, sample.value))
        continue;
      found[i] = true;
      break;
    }
  }
  return found;
}
