import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../edge/core/fault.ts';
import { BATCH_HEADER_BYTES, BatchEncoder } from '../../edge/core/record-batch.ts';
import { RecordCursor } from '../../edge/core/record-cursor.ts';
import { BatchApplier } from './apply.ts';
import { anySample, batchOf, double, T0 } from '../kit/history-kit.ts';
import { tries } from '../kit/tries.ts';
import type { LostRange } from '../files/manifest.ts';
import { SeriesIndex } from '../files/series-index.ts';
import type { SampleSink, TopicProgress } from './sink.ts';
import { SampleKey } from '../../edge/core/sample-key.ts';

/** A sink that notes offsets, and is full before each offset of `fullAt`, once. */
class Notes implements SampleSink {
  readonly series = new SeriesIndex();
  readonly progress: TopicProgress = { topic: 'samples', number: 0, position: 0, lastMs: 0, lost: 0 };
  readonly offsets: number[] = [];
  readonly times: number[] = [];
  readonly lost: LostRange[] = [];
  readonly fullAt: Set<number>;

  constructor(fullAt: readonly number[] = []) {
    this.fullAt = new Set(fullAt);
  }

  get full(): boolean {
    return this.fullAt.delete(this.progress.position);
  }

  append(_series: number, timeUs: number, offset: number): void {
    this.offsets.push(offset);
    this.times.push(timeUs);
  }

  lose(range: LostRange): void {
    this.lost.push(range);
  }

  get lostRecords(): number {
    return this.lost.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  }
}

/** Applies until all is applied; how often the sink was full. */
function applyAllOf(notes: Notes, bytes: Uint8Array): number {
  const applier = new BatchApplier(notes, notes.progress);
  let full = 0;
  while (!applier.apply(bytes)) full++;
  return full;
}

/** Records with a key and without a value, up to where the batch cannot be read. */
function erasedIn(bytes: Uint8Array): number {
  const cursor = new RecordCursor();
  let erased = 0;
  try {
    cursor.open(bytes);
    for (let offset = 0; cursor.next() && cursor.offset === offset; offset++)
      if (cursor.keyStart >= 0 && cursor.valueStart < 0) erased++;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
  }
  return erased;
}

const upTo = (end: number): number[] => Array.from({ length: end }, (_, i) => i);

const batches = Buffer.concat(
  [0, 1, 2].map((batch) => {
    const samples = upTo(200).map((i) => double(`northmill/${i % 7}`, i, i));
    return batchOf(samples, batch * 200);
  }),
);

describe('applying batches', () => {
  test('stops where the sink is full and goes on there with the same bytes; every record comes once', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(599), { maxLength: 20 }), (fullAt) => {
        const notes = new Notes(fullAt);
        expect(applyAllOf(notes, batches)).toBe(fullAt.length);
        expect(notes.offsets).toEqual(upTo(600));
        expect(notes.progress.position).toBe(600);
      }),
    );
  });

  test('skips what lies before the position, in whole batches and in part of one', () => {
    const notes = new Notes();
    notes.progress.position = 250;
    applyAllOf(notes, batches);
    expect(notes.offsets).toEqual(upTo(600).slice(250));
  });

  test('of any bytes in place of records takes or counts every record, and nothing twice', () => {
    const samples = fc.sample(anySample, { numRuns: 8, seed: 5 });
    const encoder = new BatchEncoder();
    for (const sample of samples) encoder.addSample(SampleKey.of('northmill/a'), sample);
    const batch = encoder.finish(T0 / 1000, false);
    const change = fc.record({ at: fc.integer({ min: BATCH_HEADER_BYTES, max: batch.length - 1 }), to: fc.nat(255) });
    // A record without key and value whose headers cannot be read, and behind it one that was erased.
    const withoutHeaders = [
      { at: 65, to: 137 },
      { at: 69, to: 0 },
      { at: 164, to: 98 },
    ];
    let damaged = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = batch.slice();
        for (const { at, to } of changes) bytes[at] = to;
        const notes = new Notes();
        applyAllOf(notes, bytes);
        expect(notes.progress.position).toBe(8);
        expect(notes.offsets.length + notes.lostRecords).toBe(8 - erasedIn(bytes));
        expect(new Set(notes.offsets).size).toBe(notes.offsets.length);
        damaged += Math.sign(notes.lostRecords);
      }),
      { numRuns: tries(3000), examples: [[withoutHeaders]] },
    );
    expect(damaged).toBeGreaterThan(500);
  });

  test('of compressed records that cannot be unpacked counts the whole batch', () => {
    const bytes = batches.slice();
    bytes.fill(0x55, BATCH_HEADER_BYTES, BATCH_HEADER_BYTES + 100);
    const notes = new Notes();
    applyAllOf(notes, bytes);
    expect(notes.lost).toMatchObject([{ first: 0, last: 199, reason: 'malformed' }]);
    expect(notes.offsets).toEqual(upTo(600).slice(200));
  });

  test('refuses bytes that are not batches back to back', () => {
    for (const bytes of [batches.subarray(0, 60), batches.subarray(0, 100), new Uint8Array(100)])
      expect(() => applyAllOf(new Notes(), bytes)).toThrow(Fault);
  });

  test('passes over what was erased: no sample, no gap, and the position is behind it', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), fc.array(fc.nat(39)), (erased, fullAt) => {
        const encoder = new BatchEncoder();
        for (const [i, isErased] of erased.entries()) {
          if (isErased) encoder.addRecord(SampleKey.of('northmill/a').bytes, null, [['c', null]]);
          else encoder.addSample(SampleKey.of('northmill/a'), double('northmill/a', i, i).sample);
        }
        const notes = new Notes(fullAt);
        applyAllOf(notes, encoder.finish(T0 / 1000));
        expect(notes.offsets).toEqual(erased.flatMap((isErased, i) => (isErased ? [] : [i])));
        expect([notes.lost, notes.progress.position]).toEqual([[], erased.length]);
      }),
    );
  });

  test('a record without key and value is no erased one: it fills a gap, or nobody knows what it is', () => {
    const encoder = new BatchEncoder();
    encoder.addRecord(null, null, [['gap', null]]);
    encoder.addRecord(null, null);
    const notes = new Notes();
    applyAllOf(notes, encoder.finish(T0 / 1000));
    expect(notes.lost.map(({ reason }) => reason)).toEqual(['filler', 'malformed']);
  });

  test('counts what has an ingest time that is none', () => {
    const batch = batchOf([double('northmill/a', 0, 0, { flags: 2 }), double('northmill/a', 1, 1)], 0, 2 ** 52);
    const notes = new Notes();
    applyAllOf(notes, batch);
    expect([notes.offsets, notes.lostRecords]).toEqual([[], 2]);
  });
});
