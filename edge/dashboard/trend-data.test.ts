import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { columnsOf, trendValue } from './history-source.ts';
import { appendSample, chartColumns, emptyColumns, panned, valueAt, zoomed } from './trend-data.ts';

function columns(...samples: readonly (readonly [number, number | null])[]) {
  const made = emptyColumns();
  for (const [time, value] of samples) appendSample(made, time, value);
  return made;
}

describe('columns', () => {
  test('a sample that is not newer is left out', () => {
    const made = columns([1, 10], [3, 30]);
    expect([appendSample(made, 3, 31), appendSample(made, 2, 20), appendSample(made, 4, 40)]).toEqual([
      false,
      false,
      true,
    ]);
    expect(made.times).toEqual([1, 3, 4]);
    expect([made.min, made.max, made.last]).toEqual([
      [10, 30, 40],
      [10, 30, 40],
      [10, 30, 40],
    ]);
  });

  test('have at most 20,000 points, the newest', () => {
    const made = emptyColumns();
    for (let time = 0; time <= 20_000; time++) appendSample(made, time, time);
    expect([made.times.length, made.times[0], made.last.at(-1), made.min.length]).toEqual([
      18_001, 2000, 20_000, 18_001,
    ]);
  });

  test('tell the value at a time', () => {
    const made = columns([10, 1], [20, null], [30, 3]);
    expect([9, 10, 19, 20, 29, 30, 99].map((time) => valueAt(made, time))).toEqual([undefined, 1, 1, null, null, 3, 3]);
  });

  test('of several tags share one column of times: undefined where only another has a point, null in a gap', () => {
    const [times, ...rest] = chartColumns([columns([1000, 1], [3000, null]), columns([2000, 2], [3000, 5])]);
    expect(times).toEqual([1, 2, 3]);
    const [a, b] = [
      [1, undefined, null],
      [undefined, 2, 5],
    ];
    expect(rest).toEqual([a, a, a, b, b, b]);
  });

  test('any tags keep all their points, in the order of time', () => {
    const tag = fc.array(fc.tuple(fc.nat(100), fc.option(fc.integer())), { maxLength: 30 });
    fc.assert(
      fc.property(fc.array(tag, { maxLength: 4 }), (lists) => {
        const tags = lists.map((list) => columns(...list));
        const [times, ...rest] = chartColumns(tags);
        expect(times).toEqual(
          [...new Set(tags.flatMap((each) => each.times))].toSorted((x, y) => x - y).map((ms) => ms / 1000),
        );
        for (const [at, each] of tags.entries()) {
          expect(rest[at * 3]?.filter((value) => value !== undefined)).toEqual(each.last);
        }
      }),
    );
  });
});

describe('history', () => {
  test('buckets become points; one without good values is a gap', () => {
    const made = columnsOf([
      ['2026-03-01T12:00:00.000000Z', 1, 5, 2, 4, 9],
      ['2026-03-01T12:00:01.500000Z', null, null, null, null, 0],
    ]);
    const start = Date.UTC(2026, 2, 1, 12);
    expect(made).toEqual({ times: [start, start + 1500], min: [1, null], max: [5, null], last: [4, null] });
  });

  test('a span in which samples may be missing breaks the line', () => {
    const start = Date.UTC(2026, 2, 1, 12);
    const bucket = (second: number) => [new Date(start + second * 1000).toISOString(), 1, 1, 1, 1, 1] as const;
    const made = columnsOf([bucket(0), bucket(10)], [start + 3000, start - 5000, start + 60_000]);
    expect(made.times.map((time) => time - start)).toEqual([0, 3000, 10_000]);
    expect(made.last).toEqual([1, null, 1]);
  });

  test.each([
    [1.5, 0, 1.5],
    [true, 0, 1],
    [false, 0, 0],
    [1.5, 0x40000000, 1.5],
    [1.5, 0x80310000, null],
    [null, 0x80310000, null],
    ['text', 0, null],
  ])('a sample %o of quality %d is drawn as %o', (value, quality, drawn) => {
    expect(trendValue(value, quality)).toBe(drawn);
  });
});

describe('spans', () => {
  const span = { fromMs: 100_000, toMs: 200_000 };

  test('are zoomed about their middle, within bounds', () => {
    expect(zoomed(span, 0.5)).toEqual({ fromMs: 125_000, toMs: 175_000 });
    expect(zoomed(span, 0)).toEqual({ fromMs: 149_000, toMs: 151_000 });
    const { fromMs, toMs } = zoomed(span, 1e9);
    expect(toMs - fromMs).toBe(366 * 86_400_000);
  });

  test('are moved, but not beyond the present', () => {
    expect(panned(span, -0.25, 210_000)).toEqual({ fromMs: 75_000, toMs: 175_000 });
    expect(panned(span, 0.25, 210_000)).toEqual({ fromMs: 110_000, toMs: 210_000 });
  });
});
