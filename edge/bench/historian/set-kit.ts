import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { BY_EXCEPTION, type DataSet, FLOAT32, generate, MIX, scaled, SECOND_MS } from './data.ts';
import { late } from './late.ts';

/** For tests: a folder that is removed at their end. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'millrace-bench-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** For tests: every class there is, some of it late. */
export function someOfAll(): DataSet {
  const classes = [...scaled(MIX, 0.02), ...scaled([FLOAT32, BY_EXCEPTION], 0.01)];
  const set = generate({ name: 'some', classes, periods: 1000, everyMs: SECOND_MS });
  return late(set, { share: 0.1, upToMs: 300_000 });
}
