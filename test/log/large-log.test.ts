import { mkdtempSync, rmSync, truncateSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { writeCheckpoint } from '../../edge/core/checkpoint-file.ts';
import { realDisk } from '../../edge/core/disk.ts';
import { segmentFile, topicFolder } from '../../edge/core/segment-files.ts';
import { figure } from '../end-to-end/figures.ts';
import { run } from '../services/run.ts';
import { forget, makeLargeLog, possibleBytes } from './large-log.ts';

const GIB = 1024 ** 3;
const wantedBytes = (process.env['MILLRACE_LONG'] === '1' ? 20 : 2) * GIB;
const openLimitMs = 2000;
const memoryLimitMb = 150;

interface Opened {
  readonly openMs: number;
  readonly end: number;
  readonly wrong: number;
  readonly seekMs: number;
  readonly peakMb: number;
}

/** Opens the log in a process of its own, from the disk. Its code comes compiled, as in a gateway: compiling takes memory. */
async function opened(data: string): Promise<Opened> {
  await forget(data);
  const child = fileURLToPath(new URL('./open-child.ts', import.meta.url));
  const env = { NODE_COMPILE_CACHE: path.join(data, 'compiled') };
  const { stdout } = await run(process.execPath, [child, data], { env });
  return JSON.parse(stdout.toString('utf8')) as Opened;
}

/** A busy machine does not decide: the quickest of at most three. */
async function quickest(open: () => Promise<Opened>): Promise<Opened> {
  let best = await open();
  for (let again = 0; again < 2 && best.openMs >= openLimitMs; again++) {
    const next = await open();
    if (next.openMs < best.openMs) best = next;
  }
  return best;
}

/** As a kill leaves it: the last recovery point lies 32 MiB back, a batch is cut off, and zeros stand ahead. */
function leaveAsKilled(data: string, lastBase: number): void {
  const points = new Map([['samples', lastBase]]);
  writeCheckpoint(realDisk, path.join(data, 'log', 'recovery-point-offset-checkpoint'), points);
  const last = segmentFile(topicFolder(path.join(data, 'log'), 'samples'), lastBase, 'log');
  const end = Math.min(32 * 1024 * 1024, statSync(last).size) - 1;
  truncateSync(last, end);
  truncateSync(last, end + 4 * 1024 * 1024);
}

test(`${wantedBytes / GIB} GiB open in less than 2 s with little memory, after a clean stop and after a kill`, async () => {
  const data = mkdtempSync(path.join(tmpdir(), 'millrace-large-'));
  try {
    const { bytes, segments, end, lastBase } = makeLargeLog(data, possibleBytes(tmpdir(), wantedBytes));
    figure('GiB on disk', bytes / GIB);
    figure('segments', segments);
    // The first one compiles.
    await opened(data);
    const clean = await quickest(() => opened(data));
    const killed = await quickest(() => {
      leaveAsKilled(data, lastBase);
      return opened(data);
    });

    for (const [how, one] of Object.entries({ clean, killed })) {
      figure(`${how}: opened in ms`, one.openMs);
      figure(`${how}: MB of the process, most ever`, one.peakMb);
      figure(`${how}: one read at a random place, ms, median`, one.seekMs);
      expect(one.wrong).toBe(0);
      expect(one.openMs).toBeLessThan(openLimitMs);
      expect(one.peakMb).toBeLessThan(memoryLimitMb);
    }
    expect(clean.end).toBe(end);
    expect(killed.end).toBeGreaterThan(lastBase);
    expect(killed.end).toBeLessThan(end);
    if (bytes < wantedBytes * 0.95) figure('less than wanted, as the disk has no more room: GiB', bytes / GIB);
  } finally {
    rmSync(data, { recursive: true });
  }
}, 600_000);
