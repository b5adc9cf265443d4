import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { installFolder, serviceFolder, type Recipe } from './cache.ts';

let cache = '';
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'millrace-cache-'));
  vi.stubEnv('MILLRACE_SERVICES', cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true });
});

const recipe = (text: string): Recipe => ({
  folder: serviceFolder('thing', ['1.0']),
  build: async (temporary) => writeFileSync(join(temporary, 'file'), text),
  whole: (folder) => readdirSync(folder).includes('file'),
});
const content = (): string => readFileSync(join(serviceFolder('thing', ['1.0']), 'file'), 'utf8');

test('a folder is built once; another pin is another folder', async () => {
  expect(await installFolder(recipe('first'))).toBe(true);
  expect(await installFolder(recipe('second'))).toBe(false);
  expect(content()).toBe('first');
  expect(serviceFolder('thing', ['1.1'])).not.toBe(serviceFolder('thing', ['1.0']));
});

test('a build that fails leaves nothing behind', async () => {
  const failing = { ...recipe(''), build: () => Promise.reject(new Error('disk full')) };
  await expect(installFolder(failing)).rejects.toThrow('disk full');
  expect(readdirSync(cache)).toEqual([]);
});

test('of builds that run side by side one takes the name, the others go', async () => {
  const built = await Promise.all(['a', 'b', 'c'].map((text) => installFolder(recipe(text))));
  expect(built.filter(Boolean)).toHaveLength(1);
  expect(readdirSync(cache)).toHaveLength(1);
  expect(['a', 'b', 'c']).toContain(content());
});

test('a folder that lost something is built again', async () => {
  await installFolder(recipe('first'));
  rmSync(join(serviceFolder('thing', ['1.0']), 'file'));
  expect(await installFolder(recipe('second'))).toBe(true);
  expect(content()).toBe('second');
});

test('builds that were killed a day ago are removed, younger ones may still run', async () => {
  for (const name of ['.building-old', '.building-young']) mkdirSync(join(cache, name));
  const dayBefore = Date.now() / 1000 - 90_000;
  utimesSync(join(cache, '.building-old'), dayBefore, dayBefore);
  await installFolder(recipe('x'));
  expect(readdirSync(cache).filter((name) => name.startsWith('.'))).toEqual(['.building-young']);
});
