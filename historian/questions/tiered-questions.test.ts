import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { seeded } from '../../edge/core/kit/crash-disk.ts';
import { type AggregateFunction, DEFAULT_CONFIGURATION } from '../aggregates/aggregate.ts';
import { T0, type Tagged, double } from '../kit/history-kit.ts';
import { DAY0, historyOf, TierWorld } from '../kit/tier-kit.ts';
import { AGGREGATES } from '../queries/bucket-page.ts';
import { intervalGrid } from '../queries/buckets.ts';
import type { History } from './history.ts';
import type { Gap } from '../reading/gap.ts';
import { analysisPagesOf, windowsOf } from './analysis-query.ts';

const TAG = 'northmill/a';
const HOUR = 3600e6;
const DAY = 86_400e6;
const FIRST_S = (DAY0 - T0) / 1e6;

/** Two hours a day, a sample a second. */
function daysOf(count: number): Tagged[][] {
  const random = seeded(3);
  return Array.from({ length: count }, (_, day) =>
    Array.from({ length: 7200 }, (__, i) => double(TAG, FIRST_S + day * 86_400 + 6 * 3600 + i, random(1000) / 10)),
  );
}

/** Four days that lie in the tier, the fifth in the store. */
async function worldOf(rollups: readonly number[]): Promise<TierWorld> {
  const world = new TierWorld(rollups);
  for (const [day, samples] of daysOf(5).entries()) {
    world.at(day + 1);
    await world.take(samples);
  }
  world.at(10);
  await world.tier(1);
  await world.expire(5.9);
  return world;
}

async function counts(history: History, widthUs: number, fromUs = DAY0, toUs = DAY0 + 6 * DAY): Promise<unknown> {
  const rows: unknown[] = [];
  const gaps: Gap[] = [];
  const grid = intervalGrid({ fromUs, toUs }, widthUs);
  for await (const page of history.buckets({ tag: TAG, fromUs, toUs, grid, aggregates: [...AGGREGATES] })) {
    for (let row = 0; row < page.rows; row++)
      rows.push(['min', 'max', 'count'].map((name) => page.value(row, AGGREGATES.indexOf(name as 'min'))));
    gaps.push(...page.gaps);
  }
  return { rows, gaps: gaps.map(({ reason, fromUs: from }) => [reason, from]) };
}

async function ofPart13(
  history: History,
  names: readonly AggregateFunction[],
  fromUs: number,
  toUs: number,
): Promise<{ values: number[][]; gaps: readonly Gap[] }> {
  const edges = Float64Array.from({ length: Math.round((toUs - fromUs) / HOUR) + 1 }, (_, i) => fromUs + i * HOUR);
  const intervals = { edges, backwards: false, cut: null };
  const kind = { stepped: false, configuration: DEFAULT_CONFIGURATION };
  const asked = { what: 'aggregates', intervals, aggregates: names, ...kind } as const;
  const values: number[][] = names.map(() => []);
  const gaps: Gap[] = [];
  for await (const page of analysisPagesOf(history, { tag: TAG, fromUs, toUs, asked })) {
    for (const [i, column] of page.columns.entries())
      values[i]?.push(...Array.from(column.values, (value) => Number(value.toPrecision(12))));
    gaps.push(...page.gaps);
  }
  return { values, gaps };
}

describe('the tier is read', () => {
  test('only where the store has neither samples nor roll-ups that are enough', async () => {
    await using world = await worldOf([100, 200, 300]);
    const [tiered, whole] = [world.tiered(), historyOf(world.whole)];
    const asked = async (ask: (history: History) => Promise<unknown>): Promise<number> => {
      const before = world.coldPages;
      expect(await ask(tiered)).toEqual(await ask(whole));
      return world.coldPages - before;
    };
    expect(await asked((history) => counts(history, HOUR))).toBe(0);
    expect(await asked((history) => counts(history, 60e6))).toBe(0);
    expect(await asked((history) => counts(history, 30e6, DAY0 + 4.2 * DAY))).toBe(0);
    expect(
      await asked((history) => ofPart13(history, ['TimeAverage2', 'Average', 'PercentGood'], DAY0, DAY0 + 4 * DAY)),
    ).toBe(0);
    // A cut minute on each day, and the minute's samples are all that is read of it.
    expect(await asked((history) => counts(history, HOUR, DAY0 + 6.5 * HOUR + 30e6, DAY0 + 3 * DAY))).toBeLessThan(4);
    expect(await asked((history) => counts(history, 30e6))).toBeGreaterThan(1);
    expect(await asked((history) => ofPart13(history, ['Minimum2'], DAY0, DAY0 + 4 * DAY))).toBeGreaterThan(0);
  });

  test('and what expired before it began is answered as without one', async () => {
    await using world = new TierWorld([100, 200, 300]);
    for (const [day, samples] of daysOf(5).entries()) {
      world.at(day + 1);
      await world.take(samples);
    }
    world.at(10);
    await world.expire(8.5);
    await world.tier(1);
    await world.expire(5.9);
    expect(world.table.beginUs).toBe(DAY0 + DAY);
    const [tiered, store, whole] = [world.tiered(), historyOf(world.store), historyOf(world.whole)];
    expect(await counts(tiered, HOUR)).toEqual(await counts(whole, HOUR));
    const before = [30e6, DAY0, DAY0 + DAY] as const;
    expect(await counts(tiered, ...before)).toEqual(await counts(store, ...before));
    expect(((await counts(tiered, ...before)) as { gaps: unknown[] }).gaps).toHaveLength(120);
    const behind = [30e6, DAY0 + DAY, DAY0 + 6 * DAY] as const;
    expect(await counts(tiered, ...behind)).toEqual(await counts(whole, ...behind));
  });
});

describe('a file of the tier', () => {
  test.each([
    ['tier-missing', (file: string): void => rmSync(file)],
    ['tier-damaged', (file: string): void => writeFileSync(file, 'not Parquet')],
  ])('that is lost is a gap of its day (%s), and the rest is answered', async (reason, ruin) => {
    await using world = await worldOf([]);
    const name = world.table.day(DAY0 / DAY + 1)?.name ?? '';
    expect(readdirSync(world.folder.file('tier/data'))).toHaveLength(5);
    ruin(path.join(world.folder.file('tier'), name));
    const [tiered, whole] = [world.tiered(), historyOf(world.whole)];
    const gap = { reason, fromUs: DAY0 + DAY, toUs: DAY0 + 2 * DAY };
    const samples: number[] = [];
    const gaps: Gap[] = [];
    for await (const page of tiered.query({ tag: TAG, fromUs: DAY0, toUs: DAY0 + 6 * DAY })) {
      samples.push(...page.points.times.subarray(0, page.points.count));
      gaps.push(...page.gaps);
    }
    expect(samples).toHaveLength(4 * 7200);
    expect(gaps).toMatchObject([gap]);
    const found = (await counts(tiered, DAY)) as { rows: unknown[]; gaps: unknown[] };
    const expected = (await counts(whole, DAY)) as { rows: unknown[] };
    expect(found.rows).toEqual(expected.rows.map((row, day) => (day === 1 ? [null, null, 0] : row)));
    expect(found.gaps).toEqual([[reason, DAY0 + DAY]]);
    const { values, gaps: told } = await ofPart13(tiered, ['Count'], DAY0, DAY0 + 4 * DAY);
    expect(told).toMatchObject([gap]);
    expect(values[0]?.filter((value) => value > 0)).toHaveLength(6);
  });
});

test('a gap over several parts of a question of many intervals is told once and whole', async () => {
  await using world = await worldOf([]);
  const edges = Float64Array.from({ length: 4 * 1440 + 1 }, (_, i) => DAY0 + i * 60e6);
  const intervals = { edges, backwards: false, cut: null };
  const kind = { stepped: false, configuration: DEFAULT_CONFIGURATION };
  const asked = { what: 'aggregates', intervals, aggregates: ['Count'], ...kind } as const;
  const windows = windowsOf({ tag: TAG, fromUs: DAY0, toUs: DAY0 + 4 * DAY, asked }, asked);
  expect(windows.map(({ toUs }) => (toUs - DAY0) / 60e6)).toEqual([2000, 4000, 5760]);
  // From the first part into the last one, all of which the store has given up.
  const [fromMs, toMs] = [1900, 4100].map((minute) => DAY0 / 1000 + minute * 60_000) as [number, number];
  const told: Gap[][] = [];
  for (const store of [world.whole, world.store])
    store.lose({ topic: 'samples', first: 7, last: 9, fromMs, toMs, reason: 'retention' });
  for (const history of [historyOf(world.whole), world.tiered()]) {
    const gaps: Gap[] = [];
    for (const window of windows) for await (const page of analysisPagesOf(history, window)) gaps.push(...page.gaps);
    told.push(gaps);
  }
  expect(told[1]).toEqual(told[0]);
  expect(told[1]).toMatchObject([{ reason: 'retention', fromUs: fromMs * 1000, toUs: toMs * 1000 + 1000 }]);
});
