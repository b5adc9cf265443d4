import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../edge/core/fault.ts';
import { Flag } from '../../edge/core/flags.ts';
import { BATCH_HEADER_BYTES, BatchEncoder, placeBatch, readBatchHeader } from '../../edge/core/record-batch.ts';
import { RecordCursor } from '../../edge/core/record-cursor.ts';
import type { Sample } from '../../edge/core/sample.ts';
import { SampleReader } from '../../edge/core/sample-codec.ts';
import { SampleKey } from '../../edge/core/sample-key.ts';
import { BatchApplier } from '../follow/apply.ts';
import type { Arrivals } from './arrivals.ts';
import { anySample, bitsOf, T0 } from '../kit/history-kit.ts';
import type { LostRange } from '../files/manifest.ts';
import { SeriesIndex } from '../files/series-index.ts';
import type { SampleSink, TopicProgress } from '../follow/sink.ts';

/** A sample as it came to a sink. */
function line(tag: string, timeUs: number, offset: number, sample: Sample, deviceTimeUs: number): string {
  const { kind, value, quality, flags, serverTimeUs } = sample;
  return [tag, timeUs, offset, bitsOf(kind, value), quality, flags, serverTimeUs, deviceTimeUs].join(' ');
}

/** A sink that notes what it is given, and is full before each offset of `fullAt`, once. */
class Notes implements SampleSink {
  readonly series = new SeriesIndex(5);
  readonly progress: TopicProgress = { topic: 'samples', number: 0, position: 0, lastMs: 0, lost: 0 };
  readonly lines: string[] = [];
  readonly lost: LostRange[] = [];
  readonly fullAt: Set<number>;

  constructor(fullAt: readonly number[], position: number) {
    this.fullAt = new Set(fullAt);
    this.progress.position = position;
  }

  get full(): boolean {
    return this.fullAt.delete(this.progress.position);
  }

  append(series: number, timeUs: number, offset: number, sample: Sample, deviceTimeUs: number): void {
    this.lines.push(line(this.series.tag(series), timeUs, offset, sample, deviceTimeUs));
  }

  lose(range: LostRange): void {
    this.lost.push(range);
  }
}

/** The same, given in columns. */
class Columns extends Notes {
  take(arrivals: Arrivals): number {
    const { count, points, series } = arrivals;
    for (let row = 0; row < count; row++) {
      const offset = points.offsets[row] ?? 0;
      if (this.fullAt.delete(offset)) return row;
      this.append(series[row] ?? 0, points.times[row] ?? 0, offset, arrivals.sample(row), arrivals.deviceTimeUs(row));
    }
    return count;
  }
}

/** What comes of batches, record by record, with nothing but the readers of the log. */
function recordByRecord(bytes: Uint8Array, position: number): Notes {
  const notes = new Notes([], position);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; at += readBatchHeader(view, at).bytes) {
    const { baseOffset, count, maxTimestampMs } = readBatchHeader(view, at);
    if (baseOffset + count <= notes.progress.position) continue;
    const cursor = new RecordCursor();
    try {
      cursor.open(bytes, at);
      for (let offset = baseOffset; cursor.next(); offset++) {
        if (cursor.offset !== offset) throw new Fault('batch-malformed', 'offset');
        if (offset >= notes.progress.position) takeRecord(notes, cursor);
      }
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== 'batch-malformed') throw error;
      const first = notes.progress.position;
      const last = baseOffset + count - 1;
      if (first > last) continue;
      lose(notes, first, last, 'malformed', maxTimestampMs);
      notes.progress.position = last + 1;
    }
  }
  return notes;
}

function takeRecord(notes: Notes, cursor: RecordCursor): void {
  const { progress, series } = notes;
  const { offset, timestampMs } = cursor;
  const sample = sampleOf(cursor);
  const id =
    sample === undefined || !Number.isSafeInteger(timestampMs * 1000)
      ? -1
      : series.idOf(0, cursor.data, cursor.keyStart, cursor.keyEnd);
  const isFiller = cursor.valueStart < 0 && cursor.keyStart < 0 && namesOfHeaders(cursor).includes('gap');
  // A tag's record without a value was erased: nothing is lost.
  const isErased = cursor.valueStart < 0 && cursor.keyStart >= 0;
  if (sample === undefined || id < 0) {
    if (!isErased) lose(notes, offset, offset, isFiller ? 'filler' : 'malformed', timestampMs);
  } else if ((sample.flags & Flag.clockSuspect) === 0) notes.append(id, sample.timeUs, offset, sample, Number.NaN);
  else notes.append(id, timestampMs * 1000, offset, sample, sample.timeUs);
  progress.position = offset + 1;
  progress.lastMs = timestampMs;
}

/** None where they cannot be read: then the record alone is malformed, for where it ends is known. */
function namesOfHeaders(cursor: RecordCursor): string[] {
  try {
    return cursor.headers().map(([name]) => name);
  } catch (error) {
    if (error instanceof Fault && error.code === 'batch-malformed') return [];
    throw error;
  }
}

function sampleOf(cursor: RecordCursor): SampleReader | undefined {
  const reader = new SampleReader();
  try {
    if (cursor.valueStart < 0) return undefined;
    reader.read(cursor.data, cursor.valueStart, cursor.valueEnd);
    return reader;
  } catch (error) {
    if (error instanceof Fault && error.code === 'sample-malformed') return undefined;
    throw error;
  }
}

function lose({ lost, progress }: Notes, first: number, last: number, reason: LostRange['reason'], toMs: number): void {
  const { topic, lastMs } = progress;
  lost.push({ topic, first, last, reason, fromMs: lastMs === 0 ? toMs : lastMs, toMs });
}

const tag = fc.constantFrom('northmill/a', 'northmill/b', 'northmill/c/d', 'Öl', 'northmill/e', 'northmill/f');
const plain = anySample.map((sample): Sample => ({ ...sample, timeUs: T0, quality: 0, flags: 0, serverTimeUs: null }));
/** What may stand in the log as a record. */
const record = fc.oneof(
  { weight: 8, arbitrary: fc.record({ is: fc.constant('sample' as const), tag, sample: plain }) },
  { weight: 4, arbitrary: fc.record({ is: fc.constant('sample' as const), tag, sample: anySample }) },
  { weight: 1, arbitrary: fc.constant({ is: 'filler' as const }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('tombstone' as const), tag }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('bytes' as const), tag, bytes: fc.uint8Array() }) },
);
const change = fc.record({ at: fc.nat(4000), to: fc.nat(255) });
const batch = fc.record({
  records: fc.array(record, { minLength: 1, maxLength: 60 }),
  times: fc.constantFrom(1, 1, 12, 600),
  compress: fc.boolean(),
  timestampMs: fc.oneof(
    { weight: 9, arbitrary: fc.nat(5).map((i) => T0 / 1000 + i) },
    { weight: 1, arbitrary: fc.constant(2 ** 52) },
  ),
  changes: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(change, { maxLength: 3 }) },
  ),
});

type Batch = typeof batch extends fc.Arbitrary<infer T> ? T : never;

function bytesOf({ records, times, compress, timestampMs, changes }: Batch, baseOffset: number): Uint8Array {
  const encoder = new BatchEncoder();
  const encode = new TextEncoder();
  for (let i = 0; i < Math.max(1, Math.floor(times / records.length)); i++) {
    for (const each of records) {
      if (each.is === 'sample') encoder.addSample(SampleKey.of(each.tag), each.sample);
      else if (each.is === 'filler') encoder.addRecord(null, null, [['gap', null]]);
      else encoder.addRecord(encode.encode(each.tag), each.is === 'bytes' ? each.bytes : null);
    }
  }
  const bytes = encoder.finish(timestampMs, compress);
  placeBatch(bytes, 0, baseOffset, 0);
  for (const { at, to } of changes) if (BATCH_HEADER_BYTES + at < bytes.length) bytes[BATCH_HEADER_BYTES + at] = to;
  return bytes;
}

describe('samples in columns', () => {
  test('are the ones that the log holds record by record: what is no sample is lost, wherever the sink is full, and from any position on', () => {
    let lost = 0;
    let full = 0;
    fc.assert(
      fc.property(
        fc.array(batch, { minLength: 1, maxLength: 5 }),
        fc.uniqueArray(fc.nat(1500), { maxLength: 12 }),
        fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(400) }),
        (batches, fullAt, position) => {
          const parts: Uint8Array[] = [];
          let end = 0;
          for (const each of batches) {
            const bytes = bytesOf(each, end);
            end += readBatchHeader(new DataView(bytes.buffer), 0).count;
            parts.push(bytes);
          }
          const bytes = Uint8Array.from(Buffer.concat(parts));
          const expected = recordByRecord(bytes, position);
          for (const sink of [new Notes(fullAt, position), new Columns(fullAt, position)]) {
            const applier = new BatchApplier(sink, sink.progress);
            while (!applier.apply(bytes)) full++;
            expect(sink.lines).toEqual(expected.lines);
            expect(sink.lost).toEqual(expected.lost);
            expect(sink.progress).toEqual(expected.progress);
          }
          lost += expected.lost.length;
        },
      ),
      { numRuns: 150 },
    );
    expect(lost).toBeGreaterThan(50);
    expect(full).toBeGreaterThan(50);
  });
});
