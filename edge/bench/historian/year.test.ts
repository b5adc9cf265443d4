import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { DAY_MS } from './data.ts';
import { MillraceHistory, millrace } from './millrace.ts';
import { temporaryFolder } from './set-kit.ts';
import { Check, truthOf } from './truth.ts';
import { makeYear } from './year.ts';
import { YEAR, yearSet } from './year-set.ts';

const { signal } = new AbortController();
const SMALL = { tags: 20, fast: 10, days: 1 };

test('the year has 1.14e9 samples', () => {
  const { points, tags, fromMs, toMs, monthMs } = yearSet(YEAR);
  expect(points).toBe(1_143_840_000);
  expect(tags).toHaveLength(100_000);
  expect(toMs - fromMs).toBe(365 * DAY_MS);
  expect(toMs - monthMs).toBe(31 * DAY_MS);
});

test('its samples come in the order of time but for their jitter, and the fast tags have a second each besides', () => {
  const set = yearSet(SMALL);
  const counts = new Float64Array(set.tags.length);
  let greatest = 0;
  let worst = 0;
  for (const { tags, timesMs, count } of set.rows()) {
    for (let row = 0; row < count; row++) {
      const timeMs = timesMs[row] ?? 0;
      counts[tags[row] ?? 0] = (counts[tags[row] ?? 0] ?? 0) + 1;
      worst = Math.max(worst, greatest - timeMs);
      greatest = Math.max(greatest, timeMs);
    }
  }
  expect(Map.groupBy(counts, (count) => count).get(24 + 86_400)).toHaveLength(10);
  expect(Map.groupBy(counts, (count) => count).get(24)).toHaveLength(10);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(set.points);
  expect(worst).toBeLessThanOrEqual(40);
});

/** Of all samples of one tag. */
function hashOf(size: typeof SMALL, wanted: string): string {
  const set = yearSet(size);
  const tag = set.tags.findIndex(({ path }) => path === wanted);
  const { timesMs, values } = truthOf(set, [tag]).probes[0]?.samples ?? { timesMs: [], values: [] };
  const hash = createHash('sha256').update(String(timesMs.length));
  return hash.update(Float64Array.from(timesMs)).update(Float64Array.from(values)).digest('hex');
}

test('a smaller year has the same samples of its tags', () => {
  for (const name of ['digital', 'two_decimal', 'noisy']) {
    const tag = `bench/${name}/00000`;
    expect(hashOf({ ...SMALL, tags: 3, fast: 3 }, tag)).toBe(hashOf(SMALL, tag));
  }
});

test('a year that was made is read as it was, without a log', async () => {
  const folder = temporaryFolder();
  const set = yearSet(SMALL);
  await makeYear(folder, set, signal);
  const truth = truthOf(set, [0, 4, 14]);
  await using history = new MillraceHistory(set, { folder, signal });
  await history.restart();
  const check = new Check(millrace, truth);
  expect(await history.points()).toBe(set.points);
  expect((await history.latest())()).toEqual({ tags: 20, sum: expect.closeTo(truth.last.sum, 6) as number });
  for (const probe of truth.probes) {
    const found = (await history.raw(probe.tag, set))();
    expect(() => check.raw(probe, set, found)).not.toThrow();
  }
});
