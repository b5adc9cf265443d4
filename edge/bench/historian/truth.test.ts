import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { START_MS } from './data.ts';
import { millrace } from './millrace.ts';
import { someOfAll } from './set-kit.ts';
import type { Samples } from './system.ts';
import { bucketsOf, Check, type Probe, truthOf, within } from './truth.ts';

const set = someOfAll();
const truth = truthOf(set, [0, 7, 20]);
const [probe] = truth.probes as [Probe];

function changed(samples: Samples, row: number, change: { timeMs?: number; value?: number }): Samples {
  const timesMs = Float64Array.from(samples.timesMs);
  const values = Float64Array.from(samples.values);
  timesMs[row] = change.timeMs ?? timesMs[row] ?? 0;
  values[row] = change.value ?? values[row] ?? 0;
  return { timesMs, values };
}

test('what is known of a set is what is in it: all samples, those of the probes in order of time, the last of each tag', () => {
  let points = 0;
  for (const { count } of set.rows()) points += count;
  expect(truth.points).toBe(points);
  expect(truth.last.tags).toBe(set.tags.length);
  expect(truth.probes.map(({ tag }) => tag)).toEqual([0, 7, 20]);
  for (const { samples } of truth.probes) {
    const times = Array.from(samples.timesMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.length).toBeGreaterThan(100);
  }
});

describe('a system that answers something else than it was given is found out', () => {
  const check = new Check(millrace, truth);
  const chart = { fromMs: set.fromMs, toMs: set.toMs, widthMs: 60_000 };
  const buckets = bucketsOf(probe.samples, chart);

  test('by its samples', () => {
    const { samples } = probe;
    const value = (samples.values[3] ?? 0) + 1e-9;
    expect(() => check.raw(probe, set, samples)).not.toThrow();
    expect(() => check.raw(probe, set, changed(samples, 3, { value }))).toThrow('value 3');
    expect(() => check.raw(probe, set, changed(samples, 3, { timeMs: START_MS }))).toThrow('time 3');
    expect(() => check.raw(probe, { ...set, toMs: set.toMs - 60_000 }, samples)).toThrow('samples of');
    expect(() => check.raw(probe, set, { timesMs: [], values: [] })).toThrow('0 instead of');
  });

  test('by its buckets', () => {
    expect(() => check.chart(probe, chart, buckets)).not.toThrow();
    // Empty ones may be left out, or not.
    const empty = { fromMs: 0, count: 0, mean: NaN, min: NaN, max: NaN, first: NaN, last: NaN };
    expect(() => check.chart(probe, chart, [...buckets, empty])).not.toThrow();
    expect(() => check.chart(probe, chart, buckets.slice(1))).toThrow('buckets of');
    for (const [place, name] of ['count', 'mean', 'min', 'max', 'first', 'last'].entries()) {
      const wrong = buckets.map((bucket, i) => (i === place ? { ...bucket, [name]: 7 } : bucket));
      expect(() => check.chart(probe, chart, wrong)).toThrow(`${name} of`);
    }
    const moved = buckets.map((bucket) => ({ ...bucket, fromMs: bucket.fromMs + 1 }));
    expect(() => check.chart(probe, chart, moved)).toThrow('count of');
  });

  test('by the last values, and by a sum that is none', () => {
    expect(() => check.latest(truth.last)).not.toThrow();
    expect(() => check.latest({ ...truth.last, tags: 1 })).toThrow('tags with a last value');
    expect(() => check.latest({ ...truth.last, sum: truth.last.sum + 0.01 })).toThrow('sum');
    expect(() => check.latest({ ...truth.last, sum: NaN })).toThrow('sum');
  });

  test('unless it says itself that its values are rounded', () => {
    const rounding = new Check({ ...millrace, tolerance: 1e-6 }, truth);
    const { samples } = truth.probes[2] ?? probe;
    const value = (samples.values[3] ?? 0) * (1 + 1e-7);
    const third = { tag: 20, samples };
    expect(() => rounding.raw(third, set, changed(samples, 3, { value }))).not.toThrow();
    expect(() => rounding.raw(third, set, changed(samples, 3, { value: value * 1.01 }))).toThrow('value 3');
  });
});

test('buckets of any width hold each sample of the span once', () => {
  const anyChart = fc.record({
    fromMs: fc.integer({ min: set.fromMs - 10_000, max: set.toMs }),
    lengthMs: fc.integer({ min: 1, max: 2_000_000 }),
    widthMs: fc.integer({ min: 1, max: 500_000 }),
  });
  const property = fc.property(anyChart, ({ fromMs, lengthMs, widthMs }) => {
    const chart = { fromMs, toMs: fromMs + lengthMs, widthMs };
    const buckets = bucketsOf(probe.samples, chart);
    const counted = buckets.reduce((sum, { count }) => sum + count, 0);
    return (
      counted === within(probe.samples, chart).timesMs.length &&
      buckets.every(
        (bucket) =>
          (bucket.fromMs - fromMs) % widthMs === 0 &&
          bucket.min <= bucket.mean + 1e-9 &&
          bucket.mean <= bucket.max + 1e-9,
      )
    );
  });
  expect(() => fc.assert(property)).not.toThrow();
});
