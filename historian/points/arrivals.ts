import type { Sample, ValueKind } from '../../edge/core/sample.ts';
import { isBlob, Points } from './points.ts';
import { putSample } from './put-sample.ts';

/** So many records are decoded before they are given on: what is written of them stays in the processor's nearest cache. */
const ROWS = 512;
/** They are given on earlier where their strings, bytes and arrays take more than this. */
const HEAP_BYTES = 1024 * 1024;

/** Decoded samples of many tags in the order of the log, in columns: what passes between the log's records and a sink. */
export class Arrivals {
  /** Of each row its series. */
  readonly series: Int32Array;
  /** Ingest time, ms. */
  readonly ingestMs: Float64Array;
  /** 0: the sample is plain, and of `points` only time, log offset, kind and slot are set. 1: all columns are. */
  readonly extras: Uint8Array;
  readonly points: Points;

  constructor(capacity = ROWS) {
    this.series = new Int32Array(capacity);
    this.ingestMs = new Float64Array(capacity);
    this.extras = new Uint8Array(capacity);
    this.points = new Points(capacity);
  }

  get count(): number {
    return this.points.count;
  }

  get isFull(): boolean {
    return this.points.count === this.series.length || this.points.heapLength > HEAP_BYTES;
  }

  /** Starts over; the memory is kept. */
  reset(): void {
    this.points.reset();
  }

  /** Appends any sample; there is room for it. `timeUs` is the effective time; `deviceTimeUs`: NaN where it is the same. */
  add(series: number, timeUs: number, offset: number, sample: Sample, deviceTimeUs: number): void {
    const row = this.points.count;
    this.series[row] = series;
    this.extras[row] = isPlain(sample) && Number.isNaN(deviceTimeUs) ? 0 : 1;
    putSample(this.points, timeUs, offset, sample, deviceTimeUs);
  }

  /** The device's time where it is not the effective one, else NaN. */
  deviceTimeUs(row: number): number {
    return this.extras[row] === 1 ? (this.points.deviceTimes[row] ?? Number.NaN) : Number.NaN;
  }

  /** A row as the sample that it was in the log. */
  sample(row: number): Sample {
    const { points } = this;
    const kind = points.kinds[row] as ValueKind;
    const timeUs = points.times[row] ?? 0;
    const value = points.value(row);
    if (this.extras[row] === 0) return { timeUs, kind, value, quality: 0, flags: 0, serverTimeUs: null };
    const deviceTimeUs = this.deviceTimeUs(row);
    const serverTimeUs = points.serverTimes[row] ?? Number.NaN;
    return {
      timeUs: Number.isNaN(deviceTimeUs) ? timeUs : deviceTimeUs,
      kind,
      value,
      quality: points.qualities[row] ?? 0,
      flags: points.flags[row] ?? 0,
      serverTimeUs: Number.isNaN(serverTimeUs) ? null : serverTimeUs,
    };
  }
}

/** Whether a sample is no more than a number, if that. */
function isPlain({ kind, quality, flags, serverTimeUs }: Sample): boolean {
  return quality === 0 && flags === 0 && serverTimeUs === null && !isBlob(kind);
}
