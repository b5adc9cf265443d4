import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { runAlone } from './child.ts';

function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'millrace-bench-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A script of these lines. */
function script(...lines: readonly string[]): URL {
  const file = path.join(temporaryFolder(), 'script.mjs');
  writeFileSync(file, lines.join('\n'));
  return pathToFileURL(file);
}

const { signal } = new AbortController();

test('what a process prints is its result', async () => {
  const echo = script('process.stdout.write(JSON.stringify(process.argv.slice(2)));');
  expect(await runAlone(echo, ['a b', '1'], signal)).toEqual(['a b', '1']);
});

test('a process that fails is no result', async () => {
  await expect(runAlone(script('process.exit(3);'), [], signal)).rejects.toMatchObject({
    code: 'internal',
    detail: expect.stringContaining('exit code 3') as string,
  });
});

test('a process is killed when the signal comes, and not started when it came before', async () => {
  const folder = temporaryFolder();
  const begun = path.join(folder, 'begun');
  const endless = script(
    "import { writeFileSync } from 'node:fs';",
    "writeFileSync(process.argv[2], '');",
    'setInterval(() => undefined, 1000);',
  );
  const ending = new AbortController();
  const end = async (): Promise<void> => {
    await expect.poll(() => existsSync(begun), { timeout: 30_000 }).toBe(true);
    ending.abort(new Error('enough'));
  };
  const [ended] = await Promise.allSettled([runAlone(endless, [begun], ending.signal), end()]);
  expect(ended).toEqual({ status: 'rejected', reason: new Error('enough') });
  rmSync(begun);
  await expect(runAlone(endless, [begun], ending.signal)).rejects.toThrow('enough');
  expect(existsSync(begun)).toBe(false);
});
