import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader } from '../../edge/core/byte-reader.ts';
import { ByteWriter } from '../../edge/core/byte-writer.ts';
import { realDisk } from '../../edge/core/disk.ts';
import { Fault } from '../../edge/core/fault.ts';
import { type Sample, ValueKind } from '../../edge/core/sample.ts';
import { writeBlock } from './block.ts';
import { StoredFile } from './file.ts';
import { FileWriter } from './file-writer.ts';
import { anySample, lineOf, TestFolder } from '../kit/history-kit.ts';
import { tries } from '../kit/tries.ts';
import { readLast, writeLast } from './last-sample.ts';
import { LastSamples, LastState, SHORT_VALUE_BYTES } from './last-samples.ts';
import { isBlob, Points } from '../points/points.ts';
import { putSample } from '../points/put-sample.ts';
import { SeriesIndex } from './series-index.ts';

/** Samples as rows of points. */
function pointsOf(samples: readonly Sample[]): Points {
  const points = new Points(samples.length);
  for (const [i, sample] of samples.entries()) putSample(points, sample.timeUs, i * 7, sample, Number.NaN);
  return points;
}

const text = (value: string): Sample => {
  return { timeUs: 1, kind: ValueKind.string, value, quality: 0, flags: 0, serverTimeUs: null };
};
const lineAt = (points: Points, row: number): string => lineOf(points.sample(row, ['samples']));
/** What is left of a series goes on behind its last sample for so long. */
const reachOf = (timeUs: number, us: number): number => Math.min(timeUs + us, Number.MAX_SAFE_INTEGER);
/** A sample that is kept; null: all but its value. */
const keptLine = (last: LastSamples, row: number): string | null =>
  last.state(row) === LastState.elsewhere ? null : lineAt(last.points, row);
const isLong = (points: Points, row: number): boolean =>
  isBlob(points.kinds[row] ?? 0) && points.blob(row).length > SHORT_VALUE_BYTES;

describe('a last sample in the table of a file', () => {
  test('is read as it was written, bit for bit; of a long value there is all but the value', () => {
    fc.assert(
      fc.property(fc.array(anySample, { minLength: 1, maxLength: 20 }), (samples) => {
        const points = pointsOf(samples);
        const out = new ByteWriter();
        const one = new LastSamples(1);
        let before = 0;
        for (const [row] of samples.entries()) {
          one.put(0, points, row);
          writeLast(out, one, reachOf(points.times[row] ?? 0, row), before);
          before = one.offset(0);
        }
        const from = new ByteReader('historian-damaged');
        from.open(out.take());
        const read = new LastSamples(samples.length);
        before = 0;
        for (const [row, { timeUs }] of samples.entries())
          before = readLast(from, read, row, reachOf(timeUs, row), before);
        expect(from.at).toBe(from.end);
        for (const [row] of samples.entries()) {
          expect([read.timeUs(row), read.offset(row)]).toEqual([points.times[row], points.offsets[row]]);
          expect(keptLine(read, row)).toBe(isLong(points, row) ? null : lineAt(points, row));
        }
      }),
    );
  });

  test('is the last one that is left where a summary ends the series, or none', () => {
    using folder = new TestFolder();
    const points = pointsOf([1, 2, 3, 4].map((timeUs) => ({ ...text('x'), timeUs })));
    const writer = new FileWriter(realDisk, folder.file('0000000001.mrh'));
    writer.open();
    const { block, ...summary } = writeBlock(new ByteWriter(), points, 2, 4);
    expect(block?.length).toBeGreaterThan(0);
    for (const [tag, samples] of [
      ['a', 2],
      ['b', 0],
    ] as const) {
      writer.beginSeries(new TextEncoder().encode(tag), 0);
      writer.add(points, 0, samples);
      writer.addExpired(summary);
    }
    const entry = writer.finish(['samples'], { sinceMs: 1, writtenMs: 1, erased: 0 });
    const file = new StoredFile(realDisk, folder.path, entry);
    file.open(new SeriesIndex(), () => 0);
    const last = file.takeLast();
    expect([file.lastOf(0), last.timeUs(0), keptLine(last, 0)]).toEqual([4, 2, lineAt(points, 1)]);
    expect([file.lastOf(1), last.state(1)]).toEqual([4, LastState.none]);
    file.release();
  });

  test('may be missing', () => {
    const out = new ByteWriter();
    const one = new LastSamples(1);
    one.put(0, pointsOf([text('a')]), 0);
    one.clear(0);
    writeLast(out, one, 99, 5);
    const from = new ByteReader('historian-damaged');
    from.open(out.take());
    expect(readLast(from, one, 0, 99, 5)).toBe(5);
    expect([one.state(0), one.timeUs(0)]).toEqual([LastState.none, Number.NEGATIVE_INFINITY]);
  });

  test('of any bytes is a sample or damage, within the bytes', () => {
    const into = new LastSamples(1);
    const from = new ByteReader('historian-damaged');
    /** What comes of them: where reading stopped, or the fault's code. */
    const outcomeOf = (bytes: Uint8Array): number | string => {
      from.open(bytes);
      try {
        readLast(from, into, 0, 1, 0);
        if (into.state(0) === LastState.kept) into.points.sample(0, ['samples']);
        return from.at;
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        return error.code;
      }
    };
    const outcomes: (number | string)[] = [];
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 120 }), (bytes) => {
        const outcome = outcomeOf(bytes);
        outcomes.push(outcome);
        expect(typeof outcome === 'number' ? outcome <= bytes.length : outcome === 'historian-damaged').toBe(true);
      }),
      { numRuns: tries(2000) },
    );
    expect(outcomes.filter((outcome) => typeof outcome === 'number').length).toBeGreaterThan(20);
    expect(outcomes.filter((outcome) => typeof outcome === 'string').length).toBeGreaterThan(20);
  });
});

describe('the last samples of the files', () => {
  test('are the latest of each series, whatever comes when', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(200), anySample), { maxLength: 60 }), (samples) => {
        const points = pointsOf(samples.map(([, sample]) => sample));
        const last = new LastSamples();
        const expected = new Map<number, number>();
        for (const [i, [series]] of samples.entries()) {
          const file = new LastSamples(1);
          file.put(0, points, i);
          last.putLater(series, file, 0);
          const best = expected.get(series);
          // Offsets grow: of equal times the later one.
          if (best === undefined || (points.times[i] ?? 0) >= (points.times[best] ?? 0)) expected.set(series, i);
        }
        for (const [series, i] of expected) {
          expect([last.timeUs(series), last.offset(series)]).toEqual([points.times[i], points.offsets[i]]);
          expect(keptLine(last, series)).toBe(isLong(points, i) ? null : lineAt(points, i));
        }
        for (let series = 0; series <= 200; series++)
          expect(last.state(series) === LastState.none).toBe(!expected.has(series));
      }),
    );
  });

  test('take no more memory for texts that change than for those that there are', () => {
    const last = new LastSamples();
    const points = pointsOf(Array.from({ length: 1000 }, (_, i) => text(String(i).padStart(60, '.'))));
    for (let turn = 0; turn < 200; turn++)
      for (let series = 0; series < 100; series++) last.put(series, points, (turn + series) % 1000);
    expect(last.points.heap.length).toBeLessThan(4_000_000);
    for (let series = 0; series < 100; series++)
      expect(lineAt(last.points, series)).toBe(lineAt(points, (199 + series) % 1000));
  });

  test('that are in doubt come back with the same sample or a later one, not with an earlier one', () => {
    const last = new LastSamples();
    const file = new LastSamples(3);
    const samples = [5, 4, 6].map((timeUs) => ({ ...text('x'), timeUs }));
    const points = pointsOf(samples);
    for (const [i] of samples.entries()) file.put(i, points, i);
    last.putLater(0, file, 0);
    last.doubt(0);
    last.putLater(0, file, 1);
    expect([last.state(0), last.timeUs(0)]).toEqual([LastState.elsewhere, 5]);
    last.putLater(0, file, 0);
    expect([last.state(0), last.timeUs(0)]).toEqual([LastState.kept, 5]);
    last.doubt(0);
    last.putLater(0, file, 2);
    expect([last.state(0), last.timeUs(0)]).toEqual([LastState.kept, 6]);
  });
});
