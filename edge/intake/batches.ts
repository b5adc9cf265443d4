import type { Clock } from '../core/clock.ts';
import { assert } from '../core/fault.ts';
import type { Producer } from '../core/producer.ts';
import {
  BATCH_HEADER_BYTES,
  BatchEncoder,
  MAX_BATCH_BYTES,
  MAX_RECORD_BYTES,
  type RecordHeader,
} from '../core/record-batch.ts';
import type { Sample } from '../core/sample.ts';
import type { SampleKey } from '../core/sample-key.ts';

/** A batch is closed when one more record of the largest size might not fit. */
const CLOSE_AT_BYTES = MAX_BATCH_BYTES - MAX_RECORD_BYTES - BATCH_HEADER_BYTES - 64;

/** Offsets that a worker appended to a topic, both inclusive. */
export interface OffsetRange {
  readonly topic: string;
  readonly first: number;
  readonly last: number;
}

/** Encodes the records of one intake batch, topic by topic, and appends them to the log. */
export class Batches {
  private readonly producer: Producer;
  private readonly clock: Clock;
  private readonly encoders = new Map<string, BatchEncoder>();
  private appended: Promise<OffsetRange>[] = [];

  constructor(producer: Producer, clock: Clock) {
    this.producer = producer;
    this.clock = clock;
  }

  /** Adds a sample. False: it is larger than a record may be. */
  addSample(topic: string, key: SampleKey, sample: Sample, headers?: readonly RecordHeader[]): boolean {
    const encoder = this.encoder(topic);
    const added = encoder.addSample(key, sample, headers) !== undefined;
    if (encoder.bytes > CLOSE_AT_BYTES) this.close(topic, encoder);
    return added;
  }

  /** Adds a record of another topic than samples: one that its maker has bounded. */
  addRecord(topic: string, key: Uint8Array, value: Uint8Array | null, headers?: readonly RecordHeader[]): void {
    const encoder = this.encoder(topic);
    const added = encoder.addRecord(key, value, headers);
    assert(added !== undefined, `a record of ${topic} is bounded`);
    if (encoder.bytes > CLOSE_AT_BYTES) this.close(topic, encoder);
  }

  /** Appends what was added. Resolves with the offsets when all of it is durable; rejects if the log writes no more. */
  flush(): Promise<OffsetRange[]> {
    for (const [topic, encoder] of this.encoders) this.close(topic, encoder);
    const { appended } = this;
    this.appended = [];
    return Promise.all(appended);
  }

  private encoder(topic: string): BatchEncoder {
    let encoder = this.encoders.get(topic);
    if (encoder === undefined) {
      encoder = new BatchEncoder();
      this.encoders.set(topic, encoder);
    }
    return encoder;
  }

  private close(topic: string, encoder: BatchEncoder): void {
    const { count } = encoder;
    if (count === 0) return;
    const batch = encoder.seal(this.clock.nowMs());
    const appended = this.producer.append(topic, batch, count);
    this.appended.push(appended.then((first) => ({ topic, first, last: first + count - 1 })));
  }
}
