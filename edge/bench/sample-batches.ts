import { BatchEncoder } from '../core/record-batch.ts';
import { type Sample, ValueKind } from '../core/sample.ts';
import { SampleKey } from '../core/sample-key.ts';

/** Tags of the samples, each with a key of 30 bytes. */
const TAGS = 100;

/** Makes batches of samples out of columns: doubles of 100 tags, in turn, a millisecond apart. Plain: compression is measured elsewhere. */
export class SampleBatches {
  private readonly size: number;
  private readonly encoder = new BatchEncoder();
  private readonly keys: SampleKey[];
  private readonly values = Float64Array.from({ length: 4096 }, (_, i) => Math.round(Math.sin(i / 50) * 5000) / 100);
  private readonly sample: { -readonly [K in keyof Sample]: Sample[K] };
  private count = 0;

  constructor(size: number) {
    this.size = size;
    this.keys = Array.from({ length: TAGS }, (_, i) => {
      return SampleKey.of(`northmill/hall1/line1/press/${String(i).padStart(2, '0')}`);
    });
    this.sample = { timeUs: 0, kind: ValueKind.double, value: 0, quality: 0, flags: 0, serverTimeUs: null };
  }

  /** The next batch, in memory that the one after it uses again. */
  next(): Uint8Array<ArrayBuffer> {
    const { encoder, keys, values, sample } = this;
    const nowMs = Date.now();
    for (let i = 0; i < this.size; i++) {
      const n = this.count++;
      sample.timeUs = nowMs * 1000 + (n % 1000);
      sample.value = values[n & 4095] ?? 0;
      const key = keys[n % TAGS];
      if (key !== undefined) encoder.addSample(key, sample);
    }
    return encoder.seal(nowMs, false);
  }
}
