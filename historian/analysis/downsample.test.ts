import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bucketAt, type Grid } from '../queries/buckets.ts';
import { anyLengths, anyRows, BAD, cut, isGoodRow, pieceOfRows, type Row, row, run } from './analysis-kit.ts';
import { MinMax } from './downsample.ts';

/** The same, of a list. */
function naive(rows: readonly Row[], grid: Grid): Row[] {
  return Array.from({ length: grid.count }, (_, pixel) => {
    const mine = rows.filter(({ timeUs }) => timeUs >= grid.originUs && bucketAt(grid, timeUs) === pixel);
    const good = mine.filter(isGoodRow);
    const values = good.map(({ value }) => value);
    const bad = mine.filter((one) => !isGoodRow(one));
    const lastGood = mine.findLastIndex(isGoodRow);
    const picked = new Set([
      good[0],
      good.find(({ value }) => value === Math.min(...values)),
      good.find(({ value }) => value === Math.max(...values)),
      good.at(-1),
      bad[0],
      mine[lastGood + 1],
    ]);
    return mine.filter((one) => picked.has(one)).map((one) => (isGoodRow(one) ? one : { ...one, value: Number.NaN }));
  }).flat();
}

describe('the least and the greatest of each pixel', () => {
  test('stand with the first and the last in their order', () => {
    const grid: Grid = { originUs: 0, widthUs: 10, count: 2 };
    const rows = [row(0, 5), row(1, 9), row(2, 9), row(3, 1), row(4, 4), row(5, 6), row(12, 7), row(20, 0)];
    expect(run(new MinMax(grid), [pieceOfRows(rows)])).toEqual([
      row(0, 5),
      row(1, 9),
      row(3, 1),
      row(5, 6),
      row(12, 7),
    ]);
  });

  test('are broken by what is bad, also where it lasts over many pixels without a sample', () => {
    const grid: Grid = { originUs: 0, widthUs: 10, count: 9 };
    const rows = [row(0, 1), row(2, 3, BAD), row(3, 2), row(8, Number.NaN), row(85, 3)];
    expect(run(new MinMax(grid), [pieceOfRows(rows)])).toEqual([
      row(0, 1),
      row(2, Number.NaN, BAD),
      row(3, 2),
      row(8, Number.NaN),
      row(85, 3),
    ]);
  });

  test('are the same for pieces of any size, and those of a list', () => {
    const anyGrid = fc.record({
      originUs: fc.integer({ min: -5, max: 20 }),
      widthUs: fc.integer({ min: 1, max: 30 }),
      count: fc.nat(12),
    });
    fc.assert(
      fc.property(anyRows(fc.integer({ min: -4, max: 4 })), anyGrid, anyLengths, (rows, grid, lengths) => {
        expect(run(new MinMax(grid), cut(rows, lengths))).toEqual(naive(rows, grid));
      }),
    );
  });

  test('of uncertain values are shown as values where that is asked for', () => {
    const grid: Grid = { originUs: 0, widthUs: 10, count: 1 };
    const rows = [row(0, 5), row(1, 9, 0x40900000)];
    expect(run(new MinMax(grid, false), [pieceOfRows(rows)])).toEqual(rows);
    expect(run(new MinMax(grid), [pieceOfRows(rows)])).toEqual([row(0, 5), row(1, Number.NaN, 0x40900000)]);
  });
});
