import { Flag } from '../../edge/core/flags.ts';
import type { ReadOnlyHistory } from '../open-read-only.ts';
import type { HistoryPage } from '../queries/history.ts';

/** A sample that replaces what stands before it in the log at its time. */
interface LateCorrection {
  readonly tag: string;
  readonly timeUs: number;
  readonly offset: number;
}

/**
 * Corrections that the store has of a time of which it has given up samples of their tag: what they replace is in a cold tier, which does not know of them yet. What came late is little, and where nothing did a tag costs a
 * look at its first time.
 */
export function* lateCorrections(
  history: ReadOnlyHistory,
  tags: Iterable<{ readonly tag: string; readonly firstUs: number }>,
  { fromUs, toUs }: { readonly fromUs: number; readonly toUs: number },
): Generator<LateCorrection> {
  const view = history.opened;
  for (const { tag, firstUs } of tags) {
    if (firstUs >= toUs) continue;
    const lasts = view.seriesOf(tag).map((id) => view.expired(id)?.lastUs ?? Number.NEGATIVE_INFINITY);
    const endUs = Math.min(toUs, Math.max(...lasts) + 1);
    if (firstUs >= endUs) continue;
    for (let after: HistoryPage['next'] | undefined; after !== null;) {
      const { points, next } = history.pageNow({ tag, fromUs, toUs: endUs, after });
      for (let row = 0; row < points.count; row++)
        if (((points.flags[row] ?? 0) & Flag.correction) !== 0)
          yield { tag, timeUs: points.times[row] ?? 0, offset: points.offsets[row] ?? 0 };
      after = next;
    }
  }
}
