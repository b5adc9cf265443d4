import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runScenarios, type Scenario } from './scenario.ts';

const { signal } = new AbortController();
const BENCH = { name: 'some', runs: 3, seconds: 2, neededGb: 0 };

/** Where a bench measures, and what it told whoever waits. */
function place(): { readonly folder: string; readonly said: string[]; readonly onProgress: (line: string) => void } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'millrace-bench-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const said: string[] = [];
  return { folder, said, onProgress: (line) => said.push(line) };
}

test('scenarios run in the order of the table, run by run, each in an empty folder that goes; what runs once is in the first run only', async () => {
  const { folder, said, onProgress } = place();
  const folders: string[] = [];
  const scenario = (title: string, more: Partial<Scenario> = {}): Scenario => ({
    title,
    measure: (run) => {
      expect(readdirSync(run.folder)).toEqual([]);
      expect(path.dirname(run.folder)).toBe(folder);
      expect([run.seconds, run.quick]).toEqual([2, true]);
      writeFileSync(path.join(run.folder, 'large'), title);
      folders.push(run.folder);
      run.figures.note(title, 'turns', '1', folders.length);
      return Promise.resolve();
    },
    ...more,
  });
  const scenarios = [scenario('a'), scenario('b', { once: true }), scenario('c')];
  const results = await runScenarios({ ...BENCH, scenarios }, { quick: true, folder, onProgress, signal });
  const lines = said.filter((line) => line.startsWith('run '));
  expect(lines).toEqual(
    ['1 of 3: a', '1 of 3: b', '1 of 3: c', '2 of 3: a', '2 of 3: c', '3 of 3: a', '3 of 3: c'].map(
      (line) => `run ${line}`,
    ),
  );
  expect(results).toEqual([
    { name: 'some.turns', system: 'a', value: 4, unit: '1' },
    { name: 'some.turns', system: 'b', value: 2, unit: '1' },
    { name: 'some.turns', system: 'c', value: 5, unit: '1' },
  ]);
  expect(folders.filter((each) => existsSync(each))).toEqual([]);
});

test('a scenario that fails ends the bench, and so does the signal before the next one; no folder is left', async () => {
  const { folder, said, onProgress } = place();
  const failing = [{ title: 'failing', measure: () => Promise.reject(new Error('no luck')) }];
  const options = { quick: true, folder, onProgress };
  await expect(runScenarios({ ...BENCH, scenarios: failing }, { ...options, signal })).rejects.toThrow('no luck');
  const ending = new AbortController();
  const first: Scenario = { title: 'first', measure: () => Promise.resolve(ending.abort(new Error('enough'))) };
  const scenarios = [first, { ...first, title: 'second' }];
  await expect(runScenarios({ ...BENCH, scenarios }, { ...options, signal: ending.signal })).rejects.toThrow('enough');
  expect(said.filter((line) => line.startsWith('run '))).toEqual(['run 1 of 3: failing', 'run 1 of 3: first']);
  expect(readdirSync(folder)).toEqual([]);
});
