import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bucketAt, type Grid } from '../queries/buckets.ts';
import { anyLengths, anyRows, BAD, cut, isGoodRow, pieceOfRows, type Row, row, rowsOf, run } from './analysis-kit.ts';
import { Hull, MAX_CORNERS } from './hull.ts';
import { Lttb } from './lttb.ts';

const areaOf = (a: Row, b: Row, cUs: number, cValue: number): number =>
  Math.abs((a.timeUs - cUs) * (b.value - a.value) - (a.timeUs - b.timeUs) * (cValue - a.value)) / 2;

const mean = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;

/** The algorithm as the thesis gives it, for a list of lists: one sample of each, the first and the last are alone. */
function pickEach(buckets: readonly (readonly Row[])[]): Row[] {
  const picked: Row[] = [];
  for (const [i, bucket] of buckets.entries()) {
    const before = picked.at(-1);
    const after = buckets[i + 1];
    if (before === undefined || after === undefined) {
      picked.push(...bucket);
      continue;
    }
    const [cUs, cValue] = [mean(after.map(({ timeUs }) => timeUs)), mean(after.map(({ value }) => value))];
    const areas = bucket.map((one) => areaOf(before, one, cUs, cValue));
    picked.push(...bucket.slice(areas.indexOf(Math.max(...areas))).slice(0, 1));
  }
  return picked;
}

/** Buckets by number, as in the thesis (section 4.2). */
function byCount(rows: readonly Row[], points: number): Row[] {
  if (points >= rows.length) return [...rows];
  const edge = (i: number): number => Math.floor((i * (rows.length - 2)) / (points - 2)) + 1;
  const middle = Array.from({ length: points - 2 }, (_, i) => rows.slice(edge(i), edge(i + 1)));
  return pickEach([rows.slice(0, 1), ...middle, rows.slice(-1)]);
}

/** Buckets of time, with the line broken where that is shown. */
function byTime(rows: readonly Row[], grid: Grid): Row[] {
  const shown = new Set<Row>();
  const groups = Map.groupBy(rows, ({ timeUs }) => bucketAt(grid, timeUs));
  for (const group of groups.values()) {
    const first = group.findIndex((one) => !isGoodRow(one));
    const lastRun = group.slice(group.findLastIndex(isGoodRow) + 1);
    for (const one of [group[first], lastRun[0]]) if (one !== undefined && first >= 0) shown.add(one);
  }
  const result: Row[] = [];
  let line: Row[] = [];
  const end = (): void => {
    const middle = Map.groupBy(line.slice(1, -1), ({ timeUs }) => bucketAt(grid, timeUs)).values();
    result.push(...pickEach(line.length < 2 ? [line] : [line.slice(0, 1), ...middle, line.slice(-1)]));
    line = [];
  };
  for (const one of rows) {
    if (isGoodRow(one)) line.push(one);
    else if (shown.has(one)) {
      end();
      result.push({ ...one, value: Number.NaN });
    }
  }
  end();
  return result;
}

/** Values without patterns: equal triangles do not happen, so there is one answer. */
const anyDouble = fc.noBias(fc.integer({ min: -1e9, max: 1e9 })).map((value) => value / 1024);

describe('largest triangle three buckets', () => {
  test('picks the peaks of a small example', () => {
    const values = [1, 2, -1, 12, 3, 2, -8, 0, 1, 6, 2];
    const rows = values.map((value, i) => row(i, value));
    const picked = run(new Lttb({ by: 'count', total: 11, points: 5 }), [pieceOfRows(rows)]);
    expect(picked.map(({ timeUs, value }) => [timeUs, value])).toEqual([
      [0, 1],
      [3, 12],
      [6, -8],
      [9, 6],
      [10, 2],
    ]);
  });

  test('gives as many points as asked for, the first and the last among them, as the thesis does', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), anyDouble), { minLength: 3, maxLength: 200 }),
        fc.integer({ min: 3, max: 40 }),
        anyLengths,
        (steps, points, lengths) => {
          let timeUs = 1_584_440_000_000_000;
          const rows = steps.map(([step, value]) => row((timeUs += step * 1000), value));
          const picked = run(new Lttb({ by: 'count', total: rows.length, points }), cut(rows, lengths));
          expect(picked).toHaveLength(Math.min(points, rows.length));
          expect(picked).toEqual(byCount(rows, points));
        },
      ),
    );
  });

  test('breaks the line where nothing is known, for pieces of any size', () => {
    const anyGrid = fc.record({
      originUs: fc.constant(0),
      widthUs: fc.integer({ min: 1, max: 4000 }),
      count: fc.constant(100_000),
    });
    fc.assert(
      fc.property(anyRows(anyDouble, 100), anyGrid, anyLengths, (rows, grid, lengths) => {
        // The thesis has no equal times.
        const distinct = rows.map((one, i) => ({ ...one, timeUs: one.timeUs * 100 + i }));
        const picked = run(new Lttb({ by: 'time', grid }), cut(distinct, lengths));
        expect(picked).toEqual(byTime(distinct, grid));
        expect(run(new Lttb({ by: 'time', grid }), cut(rows, lengths))).toEqual(
          run(new Lttb({ by: 'time', grid }), [pieceOfRows(rows)]),
        );
      }),
      { numRuns: 150 },
    );
  });

  test('shows a gap between two samples even when it begins with the only bad sample behind another gap', () => {
    const grid: Grid = { originUs: 0, widthUs: 10, count: 9 };
    const rows = [row(0, 1), row(1, 0, BAD), row(2, 1), row(3, 2), row(4, 0, BAD), row(80, 5)];
    const nan = Number.NaN;
    expect(run(new Lttb({ by: 'time', grid }), [pieceOfRows(rows)])).toEqual([
      row(0, 1),
      row(1, nan, BAD),
      row(2, 1),
      row(3, 2),
      row(4, nan, BAD),
      row(80, 5),
    ]);
  });

  test('keeps two corners of a straight line', () => {
    const hull = new Hull();
    for (let i = 0; i < 1000; i++) hull.add(i, 3 * i, 0);
    const { upper, lower } = hull.state();
    expect([upper.count, lower.count]).toEqual([2, 2]);
  });

  test('keeps the corners of a bucket only, at most so many of a curve without corners', () => {
    const hull = new Hull();
    const rows: Row[] = [];
    for (let i = 0; i < 50_000; i++) rows.push(row(i, Math.sin((i / 50_000) * Math.PI) * 1e6));
    for (const { timeUs, value, quality } of rows) hull.add(timeUs, value, quality);
    const { chain, row: at } = hull.largestTriangle(-1, 0, 50_001, 0);
    const exact = Math.max(...rows.map((one) => areaOf(row(-1, 0), one, 50_001, 0)));
    expect(chain.count).toBeLessThanOrEqual(MAX_CORNERS);
    const found = rowsOf(chain)[at] ?? row(0, 0);
    expect(areaOf(row(-1, 0), found, 50_001, 0) / exact).toBeGreaterThan(0.999_999);
  });
});
