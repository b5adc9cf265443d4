import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BY_EXCEPTION,
  type DataSet,
  DIGITAL,
  FLOAT32,
  generate,
  MIX,
  NOISY,
  scaled,
  SECOND_MS,
  START_MS,
  TWO_DECIMAL,
} from './data.ts';
import { late } from './late.ts';
import { BAD } from './signals.ts';

/** The columns of one tag. */
interface Column {
  readonly times: number[];
  readonly values: number[];
  readonly qualities: number[];
}

function columnsOf(set: DataSet): Column[] {
  const columns = set.tags.map((): Column => ({ times: [], values: [], qualities: [] }));
  for (const rows of set.rows()) {
    for (let row = 0; row < rows.count; row++) {
      const column = columns[rows.tags[row] ?? 0];
      column?.times.push(rows.timesMs[row] ?? 0);
      column?.values.push(rows.values[row] ?? 0);
      column?.qualities.push(rows.qualities[row] ?? 0);
    }
  }
  return columns;
}

function hashOf(set: DataSet): string {
  const hash = createHash('sha256');
  for (const { tags, timesMs, values, qualities, count } of set.rows())
    for (const column of [tags, timesMs, values, qualities]) hash.update(column.subarray(0, count));
  return hash.digest('hex');
}

function spread(numbers: readonly number[]): { readonly mean: number; readonly sd: number } {
  const mean = numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
  const variance = numbers.reduce((sum, each) => sum + (each - mean) ** 2, 0) / numbers.length;
  return { mean, sd: Math.sqrt(variance) };
}

const steps = (values: readonly number[]): number[] => values.slice(1).map((value, i) => value - (values[i] ?? 0));

const SOME = generate({ name: 'some', classes: scaled(MIX, 0.02), periods: 5000, everyMs: SECOND_MS });

test('the same recipe gives the same bytes, today and in a year; another seed gives others', () => {
  const recipe = { name: 'mix', classes: MIX, periods: 20, everyMs: SECOND_MS };
  const hash = hashOf(generate(recipe));
  expect(hashOf(generate(recipe))).toBe(hash);
  expect(hash).toBe('9cfea9bc000152a006dff9d92dfbcb8a6e48b833b5563063877dcc3469d21ac6');
  expect(hashOf(generate({ ...recipe, seed: 2 }))).not.toBe(hash);
});

test('a tag is the same in every set that has it', () => {
  const alone = columnsOf(
    generate({ name: 'noisy', classes: scaled([NOISY], 0.01), periods: 100, everyMs: SECOND_MS }),
  );
  const mixed = generate({ name: 'mix', classes: scaled(MIX, 0.1), periods: 200, everyMs: SECOND_MS });
  const place = mixed.tags.findIndex(({ path }) => path === 'bench/noisy/00002');
  expect(columnsOf(mixed)[place]?.values.slice(0, 100)).toEqual(alone[2]?.values);
});

describe('the mix', () => {
  const columns = columnsOf(SOME);
  const ofClass = (name: string): Column[] => columns.filter((_, i) => SOME.tags[i]?.class === name);

  test('has a fifth of digital tags, half of two-decimal ones, and noisy ones', () => {
    const whole = generate({ name: 'mix', classes: MIX, periods: 1, everyMs: SECOND_MS });
    const counts = Object.entries(Object.groupBy(whole.tags, ({ class: name }) => name));
    expect(counts.map(([name, tags]) => [name, tags?.length])).toEqual([
      ['digital', 200],
      ['two_decimal', 500],
      ['noisy', 300],
    ]);
    expect(new Set(whole.tags.map(({ path }) => path)).size).toBe(1000);
  });

  test('is sampled each second, up to 20 ms early or late, each whole ms as often, every time within the bounds', () => {
    const seen = new Map<number, number>();
    for (const { times } of columns) {
      expect(times).toHaveLength(5000);
      for (const [second, time] of times.entries()) {
        const jitter = time - START_MS - second * SECOND_MS - 100;
        seen.set(jitter, (seen.get(jitter) ?? 0) + 1);
      }
    }
    expect([...seen.keys()].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 41 }, (_, i) => i - 20));
    const expected = (columns.length * 5000) / 41;
    for (const count of seen.values()) expect(Math.abs(count / expected - 1)).toBeLessThan(0.1);
    expect(SOME).toMatchObject({ fromMs: START_MS, toMs: START_MS + 5_000_000 });
  });

  test('digital tags toggle every 600 s, not all at the same time', () => {
    const phases = new Set<number>();
    for (const { values } of ofClass('digital')) {
      const toggles = steps(values).flatMap((step, i) => (step === 0 ? [] : [i]));
      expect(new Set(values)).toEqual(new Set([0, 1]));
      expect(toggles.length).toBeGreaterThanOrEqual(8);
      expect(steps(toggles).every((gap) => gap === 600)).toBe(true);
      phases.add(toggles[0] ?? 0);
    }
    expect(phases.size).toBeGreaterThan(1);
  });

  test('walks have two decimals and steps with a standard deviation of 0.04', () => {
    for (const { values } of ofClass('two_decimal')) {
      expect(values.every((value) => Number(value.toFixed(2)) === value)).toBe(true);
      const { mean, sd } = spread(steps(values));
      expect(sd).toBeCloseTo(0.04, 2);
      expect(Math.abs(mean)).toBeLessThan(0.003);
    }
  });

  test('noise is white, around 50, and uses the bits of a double', () => {
    for (const { values } of ofClass('noisy')) {
      const { mean, sd } = spread(values);
      expect(Math.abs(mean - 50)).toBeLessThan(0.1);
      expect(Math.abs(sd - 1.25)).toBeLessThan(0.06);
      // White: a step is a difference of two that have nothing to do with one another.
      expect(spread(steps(values)).sd / sd).toBeCloseTo(Math.SQRT2, 1);
      expect(new Set(values).size).toBe(values.length);
    }
  });
});

test('the second set: float32 with a hundredth of bad samples in runs that keep their value', () => {
  const set = generate({ name: 'second', classes: scaled([FLOAT32], 0.1), periods: 5000, everyMs: SECOND_MS });
  const columns = columnsOf(set);
  const all = columns.flatMap(({ qualities }) => qualities);
  const bad = all.filter((quality) => quality === BAD).length;
  expect(all.filter((quality) => quality === 0).length + bad).toBe(all.length);
  expect(bad / all.length).toBeGreaterThan(0.007);
  expect(bad / all.length).toBeLessThan(0.013);
  const begins = columns.flatMap(({ qualities }) =>
    qualities.filter((each, i) => each !== 0 && qualities[i - 1] === 0),
  );
  expect(bad / begins.length).toBeGreaterThan(12);
  for (const { values, qualities } of columns) {
    expect(values.every((value) => Math.fround(value) === value)).toBe(true);
    expect(values.every((value, i) => i === 0 || qualities[i] === 0 || value === values[i - 1])).toBe(true);
  }
});

test('by exception a tag is reported when it has moved by more than 0.1, and not else', () => {
  const set = generate({ name: 'second', classes: scaled([BY_EXCEPTION], 0.05), periods: 2000, everyMs: SECOND_MS });
  for (const { values, times } of columnsOf(set)) {
    expect(values.length).toBeGreaterThan(50);
    expect(values.length).toBeLessThan(1000);
    expect(steps(values).every((step) => Math.abs(step) > 0.1)).toBe(true);
    expect(new Set(steps(times)).size).toBeGreaterThan(100);
  }
});

test('late data is the same data in another order: a tenth behind what was taken up to an hour after it', () => {
  const delayed = late(SOME, { share: 0.1, upToMs: 3_600_000 });
  const columns = columnsOf(delayed);
  const onTime = columnsOf(SOME);
  let behind = 0;
  let worst = 0;
  for (const [tag, { times, values }] of columns.entries()) {
    let greatest = 0;
    for (const time of times) {
      if (time < greatest) behind++;
      worst = Math.max(worst, greatest - time);
      greatest = Math.max(greatest, time);
    }
    const sorted = times.map((time, i) => [time, values[i]]).toSorted(([a = 0], [b = 0]) => a - b);
    expect(sorted).toEqual(onTime[tag]?.times.map((time, i) => [time, onTime[tag]?.values[i]]));
  }
  const share = behind / (SOME.tags.length * 5000);
  expect(share).toBeGreaterThan(0.09);
  expect(share).toBeLessThan(0.11);
  expect(worst).toBeGreaterThan(3_000_000);
  expect(worst).toBeLessThanOrEqual(3_602_000);
});

test('whatever the recipe, every period has each tag once and nothing lies outside the bounds', () => {
  const anyRecipe = fc.record({
    scale: fc.double({ min: 0.001, max: 0.02, noNaN: true }),
    periods: fc.integer({ min: 1, max: 30 }),
    everyMs: fc.integer({ min: 200, max: 3_600_000 }),
    seed: fc.integer(),
    isLate: fc.boolean(),
  });
  const property = fc.property(anyRecipe, ({ scale, isLate, ...recipe }) => {
    const exact = generate({ name: 'any', classes: scaled(MIX, scale), ...recipe });
    const set = isLate ? late(exact, { share: 0.5, upToMs: 10_000 }) : exact;
    return columnsOf(set).every(
      ({ times }) => times.length === recipe.periods && times.every((time) => time >= set.fromMs && time < set.toMs),
    );
  });
  expect(() => fc.assert(property, { numRuns: 50 })).not.toThrow();
});

test('the classes of the mix are those that figures name', () => {
  expect([DIGITAL, TWO_DECIMAL, NOISY].map(({ name, type }) => [name, type])).toEqual([
    ['digital', 'boolean'],
    ['two_decimal', 'double'],
    ['noisy', 'double'],
  ]);
});
