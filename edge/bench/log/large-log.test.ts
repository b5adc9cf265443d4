import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { Log } from '../../core/log.ts';
import { LogReader } from '../../core/reader.ts';
import { makeLargeLog } from './large-log.ts';
import { SampleDecoder } from './sample-decoder.ts';

const MIB = 1024 * 1024;

function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'millrace-bench-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function segmentBytes(folder: string): number {
  const segments = readdirSync(folder).filter((name) => name.endsWith('.log'));
  return segments.reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
}

test('a log that was made opens like one that was closed cleanly, and every sample of every tag is in it', async () => {
  const dataFolder = temporaryFolder();
  await makeLargeLog(path.join(dataFolder, 'log'), 80 * MIB, 5000, new AbortController().signal);
  const log = new Log({ dataFolder, budgetBytes: 1e12, nowMs: Date.now() });
  await log.open((fault) => {
    throw fault;
  });
  expect(log.state.reports['samples']).toMatchObject({ damage: [], repaired: 0, cut: undefined });
  const reader = new LogReader({ logFolder: log.folder, topic: 'samples', ends: log.ends });
  const decoder = new SampleDecoder();
  let samples = 0;
  for (let result = reader.read(); result.kind !== 'end'; result = reader.read()) {
    expect(result.kind).toBe('data');
    if (result.kind === 'data') samples += decoder.decode(result.bytes);
  }
  expect(samples).toBe(log.ends.end('samples'));
  expect(segmentBytes(path.join(log.folder, 'samples-0'))).toBeGreaterThanOrEqual(80 * MIB);
  expect(decoder.tagCount).toBe(5000);
  reader.close();
  await log.close();
});

test('making it ends with its signal', async () => {
  const ended = AbortSignal.abort(new Error('enough'));
  await expect(makeLargeLog(path.join(temporaryFolder(), 'log'), 1e12, 1000, ended)).rejects.toThrow('enough');
});
