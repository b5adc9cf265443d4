import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bucketAt, bucketStart, type Grid, intervalGrid, pointsGrid } from './buckets.ts';
import { CHART_WIDTHS_US } from '../files/widths.ts';

const LAST = Number.MAX_SAFE_INTEGER;
const anyTime = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -1000, max: 1000 }), fc.constantFrom(LAST, -LAST, 0));

/** Bucket of a time, in exact integers. */
function exactly({ originUs, widthUs }: Grid, timeUs: number): number {
  return Number((BigInt(timeUs) - BigInt(originUs)) / BigInt(widthUs));
}

describe('buckets', () => {
  test('of an interval begin at multiples of it from the epoch on, and cover the span', () => {
    const anyWidth = fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: LAST }));
    fc.assert(
      fc.property(anyTime, fc.nat(100_000_000), anyWidth, (fromUs, lengthUs, widthUs) => {
        const toUs = fromUs + lengthUs + 1;
        fc.pre(toUs <= LAST + 1 && lengthUs / widthUs < 90_000 && Math.abs(fromUs) < LAST - widthUs * 2);
        const grid = intervalGrid({ fromUs, toUs }, widthUs);
        expect(BigInt(grid.originUs) % BigInt(widthUs)).toBe(0n);
        expect(grid.originUs).toBeLessThanOrEqual(fromUs);
        expect(fromUs - grid.originUs).toBeLessThan(widthUs);
        for (const timeUs of [fromUs, toUs - 1]) expect(bucketAt(grid, timeUs)).toBe(exactly(grid, timeUs));
        expect(bucketAt(grid, toUs - 1)).toBe(grid.count - 1);
      }),
    );
  });

  test('of a chart are no more than its points, of whole µs, and cover the span', () => {
    fc.assert(
      fc.property(anyTime, anyTime, fc.integer({ min: 1, max: 10_000 }), (a, b, points) => {
        const [fromUs, toUs] = [Math.min(a, b), Math.max(a, b)];
        fc.pre(fromUs < toUs && BigInt(toUs) - BigInt(fromUs) <= BigInt(LAST));
        const grid = pointsGrid({ fromUs, toUs }, points);
        expect(grid.count).toBeLessThanOrEqual(points);
        expect(Number.isSafeInteger(grid.originUs) && Number.isSafeInteger(grid.widthUs)).toBe(true);
        expect(fromUs - grid.originUs).toBeGreaterThanOrEqual(0);
        expect(fromUs - grid.originUs).toBeLessThan(grid.widthUs);
        expect(bucketAt(grid, toUs - 1)).toBe(grid.count - 1);
        expect(exactly(grid, toUs - 1)).toBe(grid.count - 1);
        expect(bucketStart(grid, grid.count - 1)).toBeLessThan(toUs);
      }),
    );
  });

  test('of a chart have the least round width that makes no more, from the epoch on', () => {
    const anyPoints = fc.integer({ min: 2, max: 10_000 });
    const near = fc.integer({ min: -(2 ** 51), max: 2 ** 51 });
    fc.assert(
      fc.property(near, fc.integer({ min: 1, max: 2 ** 50 }), anyPoints, (fromUs, lengthUs, points) => {
        const span = { fromUs, toUs: fromUs + lengthUs };
        const grid = pointsGrid(span, points);
        const place = CHART_WIDTHS_US.indexOf(grid.widthUs);
        expect([place >= 0, Math.abs(grid.originUs % grid.widthUs)]).toEqual([true, 0]);
        const narrower = CHART_WIDTHS_US[place - 1];
        const count =
          narrower === undefined ? points + 1 : Math.ceil(span.toUs / narrower) - Math.floor(fromUs / narrower);
        expect(count).toBeGreaterThan(points);
      }),
    );
  });

  test('of a chart that is moved by less than one of them are the same', () => {
    const month = { fromUs: 1_704_067_200_000_000, toUs: 1_706_745_600_000_000 };
    expect(pointsGrid(month, 1000)).toEqual({ originUs: month.fromUs, widthUs: 2_700_000_000, count: 992 });
    const moved = pointsGrid({ fromUs: month.fromUs + 7e6, toUs: month.toUs + 7e6 }, 1000);
    expect(moved).toEqual({ originUs: month.fromUs, widthUs: 2_700_000_000, count: 993 });
  });

  test('of an empty span are none', () => {
    for (const toUs of [5, 4]) {
      expect(intervalGrid({ fromUs: 5, toUs }, 10).count).toBe(0);
      expect(pointsGrid({ fromUs: 5, toUs }, 10).count).toBe(0);
    }
  });

  test('are at most 100,000 of a tag, within the times that there are', () => {
    expect(intervalGrid({ fromUs: 0, toUs: 100_000 }, 1).count).toBe(100_000);
    const refused = expect.objectContaining({ code: 'request-invalid' }) as Error;
    expect(() => intervalGrid({ fromUs: 0, toUs: 100_001 }, 1)).toThrow('100,001 intervals of a tag; 100,000 can be');
    expect(() => intervalGrid({ fromUs: -LAST, toUs: 0 }, 1e15)).toThrow(refused);
    expect(() => intervalGrid({ fromUs: 0, toUs: LAST }, 1e15)).toThrow(refused);
    expect(() => intervalGrid({ fromUs: 0, toUs: 1 }, 0.5)).toThrow(refused);
    expect(() => pointsGrid({ fromUs: -LAST, toUs: LAST }, 10)).toThrow(refused);
  });
});
