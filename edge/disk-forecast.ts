import { statfsSync } from 'node:fs';

/** Rates are taken over the last ten minutes, from a look every ten seconds. */
const LOOKS = 60;

/** When the disk will be full at the present rate: from the free space of the data folder's file system, so other programs count too. */
export class DiskForecast {
  private readonly folder: string;
  private readonly looks: { readonly atMs: number; readonly freeBytes: number }[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Looks at the disk; to be called every ten seconds. */
  look(nowMs: number): void {
    this.looks.push({ atMs: nowMs, freeBytes: freeBytes(this.folder) });
    if (this.looks.length > LOOKS) this.looks.shift();
  }

  /** Seconds until the disk is full; Infinity while it does not fill, or before two looks. */
  seconds(): number {
    const first = this.looks[0];
    const last = this.looks.at(-1);
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return Infinity;
    const bytesPerMs = (first.freeBytes - last.freeBytes) / (last.atMs - first.atMs);
    return bytesPerMs > 0 ? last.freeBytes / bytesPerMs / 1000 : Infinity;
  }
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
