import { isAbout } from '../files/erasures.ts';
import type { FileEntry } from '../files/file-writer.ts';
import type { HiddenSpan } from './hidden.ts';
import type { ExpiredLevel, Expiry, Manifest } from '../files/manifest.ts';
import { goneBefore, ROLLUP_UNITS_US } from '../files/rollups.ts';

/** What of a manifest says what is not to be seen any more, although it may still be in files, in memory or in the log. */
export type Hiding = Pick<Manifest, 'erasures' | 'expired'>;

/** Share of the time that a topic is kept by which its end moves at a time. */
const WORTH = 1 / 256;

/** Who looks: at samples, which are not seen any more when they have expired, or at whatever is kept for aggregates, which expires with the last roll-up. */
export type Looking = 'samples' | 'rollups';

/** What nobody is to see of a tag in a topic. `entry`: the file that it is in; it may have been written without it already. */
export function hiddenSpans(
  hiding: Hiding,
  tag: () => string,
  topic: string,
  entry?: FileEntry,
  looking: Looking = 'samples',
): readonly HiddenSpan[] {
  const { erasures, expired } = hiding;
  if (erasures.length === 0 && expired.length === 0) return [];
  const [first, last] = entry?.offsets[topic] ?? [0, Number.POSITIVE_INFINITY];
  const spans: HiddenSpan[] = [];
  const hide = (reason: HiddenSpan['reason'], fromUs: number, toUs: number, below: number): void => {
    if (first < below)
      spans.push({ reason, fromUs, toUs, from: 0, below: last < below ? Number.POSITIVE_INFINITY : below });
  };
  const after = entry?.erased ?? 0;
  const behind = erasures.filter(({ id }) => id > after);
  if (behind.length > 0) {
    const name = tag();
    for (const erasure of behind)
      if (isAbout(erasure, name)) hide('erased', erasure.fromUs, erasure.toUs, erasure.upTo[topic] ?? 0);
  }
  const known = expired.find((each) => each.topic === topic);
  const expiry = known === undefined || looking === 'samples' ? known : goneBefore(known);
  if (expiry !== undefined) hide('expired', Number.NEGATIVE_INFINITY, expiry.beforeUs, expiry.below);
  return spans;
}

/** For how long samples of a topic are kept, and then their roll-ups of minutes, hours and days, ms. */
export interface Kept {
  readonly retentionMs: Readonly<Record<string, number>>;
  /** None: there are no roll-ups. */
  readonly rollupsMs: readonly number[];
}

/** How long samples of a topic are kept (level 0), or their roll-ups, which are kept at least as long. */
export function keptMs({ retentionMs, rollupsMs }: Kept, topic: string, level: number): number {
  const samplesMs = retentionMs[topic] ?? Infinity;
  return level === 0 ? samplesMs : Math.max(samplesMs, rollupsMs[level - 1] ?? Infinity);
}

/**
 * How far the topics have expired by now, by the later of effective time and arrival: a record's arrival is known by its offset, since all that lie before the end of a file came before it was
 * written. Undefined: nothing worth a new manifest has changed.
 */
export function expiryAt(
  expired: readonly Expiry[],
  files: readonly FileEntry[],
  kept: Kept,
  nowMs: number,
): readonly Expiry[] | undefined {
  let changed = false;
  const { retentionMs, rollupsMs } = kept;
  const endOf = (topic: string, level: number, before: ExpiredLevel | undefined): ExpiredLevel | undefined => {
    const ms = keptMs(kept, topic, level);
    const ends = files.map(({ writtenMs, offsets }) => (writtenMs < nowMs - ms ? (offsets[topic]?.[1] ?? -1) + 1 : 0));
    const below = Math.max(before?.below ?? 0, ...ends);
    if (below === 0) return undefined;
    const beforeUs = Math.max((nowMs - ms) * 1000, before?.beforeUs ?? Number.NEGATIVE_INFINITY);
    const moved = beforeUs - (before?.beforeUs ?? Number.NEGATIVE_INFINITY) > ms * 1000 * WORTH;
    if (!moved && before !== undefined && below === before.below) return before;
    changed = true;
    return { beforeUs, below };
  };
  const next = Object.keys(retentionMs).flatMap((topic): Expiry[] => {
    const before = expired.find((each) => each.topic === topic);
    const end = endOf(topic, 0, before);
    if (end === undefined) return [];
    const { beforeUs, below } = end;
    if ((before?.rollups === undefined) !== (rollupsMs.length === 0)) changed = true;
    if (rollupsMs.length === 0) return [{ topic, beforeUs, below }];
    const rollups: ExpiredLevel[] = [];
    for (let level = 0; level < ROLLUP_UNITS_US.length; level++) {
      const rollup = endOf(topic, level + 1, before?.rollups?.[level]);
      if (rollup === undefined) break;
      rollups.push({ beforeUs: rollup.beforeUs, below: rollup.below });
    }
    return [{ topic, beforeUs, below, rollups }];
  });
  const others = expired.filter(({ topic }) => retentionMs[topic] === undefined);
  return changed ? [...others, ...next] : undefined;
}
