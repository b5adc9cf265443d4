import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ensureFolder, nativeFolder } from './folder.ts';

let cache = '';
beforeEach(() => {
  cache = mkdtempSync(path.join(tmpdir(), 'millrace-native-'));
  vi.stubEnv('MILLRACE_NATIVE', cache);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(cache, { recursive: true });
});

const ensure = (text: string): Promise<boolean> =>
  ensureFolder(
    nativeFolder(),
    async (temporary) => writeFileSync(path.join(temporary, 'file'), text),
    async (folder) => readdirSync(folder).includes('file'),
  );
const content = (): string => readFileSync(path.join(nativeFolder(), 'file'), 'utf8');

test('a folder is built once, and everybody may read it', async () => {
  expect(await ensure('first')).toBe(true);
  expect(await ensure('second')).toBe(false);
  expect(content()).toBe('first');
  expect(statSync(nativeFolder()).mode & 0o777).toBe(0o755);
});

test('a build that fails leaves nothing behind', async () => {
  const failing = ensureFolder(
    nativeFolder(),
    () => Promise.reject(new Error('disk full')),
    async () => true,
  );
  await expect(failing).rejects.toThrow('disk full');
  expect(readdirSync(cache)).toEqual([]);
});

test('of builds that run side by side one takes the name, the others go', async () => {
  const built = await Promise.all(['a', 'b', 'c'].map(ensure));
  expect(built.filter(Boolean)).toHaveLength(1);
  expect(readdirSync(cache)).toHaveLength(1);
});

test('a folder that lost something is built again', async () => {
  await ensure('first');
  rmSync(path.join(nativeFolder(), 'file'));
  expect(await ensure('second')).toBe(true);
  expect(content()).toBe('second');
});

test('builds that were killed a day ago are removed, younger ones may still run', async () => {
  for (const name of ['.building-old', '.building-young']) mkdirSync(path.join(cache, name));
  const dayBefore = Date.now() / 1000 - 90_000;
  utimesSync(path.join(cache, '.building-old'), dayBefore, dayBefore);
  await ensure('x');
  expect(readdirSync(cache).filter((name) => name.startsWith('.'))).toEqual(['.building-young']);
});
