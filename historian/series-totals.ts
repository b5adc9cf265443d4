import type { StoredFile } from './file.ts';

/** Of each series: samples ever stored, and the first and last effective time. */
export class SeriesTotals {
  samples = new Float64Array(64);
  firsts = new Float64Array(64).fill(Number.POSITIVE_INFINITY);
  lasts = new Float64Array(64).fill(Number.NEGATIVE_INFINITY);

  /** Counts one sample. */
  add(series: number, timeUs: number): void {
    if (series >= this.samples.length) this.grow(series);
    this.samples[series] = (this.samples[series] ?? 0) + 1;
    if (timeUs < (this.firsts[series] ?? 0)) this.firsts[series] = timeUs;
    if (timeUs > (this.lasts[series] ?? 0)) this.lasts[series] = timeUs;
  }

  /** Counts all samples of a file. */
  addFile(file: StoredFile): void {
    for (const [entry, series] of file.series.entries()) {
      if (series >= this.samples.length) this.grow(series);
      const { samples, firstUs, lastUs } = file.summary(entry);
      this.samples[series] = (this.samples[series] ?? 0) + samples;
      this.firsts[series] = Math.min(this.firsts[series] ?? 0, firstUs);
      this.lasts[series] = Math.max(this.lasts[series] ?? 0, lastUs);
    }
  }

  private grow(series: number): void {
    let capacity = this.samples.length;
    while (capacity <= series) capacity *= 2;
    this.samples = enlarged(this.samples, capacity, 0);
    this.firsts = enlarged(this.firsts, capacity, Number.POSITIVE_INFINITY);
    this.lasts = enlarged(this.lasts, capacity, Number.NEGATIVE_INFINITY);
  }
}

function enlarged(column: Float64Array, capacity: number, empty: number): Float64Array<ArrayBuffer> {
  const grown = new Float64Array(capacity).fill(empty);
  grown.set(column);
  return grown;
}
