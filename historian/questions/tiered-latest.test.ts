import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../edge/core/fault.ts';
import { double, T0, type Tagged } from '../kit/history-kit.ts';
import { DAY0, historyOf, TierWorld } from '../kit/tier-kit.ts';
import type { SampleHistory } from '../queries/history.ts';
import { TieredLatest } from './tiered-latest.ts';
import type { WholeHistory } from './whole-history.ts';

const DAY = 86_400e6;
const FIRST_S = (DAY0 - T0) / 1e6;

function sampleOf(tag: string, day: number, value: number): Tagged {
  return double(tag, FIRST_S + day * 86_400 + 3600, value);
}

/** The last values, and where there may be others. */
async function lastOf(history: Pick<SampleHistory, 'latest'>, tags: readonly string[] | null): Promise<unknown> {
  const values: unknown[] = [];
  const gaps: unknown[] = [];
  for await (const part of history.latest(tags)) {
    for (const { tag, value } of part.samples()) values.push([tag, value]);
    for (const { tag, reason, fromUs, toUs } of part.gaps()) gaps.push([tag, reason, fromUs, toUs]);
  }
  return { values, gaps };
}

/** The gap of a tag whose samples lie in days up to this one. */
function unreachable(tag: string, day: number): unknown[] {
  return [tag, 'tier-unreachable', DAY0 + 3600e6, DAY0 + day * DAY + 3600e6 + 1];
}

/** Three days of two tags, all of them in the tier alone, and a third tag of today. */
async function worldOf(): Promise<TierWorld> {
  const world = new TierWorld([]);
  for (const day of [0, 1, 2]) {
    world.at(day + 1);
    await world.take([sampleOf('northmill/a', day, day), ...(day < 2 ? [sampleOf('northmill/b', day, day)] : [])]);
  }
  world.at(10);
  await world.tier(1);
  await world.expire(5);
  await world.take([double('northmill/c', FIRST_S + 864_000 - 1, 7)]);
  return world;
}

describe('last values with a tier behind the store', () => {
  test('come from the tier where they have expired', async () => {
    await using world = await worldOf();
    const all = [
      ['northmill/c', 7],
      ['northmill/a', 2],
      ['northmill/b', 1],
    ];
    const tiered = world.tiered();
    for (const tags of [null, ['northmill/a', 'northmill/b', 'northmill/c']])
      expect(await lastOf(tiered, tags)).toEqual({ values: all, gaps: [] });
    const pages = world.coldPages;
    expect(await lastOf(tiered, null)).toEqual({ values: all, gaps: [] });
    // They were remembered.
    expect(world.coldPages).toBe(pages);
  });

  test.each([
    ['tier-missing', (file: string): void => rmSync(file)],
    ['tier-damaged', (file: string): void => writeFileSync(file, 'not Parquet')],
  ])('a day that is lost (%s) may hide a later one, which is told each time', async (reason, ruin) => {
    await using world = await worldOf();
    ruin(path.join(world.folder.file('tier'), world.table.day(DAY0 / DAY + 2)?.name ?? ''));
    const tiered = world.tiered();
    const gap = ['northmill/a', reason, DAY0 + 2 * DAY, DAY0 + 3 * DAY];
    const found = { values: [['northmill/a', 1]], gaps: [gap] };
    expect(await lastOf(tiered, ['northmill/a'])).toEqual(found);
    expect(await lastOf(tiered, ['northmill/a'])).toEqual(found);
    // It has nothing of that day.
    expect(await lastOf(tiered, ['northmill/b'])).toEqual({ values: [['northmill/b', 1]], gaps: [] });
  });

  test('where the tier does not answer there is a gap of the tags that need it, and no other tag waits for it', async () => {
    await using world = await worldOf();
    const fault = new Fault('tier-unreachable', 'It does not answer.');
    const store = historyOf(world.store);
    const whole: WholeHistory = {
      beginUs: Number.NEGATIVE_INFINITY,
      changes: 0,
      open: () => Promise.reject(fault),
      page: () => Promise.reject(fault),
    };
    const last = new TieredLatest(store, whole);
    const history = { latest: (tags: readonly string[] | null) => last.of(tags) };
    expect(await lastOf(history, null)).toEqual({
      values: [['northmill/c', 7]],
      gaps: [unreachable('northmill/a', 2), unreachable('northmill/b', 1)],
    });
    expect(await lastOf(history, ['northmill/c'])).toEqual({ values: [['northmill/c', 7]], gaps: [] });
    const broken: WholeHistory = { ...whole, open: () => Promise.reject(new Error('a mistake of ours')) };
    const mistaken = new TieredLatest(store, broken);
    await expect(lastOf({ latest: (tags) => mistaken.of(tags) }, null)).rejects.toThrow('a mistake of ours');
  });

  test('beyond 1,000 that are not known yet they are looked up when they are asked for by name', async () => {
    await using world = new TierWorld([]);
    const tags = Array.from({ length: 1003 }, (_, i) => `northmill/${String(i).padStart(4, '0')}`);
    world.at(1);
    await world.take(tags.map((tag, i) => sampleOf(tag, 0, i)));
    world.at(10);
    await world.tier(1);
    await world.expire(5);
    const { store } = world;
    const history = historyOf(world.whole);
    const whole: WholeHistory = {
      beginUs: DAY0,
      changes: 0,
      open: () => Promise.resolve(DAY0),
      page: (query) => history.page(query),
    };
    const last = new TieredLatest(historyOf(store), whole);
    const asked = async (some: readonly string[] | null): Promise<{ values: unknown[]; gaps: unknown[] }> =>
      (await lastOf({ latest: (names) => last.of(names) }, some)) as { values: unknown[]; gaps: unknown[] };
    const first = await asked(null);
    expect([first.values.length, first.gaps]).toEqual([
      1000,
      tags.slice(1000).map((tag) => [tag, 'tier-not-asked', DAY0 + 3600e6, DAY0 + 3600e6 + 1]),
    ]);
    expect(await asked(tags.slice(1001))).toEqual({
      values: [
        [tags[1001], 1001],
        [tags[1002], 1002],
      ],
      gaps: [],
    });
    const again = await asked(null);
    expect([again.values.length, again.gaps]).toEqual([1003, []]);
  });
});
