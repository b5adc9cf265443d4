import os from 'node:os';
import path from 'node:path';
import { defineConfig } from 'vitest/config';

// As the launcher does for the gateway: threads that the tests start need 0.15 s instead of 0.5 s, since their modules are neither stripped of types nor compiled again.
const cache = process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache');
process.env['NODE_COMPILE_CACHE'] ||= path.join(cache, 'millrace', 'compiled');

const everywhere = ['**/node_modules/**', 'data/**'];
// Suites of whole processes: gateways, plants, browsers.
const alone = ['test/end-to-end', 'test/plant', 'test/browser'].map((folder) => `${folder}/**/*.test.ts`);
// A guard against what hangs, for a busy machine too: what a test waits for has limits of its own.
const limits = { testTimeout: 180_000, hookTimeout: 180_000, pool: 'forks' as const };
const setupFiles = ['test/property-seed.ts'];

/** Two groups, one after the other: the suites of whole processes measure times and want both cores for themselves. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...limits,
          setupFiles,
          name: 'parts',
          include: ['**/*.test.ts'],
          exclude: [...everywhere, ...alone],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          ...limits,
          setupFiles,
          name: 'end-to-end',
          include: alone,
          exclude: everywhere,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
