import type { StoredFile } from '../files/file.ts';
import type { FileEntry } from '../files/file-writer.ts';
import type { Expiry } from '../files/manifest.ts';
import { goneBefore, isToBeThinned, thinnedLevel, thinningOf } from '../files/rollups.ts';

/** Files of a tier that are left alone; one more and they are merged. */
export const TIER_FILES = 8;
/** From so many files of a tier on merging takes all the time that it needs, and from so many on the log waits for it. */
export const HURRY_FILES = 16;
export const MAX_TIER_FILES = 32;
const TIER_BASE_BYTES = 1024 * 1024;
const TIER_FACTOR = 8;
const TIERS = 4;
/** Files from this size on are not merged: a merge stays within some GiB of work and of free space. */
const MERGE_BELOW_BYTES = 512 * 1024 * 1024;
/** Of the time that samples are kept, what lies between the oldest and the youngest of a file that is merged no more: they expire together. */
const SPAN_SHARE = 1 / 64;

/** What is looked at of a file. */
type Tended = Pick<StoredFile, 'entry' | 'damaged' | 'series' | 'summary'>;

/** A file or files to be written again as one. */
export interface Rewrite<File extends Tended = StoredFile> {
  readonly why: 'erase' | 'expire' | 'merge';
  readonly inputs: readonly File[];
}

/** What decides about the next rewrite. */
export interface Upkeep<File extends Tended = StoredFile> {
  readonly files: readonly File[];
  /** Number of the last erasure. */
  readonly lastErasure: number;
  /** What has expired. */
  readonly expired: readonly Expiry[];
  /** How long samples of a topic are kept, ms; from level 1 on: their roll-ups of minutes, hours, days. */
  readonly retentionMs: (topic: string, level: number) => number;
  /** Name of the topic of a series. */
  readonly topicOf: (series: number) => string;
  /** Bytes that may be written. */
  readonly freeBytes: () => number;
}

/** What is to be rewritten next: what is to be erased, then what has expired, then what there are too many of; the smallest first. Nothing for which the disk has no room. */
export function chooseRewrite<File extends Tended>(upkeep: Upkeep<File>): Rewrite<File> | undefined {
  const { files, lastErasure } = upkeep;
  const freeBytes = upkeep.freeBytes();
  const fits = (inputs: readonly File[]): boolean => bytesOf(inputs) <= freeBytes;
  const erase = files.find((file) => file.entry.erased < lastErasure && fits([file]));
  if (erase !== undefined) return { why: 'erase', inputs: [erase] };
  const expired = files.find((file) => isMostlyExpired(file, upkeep, fits([file])));
  if (expired !== undefined) return { why: 'expire', inputs: [expired] };
  const merge = tiersOf(upkeep).find((tier) => (tier?.length ?? 0) > TIER_FILES && fits(tier));
  return merge === undefined ? undefined : { why: 'merge', inputs: merge };
}

/** Files of the tier that has most: how far merging is behind. */
export function backlogOf(upkeep: Pick<Upkeep<Tended>, 'files' | 'retentionMs'>): number {
  return tiersOf(upkeep).reduce((most, tier) => Math.max(most, tier?.length ?? 0), 0);
}

/** Bytes of files together. */
function bytesOf(files: readonly Tended[]): number {
  return files.reduce((sum, { entry }) => sum + entry.bytes, 0);
}

/** By tier: below 1 MiB, 8 MiB, 64 MiB, 512 MiB, and the same of roll-ups: what is old is not merged with what is new. A damaged file stays as it is: its bytes are evidence. Sparse: a tier without a file is a hole. */
function tiersOf<File extends Tended>({ files, retentionMs }: Pick<Upkeep<File>, 'files' | 'retentionMs'>): File[][] {
  const tiers: File[][] = [];
  for (const file of files) {
    const { entry } = file;
    if (file.damaged || entry.bytes >= MERGE_BELOW_BYTES || hasSpan(entry, retentionMs)) continue;
    let tier = levelOf(entry) * TIERS;
    for (let limit = TIER_BASE_BYTES; entry.bytes >= limit; limit *= TIER_FACTOR) tier++;
    (tiers[tier] ??= []).push(file);
  }
  return tiers;
}

/** Whether what is in a file came over so long a time that more would keep the oldest of it from expiring. */
function hasSpan(entry: FileEntry, retentionMs: Upkeep['retentionMs']): boolean {
  const kept = Object.keys(entry.offsets).map((topic) => retentionMs(topic, thinnedLevel(entry, topic)));
  return entry.writtenMs - entry.sinceMs > Math.min(...kept) * SPAN_SHARE;
}

/** What a file is made of, by the topic that is summed up most: 0 samples, then roll-ups of minutes, hours, days. */
function levelOf(entry: FileEntry): number {
  return Math.max(0, ...Object.keys(entry.offsets).map((topic) => thinnedLevel(entry, topic)));
}

/** Whether half of a file's samples have expired: those of which roll-ups are kept count until they are summed up. Files that are damaged in part, and those for which there is no room, go as a whole only. */
function isMostlyExpired(
  file: Tended,
  { expired, topicOf }: Pick<Upkeep, 'expired' | 'topicOf'>,
  fits: boolean,
): boolean {
  const { entry } = file;
  const ours = new Map(expired.map((expiry) => [expiry.topic, expiryOf(entry, expiry)]));
  if (entry.samples === 0 || ours.size === 0) return false;
  let gone = 0;
  let thinned = 0;
  for (const [at, series] of file.series.entries()) {
    const { samples, lastUs } = file.summary(at);
    const topic = topicOf(series);
    const expiry = ours.get(topic);
    if (expiry === undefined) continue;
    if (lastUs < expiry.goneUs) gone += samples;
    else if (isToBeThinned(entry, topic, lastUs, expiry.thinning)) thinned += samples;
  }
  return gone === entry.samples || (fits && !file.damaged && gone + thinned >= entry.samples / 2);
}

/** What of a topic in a file goes, µs, and what of it is summed up. */
function expiryOf(entry: FileEntry, expiry: Expiry): { goneUs: number; thinning: ReturnType<typeof thinningOf> } {
  const gone = goneBefore(expiry);
  const isGone = gone !== undefined && (entry.offsets[expiry.topic]?.[1] ?? Number.POSITIVE_INFINITY) < gone.below;
  return { goneUs: isGone ? gone.beforeUs : Number.NEGATIVE_INFINITY, thinning: thinningOf(expiry) };
}
