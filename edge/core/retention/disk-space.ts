import { statfsSync } from 'node:fs';

/** Space of a file system. */
export interface DiskSpace {
  /** What a program like this one may still take. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** Space of the file system of a folder. */
export function diskSpace(folder: string): DiskSpace {
  const { bavail, blocks, bsize } = statfsSync(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}
