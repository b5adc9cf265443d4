import { Fault } from '../../edge/core/fault.ts';
import { Flag } from '../../edge/core/flags.ts';
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  MAX_RECORD_BYTES,
  readBatchHeader,
} from '../../edge/core/record-batch.ts';
import { RecordCursor } from '../../edge/core/record-cursor.ts';
import { SampleReader } from '../../edge/core/sample-codec.ts';
import { Arrivals } from '../points/arrivals.ts';
import type { LossReason } from '../files/manifest.ts';
import { readPlainSample } from '../points/plain-sample.ts';
import type { SampleSink, TopicProgress } from './sink.ts';

/** Ingest times beyond this are none: in µs they would not be exact. */
const MAX_INGEST_MS = Math.floor(Number.MAX_SAFE_INTEGER / 1000);

/**
 * Decodes the record batches of one topic and gives their samples to a sink, each once: what lies before the topic's position is skipped. Records become columns first (`Arrivals`), some
 * hundred at a time, and are given on in columns.
 */
export class BatchApplier {
  private readonly sink: SampleSink;
  private readonly progress: TopicProgress;
  private readonly cursor = new RecordCursor();
  private readonly sample = new SampleReader();
  /** Decoded, and behind the position. */
  private readonly arrivals = new Arrivals();

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
    this.arrivals.reset();
    for (let at = 0; at < bytes.length;) {
      if (at + BATCH_HEADER_BYTES > bytes.length) return this.refuse(`Cut off at byte ${at}.`);
      const header = readBatchHeader(view, at);
      if (header.bytes < BATCH_HEADER_BYTES || at + header.bytes > bytes.length)
        return this.refuse(`Length ${header.bytes} at byte ${at}.`);
      const isNew = header.baseOffset + header.count > this.progress.position;
      if (isNew && !this.applyBatch(bytes, at, header)) return false;
      at += header.bytes;
    }
    return this.give();
  }

  /** Throws, behind what came before. */
  private refuse(detail: string): boolean {
    if (this.give()) throw new Fault('batch-malformed', detail);
    return false;
  }

  private applyBatch(bytes: Uint8Array, at: number, header: BatchHeader): boolean {
    const { cursor, progress } = this;
    try {
      cursor.open(bytes, at);
      for (let offset = header.baseOffset; cursor.next(); offset++) {
        if (cursor.offset !== offset)
          throw new Fault('batch-malformed', `Offset ${cursor.offset} instead of ${offset}.`);
        if (offset >= progress.position && !this.applyRecord()) return false;
      }
      return true;
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'batch-malformed') throw error;
      if (!this.give()) return false;
      this.lose(header.baseOffset + header.count - 1, 'malformed', header.maxTimestampMs);
      return true;
    }
  }

  /** False: the sink is full. */
  private applyRecord(): boolean {
    const { cursor, arrivals } = this;
    const { points } = arrivals;
    const row = points.count;
    const { data, valueStart, valueEnd } = cursor;
    if (valueStart < 0 || !readPlainSample(data, valueStart, valueEnd, points, row)) return this.applyAny();
    const series = this.seriesOf();
    if (series < 0) return this.applyLost('malformed');
    arrivals.series[row] = series;
    arrivals.extras[row] = 0;
    arrivals.ingestMs[row] = cursor.timestampMs;
    points.offsets[row] = cursor.offset;
    points.count = row + 1;
    return !arrivals.isFull || this.give();
  }

  /** Series of the record, or -1: it has no tag, or no time that it came in. */
  private seriesOf(): number {
    const { cursor, progress, sink } = this;
    if (!(cursor.timestampMs >= -MAX_INGEST_MS && cursor.timestampMs <= MAX_INGEST_MS)) return -1;
    return sink.series.idOf(progress.number, cursor.data, cursor.keyStart, cursor.keyEnd);
  }

  /** A record with any sample, or none. */
  private applyAny(): boolean {
    const { cursor, sample, arrivals } = this;
    const { offset, timestampMs } = cursor;
    if (cursor.valueStart < 0) {
      if (cursor.keyStart >= 0) return this.passOver();
      return this.applyLost(this.isFiller() ? 'filler' : 'malformed');
    }
    const isSample = cursor.valueEnd - cursor.valueStart <= MAX_RECORD_BYTES && this.readSample();
    const series = isSample ? this.seriesOf() : -1;
    if (series < 0) return this.applyLost('malformed');
    arrivals.ingestMs[arrivals.count] = timestampMs;
    // The clock rule (FORMAT.md, "Flags"): a clock that is ahead does not say when something happened.
    if ((sample.flags & Flag.clockSuspect) === 0) arrivals.add(series, sample.timeUs, offset, sample, Number.NaN);
    else arrivals.add(series, timestampMs * 1000, offset, sample, sample.timeUs);
    return !arrivals.isFull || this.give();
  }

  /** Whether a record without key and value stands for a lost one. Headers that cannot be read are those of none: only this record is malformed. */
  private isFiller(): boolean {
    try {
      return this.cursor.headers().some(([name]) => name === 'gap');
    } catch (error) {
      if (error instanceof Fault && error.code === 'batch-malformed') return false;
      throw error;
    }
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

  /** Notes that this record is lost, behind what came before. */
  private applyLost(reason: LossReason): boolean {
    if (!this.give()) return false;
    const { offset, timestampMs } = this.cursor;
    this.lose(offset, reason, timestampMs);
    this.progress.lastMs = timestampMs;
    return true;
  }

  /** A tag's record without a value: its sample was erased (edge/core/FORMAT.md, "Erasing"), and nothing tells of a gap. */
  private passOver(): boolean {
    if (!this.give()) return false;
    const { cursor, progress } = this;
    progress.position = cursor.offset + 1;
    progress.lastMs = cursor.timestampMs;
    return true;
  }

  /** What lies between the position and what is behind `last` is lost. */
  private lose(last: number, reason: LossReason, timestampMs: number): void {
    const { progress, sink } = this;
    const { topic, position: first, lastMs } = progress;
    if (first > last) return;
    sink.lose({ topic, first, last, reason, fromMs: lastMs === 0 ? timestampMs : lastMs, toMs: timestampMs });
    progress.position = last + 1;
  }

  /** Gives what has been decoded to the sink and moves the position behind what it took. False: it is full. */
  private give(): boolean {
    const { sink, progress, arrivals } = this;
    const { count } = arrivals;
    if (count === 0) return true;
    const taken = sink.take === undefined ? this.giveEach() : sink.take(arrivals);
    if (taken > 0) {
      progress.position = (arrivals.points.offsets[taken - 1] ?? 0) + 1;
      progress.lastMs = arrivals.ingestMs[taken - 1] ?? 0;
    }
    arrivals.reset();
    return taken === count;
  }

  /** Gives one after the other; how many were taken. */
  private giveEach(): number {
    const { sink, progress, arrivals } = this;
    const { points, series } = arrivals;
    for (let row = 0; row < points.count; row++) {
      const offset = points.offsets[row] ?? 0;
      progress.position = offset;
      if (sink.full) return row;
      sink.append(series[row] ?? 0, points.times[row] ?? 0, offset, arrivals.sample(row), arrivals.deviceTimeUs(row));
    }
    return points.count;
  }
}
