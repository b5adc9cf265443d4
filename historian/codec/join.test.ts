import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteWriter } from '../../edge/core/byte-writer.ts';
import { type Sample, ValueKind } from '../../edge/core/sample.ts';
import { writeBlock } from '../files/block.ts';
import { Points } from '../points/points.ts';
import { putSample } from '../points/put-sample.ts';
import { exactOf, joined } from './join.ts';
import type { BlockSummary, Summarized } from './summary.ts';

const T0 = 1_704_067_200_000_000;

interface Row {
  readonly afterUs: number;
  readonly value: number;
  readonly quality: number;
  readonly isNull: boolean;
}

const anyRows = fc.array(
  fc.record({
    afterUs: fc.constantFrom(1, 1000, 1_000_000, 999_999, 60_000_000),
    value: fc.oneof(fc.integer({ min: -500, max: 500 }), fc.double({ noNaN: true, min: -1e6, max: 1e6 })),
    quality: fc.constantFrom(0, 0, 0, 0, 0x80000000, 0x40000000),
    isNull: fc.integer({ min: 0, max: 8 }).map((dice) => dice === 0),
  }),
  { minLength: 2, maxLength: 60 },
);
const anyKind = fc.constantFrom('boolean', 'long', 'double', 'decimal');

function summaryOf(kind: string, rows: readonly Row[], start: number, end: number): Summarized {
  const points = new Points(rows.length);
  let timeUs = T0;
  for (const [i, { afterUs, value, quality, isNull }] of rows.entries()) {
    timeUs += afterUs;
    const rest = { timeUs, quality, flags: 0, serverTimeUs: null };
    if (i >= start && i < end)
      putSample(points, timeUs, i, { ...rest, ...valueOf(isNull ? 'null' : kind, value) }, NaN);
  }
  return writeBlock(new ByteWriter(1024), points, 0, points.count);
}

function valueOf(kind: string, value: number): Pick<Sample, 'kind' | 'value'> {
  if (kind === 'null') return { kind: ValueKind.null, value: null };
  if (kind === 'boolean') return { kind: ValueKind.boolean, value: value > 0 };
  if (kind === 'long') return { kind: ValueKind.long, value: Math.round(value) };
  return { kind: ValueKind.double, value: kind === 'decimal' ? Math.round(value) / 100 : value };
}

/** All but the sums, and those. */
function partsOf({ values, ...rest }: BlockSummary): { rest: unknown; sums: number[] } {
  if (values === null) return { rest, sums: [] };
  const { sum, stepped, sloped, ...extremes } = values;
  return { rest: { ...rest, extremes }, sums: [sum, stepped, sloped] };
}

test('two summaries, joined, are that of all samples: integers exactly, others but for rounding', () => {
  fc.assert(
    fc.property(anyKind, anyRows, fc.nat(), (kind, rows, where) => {
      const cut = 1 + (where % (rows.length - 1));
      const whole = summaryOf(kind, rows, 0, rows.length).summary;
      const both = joined(summaryOf(kind, rows, 0, cut).summary, summaryOf(kind, rows, cut, rows.length).summary);
      const [found, expected] = [both, whole].map((summary) => (summary === undefined ? undefined : partsOf(summary)));
      expect(found?.rest).toEqual(expected?.rest);
      const most = Math.max(...rows.map(({ value }) => Math.abs(value))) * 1e-12;
      const scales = [rows.length, whole.lastUs - whole.firstUs, whole.lastUs - whole.firstUs];
      for (const [i, sum] of (expected?.sums ?? []).entries()) {
        const tolerance = kind === 'double' || kind === 'decimal' ? most * (scales[i] ?? 0) : 0;
        expect(Math.abs((found?.sums[i] ?? Number.NaN) - sum)).toBeLessThanOrEqual(tolerance);
      }
    }),
    { numRuns: 500 },
  );
});

test('the integers of an exact summary are found again in its numbers', () => {
  fc.assert(
    fc.property(anyKind, anyRows, (kind, rows) => {
      const { summary, exact } = summaryOf(kind, rows, 0, rows.length);
      const found = exactOf(summary);
      if (exact === null) return;
      // Fewer places may do.
      const power = 10 ** (exact.places - (found?.places ?? 0));
      const { places, ...sums } = exact;
      expect(places).toBeGreaterThanOrEqual(found?.places ?? Infinity);
      const again = Object.entries(found ?? {}).filter(([name]) => name !== 'places');
      expect(Object.fromEntries(again.map(([name, number]) => [name, number * power + 0]))).toEqual(
        Object.fromEntries(Object.entries(sums).map(([name, number]) => [name, number + 0])),
      );
    }),
    { numRuns: 500 },
  );
});

test('summaries that overlap, or are of different kinds, are not joined', () => {
  const rows = Array.from({ length: 4 }, (_, i): Row => ({ afterUs: 1000, value: i, quality: 0, isNull: false }));
  const [early, late] = [summaryOf('double', rows, 0, 2).summary, summaryOf('double', rows, 2, 4).summary];
  expect(joined(late, early)).toBeUndefined();
  expect(joined(early, summaryOf('long', rows, 2, 4).summary)).toBeUndefined();
  expect(joined(early, late)?.count).toBe(4);
});
