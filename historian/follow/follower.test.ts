import { crc32c } from '@node-rs/crc32';
import { describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../edge/core/clock.ts';
import type { DurableEnds } from '../../edge/core/durable-ends.ts';
import { LogFolder, type OpenLog } from '../../edge/core/kit/log-kit.ts';
import { BatchEncoder } from '../../edge/core/record-batch.ts';
import { waitFor } from '../../test/services/wait.ts';
import { Follower } from './follower.ts';
import { batchOf, double, EVER, LOG, pageOf, samplesOf, T0, type Tagged } from '../kit/history-kit.ts';
import { SharedProgress } from './shared-progress.ts';
import { Store } from '../store/store.ts';
import type { StoreOptions } from '../store/store-options.ts';
import { SampleKey } from '../../edge/core/sample-key.ts';

const TAG = 'northmill/a';

interface Following {
  readonly store: Store;
  readonly follower: Follower;
  readonly shared: SharedProgress;
}

/** A store and a follower that has not yet read anything. */
function follow(folder: LogFolder, ends: DurableEnds, more: Partial<StoreOptions> = {}): Following {
  const clock = more.clock ?? systemClock();
  const store = new Store({ folder: `${folder.data}/historian`, log: LOG, clock, ...more });
  store.open();
  const shared = SharedProgress.create(['samples']);
  const follower = new Follower({ store, logFolder: folder.log, ends, topics: ['samples'], clock, shared });
  follower.open();
  return { store, follower, shared };
}

async function catchUp({ follower }: Following): Promise<void> {
  while (await follower.step());
}

function append(log: OpenLog, samples: readonly Tagged[], timestampMs = T0 / 1000): void {
  log.writer.append([{ topic: 'samples', batch: batchOf(samples, 0, timestampMs), records: samples.length }]);
}

const values = (store: Store): unknown[] => samplesOf(store, { tag: TAG, ...EVER }).map(({ value }) => value);

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

const doubles = (from: number, to: number): Tagged[] => numbers(from, to).map((i) => double(TAG, i, i));

describe('the follower', () => {
  test('brings what is durable into the store and goes on after a restart where the manifest ends, in the middle of a batch', async () => {
    using folder = new LogFolder();
    const log = folder.open();
    append(log, doubles(0, 30_000));
    append(log, doubles(30_000, 40_000));
    // So small that the memtable is full in the middle of the first batch.
    const first = follow(folder, log.ends, { memtableBytes: 700_000 });
    await catchUp(first);
    expect(first.store.savedPosition('samples')).toBe(24_544);
    expect([first.shared.applied('samples'), first.shared.saved('samples'), first.shared.samples]).toEqual([
      40_000, 24_544, 40_000,
    ]);
    await first.store.close();

    const second = follow(folder, log.ends);
    expect(second.store.progress('samples').position).toBe(24_544);
    await catchUp(second);
    expect(values(second.store)).toEqual(numbers(0, 40_000));
    await second.store.close();
    log.writer.close();
  });

  test('runs until it is stopped: follows what comes, writes out what waited five minutes and what is left at the end', async () => {
    using folder = new LogFolder();
    const log = folder.open();
    let nowMs = 0;
    const clock: Clock = { ...systemClock(), monotonicMs: () => nowMs };
    const following = follow(folder, log.ends, { clock });
    const { store, follower, shared } = following;
    const stopping = new AbortController();
    const running = follower.run(stopping.signal);

    append(log, doubles(0, 5));
    await waitFor('the samples', () => shared.applied('samples') === 5);
    append(log, doubles(5, 7));
    await waitFor('the samples', () => shared.applied('samples') === 7);
    expect(shared.saved('samples')).toBe(0);
    // Looked at once before the time has passed: the wait begins there.
    follower.wake();
    nowMs += 300_000;
    await waitFor('the write-out', () => {
      follower.wake();
      return shared.saved('samples') === 7;
    });
    append(log, doubles(7, 9));
    await waitFor('the samples', () => shared.applied('samples') === 9);
    await follower.flushSoon();
    expect(shared.saved('samples')).toBe(9);
    append(log, doubles(9, 12));
    await waitFor('the samples', () => shared.applied('samples') === 12);
    stopping.abort();
    await running;
    expect(store.savedPosition('samples')).toBe(12);
    expect(store.manifest.files.map(({ samples }) => samples)).toEqual([7, 2, 3]);
    expect(values(store)).toEqual(numbers(0, 12));
    await store.close();
    log.writer.close();
  });

  test('passes over damage in the log: counted, shown as a gap between the ingest times around it', async () => {
    using folder = new LogFolder();
    const log = folder.open();
    for (let i = 0; i < 3; i++) append(log, doubles(i * 10, i * 10 + 10), T0 / 1000 + i * 1000);
    const { length } = batchOf(doubles(0, 10), 0);
    folder.damage(0, (bytes) => {
      bytes[length + 100] = (bytes[length + 100] ?? 0) ^ 1;
    });
    const following = follow(folder, log.ends);
    await catchUp(following);
    const { store } = following;
    expect(values(store)).toEqual([...numbers(0, 10), ...numbers(20, 30)]);
    expect([store.lostRecords, store.progress('samples').position]).toEqual([10, 30]);
    expect(pageOf(store, { tag: TAG, ...EVER }).gaps).toEqual([
      {
        fromUs: T0,
        toUs: T0 + 2_001_000,
        reason: 'damage',
        samples: null,
        detail: 'Records 10 to 19 of samples.',
      },
    ]);
    await store.close();
    log.writer.close();
  });

  test('passes over damage at the very end of the log without waiting for more', async () => {
    using folder = new LogFolder();
    const log = folder.open();
    append(log, doubles(0, 10));
    append(log, doubles(10, 20));
    const { length } = batchOf(doubles(0, 10), 0);
    folder.damage(0, (bytes) => {
      bytes[length + 100] = (bytes[length + 100] ?? 0) ^ 1;
    });
    const following = follow(folder, log.ends);
    await catchUp(following);
    expect([following.store.lostRecords, following.store.progress('samples').position]).toEqual([10, 20]);
    await following.store.close();
    log.writer.close();
  });

  test('counts what the log had let go before it was read', async () => {
    using folder = new LogFolder();
    const log = folder.open({ segmentBytes: 2000, budgetBytes: 5000 });
    for (let i = 0; i < 100; i++) append(log, [double(TAG, i, i)]);
    log.writer.hold({});
    log.writer.retain();
    const start = log.ends.start('samples');
    expect(start).toBeGreaterThan(10);
    const following = follow(folder, log.ends);
    await catchUp(following);
    expect(values(following.store)).toEqual(numbers(start, 100));
    expect(following.store.lostRecords).toBe(start);
    expect(following.store.manifest.lost).toEqual([]);
    await following.store.flush();
    expect(following.store.manifest.lost).toMatchObject([{ first: 0, last: start - 1, reason: 'retention' }]);
    await following.store.close();
    log.writer.close();
  });

  test('counts records that are no samples, but for what was erased, and takes everything around them', async () => {
    using folder = new LogFolder();
    const log = folder.open();
    const key = SampleKey.of(TAG);
    const encoder = new BatchEncoder();
    encoder.addSample(key, double(TAG, 0, 0).sample);
    encoder.addRecord(null, null, [['gap', new TextEncoder().encode('{"reason":"damage","first":1,"last":1}')]]);
    encoder.addRecord(key.bytes, new Uint8Array([9, 9, 9]));
    encoder.addRecord(key.bytes, null);
    encoder.addRecord(null, new Uint8Array(0));
    encoder.addSample(new SampleKey(new Uint8Array(300).fill(0x61)), double(TAG, 1, 1).sample);
    encoder.addSample(key, double(TAG, 2, 2).sample);
    log.writer.append([{ topic: 'samples', batch: encoder.finish(T0 / 1000), records: 7 }]);
    const following = follow(folder, log.ends);
    await catchUp(following);
    const { store } = following;
    expect(values(store)).toEqual([0, 2]);
    expect([store.lostRecords, store.progress('samples').position]).toEqual([4, 7]);
    await store.flush();
    expect(store.manifest.lost.map(({ first, last, reason }) => [first, last, reason])).toEqual([
      [1, 1, 'filler'],
      [2, 2, 'malformed'],
      [4, 5, 'malformed'],
    ]);
    await store.close();
    log.writer.close();
  });

  test('refuses a log that ends before it', async () => {
    using folder = new LogFolder();
    const log = folder.open();
    append(log, doubles(0, 5));
    const following = follow(folder, log.ends);
    await catchUp(following);
    await following.store.flush();
    await following.store.close();
    expect(() => follow(folder, folder.ends())).toThrow('It holds samples up to 5, the log ends at 0.');
    log.writer.close();
  });

  test('takes a batch whose records cannot be decoded as lost, whole', async () => {
    using folder = new LogFolder();
    const log = folder.open();
    append(log, doubles(0, 3));
    const encoder = new BatchEncoder();
    encoder.addRecord(null, new Uint8Array(4));
    const batch = encoder.finish(T0 / 1000, false);
    // A record length that leads behind the batch, under a right checksum.
    batch[61] = 0x7e;
    new DataView(batch.buffer).setUint32(17, crc32c(batch.subarray(21)));
    log.writer.append([{ topic: 'samples', batch, records: 1 }]);
    append(log, doubles(4, 6));
    const following = follow(folder, log.ends);
    await catchUp(following);
    expect(values(following.store)).toEqual([0, 1, 2, 4, 5]);
    expect(following.store.lostRecords).toBe(1);
    await following.store.close();
    log.writer.close();
  });
});
