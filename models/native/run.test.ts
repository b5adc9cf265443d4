import { expect, test } from 'vitest';
import { run } from './run.ts';

const here = { cwd: import.meta.dirname, limitMs: 60_000, missing: 'install it' };
const script = (code: string, limitMs = here.limitMs): Promise<void> =>
  run(process.execPath, ['-e', code], { ...here, limitMs });

test('a program that ends with 0 is done', async () => {
  await expect(script('')).resolves.toBeUndefined();
});

test('another exit code is an error that ends with what it printed', async () => {
  await expect(script("console.log('no space'); process.exit(3)")).rejects.toThrow(/exit code 3\nno space$/);
});

test('one that takes too long is killed', async () => {
  await expect(script('setInterval(() => {}, 1000)', 300)).rejects.toThrow('not done after 0.3 s');
});

test('one that is not there says what to install', async () => {
  await expect(run('no-such-program', [], here)).rejects.toThrow('no-such-program is not installed: install it');
});
