import { goneBefore } from '../files/rollups.ts';
import type { Gap } from './gap.ts';
import type { Looking } from './hiding.ts';
import type { DamagedBlock } from './scan.ts';
import type { View } from './view.ts';

/** Samples before this there are none. */
const BEFORE_ALL_US = -(2 ** 53);

/** What an answer waits for: samples of which nothing is left here (`gone`), or of which summaries are left, up to whole minutes, hours or days (`part`). */
export type Lacks = 'gone' | 'part';

/** A span of time, µs: `fromUs` ≤ time < `toUs`. */
interface Span {
  readonly fromUs: number;
  readonly toUs: number;
}

/**
 * What an answer lacks that has expired here and is to be had elsewhere (in a cold tier): from `elsewhereFromUs` on, µs. There an answer is given only as far as it is the one that the samples would give; what has
 * expired before that is nowhere any more, and a gap. +Infinity: nothing is elsewhere.
 */
export class Lacking {
  /** Something is lacking: the answer ends before it. Null: nothing is. */
  what: Lacks | null = null;
  /** Samples of the tag have expired in this span, and no others: of what is kept for aggregates nothing is left either, if that is looked at. Undefined: all are here, or nowhere. */
  readonly gone: Span | undefined;
  private readonly elsewhereFromUs: number;

  constructor(view: View, tag: string, looking: Looking, elsewhereFromUs = Number.POSITIVE_INFINITY) {
    this.elsewhereFromUs = elsewhereFromUs;
    const expired = elsewhereFromUs === Number.POSITIVE_INFINITY ? undefined : expiredSpan(view, tag, looking);
    const fromUs = Math.max(expired?.fromUs ?? 0, elsewhereFromUs);
    this.gone = expired !== undefined && fromUs < expired.toUs ? { fromUs, toUs: expired.toUs } : undefined;
  }

  /** Where an answer must end that has come up to a time, µs; that time itself: it cannot go on. */
  endUs(reachedUs: number, toUs: number): number {
    const { gone } = this;
    return gone === undefined || reachedUs >= gone.toUs ? toUs : Math.min(toUs, Math.max(reachedUs, gone.fromUs));
  }

  /** Whether a block that is not to be had is elsewhere: then it is no gap. */
  note({ lastUs, fault }: Pick<DamagedBlock, 'lastUs' | 'fault'>): boolean {
    if (fault.code !== 'historian-expired' || lastUs < this.elsewhereFromUs) return false;
    this.what ??= 'part';
    return true;
  }

  /** Whether only the samples themselves of something that has expired, up to this time, will do: not a summary that is nearly right. */
  isExact(lastUs: number): boolean {
    return lastUs >= this.elsewhereFromUs;
  }

  /** The gaps without what is elsewhere. */
  without(gaps: readonly Gap[]): Gap[] {
    return gaps.flatMap((gap) => gapsBeside(gap, this.elsewhereFromUs));
  }
}

/** A gap as far as what has expired is not elsewhere. */
export function gapsBeside(gap: Gap, elsewhereFromUs: number): readonly Gap[] {
  if (gap.reason !== 'expired' || gap.toUs <= elsewhereFromUs) return [gap];
  return gap.fromUs < elsewhereFromUs ? [{ ...gap, toUs: elsewhereFromUs, samples: null }] : [];
}

/** The span in which samples of a tag have expired. Of a tag that is not known here everything may have been elsewhere before it expired. */
export function expiredSpan(view: View, tag: string, looking: Looking): Span | undefined {
  const ids = view.seriesOf(tag);
  let fromUs = Number.POSITIVE_INFINITY;
  let toUs = Number.NEGATIVE_INFINITY;
  for (const id of ids) {
    const expired = view.expired(id, looking);
    if (expired === undefined) continue;
    fromUs = Math.min(fromUs, expired.firstUs);
    toUs = Math.max(toUs, expired.lastUs + 1);
  }
  if (ids.length === 0) {
    for (const expiry of view.parts.hiding.expired) {
      const end = looking === 'samples' ? expiry : goneBefore(expiry);
      if (end === undefined) continue;
      fromUs = BEFORE_ALL_US;
      toUs = Math.max(toUs, end.beforeUs);
    }
  }
  return fromUs < toUs ? { fromUs, toUs } : undefined;
}
