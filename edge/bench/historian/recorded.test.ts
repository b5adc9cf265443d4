import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { testData } from '../../../test/services/require.ts';
import { recordedSets } from './recorded.ts';
import { temporaryFolder } from './set-kit.ts';
import { truthOf } from './truth.ts';

test('no folder, no recorded sets', () => {
  expect(recordedSets(path.join(temporaryFolder(), 'absent'))).toEqual([]);
});

test('a column is a tag; rows come in order of time, each time once, and what people have marked is no signal', () => {
  const folder = temporaryFolder();
  mkdirSync(path.join(folder, 'skab', 'other'), { recursive: true });
  writeFileSync(
    path.join(folder, 'skab', 'other', '1.csv'),
    'datetime;Volume Flow RateRMS;Current;anomaly;changepoint\n2020-03-09 10:14:34;1.5;2;0.0;0.0\n2020-03-09 10:14:33;-3;4;1.0;0.0\n2020-03-09 10:14:33;5;6;1.0;0.0\n',
  );
  const [set, ...others] = recordedSets(folder);
  expect(others).toEqual([]);
  expect(set?.tags.map((tag) => tag.path)).toEqual([
    'bench/skab/other/1/Volume_Flow_RateRMS',
    'bench/skab/other/1/Current',
  ]);
  if (set === undefined) return;
  const beginMs = Date.UTC(2020, 2, 9, 10, 14, 33);
  expect([set.fromMs, set.toMs]).toEqual([beginMs, beginMs + 2000]);
  expect(truthOf(set, [0, 1]).probes.map(({ samples }) => samples)).toEqual([
    { timesMs: Float64Array.of(beginMs, beginMs + 1000), values: Float64Array.of(-3, 1.5) },
    { timesMs: Float64Array.of(beginMs, beginMs + 1000), values: Float64Array.of(4, 2) },
  ]);
});

const skab = testData('skab');

describe.skipIf(!skab.available)('what was recorded', () => {
  test('is read whole: every number is one, every tag is named once', () => {
    const sets = recordedSets(path.dirname(skab.folder));
    expect(sets.map(({ name }) => name)).toEqual(['skab', 'ims']);
    for (const set of sets) {
      expect(new Set(set.tags.map((tag) => tag.path)).size).toBe(set.tags.length);
      let points = 0;
      for (const { values, timesMs, count } of set.rows()) {
        points += count;
        expect(values.subarray(0, count).every((value) => Number.isFinite(value))).toBe(true);
        expect(timesMs.subarray(0, count).every((time) => time >= set.fromMs && time < set.toMs)).toBe(true);
      }
      expect(points).toBeGreaterThan(20_000);
    }
  });
});
