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
  /** Whose bytes are still there, and how many. */
  private readonly files: { readonly file: string; bytes: number }[] = [];

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

  /** Bytes of what was deleted that the disk does not have back yet. */
  get bytes(): number {
    return this.files.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Deletes a segment of so many bytes, durably, and its indexes first: they mean nothing without it. */
  remove(baseOffset: number, bytes: number): void {
    const { disk, folder } = this;
    this.removeIndexes(baseOffset);
    const file = segmentFile(folder, baseOffset, 'log');
    const deleted = segmentFile(folder, baseOffset, `log${DELETED}`);
    const isThere = disk.list(folder).includes(path.basename(file));
    if (isThere) disk.rename(file, deleted);
    disk.syncFolder(folder);
    if (isThere) this.files.push({ file: deleted, bytes });
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
    const [first] = this.files;
    if (first === undefined) return false;
    try {
      const left = this.shorten(first.file);
      if (left > 0) {
        first.bytes = left;
        return true;
      }
      this.disk.unlink(first.file);
    } catch (error) {
      // Somebody was quicker.
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
    this.files.shift();
    return true;
  }

  /** Returns the bytes that are left; 0: it is so short that it can go in one piece. */
  private shorten(file: string): number {
    const { disk, stepBytes } = this;
    const fd = disk.open(file, 'r+');
    try {
      const left = disk.size(fd) - stepBytes;
      if (left <= 0) return 0;
      disk.truncate(fd, left);
      return left;
    } finally {
      disk.close(fd);
    }
  }
}
