import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { realDisk } from '../../edge/core/disk.ts';
import { Log } from '../../edge/core/log.ts';
import { listSegments, segmentFile, topicFolder } from '../../edge/core/segment-files.ts';
import { knownBatch } from './known-batches.ts';

/** Makes the log of a data folder as a gateway of some age has it: several segments of `samples`, the first one lost to retention, and then a restore or two, each of which raises the epoch. */
export async function giveAge(dataFolder: string, epoch = 0): Promise<void> {
  const options = { dataFolder, budgetBytes: 1e12, nowMs: Date.now(), segmentBytes: 40_000 };
  const log = new Log(options);
  await log.open(() => undefined);
  const producer = log.producer();
  for (let number = 0; number < 400; number++) {
    // 20 minutes from batch to batch: older than what a broker keeps by default.
    const timeMs = Date.now() - (24 * 10 * 3600 - 1200 * number) * 1000;
    const { bytes, records } = knownBatch({ run: 1, producer: 0, number }, timeMs);
    await producer.append('samples', bytes, records);
  }
  producer.close();
  await log.close();
  const folder = topicFolder(log.folder, 'samples');
  const [first = 0, second = 0] = listSegments(realDisk, folder);
  for (const kind of ['index', 'timeindex', 'log'] as const) rmSync(segmentFile(folder, first, kind));
  const starts = path.join(log.folder, 'log-start-offset-checkpoint');
  const text = readFileSync(starts, 'utf8');
  assert(text.includes('samples 0 0\n'));
  writeFileSync(starts, text.replace('samples 0 0\n', `samples 0 ${second}\n`));
  const identity = path.join(log.folder, 'millrace.json');
  writeFileSync(identity, readFileSync(identity, 'utf8').replace('"epoch":0', `"epoch":${epoch}`));
}
