import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { realDisk } from './core/disk.ts';
import { claimSite } from './site.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'millrace-site-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('the data of another site is refused, that of the own one is not', () => {
  claimSite(realDisk, folder, 'northmill');
  claimSite(realDisk, folder, 'northmill');
  expect(() => claimSite(realDisk, folder, 'southmill')).toThrow(
    expect.objectContaining({
      code: 'site-differs',
      detail: `${folder} is the data of northmill, the configuration says southmill.`,
    }) as Error,
  );
});

test('a site file that cannot be read is a fault that names it, never a new claim', () => {
  writeFileSync(path.join(folder, 'site.json'), '{"v":1');
  expect(() => claimSite(realDisk, folder, 'northmill')).toThrow(
    expect.objectContaining({
      code: 'data-unreadable',
      detail: expect.stringContaining('site.json: ') as string,
    }) as Error,
  );
});

test('a folder that cannot be written is a fault, not an error of the program', () => {
  expect(() => claimSite(realDisk, path.join(folder, 'missing'), 'northmill')).toThrow(
    expect.objectContaining({
      code: 'file-unwritable',
      detail: expect.stringContaining('site.json: ENOENT') as string,
    }) as Error,
  );
});
