import { describe, expect, test } from 'vitest';
import type { Clock } from '../../edge/core/clock.ts';
import type { Fault } from '../../edge/core/fault.ts';
import {
  applyAll,
  batchOf,
  double,
  EVER,
  LOG,
  pageOf,
  samplesOf,
  T0,
  type Tagged,
  TestFolder,
} from '../kit/history-kit.ts';
import { tagPage } from '../queries/query.ts';
import { Store } from './store.ts';
import type { StoreOptions } from './store-options.ts';

const TAG = 'northmill/a';
const DAY_MS = 86_400_000;
const START_MS = T0 / 1000;

const report = (fault: Fault): void => expect.fail(fault.message);
/** So many samples of a tag, all of the first day. */
const firstDay = (tag: string, count: number): Tagged[] =>
  Array.from({ length: count }, (_, i) => onDay(i / 1000, i, tag));

class World implements Disposable {
  nowMs = START_MS;
  readonly folder = new TestFolder();
  readonly store: Store;
  private readonly ends = new Map<string, number>();

  constructor(retentionDays: Readonly<Record<string, number>>, more: Partial<StoreOptions> = {}) {
    const clock: Clock = { nowMs: () => this.nowMs, nowUs: () => this.nowMs * 1000, monotonicMs: () => 0 };
    const retentionMs = Object.fromEntries(
      Object.entries(retentionDays).map(([topic, days]) => [topic, days * DAY_MS]),
    );
    this.store = new Store({ folder: this.folder.file('historian'), log: LOG, clock, retentionMs, report, ...more });
    this.store.open();
  }

  /** What comes on a day, counted from the start, written out. */
  async day(day: number, samples: readonly Tagged[], topic = 'samples'): Promise<void> {
    this.nowMs = START_MS + day * DAY_MS;
    const base = this.ends.get(topic) ?? 0;
    await applyAll(this.store, [batchOf(samples, base, this.nowMs)], topic);
    this.ends.set(topic, base + samples.length);
    await this.store.flush();
    await this.store.settled();
  }

  async expire(day: number): Promise<void> {
    this.nowMs = START_MS + day * DAY_MS;
    this.store.expire(this.nowMs);
    await this.store.settled();
  }

  values(tag = TAG): unknown[] {
    return samplesOf(this.store, { tag, ...EVER }).map(({ value }) => value);
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}

const onDay = (day: number, value: number, tag = TAG): Tagged => double(tag, day * 86_400, value);

describe('retention', () => {
  test('gives up what is older than it is kept, by the later of its time and its arrival', async () => {
    using world = new World({ samples: 10 });
    const { store } = world;
    await world.day(0, [onDay(0, 1), onDay(30, 2, 'northmill/ahead')]);
    await world.day(1, [onDay(1, 3)]);
    // Late by half a month: it came on day 8, and stays until day 18.
    await world.day(8, [onDay(-7, 4)]);
    await world.expire(10.5);
    expect(world.values()).toEqual([4, 3]);
    expect(world.values('northmill/ahead')).toEqual([2]);
    await world.expire(12);
    expect(world.values()).toEqual([4]);
    await world.expire(18.5);
    expect(world.values()).toEqual([]);
    expect(world.values('northmill/ahead')).toEqual([2]);
    expect(store.samples).toBe(4);
    await world.expire(40.5);
    expect(world.values('northmill/ahead')).toEqual([]);
    expect(store.manifest.files.reduce((sum, { samples }) => sum + samples, 0)).toBe(0);
    await store.close();
  });

  test('says that it has expired, how much and when it was, and stays counted', async () => {
    using world = new World({ samples: 10 });
    const { store } = world;
    await world.day(0, [onDay(0, 1), onDay(0.5, 2)]);
    await world.day(9, [onDay(9, 3)]);
    await world.expire(15);
    const gap = { reason: 'expired', fromUs: T0, toUs: T0 + 43_200e6 + 1, samples: 2 };
    expect(pageOf(store, { tag: TAG, ...EVER }).gaps).toMatchObject([gap]);
    await world.expire(30);
    const view = store.pin();
    expect(tagPage(view)).toEqual([{ tag: TAG, samples: 3, firstUs: 0, lastUs: -1 }]);
    view.release();
    const { damaged } = store;
    await store.close();
    const again = new Store({ folder: world.folder.file('historian'), log: LOG });
    again.open();
    expect(pageOf(again, { tag: TAG, ...EVER }).gaps).toMatchObject([{ reason: 'expired', samples: 3 }]);
    expect([again.samples, damaged]).toEqual([3, []]);
    await again.close();
  });

  test('is of each topic: bulk goes first, critical last; a file of both is written again when half of it has expired', async () => {
    using world = new World({ samples: 20, 'samples.bulk': 5, 'samples.critical': 80 });
    const { store } = world;
    await applyAll(store, [batchOf(firstDay('northmill/bulk', 50), 0, START_MS)], 'samples.bulk');
    await applyAll(store, [batchOf(firstDay('northmill/critical', 5), 0, START_MS)], 'samples.critical');
    await world.day(0, firstDay(TAG, 5));
    const [before] = store.manifest.files;
    await world.expire(6);
    expect([world.values('northmill/bulk').length, world.values().length]).toEqual([0, 5]);
    expect(store.manifest.files).toMatchObject([{ samples: 10, writtenMs: START_MS }]);
    expect(store.manifest.files[0]?.bytes).toBeLessThan(before?.bytes ?? 0);
    await world.expire(21);
    expect([world.values().length, world.values('northmill/critical').length]).toEqual([0, 5]);
    await world.expire(81);
    expect(world.values('northmill/critical')).toEqual([]);
    await store.close();
  });

  test('does not show again what a correction replaced when the correction has expired', async () => {
    using world = new World({ samples: 10 });
    const { store } = world;
    await world.day(0, [onDay(0, 1), onDay(3, 0, 'northmill/b')]);
    await world.day(1, [double(TAG, 0, 2, { flags: 16 })]);
    expect(world.values()).toEqual([2]);
    await world.expire(11.5);
    expect(world.values()).toEqual([]);
    await store.close();
  });
});

describe('room on the disk', () => {
  test('too little of it for a merge: that is said once, nothing is merged, and it goes on when there is room', async () => {
    const faults: string[] = [];
    let freeBytes = 100;
    const tell = (fault: Fault): void => void faults.push(fault.detail);
    using world = new World({}, { report: tell, freeBytes: () => freeBytes });
    for (let i = 0; i < 12; i++) await world.day(i, [onDay(i, i)]);
    expect([world.store.manifest.files.length, faults]).toEqual([12, ['Merge: 100 bytes free are too few.']]);
    freeBytes = 1e9;
    await world.day(12, [onDay(12, 12)]);
    expect(world.store.manifest.files).toHaveLength(1);
    expect(world.values()).toHaveLength(13);
    await world.store.close();
  });
});
