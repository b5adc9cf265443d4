import { randomFillSync } from 'node:crypto';
import path from 'node:path';
import type { Disk } from '../disk.ts';

const SPARE_BYTES = 1024 * 1024;
const PIECE_BYTES = 64 * 1024;

/**
 * A file of the log that nobody reads: space for what has to be written before anything can be deleted, on a disk that is so full that not even a checkpoint of some bytes finds room. Indexes
 * that were deleted need not be enough for it: after them, a disk that ext4 had filled to its last byte still had no block for a file of 133 bytes.
 */
export class SpareSpace {
  private readonly disk: Disk;
  private readonly file: string;
  private bytes = 0;

  constructor(disk: Disk, file: string) {
    this.disk = disk;
    this.file = file;
  }

  /** Finds out what there is of it. */
  open(): void {
    const { disk, file } = this;
    if (!disk.list(path.dirname(file)).includes(path.basename(file))) return;
    this.withFile('r+', (fd) => (this.bytes = disk.size(fd)));
  }

  /** What the whole of it takes from the disk, beyond what it has, bytes. */
  get missingBytes(): number {
    return Math.max(0, SPARE_BYTES - this.bytes);
  }

  /** Takes from the disk what is missing. Not of zeros, which some file systems do not store. */
  refill(): void {
    const { missingBytes, bytes } = this;
    if (missingBytes === 0) return;
    this.withFile(bytes === 0 ? 'w' : 'r+', (fd) => {
      this.disk.write(fd, [randomFillSync(new Uint8Array(missingBytes))], bytes);
      this.disk.sync(fd);
    });
    this.bytes = SPARE_BYTES;
  }

  /** Gives a piece of it back to the disk. Returns whether there was one. */
  give(): boolean {
    if (this.bytes === 0) return false;
    const left = Math.max(0, this.bytes - PIECE_BYTES);
    this.withFile('r+', (fd) => this.disk.truncate(fd, left));
    this.bytes = left;
    return true;
  }

  private withFile(flags: 'r+' | 'w', work: (fd: number) => void): void {
    const fd = this.disk.open(this.file, flags);
    try {
      work(fd);
    } finally {
      this.disk.close(fd);
    }
  }
}
