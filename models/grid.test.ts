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

function gridOf(columns: number, holdS = 10): { grid: Grid; out: Collected } {
  const out = new Collected();
  return { grid: new Grid(columns, holdS, out), out };
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

test('a value stands for as long as the hold, then it is missing', () => {
  const { grid, out } = gridOf(2, 12);
  grid.sample(0, 0, 4);
  for (let second = 0; second <= 20; second++) grid.sample(1, second * 1e6, 1);
  expect(out.rows.get(12)).toEqual([4, 1]);
  expect(out.rows.get(13)).toEqual([Number.NaN, 1]);
});

test('a sample that is not good ends the hold from its second on; the next good one begins a new one', () => {
  const { grid, out } = gridOf(2, 3600);
  grid.sample(0, 0.5e6, 4);
  for (let second = 0; second <= 20; second++) {
    grid.sample(1, second * 1e6, 1);
    if (second === 5) grid.sample(0, 5.5e6, Number.NaN);
    if (second === 8) grid.sample(0, 8.5e6, 6);
    if (second === 10) grid.sample(0, 10.2e6, 8);
    if (second === 10) grid.sample(0, 10.8e6, Number.NaN);
  }
  const seen = Array.from({ length: 14 }, (_, second) => out.rows.get(second)?.[0]);
  expect(seen).toEqual([4, 4, 4, 4, 4, NaN, NaN, NaN, 6, 6, 8, NaN, NaN, NaN]);
  expect(grid.waitingFor()).toEqual([0]);
});

test('what comes too late for its row is held all the same, if it is the newest of its signal', () => {
  const { grid, out } = gridOf(3, 3600);
  grid.sample(1, 0, 5);
  for (let second = 0; second <= 20; second++) {
    grid.sample(0, second * 1e6, 1);
    if (second === 12) grid.sample(1, 3e6, 6);
    if (second === 12) grid.sample(2, -600e6, 7);
    if (second === 12) grid.sample(2, -700e6, 8);
  }
  expect(grid.late).toBe(3);
  expect([out.rows.get(5), out.rows.get(12)]).toEqual([
    [1, 5, Number.NaN],
    [1, 6, 7],
  ]);
});

test('constant signals whose value stands keep nobody waiting, however many there are', () => {
  const { grid, out } = gridOf(10, 3600);
  for (let column = 0; column < 10; column++) grid.sample(column, column * 1e3, column);
  for (let second = 0; second <= 600; second++) grid.sample(9, second * 1e6, second);
  expect([...out.rows.keys()].at(-1)).toBe(594);
  expect(out.rows.get(594)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 594]);
  expect(grid.waitingFor()).toEqual([]);
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
});

test('it says which signals have no value where the rows have come to', () => {
  const { grid } = gridOf(3);
  grid.sample(0, 0, 1);
  grid.sample(1, 0, 1);
  expect(grid.waitingFor()).toEqual([]);
  for (let second = 1; second <= 14; second++) grid.sample(0, second * 1e6, 1);
  expect(grid.waitingFor()).toEqual([2]);
  for (let second = 15; second <= 30; second++) grid.sample(0, second * 1e6, 1);
  expect(grid.waitingFor()).toEqual([1, 2]);
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

test('one device with a clock ahead hurries nobody who speaks, also beside constant signals, also when its clock jumps', () => {
  const { grid, out } = gridOf(5, 3600);
  for (let second = 0; second < 100; second++) {
    grid.sample(0, (second < 40 ? second : second + 300) * 1e6, 1);
    if (second % 5 === 0) grid.sample(1, second * 1e6, 2);
    if (second === 0) for (const column of [2, 3, 4]) grid.sample(column, 0, column);
  }
  expect(grid.late).toBe(0);
  expect([...out.rows.keys()].at(-1)).toBe(89);
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

const gapMs = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 4000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 40_000 }) },
);

/** Signals with their own rate, offset, jitter, gaps and bad values, each in order of time. */
const signals = fc
  .array(
    fc.record({
      startMs: fc.integer({ min: 0, max: 3000 }),
      steps: fc.array(fc.record({ afterMs: gapMs, value: fc.integer({ min: -50, max: 50 }) }), {
        minLength: 5,
        maxLength: 60,
      }),
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

function windowsOf(
  columns: number,
  holdS: number,
  feed: (grid: Grid) => void,
): { windows: [number, number[]][]; late: number } {
  const windows: [number, number[]][] = [];
  const maker = new Windows({ columns, window: 6, hop: 2 }, (endUs, values) => windows.push([endUs, [...values]]));
  const grid = new Grid(columns, holdS, maker);
  feed(grid);
  // What is out when the samples end is up to their order; what is in it is not.
  for (let column = 0; column < columns; column++) grid.sample(column, 9000e6, 0);
  return { windows, late: grid.late };
}

const holds = fc.integer({ min: 1, max: 60 });

test('property: any interleaving within the lateness gives the windows of the batch, and loses nothing', () => {
  fc.assert(
    fc.property(signals, holds, fc.infiniteStream(fc.nat()), (series, holdS, choices) => {
      const batch = windowsOf(series.length, holdS, (grid) => feedSeries(grid, series));
      const served = windowsOf(series.length, holdS, (grid) => {
        for (const { column, timeUs, value } of interleave(series, (limit) => (choices.next().value ?? 0) % limit))
          grid.sample(column, timeUs, value);
      });
      expect(served).toEqual(batch);
      expect(served.late).toBe(0);
    }),
    { numRuns: 300 },
  );
});

/** What a row must hold, said in the simplest way: samples of one signal in order of time. */
function expectedOf({ timesUs, values }: Series, second: number, holdS: number): number {
  const upTo = [...timesUs.keys()].filter((nr) => (timesUs[nr] ?? 0) < (second + 1) * 1e6);
  const within = upTo.filter((nr) => (timesUs[nr] ?? 0) >= second * 1e6).map((nr) => values[nr] ?? Number.NaN);
  const good = within.filter(Number.isFinite);
  if (good.length > 0) return good.reduce((sum, value) => sum + value, 0) / good.length;
  const last = upTo.at(-1) ?? -1;
  const heldFor = second - Math.floor((timesUs[last] ?? Number.NEGATIVE_INFINITY) / 1e6);
  return heldFor <= holdS ? (values[last] ?? Number.NaN) : Number.NaN;
}

test('property: a row is the mean of its second, else the last value while it stands and nothing bad came after it', () => {
  fc.assert(
    fc.property(signals, holds, fc.infiniteStream(fc.nat()), (series, holdS, choices) => {
      const { grid, out } = gridOf(series.length, holdS);
      for (const { column, timeUs, value } of interleave(series, (limit) => (choices.next().value ?? 0) % limit))
        grid.sample(column, timeUs, value);
      for (const [second, row] of out.rows) expect(row).toEqual(series.map((one) => expectedOf(one, second, holdS)));
      for (const [from, to] of out.skips)
        for (let second = from; second < to; second++)
          for (const one of series) expect(expectedOf(one, second, holdS)).toBeNaN();
    }),
    { numRuns: 200 },
  );
});

test('property: while every value stands, rows are at most 12 s behind a signal that moves, whatever the others say', () => {
  const moving = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 20, maxLength: 200 });
  fc.assert(
    fc.property(
      fc.nat({ max: 12 }),
      fc.array(fc.nat({ max: 12 }), { maxLength: 20 }),
      moving,
      (constant, says, steps) => {
        const { grid, out } = gridOf(constant + 1, 3600);
        for (let column = 0; column <= constant; column++) grid.sample(column, 0, column);
        let atMs = 0;
        for (const [nr, step] of steps.entries()) {
          atMs += step;
          grid.sample(0, atMs * 1000, nr);
          // Now and then one of the others says something too.
          const column = says[nr % 40];
          if (column !== undefined && column <= constant && column > 0) grid.sample(column, atMs * 1000, nr);
          const second = Math.floor(atMs / 1000);
          const last = [...out.rows.keys()].at(-1) ?? -1;
          expect(second - last).toBeLessThanOrEqual(2 * latenessS + 2);
        }
        expect(grid.late).toBe(0);
      },
    ),
    { numRuns: 200 },
  );
});

test('property: a clock that is ahead, constant signals, and two that speak within the lateness: nothing is lost', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 6, max: 900 }),
      fc.nat({ max: 8 }),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 10, maxLength: 80 }),
      fc.nat({ max: 60 }),
      (aheadS, constant, steps, jumpAt) => {
        const { grid } = gridOf(constant + 3, 3600);
        for (let column = 3; column < constant + 3; column++) grid.sample(column, 0, column);
        let second = 0;
        let said = 0;
        for (const step of steps) {
          said += step;
          for (; second <= said; second++) grid.sample(0, (second >= jumpAt ? second + aheadS : second) * 1e6, 1);
          grid.sample(1, said * 1e6, 1);
          grid.sample(2, (said - 0.5) * 1e6, 1);
        }
        expect(grid.late).toBe(0);
      },
    ),
    { numRuns: 200 },
  );
});
