import type { StoredFile } from './file.ts';

/** Of each series: samples ever stored, those that are gone with them, and the first and last effective time of what is there (the infinities: nothing is). */
export class SeriesTotals {
  /** Of all series, as far as they came with files. */
  all = 0;
  samples = new Float64Array(64);
  firsts = new Float64Array(64).fill(Number.POSITIVE_INFINITY);
  lasts = new Float64Array(64).fill(Number.NEGATIVE_INFINITY);

  /** Makes room for a series. */
  ensure(series: number): void {
    if (series >= this.samples.length) this.grow(series);
  }

  /** Counts all samples of a file. */
  addFile(file: StoredFile): void {
    const { series: ids } = file;
    for (let entry = 0; entry < ids.length; entry++) {
      const series = ids[entry] ?? 0;
      if (series >= this.samples.length) this.grow(series);
      const { samples, firstUs, lastUs } = file.summary(entry);
      const ever = samples + file.gone(entry).samples;
      this.samples[series] = (this.samples[series] ?? 0) + ever;
      this.all += ever;
      if (samples === 0) continue;
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
