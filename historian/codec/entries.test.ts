import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../edge/core/byte-writer.ts';
import { Fault } from '../../edge/core/fault.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { anySample } from '../kit/history-kit.ts';
import { tries } from '../kit/tries.ts';
import { Points } from '../points/points.ts';
import { putSample } from '../points/put-sample.ts';
import { writeBlock } from '../files/block.ts';
import { Mark } from './entries.ts';
import type { BlockEntry } from './entry.ts';
import { EntryWriter } from './entry-writer.ts';
import { block as generated, digital, noisy, twoDecimals } from './generated.ts';
import { readEntries } from './kit.ts';

/** Blocks of samples of any kind, one behind the other; of some only the summary is left. */
const anyEntries: fc.Arbitrary<BlockEntry[]> = fc
  .array(fc.record({ samples: fc.array(anySample, { minLength: 1, maxLength: 12 }), expired: fc.nat(4) }), {
    minLength: 1,
    maxLength: 12,
  })
  .map((blocks) => {
    const sorted = blocks.flatMap(({ samples }) => samples).toSorted((a, b) => a.timeUs - b.timeUs);
    const points = new Points(sorted.length);
    for (const [i, sample] of sorted.entries()) putSample(points, sample.timeUs, i * 3, sample, Number.NaN);
    let end = 0;
    return blocks.map(({ samples, expired }) => {
      const start = end;
      end += samples.length;
      const entry = writeBlock(new ByteWriter(), points, start, end);
      return expired === 0 ? { ...entry, block: null } : entry;
    });
  });

function bytesOf(entries: readonly BlockEntry[]): Uint8Array {
  const out = new ByteWriter();
  const writer = new EntryWriter(entries[0]?.summary.firstUs ?? 0);
  for (const entry of entries) writer.write(out, entry);
  return out.take();
}

const fresh = (entries: readonly BlockEntry[], bytes = bytesOf(entries)) =>
  readEntries(bytes, entries.length, entries[0]?.summary.firstUs ?? 0);

describe('entries of an index', () => {
  test('come back to the last bit, of blocks of all kinds, also of those of which only the summary is left', () => {
    let exact = 0;
    fc.assert(
      fc.property(anyEntries, (entries) => {
        const found = fresh(entries);
        for (const [i, { summary, leastOffset, greatestOffset, block, exact: integers }] of entries.entries()) {
          expect(found.summary(i)).toEqual(summary);
          expect([found.leastOffsets[i], found.greatestOffsets[i]]).toEqual([leastOffset, greatestOffset]);
          expect([found.lengths[i], found.crcs[i]]).toEqual([block?.length ?? 0, block?.crc ?? 0]);
          expect(((found.marks[i] ?? 0) & Mark.expired) !== 0).toBe(block === null);
          exact += integers === null ? 0 : 1;
        }
      }),
      { numRuns: 500 },
    );
    expect(exact).toBeGreaterThan(100);
  });

  test('of regular data take few bytes each', () => {
    const most = new Map([
      [digital, 20],
      [twoDecimals, 34],
      [noisy, 72],
    ]);
    for (const [of, bytes] of most) {
      const entries = Array.from({ length: 100 }, (_, i) => {
        const points = generated(of, i, 'scan', 900);
        for (let row = 0; row < points.count; row++) {
          points.times[row] = (points.times[row] ?? 0) + i * 900e6;
          points.offsets[row] = (points.offsets[row] ?? 0) + i * 900_000;
        }
        return writeBlock(new ByteWriter(), points, 0, points.count);
      });
      expect(bytesOf(entries).length / entries.length).toBeLessThan(bytes);
    }
  });

  test('of sums that are not in doubles, and of times at both ends of what times can be', () => {
    const last = Number.MAX_SAFE_INTEGER;
    const points = new Points(4);
    points.count = 4;
    points.times.set([-last, -1, 0, last]);
    points.offsets.set([5, 6, 7, 8]);
    points.kinds.fill(ValueKind.uint64);
    for (const [row, value] of [2n ** 64n - 1n, 0n, 7n, 2n ** 64n - 2n].entries()) points.putLong(row, value);
    const entries = [0, 1, 2].map((start) => writeBlock(new ByteWriter(), points, start, start + 2));
    const apart = [entries[0], entries[2]].filter((entry) => entry !== undefined);
    const found = fresh(apart);
    expect([found.summary(0), found.summary(1)]).toEqual(apart.map(({ summary }) => summary));
    expect(found.summary(1).values?.max).toBe(2n ** 64n - 2n);
  });

  test('that are changed anywhere are refused or read, in bounded time and memory', () => {
    const entries = fc.sample(anyEntries, { numRuns: 40, seed: 7 }).toSorted((a, b) => b.length - a.length)[0] ?? [];
    const whole = bytesOf(entries);
    const change = fc.record({ at: fc.nat(whole.length - 1), to: fc.nat(255) });
    let refused = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = whole.slice();
        for (const { at, to } of changes) bytes[at] = to;
        try {
          const found = fresh(entries, bytes);
          for (let i = 0; i < found.count; i++) {
            const { count, firstUs, lastUs } = found.summary(i);
            expect(count > 0 && lastUs >= firstUs && (found.firsts[i - 1] ?? firstUs) <= firstUs).toBe(true);
          }
        } catch (error) {
          if (!(error instanceof Fault) || error.code !== 'historian-damaged') throw error;
          refused++;
        }
      }),
      { numRuns: tries(5000) },
    );
    expect(refused).toBeGreaterThan(500);
  });

  test('of random bytes are refused or read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 256 }), (bytes, count) => {
        try {
          expect(readEntries(bytes, count, 0).count).toBe(count);
        } catch (error) {
          if (!(error instanceof Fault) || error.code !== 'historian-damaged') throw error;
        }
      }),
    );
  });
});
