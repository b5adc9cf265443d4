import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { columnsOf, trendValue, withEnds } from './history-source.ts';
import { appendSample, chartColumns, emptyColumns, panned, valueAt, zoomed } from './trend-data.ts';

function columns(...samples: readonly (readonly [number, number | null])[]) {
  const made = emptyColumns();
  for (const [time, value] of samples) appendSample(made, time, value);
  return made;
}

/** Values at both ends of a span: on at its beginning. */
function rows(last: number | boolean | null, quality: number) {
  return [['', true, 0] as const, ['', last, quality] as const] as const;
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

  test('a gap lasts until the next point of its own tag, whatever others have in between', () => {
    const outage = columns([1000, 1], [2000, null], [9000, 5]);
    const [, last] = chartColumns([outage, columns([1500, 7], [2500, 7], [8000, 7])]);
    expect(last).toEqual([1, undefined, null, null, null, 5]);
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
          const points = times.flatMap((time, row) => (each.times.includes(time * 1000) ? [rest[at * 3]?.[row]] : []));
          expect(points).toEqual(each.last);
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

  test('begins with the value that held, and ends with the next one if there is one', () => {
    const span = { fromMs: 1000, toMs: 9000 };
    const inside = columns([5000, 0]);
    expect(withEnds(inside, rows(true, 0), span)).toMatchObject({ times: [1000, 5000, 9000], last: [1, 0, 1] });
    // Nothing is behind it: it may hold, which is not for a line to say.
    expect(withEnds(inside, rows(true, 0x40a40402), span).times).toEqual([1000, 5000]);
    expect(withEnds(columns([900, 0]), rows(null, 0x809b0000), span).times).toEqual([900]);
    expect(withEnds(emptyColumns(), [], span).times).toEqual([]);
  });

  test('a span in which samples may be missing breaks the line', () => {
    const start = Date.UTC(2026, 2, 1, 12);
    const bucket = (second: number) => [new Date(start + second * 1000).toISOString(), 1, 1, 1, 1, 1] as const;
    const made = columnsOf([bucket(0), bucket(10)], [start + 3000, start - 5000, start + 60_000]);
    expect(made.times.map((time) => time - start)).toEqual([0, 3000, 10_000, 60_000]);
    expect(made.last).toEqual([1, null, 1, null]);
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
