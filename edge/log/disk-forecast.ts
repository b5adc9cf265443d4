import { diskSpace } from '../core/retention/disk-space.ts';

/** Rates are taken over the last ten minutes, from a look every ten seconds. */
const LOOKS = 60;

/** When the disk will be full at the present rate: from the free space of the data folder's file system, so other programs count too. */
export class DiskForecast {
  private readonly looks: { readonly atMs: number; readonly freeBytes: number }[] = [];

  private readonly measure: () => number;

  /** `measure` gives the free bytes; left out, those of the file system of `folder`. */
  constructor(folder: string, measure: () => number = () => diskSpace(folder).freeBytes) {
    this.measure = measure;
  }

  /** Looks at the disk; to be called every ten seconds. */
  look(nowMs: number): void {
    this.looks.push({ atMs: nowMs, freeBytes: this.measure() });
    if (this.looks.length > LOOKS) this.looks.shift();
  }

  /** Free bytes at the last look, and seconds until the disk is full: Infinity while it does not fill, or before two looks. */
  now(): { readonly freeBytes: number; readonly seconds: number } {
    const first = this.looks[0];
    const last = this.looks.at(-1);
    if (first === undefined || last === undefined) return { freeBytes: 0, seconds: Infinity };
    const { freeBytes } = last;
    if (last.atMs <= first.atMs) return { freeBytes, seconds: Infinity };
    const bytesPerMs = (first.freeBytes - freeBytes) / (last.atMs - first.atMs);
    return { freeBytes, seconds: bytesPerMs > 0 ? freeBytes / bytesPerMs / 1000 : Infinity };
  }
}
