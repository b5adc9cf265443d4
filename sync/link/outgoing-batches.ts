import type { Clock } from '../../edge/core/clock.ts';
import type { DurableEnds } from '../../edge/core/durable-ends.ts';
import { LogReader, type TopicGap } from '../../edge/core/reader.ts';
import { placeBatch } from '../../edge/core/record-batch.ts';
import { BatchMerger, type Outgoing } from './batch-merger.ts';
import { assertFillable, fillBatch, type LostRange } from './null-fill.ts';
import { OpenBatch } from './open-batch.ts';

export interface OutgoingBatchesOptions {
  readonly logFolder: string;
  readonly topic: string;
  readonly ends: DurableEnds;
  readonly clock: Clock;
  /** Told of damaged records. */
  readonly onGap?: ((gap: TopicGap) => void) | undefined;
}

/** A batch of so many records is not taken apart for company. */
const LARGE_RECORDS = 4096;

/**
 * A topic of the log from an offset on, cut into the batches that a link sends: many small ones become one, a large one goes as it lies, what the
 * log has lost becomes null records. Holds one read of the log and one batch.
 */
export class OutgoingBatches {
  private readonly options: OutgoingBatchesOptions;
  private readonly reader: LogReader;
  private readonly merger = new BatchMerger();
  private chunk: Uint8Array = new Uint8Array(0);
  private at = 0;
  private readonly batch = new OpenBatch();
  private isOpen = false;
  private lost: LostRange | undefined;
  /** Next offset to go out. */
  position = 0;

  constructor(options: OutgoingBatchesOptions) {
    this.options = options;
    this.reader = new LogReader(options);
  }

  /** Goes on at this offset. */
  seek(offset: number): void {
    this.reader.seek(offset);
    this.position = offset;
    this.chunk = new Uint8Array(0);
    this.at = 0;
    this.isOpen = false;
    this.lost = undefined;
  }

  close(): void {
    this.reader.close();
  }

  /** Records from the position to the durable end. */
  get behind(): number {
    return this.options.ends.end(this.options.topic) - this.position;
  }

  /**
   * The next batch, or undefined at the durable end. A batch of `largeBytes` that fits into `maxBytes` goes as it lies; others are merged, or taken apart, up to that.
   * Throws `link-behind-log` where too much is lost, `log-damaged`, `batch-malformed`.
   */
  next(maxBytes: number, largeBytes: number): Outgoing | undefined {
    const outgoing = this.assemble(maxBytes, largeBytes);
    if (outgoing !== undefined) this.position = outgoing.baseOffset + outgoing.records;
    return outgoing;
  }

  private assemble(maxBytes: number, largeBytes: number): Outgoing | undefined {
    const { merger } = this;
    const end = this.options.ends.end(this.options.topic);
    for (let batch = this.input(); batch !== undefined; batch = this.input()) {
      // A batch may begin with records that were taken already: the reader gives whole ones.
      const next = this.position + merger.count;
      const whole = batch.untouched && batch.baseOffset >= next;
      // What does not fit is taken apart: over a slow line it would never arrive in time.
      const fits = batch.length <= maxBytes;
      const large = batch.length >= largeBytes || batch.count >= LARGE_RECORDS;
      if (whole && fits && merger.count === 0 && (large || batch.endOffset >= end)) return this.asItLies(batch);
      if (whole && fits && large) break;
      if (!merger.take(batch, next, maxBytes)) break;
      this.isOpen = false;
    }
    if (merger.count > 0) return merger.finish();
    return this.fill();
  }

  /** The batch to go on with; undefined at the end of the log and before a lost range. */
  private input(): OpenBatch | undefined {
    if (this.lost !== undefined) return undefined;
    if (this.isOpen) return this.batch;
    while (this.at >= this.chunk.length) {
      const result = this.reader.read();
      if (result.kind === 'end') return undefined;
      if (result.kind === 'gap') {
        this.lost = result;
        const { first, last, reason } = result;
        if (reason === 'damage') this.options.onGap?.({ topic: this.options.topic, first, last, reason });
        return undefined;
      }
      this.chunk = result.bytes;
      this.at = 0;
    }
    this.batch.open(this.chunk, this.at);
    this.isOpen = true;
    this.at += this.batch.length;
    return this.batch;
  }

  private asItLies(batch: OpenBatch): Outgoing {
    const bytes = batch.copy();
    placeBatch(bytes, 0, 0, -1);
    this.isOpen = false;
    return { bytes, baseOffset: batch.baseOffset, records: batch.count };
  }

  private fill(): Outgoing | undefined {
    const { lost } = this;
    if (lost === undefined) return undefined;
    assertFillable(this.options.topic, lost);
    const filled = fillBatch(lost, Math.max(lost.first, this.position), this.options.clock.nowMs());
    if (filled.baseOffset + filled.records > lost.last) this.lost = undefined;
    return filled;
  }
}
