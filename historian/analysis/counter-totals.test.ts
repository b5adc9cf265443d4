import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InfoBits, located } from '../aggregates/status.ts';
import { anyLengths, anyRows, BAD, cut, isGoodRow, type Row, row } from './analysis-kit.ts';
import { calendarBuckets } from './calendar.ts';
import type { Replacement } from './counter-rules.ts';
import { Counter, CounterMark } from './counters.ts';
import { CounterTotals } from './counter-totals.ts';

interface Total {
  readonly total: number;
  readonly cumulative: number;
  readonly quality: number;
  readonly marks: number;
}

type Buckets = ConstructorParameters<typeof CounterTotals>[0];

function totals(
  rows: readonly Row[],
  buckets: Buckets,
  lengths = [1000],
  replacements: readonly Replacement[] = [],
): Total[] {
  const counter = new Counter({ rollover: 1000, correction: 0 }, replacements);
  const sums = new CounterTotals(buckets);
  const found: Total[] = [];
  const take = (made: ReturnType<CounterTotals['add']>): void => {
    for (let i = 0; i < made.count; i++)
      found.push({
        total: made.values[i] ?? 0,
        cumulative: made.cumulative[i] ?? 0,
        quality: made.qualities[i] ?? 0,
        marks: made.marks[i] ?? 0,
      });
  };
  for (const piece of cut(rows, lengths)) take(sums.add(counter.add(piece)));
  take(sums.add(counter.finish()));
  take(sums.finish());
  return found;
}

/** Buckets with these edges. */
const between = (...edges: number[]): Buckets => ({
  count: edges.length - 1,
  starts: Float64Array.from(edges.slice(0, -1)),
  ends: Float64Array.from(edges.slice(1)),
});

const GOOD = located(0, InfoBits.calculated);
const PARTIAL = located(0, InfoBits.calculated | InfoBits.partial);
const SUBNORMAL = located(0x40a40000, InfoBits.calculated);
const NO_DATA = 0x809b0000;

describe('totals of a counter', () => {
  test('share a step over an edge by time, and roll over', () => {
    const rows = [row(0, 980), row(15, 10), row(20, 20), row(30, 20)];
    expect(totals(rows, between(0, 10, 20, 30))).toEqual([
      { total: 20, cumulative: 20, quality: GOOD, marks: CounterMark.rollover },
      { total: 20, cumulative: 40, quality: GOOD, marks: CounterMark.rollover },
      { total: 0, cumulative: 40, quality: GOOD, marks: 0 },
    ]);
  });

  test('are partial where readings begin or end, and none where there are none', () => {
    expect(totals([row(15, 1), row(25, 3)], between(0, 10, 20, 30, 40))).toEqual([
      { total: Number.NaN, cumulative: 0, quality: NO_DATA, marks: 0 },
      { total: 1, cumulative: 1, quality: PARTIAL, marks: 0 },
      { total: 1, cumulative: 2, quality: PARTIAL, marks: 0 },
      { total: Number.NaN, cumulative: 2, quality: NO_DATA, marks: 0 },
    ]);
  });

  test('are uncertain where a gap is shared among buckets, and where a step is ambiguous', () => {
    const gap = [row(0, 0), row(8, 8), row(10, 0, BAD), row(24, 24), row(26, 0, BAD), row(30, 30)];
    expect(totals(gap, between(0, 10, 20, 30)).map(({ total, quality }) => [total, quality])).toEqual([
      [10, SUBNORMAL],
      [10, SUBNORMAL],
      [10, SUBNORMAL],
    ]);
    const inside = [row(0, 0), row(4, 0, BAD), row(8, 8), row(10, 10)];
    expect(totals(inside, between(0, 10))).toMatchObject([{ total: 10, quality: GOOD, marks: CounterMark.gap }]);
    expect(totals([row(0, 400), row(10, 7)], between(0, 10))).toMatchObject([
      { total: 7, quality: SUBNORMAL, marks: CounterMark.reset | CounterMark.ambiguous },
    ]);
  });

  test('are exact where a device was replaced, and its readings were entered', () => {
    const replaced = [{ timeUs: 18, readings: { last: 996, first: 500 } }];
    const rows = [row(0, 900), row(10, 980), row(30, 512)];
    expect(totals(rows, between(0, 10, 20, 30), [1000], replaced)).toEqual([
      { total: 80, cumulative: 80, quality: GOOD, marks: 0 },
      { total: 18, cumulative: 98, quality: GOOD, marks: CounterMark.knownReplacement },
      { total: 10, cumulative: 108, quality: GOOD, marks: CounterMark.knownReplacement },
    ]);
    // Only that it was replaced: the time is not covered.
    const unknown = [{ timeUs: 18, readings: null }];
    expect(totals(rows, between(0, 10, 20, 30), [1000], unknown).map(({ total, quality }) => [total, quality])).toEqual(
      [
        [80, GOOD],
        [0, SUBNORMAL | InfoBits.partial],
        [0, SUBNORMAL | InfoBits.partial],
      ],
    );
  });

  test('of days follow the local clock', () => {
    const hour = 3_600_000_000;
    const from = Date.UTC(2026, 2, 27) * 1000;
    const rows = Array.from({ length: 100 }, (_, i) => row(from + i * hour, i));
    const days = calendarBuckets({ fromUs: from + 24 * hour, toUs: from + 72 * hour }, 'day', 'Europe/Berlin');
    const found = totals(rows, days).map(({ total }, i) => `${days.label(i)} ${total}`);
    expect(found).toEqual(['2026-03-28 24', '2026-03-29 23', '2026-03-30 24']);
  });

  test('are the same for pieces of any size, those of a list, and add up to what was counted', () => {
    const anyEdges = fc
      .uniqueArray(fc.integer({ min: -5, max: 160 }), { minLength: 2, maxLength: 12 })
      .map((edges) => edges.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(anyRows(fc.integer({ min: 0, max: 999 }), 40), anyEdges, anyLengths, (rows, edges, lengths) => {
        const found = totals(rows, between(...edges), lengths);
        expect(found).toEqual(totals(rows, between(...edges)));
        const counter = new Counter({ rollover: 1000, correction: 0 });
        const steps: { since: number; until: number; amount: number; known: boolean }[] = [];
        for (const out of [...cut(rows, [1]).map((piece) => () => counter.add(piece)), () => counter.finish()]) {
          const { count, sinceUs, times, values, marks } = out();
          for (let i = 0; i < count; i++)
            steps.push({
              since: sinceUs[i] ?? 0,
              until: times[i] ?? 0,
              amount: values[i] ?? 0,
              known: ((marks[i] ?? 0) & CounterMark.replacement) === 0,
            });
        }
        for (const [i, one] of found.entries()) {
          const [start = 0, end = 0] = [edges[i], edges[i + 1]];
          const parts = steps
            .map((step) => ({ ...step, length: Math.min(end, step.until) - Math.max(start, step.since) }))
            .filter(({ length }) => length > 0);
          const expected = parts.reduce(
            (sum, { amount, length, since, until }) => sum + (amount * length) / (until - since),
            0,
          );
          expect(Number.isNaN(one.total)).toBe(parts.length === 0);
          expect(parts.length === 0 ? 0 : one.total).toBeCloseTo(expected, 6);
          const covered = parts.filter(({ known }) => known).reduce((sum, { length }) => sum + length, 0);
          const isPartial = parts.length > 0 && covered < end - start;
          expect((one.quality & InfoBits.partial) !== 0).toBe(isPartial);
        }
        const good = rows.filter(isGoodRow).map(({ timeUs }) => timeUs);
        const all = totals(
          rows,
          between(...new Set([Math.min(...good, 0) - 1, ...edges, Math.max(...good, 0) + 1].toSorted((a, b) => a - b))),
        );
        const sum = all.reduce((total, { total: part }) => total + (Number.isNaN(part) ? 0 : part), 0);
        expect(sum).toBeCloseTo(all.at(-1)?.cumulative ?? 0, 6);
        expect(sum).toBeCloseTo(
          steps.reduce((total, { amount }) => total + amount, 0),
          6,
        );
      }),
    );
  });
});
