import type { FileEntry } from './file-writer.ts';
import type { ExpiredLevel, Expiry } from './manifest.ts';

/** What samples that have expired are summed up to, one after the other: whole minutes, hours and days since 1970 UTC, µs. */
export const ROLLUP_UNITS_US: readonly number[] = [60e6, 3600e6, 86_400e6];
const UNIT_NAMES = ['minutes', 'hours', 'days'];

/** What of a topic is to be summed up, or to go, when a file is written again. */
export interface Thinning {
  /** By unit: what is before `beforeUs`, which is a whole unit, and below an offset is summed up to it. */
  readonly levels: readonly ExpiredLevel[];
}

/** The time and offset before which nothing of a topic is kept, not even in roll-ups; undefined: something of all is. */
export function goneBefore({ topic, beforeUs, below, rollups }: Expiry): Expiry | undefined {
  if (rollups === undefined) return { topic, beforeUs, below };
  const last = wholeUnits(rollups[ROLLUP_UNITS_US.length - 1], ROLLUP_UNITS_US.length - 1);
  return last === undefined ? undefined : { topic, ...last };
}

/** What of a topic is to be summed up to which unit: nothing where there are no roll-ups. */
export function thinningOf({ beforeUs, below, rollups }: Expiry): Thinning {
  if (rollups === undefined) return { levels: [] };
  const ends = [{ beforeUs, below }, ...rollups].slice(0, ROLLUP_UNITS_US.length);
  return { levels: ends.flatMap((end, level) => wholeUnits(end, level) ?? []) };
}

function wholeUnits(end: ExpiredLevel | undefined, level: number): ExpiredLevel | undefined {
  const unitUs = ROLLUP_UNITS_US[level] ?? 1;
  return end === undefined ? undefined : { beforeUs: Math.floor(end.beforeUs / unitUs) * unitUs, below: end.below };
}

/** Whether a file holds something of a topic up to this time that is still to be summed up. */
export function isToBeThinned(entry: FileEntry, topic: string, lastUs: number, { levels }: Thinning): boolean {
  const last = entry.offsets[topic]?.[1] ?? Number.POSITIVE_INFINITY;
  const done = entry.thinned?.[topic] ?? [];
  return levels.some(
    ({ beforeUs, below }, level) =>
      last < below && lastUs < beforeUs && lastUs >= (done[level] ?? Number.NEGATIVE_INFINITY),
  );
}

/** To what all of a topic in a file is summed up: 0 nothing, then minutes, hours, days. */
export function thinnedLevel({ thinned, lastUs }: FileEntry, topic: string): number {
  return (thinned?.[topic] ?? []).filter((end) => lastUs < end).length;
}

/** How far a file is thinned that is written from others: by topic and unit, the time up to which nothing is left to be summed up. */
export function thinnedOf(inputs: readonly FileEntry[], expired: readonly Expiry[]): Pick<FileEntry, 'thinned'> {
  const thinned: Record<string, readonly number[]> = {};
  for (const expiry of expired) {
    const { topic } = expiry;
    const ours = inputs.filter(({ offsets }) => offsets[topic] !== undefined);
    const ends: number[] = [];
    for (const [level, { beforeUs, below }] of thinningOf(expiry).levels.entries()) {
      const isWhole = ours.every(({ offsets }) => (offsets[topic]?.[1] ?? 0) < below);
      const before = ours.map((entry) => entry.thinned?.[topic]?.[level] ?? Number.NEGATIVE_INFINITY);
      const end = isWhole ? beforeUs : Math.min(...before);
      if (!Number.isFinite(end)) break;
      ends.push(end);
    }
    if (ours.length > 0 && ends.length > 0) thinned[topic] = ends;
  }
  return Object.keys(thinned).length === 0 ? {} : { thinned };
}

/** Between whole what a summary that lies between two times is of use. */
export function unitName(firstUs: number, lastUs: number): string {
  const isWithin = (unitUs: number): boolean => Math.floor(firstUs / unitUs) === Math.floor(lastUs / unitUs);
  return UNIT_NAMES[ROLLUP_UNITS_US.findIndex(isWithin)] ?? 'longer spans';
}
