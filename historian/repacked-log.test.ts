import { expect, test } from 'vitest';
import { systemClock } from '../edge/core/clock.ts';
import { realDisk } from '../edge/core/disk.ts';
import { LogFolder } from '../edge/core/kit/log-kit.ts';
import { repackAll } from '../edge/core/repack/repack-kit.ts';
import { Follower } from './follow/follower.ts';
import { batchOf, double, EVER, lineOf, LOG, samplesOf, T0 } from './kit/history-kit.ts';
import { SharedProgress } from './follow/shared-progress.ts';
import { Store } from './store/store.ts';

const TAG = 'northmill/a';
const SAMPLES = 20_000;

/** A log of batches of four; what a historian has stored of it that is stopped on the way, while the log is repacked, and goes on. */
async function stored(repacked: boolean): Promise<string[]> {
  using folder = new LogFolder();
  const { writer, ends } = folder.open({ segmentBytes: 200_000 });
  const requests = Array.from({ length: SAMPLES / 4 }, (_, i) => {
    const samples = [0, 1, 2, 3].map((k) => double(TAG, 4 * i + k, (4 * i + k) / 8));
    return { topic: 'samples', batch: batchOf(samples, 0, T0 / 1000 + i), records: 4 };
  });
  for (let i = 0; i < requests.length; i += 500) writer.append(requests.slice(i, i + 500));
  const open = (): { readonly store: Store; readonly follower: Follower } => {
    const clock = systemClock();
    const store = new Store({ folder: `${folder.data}/historian`, log: LOG, clock });
    store.open();
    const shared = SharedProgress.create(['samples']);
    const follower = new Follower({ store, logFolder: folder.log, ends, topics: ['samples'], clock, shared });
    follower.open();
    return { store, follower };
  };

  const first = open();
  for (let i = 0; i < 2; i++) await first.follower.step();
  await first.store.flush();
  await first.store.close();
  const half = first.store.savedPosition('samples');
  expect([half > 0, half < SAMPLES, half % 1000 !== 0]).toEqual([true, true, true]);
  const outcomes = repacked ? Object.values(repackAll(realDisk, folder.log, writer)) : ['ready'];
  expect(new Set(outcomes)).toEqual(new Set(['ready']));
  const second = open();
  expect(second.store.progress('samples').position).toBe(half);
  while (await second.follower.step());
  const lines = samplesOf(second.store, { tag: TAG, ...EVER }).map(lineOf);
  await second.store.close();
  writer.close();
  return lines;
}

test('a historian that goes on in the middle of a batch that was merged stores each sample once, as it would have', async () => {
  const lines = await stored(true);
  expect(lines).toHaveLength(SAMPLES);
  expect(lines).toEqual(await stored(false));
});
