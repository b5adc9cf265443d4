import { Fault } from '../edge/core/fault.ts';
import { Flag } from '../edge/core/flags.ts';
import { BATCH_HEADER_BYTES, type BatchHeader, MAX_RECORD_BYTES, readBatchHeader } from '../edge/core/record-batch.ts';
import { RecordCursor } from '../edge/core/record-cursor.ts';
import { SampleReader } from '../edge/core/sample-codec.ts';
import type { LossReason } from './manifest.ts';
import type { SampleSink, TopicProgress } from './sink.ts';

/** Decodes the record batches of one topic and gives their samples to a sink, each once: what lies before the topic's position is skipped. */
export class BatchApplier {
  private readonly sink: SampleSink;
  private readonly progress: TopicProgress;
  private readonly cursor = new RecordCursor();
  private readonly sample = new SampleReader();

  constructor(sink: SampleSink, progress: TopicProgress) {
    this.sink = sink;
    this.progress = progress;
  }

  /**
   * Applies whole, verified batches. False: the sink is full; have it written out, then call again with the same bytes. What cannot be decoded is noted as lost, and the rest
   * goes on. Throws `batch-malformed` if the bytes are not batches back to back.
   */
  apply(bytes: Uint8Array): boolean {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.length;) {
      if (at + BATCH_HEADER_BYTES > bytes.length) throw new Fault('batch-malformed', `Cut off at byte ${at}.`);
      const header = readBatchHeader(view, at);
      if (header.bytes < BATCH_HEADER_BYTES || at + header.bytes > bytes.length)
        throw new Fault('batch-malformed', `Length ${header.bytes} at byte ${at}.`);
      const isNew = header.baseOffset + header.count > this.progress.position;
      if (isNew && !this.applyBatch(bytes, at, header)) return false;
      at += header.bytes;
    }
    return true;
  }

  private applyBatch(bytes: Uint8Array, at: number, header: BatchHeader): boolean {
    const { cursor, progress, sink } = this;
    const end = header.baseOffset + header.count;
    try {
      cursor.open(bytes, at);
      for (let offset = header.baseOffset; cursor.next(); offset++) {
        if (cursor.offset !== offset)
          throw new Fault('batch-malformed', `Offset ${cursor.offset} instead of ${offset}.`);
        if (offset < progress.position) continue;
        if (sink.full) return false;
        this.applyRecord();
        progress.position = offset + 1;
        progress.lastMs = cursor.timestampMs;
      }
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'batch-malformed') throw error;
      this.lose(progress.position, end - 1, 'malformed', header.maxTimestampMs);
      progress.position = end;
    }
    return true;
  }

  private applyRecord(): void {
    const { cursor, sample, sink, progress } = this;
    const { offset, timestampMs } = cursor;
    if (cursor.valueStart < 0) {
      const filler = cursor.keyStart < 0 && cursor.headers().some(([name]) => name === 'gap');
      return this.lose(offset, offset, filler ? 'filler' : 'malformed', timestampMs);
    }
    const isSample = cursor.valueEnd - cursor.valueStart <= MAX_RECORD_BYTES && this.readSample();
    const ingestUs = timestampMs * 1000;
    const series = isSample ? sink.series.idOf(progress.number, cursor.data, cursor.keyStart, cursor.keyEnd) : -1;
    if (series < 0 || !Number.isSafeInteger(ingestUs)) return this.lose(offset, offset, 'malformed', timestampMs);
    // The clock rule (FORMAT.md, "Flags"): a clock that is ahead does not say when something happened.
    if ((sample.flags & Flag.clockSuspect) === 0) sink.append(series, sample.timeUs, offset, sample, Number.NaN);
    else sink.append(series, ingestUs, offset, sample, sample.timeUs);
  }

  /** False: the record's value is not a sample. */
  private readSample(): boolean {
    try {
      this.sample.read(this.cursor.data, this.cursor.valueStart, this.cursor.valueEnd);
      return true;
    } catch (error) {
      if (error instanceof Fault && error.code === 'sample-malformed') return false;
      throw error;
    }
  }

  private lose(first: number, last: number, reason: LossReason, timestampMs: number): void {
    const { topic, lastMs } = this.progress;
    this.sink.lose({ topic, first, last, reason, fromMs: lastMs === 0 ? timestampMs : lastMs, toMs: timestampMs });
  }
}
