import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { figure } from './bench.ts';
import { childrenOf, exitOf, startMillrace, temporaryFolder } from './cli-kit.ts';

/** Whether a process runs; one that has ended and was not asked for yet does not. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return childrenOf(pid).length >= 0;
  } catch {
    return false;
  }
}

test.runIf(process.platform === 'linux')('a bench that is ended leaves no process and no folder behind', async () => {
  const cwd = temporaryFolder();
  const bench = startMillrace(['bench', 'end-to-end', '--quick'], { cwd, env: { TMPDIR: cwd } });
  const pid = bench.pid ?? 0;
  let said = '';
  bench.stderr?.on('data', (data: Buffer) => (said += data.toString()));
  // The gateway that is measured, and the load generator.
  await expect.poll(() => childrenOf(pid).length, { timeout: 20_000 }).toBe(2);
  const children = childrenOf(pid);
  expect(readdirSync(cwd)).toHaveLength(1);
  bench.kill('SIGTERM');
  expect(await exitOf(bench)).toBe(1);
  expect(said).toBe('run 1 of 1: millrace\nended before all was measured\n');
  await expect.poll(() => children.filter(runs), { timeout: 10_000 }).toEqual([]);
  expect(readdirSync(cwd)).toEqual([]);
});

test.each([
  [48051.4, '48,050'],
  [0.773149, '0.7731'],
  [158, '158'],
  [0, '0'],
])('a figure for people: %d is %s', (value, text) => {
  expect(figure(value)).toBe(text);
});
