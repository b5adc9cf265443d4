import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { processingIntervals } from './intervals-kit.ts';

describe('intervals of a range (OPC UA Part 13, 5.4.2.2)', () => {
  test.each([
    { name: 'no length: one', ask: [0, 60, 0], edges: [0, 60], cut: null },
    { name: 'a length above the range: one', ask: [0, 60, 100], edges: [0, 60], cut: null },
    { name: 'a length that divides the range', ask: [0, 60, 20], edges: [0, 20, 40, 60], cut: null },
    { name: 'a length that does not: the last is shorter', ask: [5, 35, 16], edges: [5, 21, 35], cut: 1 },
    { name: 'backwards', ask: [60, 0, 20], edges: [0, 20, 40, 60], cut: null },
    { name: 'backwards, the earliest is shorter', ask: [35, 5, 16], edges: [5, 19, 35], cut: 0 },
  ])('$name', ({ ask, edges, cut }) => {
    const [start = 0, end = 0, length = 0] = ask;
    const intervals = processingIntervals(start, end, length);
    expect([...intervals.edges]).toEqual(edges);
    expect(intervals).toMatchObject({ cut, backwards: end < start });
  });

  test('a range without length, a negative length and too many intervals are refused', () => {
    expect(() => processingIntervals(5, 5, 1)).toThrow('the same');
    expect(() => processingIntervals(0, 5, -1)).toThrow('cannot be');
    expect(() => processingIntervals(0, 5, Number.NaN)).toThrow('cannot be');
    expect(() => processingIntervals(0, 1e6, 1)).toThrow('100,000');
  });

  test('cover the range without gap or overlap', () => {
    const time = fc.integer({ min: -1e6, max: 1e6 });
    fc.assert(
      fc.property(time, time, fc.integer({ min: 100, max: 1e6 }), (start, end, length) => {
        fc.pre(start !== end);
        const { edges, backwards } = processingIntervals(start, end, length);
        expect([edges[0], edges.at(-1)]).toEqual(backwards ? [end, start] : [start, end]);
        const lengths = [...edges.subarray(1)].map((edge, i) => edge - (edges[i] ?? 0));
        expect(lengths.every((each) => each > 0 && each <= length)).toBe(true);
        expect(lengths.filter((each) => each !== length).length).toBeLessThanOrEqual(1);
      }),
    );
  });
});
