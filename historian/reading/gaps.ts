import type { Gap } from './gap.ts';
import type { Looking } from './hiding.ts';
import { MAX_GAPS } from '../limits.ts';
import type { DamagedBlock } from './scan.ts';
import type { View } from './view.ts';
import type { HistoryPlace } from './place.ts';

/** A block whose samples are not to be had, as a gap. */
export function damageGap({ firstUs, lastUs, samples, fault }: DamagedBlock): Gap {
  const reason = fault.code === 'historian-expired' ? 'expired' : 'historian-damaged';
  return { fromUs: firstUs, toUs: lastUs + 1, reason, samples, detail: fault.detail };
}

/** The gaps that a page tells of: those of its query that begin behind the page before and not behind the place where the next one begins, so that each is told once. */
export function toldGaps(
  gaps: readonly Gap[],
  { fromUs, toUs }: { readonly fromUs: number; readonly toUs: number },
  after: HistoryPlace | undefined,
  next: HistoryPlace | null,
): Gap[] {
  const beginUs = after?.timeUs ?? Number.NEGATIVE_INFINITY;
  const endUs = next?.timeUs ?? Number.POSITIVE_INFINITY;
  const told = gaps
    .filter((gap) => fromUs < toUs && gap.fromUs < toUs && gap.toUs > fromUs)
    .map((gap) => ({ ...gap, fromUs: Math.max(gap.fromUs, fromUs), toUs: Math.min(gap.toUs, toUs) }))
    .filter((gap) => gap.fromUs > beginUs && gap.fromUs <= endUs)
    .toSorted((a, b) => a.fromUs - b.fromUs);
  return joinedGaps(told);
}

/** Gaps that do not depend on blocks: files that cannot be opened, and records that the log did not have. */
export function standingGaps(view: View, tag: string, looking: Looking = 'samples'): Gap[] {
  const { lost, series, topics } = view.parts;
  const gaps = [...damagedFileGaps(view), ...unreadableGaps(view, tag), ...expiredGaps(view, tag, looking)];
  // A tag without any sample may have had all of them in what was lost.
  const isKnown = view.seriesOf(tag).length > 0;
  for (const range of lost) {
    if (isKnown && series.find(topics.indexOf(range.topic), tag) < 0) continue;
    gaps.push({
      fromUs: range.fromMs * 1000,
      toUs: range.toMs * 1000 + 1000,
      reason: range.reason,
      samples: null,
      detail: `Records ${range.first} to ${range.last} of ${range.topic}.`,
    });
  }
  return gaps;
}

/** Blocks that could not be read when their file was written again, and that are gone. */
function unreadableGaps(view: View, tag: string): Gap[] {
  const ours = view.parts.unreadable.filter((block) => block.tag === tag);
  return ours.map(({ firstUs, lastUs, samples, detail }) => {
    return { fromUs: firstUs, toUs: lastUs + 1, reason: 'historian-damaged', samples, detail };
  });
}

/** What was kept as long as it was to be. */
function expiredGaps(view: View, tag: string, looking: Looking): Gap[] {
  return view.seriesOf(tag).flatMap((id) => {
    const expired = view.expired(id, looking);
    if (expired === undefined) return [];
    const { samples, firstUs, lastUs } = expired;
    const goneUs = looking === 'samples' ? (view.expired(id, 'rollups')?.lastUs ?? Number.NEGATIVE_INFINITY) : lastUs;
    const detail =
      goneUs < lastUs
        ? 'Kept no longer, but for aggregates and charts of whole minutes, hours or days (UTC).'
        : 'Kept no longer.';
    return [{ fromUs: firstUs, toUs: lastUs + 1, reason: 'expired', samples, detail }];
  });
}

/** Files that cannot be opened. */
export function damagedFileGaps(view: View): Gap[] {
  return view.parts.damagedFiles.map(({ entry, fault }) => ({
    fromUs: entry.firstUs,
    toUs: entry.lastUs + 1,
    reason: 'historian-damaged',
    samples: null,
    detail: fault.detail,
  }));
}

/** At most 1,000: beyond that the last ones are joined into one. */
export function joinedGaps(gaps: Gap[]): Gap[] {
  const rest = gaps.slice(MAX_GAPS - 1);
  const [first] = rest;
  if (first === undefined || rest.length === 1) return gaps;
  const toUs = rest.reduce((latest, gap) => Math.max(latest, gap.toUs), first.toUs);
  return [...gaps.slice(0, MAX_GAPS - 1), { ...first, toUs, samples: null, detail: `${rest.length} gaps.` }];
}
