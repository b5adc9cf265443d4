import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { requireRival, requireService, testData } from './require.ts';

let empty = '';
beforeEach(() => {
  empty = mkdtempSync(join(tmpdir(), 'millrace-empty-'));
  vi.stubEnv('MILLRACE_SERVICES', empty);
  vi.stubEnv('MILLRACE_TEST_DATA', empty);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(empty, { recursive: true });
});

describe('on a user’s machine', () => {
  beforeEach(() => vi.stubEnv('CI', ''));

  test('a missing service is a skip that says what to install', () => {
    const requirement = requireService('kafka', 'python');
    expect(requirement.available).toBe(false);
    expect(requirement.reason).toMatch(/kafka.*python.*npm run services:setup/);
  });

  test('missing data are a skip that names the variable', () => {
    expect(testData('skab')).toMatchObject({
      available: false,
      folder: join(empty, 'skab'),
      reason: expect.stringContaining('MILLRACE_TEST_DATA') as string,
    });
  });

  test('data are there when their folder is', () => {
    mkdirSync(join(empty, 'skab'));
    expect(testData('skab')).toEqual({ available: true, reason: '', folder: join(empty, 'skab') });
  });
});

describe('in CI', () => {
  beforeEach(() => vi.stubEnv('CI', 'true'));

  test('a missing service and missing data are failures', () => {
    expect(() => requireService('kafka')).toThrow('npm run services:setup');
    expect(() => testData('skab')).toThrow('MILLRACE_TEST_DATA');
  });

  test('a store that ours is measured beside is a skip that says how to build it', () => {
    expect(requireRival('victoria')).toEqual({
      available: false,
      reason: 'victoria: not built; npx node test/services/victoria.ts builds it',
    });
  });
});
