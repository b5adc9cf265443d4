import path from 'node:path';
import type { Disk } from '../disk.ts';
import { CLEANED, segmentFile } from '../segment-files.ts';

const INDEXES = ['index', 'timeindex'] as const;
const KINDS = ['log', ...INDEXES] as const;

/** Deletes what a repacking left in a topic's folder, of one segment or of all. Not synced: who finds it again deletes it again. */
export function removeCleaned(disk: Disk, folder: string, baseOffset?: number): void {
  const wanted = baseOffset === undefined ? '' : path.basename(segmentFile(folder, baseOffset, 'log')).slice(0, -3);
  for (const name of disk.list(folder))
    if (name.endsWith(CLEANED) && name.startsWith(wanted)) disk.unlink(path.join(folder, name));
}

/** Whether all files of a repacked segment are there. */
export function hasCleaned(disk: Disk, folder: string, baseOffset: number): boolean {
  const names = disk.list(folder);
  return KINDS.every((kind) => names.includes(path.basename(segmentFile(folder, baseOffset, `${kind}${CLEANED}`))));
}

/**
 * Puts the files of a repacked segment, which are synced, in the place of those that they were made of. Only the log's writer does this. The folder is synced after each step, so
 * that a crash leaves one of these, and each is a log that can be read:
 *
 * 1. the old segment and its indexes;
 * 2. the old segment without indexes;
 * 3. the new segment without indexes: a rename over a name leaves the one or the other;
 * 4. the new segment and its indexes, or one of them.
 *
 * Never an index beside a segment of which it does not speak. What is missing is built again after the next start (`IndexRepair`), what is left over is deleted then. Who has the old
 * segment open reads on in it: its records are the same.
 */
export function swapCleaned(disk: Disk, folder: string, baseOffset: number): void {
  const names = disk.list(folder);
  for (const kind of INDEXES) {
    const file = segmentFile(folder, baseOffset, kind);
    if (names.includes(path.basename(file))) disk.unlink(file);
  }
  disk.syncFolder(folder);
  rename(disk, folder, baseOffset, 'log');
  disk.syncFolder(folder);
  for (const kind of INDEXES) rename(disk, folder, baseOffset, kind);
  disk.syncFolder(folder);
}

function rename(disk: Disk, folder: string, baseOffset: number, kind: (typeof KINDS)[number]): void {
  disk.rename(segmentFile(folder, baseOffset, `${kind}${CLEANED}`), segmentFile(folder, baseOffset, kind));
}
