import path from 'node:path';
import type { Disk } from '../disk.ts';
import { errnoOf } from '../fault.ts';
import { DELETED, segmentFile } from '../segment-files.ts';

/** Given back at a time: a whole segment of 64 MiB would keep the writer for 19 ms, this for 1.5 ms. */
const STEP_BYTES = 4 * 1024 * 1024;

/**
 * Deletes segments of a topic so that nobody waits for it: a segment goes at once under a name that no start takes for one (Kafka does the same), and its bytes go piece by piece. Who has it
 * open may find it shortened, and sees by the start of the topic why.
 */
export class Disposal {
  private readonly disk: Disk;
  private readonly folder: string;
  private readonly stepBytes: number;
  /** Whose bytes are still there. */
  private readonly files: string[] = [];

  constructor(disk: Disk, folder: string, stepBytes: number = STEP_BYTES) {
    this.disk = disk;
    this.folder = folder;
    this.stepBytes = stepBytes;
  }

  /** Deletes what a process that ended has left. Not synced: who finds it again deletes it again. */
  open(): void {
    const { disk, folder } = this;
    for (const name of disk.list(folder)) if (name.endsWith(DELETED)) disk.unlink(path.join(folder, name));
  }

  /** Deletes a segment, durably, and its indexes first: they mean nothing without it. */
  remove(baseOffset: number): void {
    const { disk, folder } = this;
    this.removeIndexes(baseOffset);
    const file = segmentFile(folder, baseOffset, 'log');
    const deleted = segmentFile(folder, baseOffset, `log${DELETED}`);
    const isThere = disk.list(folder).includes(path.basename(file));
    if (isThere) disk.rename(file, deleted);
    disk.syncFolder(folder);
    if (isThere) this.files.push(deleted);
  }

  /** Deletes the indexes of a segment. Returns how many files there were. */
  removeIndexes(baseOffset: number): number {
    const { disk, folder } = this;
    const names = disk.list(folder);
    const files = (['index', 'timeindex'] as const).map((kind) => segmentFile(folder, baseOffset, kind));
    const there = files.filter((file) => names.includes(path.basename(file)));
    for (const file of there) disk.unlink(file);
    return there.length;
  }

  /** Gives a piece of what was deleted back to the disk. Returns whether there was one. */
  step(): boolean {
    const [file] = this.files;
    if (file === undefined) return false;
    try {
      if (this.shorten(file)) return true;
      this.disk.unlink(file);
    } catch (error) {
      // Somebody was quicker.
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
    this.files.shift();
    return true;
  }

  /** False: it is so short that it can go in one piece. */
  private shorten(file: string): boolean {
    const { disk, stepBytes } = this;
    const fd = disk.open(file, 'r+');
    try {
      const size = disk.size(fd);
      if (size <= stepBytes) return false;
      disk.truncate(fd, size - stepBytes);
      return true;
    } finally {
      disk.close(fd);
    }
  }
}
