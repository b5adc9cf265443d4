import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { pastOf } from './past.ts';

const NOW_MS = 1_800_000_000_000;
const HOUR_MS = 3_600_000;

/** A data folder whose files of `samples` were written so long ago. */
function written(...agesMs: number[]): string {
  const data = mkdtempSync(path.join(tmpdir(), 'millrace-past-'));
  onTestFinished(() => rmSync(data, { recursive: true, force: true }));
  const folder = path.join(data, 'log', 'samples-0');
  mkdirSync(folder, { recursive: true });
  for (const [i, age] of agesMs.entries()) {
    const file = path.join(folder, `${i}.log`);
    writeFileSync(file, '');
    utimesSync(file, (NOW_MS - age) / 1000, (NOW_MS - age) / 1000);
  }
  return data;
}

test('the first story is an hour long', () => {
  expect(pastOf('/no/such/folder', NOW_MS)).toBe(HOUR_MS);
  expect(pastOf(written(), NOW_MS)).toBe(HOUR_MS);
});

test('a later one goes on where the last run ended, an hour at most', () => {
  expect(pastOf(written(5 * HOUR_MS, 600_000), NOW_MS)).toBe(600_000);
  expect(pastOf(written(5 * HOUR_MS), NOW_MS)).toBe(HOUR_MS);
});

test('a clock that was set back gives no story of the future', () => {
  expect(pastOf(written(-HOUR_MS), NOW_MS)).toBe(0);
});
