import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { Grid, latenessS, type RowSink } from './grid.ts';
import { feedSeries } from './history.ts';
import type { Series } from './model.ts';
import { Windows } from './windows.ts';

class Collected implements RowSink {
  readonly rows = new Map<number, number[]>();
  readonly skips: [number, number][] = [];

  row(second: number, row: Float64Array): void {
    this.rows.set(second, [...row]);
  }

  skip(from: number, to: number): void {
    this.skips.push([from, to]);
  }
}

function gridOf(columns: number): { grid: Grid; out: Collected } {
  const out = new Collected();
  return { grid: new Grid(columns, out), out };
}

test('a row has the mean of the good samples of its second, and is out when every signal has passed it', () => {
  const { grid, out } = gridOf(2);
  grid.sample(0, 10.1e6, 1);
  grid.sample(0, 10.6e6, 3);
  grid.sample(1, 10.9e6, 7);
  grid.sample(0, 11e6, 5);
  expect(out.rows.size).toBe(0);
  grid.sample(1, 11.2e6, 8);
  expect([...out.rows]).toEqual([[10, [2, 7]]]);
});

test('a value is held for ten rows, then it is missing; a bad sample moves the time of its signal only', () => {
  const { grid, out } = gridOf(1);
  grid.sample(0, 0, 4);
  for (let second = 1; second <= 13; second++) grid.sample(0, second * 1e6, Number.NaN);
  expect(out.rows.get(10)).toEqual([4]);
  expect(out.rows.has(11)).toBe(false);
  expect(out.skips).toEqual([
    [11, 12],
    [12, 13],
  ]);
});

test('the last of several values of a second is the one that is held', () => {
  const { grid, out } = gridOf(1);
  grid.sample(0, 0.1e6, 4);
  grid.sample(0, 0.9e6, 8);
  grid.sample(0, 2e6, 1);
  expect(out.rows.get(0)).toEqual([6]);
  expect(out.rows.get(1)).toEqual([8]);
});

test('a signal that lags is waited for up to 5 s of event time; what comes later is dropped and counted', () => {
  const { grid, out } = gridOf(2);
  grid.sample(1, 0.5e6, 1);
  for (let second = 0; second <= 5; second++) grid.sample(0, second * 1e6, second);
  expect(out.rows.size).toBe(0);
  grid.sample(0, 6e6, 6);
  expect(out.rows.get(0)).toEqual([0, 1]);
  grid.sample(1, 0.7e6, 9);
  expect(grid.late).toBe(1);
  expect(grid.waitingFor()).toEqual([1]);
});

test('one device with a clock minutes ahead hurries nobody', () => {
  const { grid, out } = gridOf(3);
  grid.sample(0, 200e6, 1);
  for (let second = 0; second < 20; second++) {
    grid.sample(1, second * 1e6, 2);
    grid.sample(2, second * 1e6, 3);
  }
  expect(grid.late).toBe(0);
  expect([...out.rows.keys()].at(-1)).toBe(18);
});

test('rows wait for silent signals within a bound: the oldest go out with what there is', () => {
  const { grid, out } = gridOf(2);
  grid.sample(0, 0, 1);
  grid.sample(1, 0, 1);
  grid.sample(1, 1023e6, 1);
  const before = out.rows.size;
  grid.sample(1, 2000e6, 1);
  expect(before).toBeLessThan(out.rows.size);
  expect(out.rows.get(5)).toEqual([1, 1]);
});

test('a year without data is a step and a bounded number of rows, not a row a second', () => {
  const { grid, out } = gridOf(1);
  grid.sample(0, 0, 1);
  grid.sample(0, 3e7 * 1e6, 1);
  grid.sample(0, (3e7 + 1) * 1e6, 1);
  expect(out.rows.size).toBeLessThan(1100);
  expect(out.rows.get(3e7)).toEqual([1]);
});

interface Arrival {
  readonly column: number;
  readonly timeUs: number;
  readonly value: number;
}

/** Signals with their own rate, offset, jitter, gaps and bad values, each in order of time. */
const signals = fc
  .array(
    fc.record({
      startMs: fc.integer({ min: 0, max: 3000 }),
      steps: fc.array(
        fc.record({ afterMs: fc.integer({ min: 1, max: 4000 }), value: fc.integer({ min: -50, max: 50 }) }),
        { minLength: 5, maxLength: 60 },
      ),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map((kinds) =>
    kinds.map(({ startMs, steps }): Series => {
      let atMs = startMs;
      const timesUs = Float64Array.from(steps, ({ afterMs }) => (atMs += afterMs) * 1000);
      return { timesUs, values: Float64Array.from(steps, ({ value }) => (value > 40 ? Number.NaN : value / 8)) };
    }),
  );

/** Any interleaving in which no sample comes after one that is 5 s newer. */
function interleave(series: readonly Series[], choose: (limit: number) => number): Arrival[] {
  const at = series.map(() => 0);
  const arrivals: Arrival[] = [];
  for (;;) {
    const heads = series.flatMap(({ timesUs }, column) => {
      const timeUs = timesUs[at[column] ?? 0];
      return timeUs === undefined ? [] : [{ column, timeUs }];
    });
    const oldest = Math.min(...heads.map(({ timeUs }) => timeUs));
    const allowed = heads.filter(({ timeUs }) => timeUs < oldest + latenessS * 1e6);
    const next = allowed[choose(allowed.length)];
    if (next === undefined) return arrivals;
    const place = at[next.column] ?? 0;
    arrivals.push({ ...next, value: series[next.column]?.values[place] ?? Number.NaN });
    at[next.column] = place + 1;
  }
}

function windowsOf(columns: number, feed: (grid: Grid) => void): { windows: [number, number[]][]; late: number } {
  const windows: [number, number[]][] = [];
  const maker = new Windows({ columns, window: 6, hop: 2 }, (endUs, values) => windows.push([endUs, [...values]]));
  const grid = new Grid(columns, maker);
  feed(grid);
  return { windows, late: grid.late };
}

test('property: any interleaving within the lateness gives the windows of the batch', () => {
  fc.assert(
    fc.property(signals, fc.infiniteStream(fc.nat()), (series, choices) => {
      const batch = windowsOf(series.length, (grid) => feedSeries(grid, series));
      const served = windowsOf(series.length, (grid) => {
        for (const { column, timeUs, value } of interleave(series, (limit) => (choices.next().value ?? 0) % limit))
          grid.sample(column, timeUs, value);
      });
      expect(served).toEqual(batch);
      expect(served.late).toBe(0);
    }),
    { numRuns: 300 },
  );
});
