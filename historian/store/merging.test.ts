import { describe, expect, test } from 'vitest';
import { HandClock } from '../../edge/core/retention/clock-kit.ts';
import { Fault } from '../../edge/core/fault.ts';
import { waitFor } from '../../test/services/wait.ts';
import { SeriesIndex } from '../files/series-index.ts';
import type { StoredFile } from '../files/file.ts';
import { applyAll, batchOf, double, LOG, TestFolder } from '../kit/history-kit.ts';
import { type LeftOut, type MergeHost, Merging } from './merging.ts';
import { Store } from './store.ts';
import { HURRY_FILES, type Rewrite, TIER_FILES } from './upkeep.ts';

/** A file that counts who holds it. */
class Held {
  references = 1;
  damaged = false;

  retain(): void {
    this.references++;
  }

  release(): void {
    this.references--;
  }
}

/** A store whose files are written when the test says so. */
class Host implements MergeHost {
  readonly clock = new HandClock(0);
  readonly files = [new Held(), new Held()];
  readonly faults: string[] = [];
  readonly replaced: (readonly [inputs: number, written: unknown, leftOut: number])[] = [];
  readonly written = new Held();
  /** What is to be rewritten. */
  readonly rewrites: Rewrite['why'][] = [];
  /** Ends the write that is under way. */
  readonly writes: PromiseWithResolvers<StoredFile>[] = [];
  readonly set: MergeHost['set'] = {
    series: new SeriesIndex(),
    topics: { names: [] } as unknown as MergeHost['set']['topics'],
    leaveOut: () => ({ hidden: () => [], expired: [], erased: 0 }),
    write: () => {
      const write = Promise.withResolvers<StoredFile>();
      this.writes.push(write);
      return write.promise;
    },
  };

  next(): Rewrite | undefined {
    const why = this.rewrites[0];
    return why === undefined ? undefined : { why, inputs: this.files as unknown as StoredFile[] };
  }

  isBehind(): boolean {
    return true;
  }

  replace(inputs: readonly StoredFile[], written: StoredFile, leftOut: readonly LeftOut[]): void {
    this.rewrites.shift();
    this.replaced.push([inputs.length, written, leftOut.length]);
  }

  failed({ detail }: Fault): void {
    this.faults.push(detail);
  }

  get references(): number[] {
    return this.files.map(({ references }) => references);
  }

  finish(): void {
    this.writes.at(-1)?.resolve(this.written as unknown as StoredFile);
  }

  /** When so many writes have begun. */
  async begun(writes: number): Promise<void> {
    while (this.writes.length < writes) await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('rewriting in the background', () => {
  test('goes on until nothing is left to be rewritten; files are held while they are read, and no longer', async () => {
    const host = new Host();
    const merging = new Merging(host);
    merging.start();
    expect(merging.active).toBe(false);
    host.rewrites.push('merge', 'expire');
    merging.start();
    // It is under way already.
    merging.start();
    expect([merging.active, host.writes.length, host.references]).toEqual([true, 1, [2, 2]]);
    const settled = merging.settled();
    host.finish();
    await host.begun(2);
    expect([host.replaced, host.references]).toEqual([[[2, host.written, 0]], [2, 2]]);
    host.finish();
    await settled;
    expect([merging.active, host.replaced.length, host.references, host.faults]).toEqual([false, 2, [1, 1], []]);
  });

  test('that fails is told of once, and waits until it is begun again', async () => {
    const host = new Host();
    const merging = new Merging(host);
    host.rewrites.push('merge');
    merging.start();
    host.writes[0]?.reject(new Error('no space left'));
    await merging.settled();
    expect([host.faults, host.references, merging.active]).toEqual([['Merge: no space left'], [1, 1], false]);
    merging.start();
    host.writes[1]?.reject(new Fault('historian-damaged', 'block 7'));
    await merging.settled();
    expect([host.faults.length, host.faults[1], host.replaced]).toEqual([2, 'block 7', []]);
  });

  test.each([
    ['merge', true, 2, 0],
    ['expire', true, 2, 0],
    ['merge', false, 1, 1],
    // What is to be erased is in it still.
    ['erase', true, 1, 1],
  ] as const)(
    'of what turned out to be damaged (%s, damaged: %s) goes on with the others, but for an erasure',
    async (why, damaged, writes, faults) => {
      const host = new Host();
      const merging = new Merging(host);
      host.rewrites.push(why);
      merging.start();
      for (const file of host.files.slice(1)) file.damaged = damaged;
      host.writes[0]?.reject(new Fault('historian-damaged', 'block 7'));
      if (writes === 2) {
        await host.begun(2);
        host.finish();
      }
      await merging.settled();
      expect([host.writes.length, host.faults.length, host.references]).toEqual([writes, faults, [1, 1]]);
    },
  );

  test('is stopped: what is under way ends, without a word, and nothing begins', async () => {
    const host = new Host();
    const merging = new Merging(host);
    host.rewrites.push('merge', 'merge');
    merging.start();
    const stopped = merging.stop();
    host.writes[0]?.reject(new Error('it was to end'));
    await stopped;
    merging.start();
    expect([merging.active, host.writes.length, host.faults, host.references]).toEqual([false, 1, [], [1, 1]]);
    await expect(merging.exclusively(() => Promise.resolve())).rejects.toThrow('aborted');
    const again = new Merging(host);
    again.start();
    const ending = again.stop();
    host.finish();
    await ending;
    expect([host.replaced.length, host.writes.length]).toEqual([1, 2]);
  });
});

/** A clock that has gone on by a second whenever it is looked at: each piece of work is a long one. */
class RestlessClock extends HandClock {
  override monotonicMs(): number {
    this.pass(1000);
    return super.monotonicMs();
  }
}

describe('the share of the thread', () => {
  test('is a quarter, until somebody waits or merging is far behind', async () => {
    using folder = new TestFolder();
    const store = new Store({ folder: folder.path, log: LOG, clock: new RestlessClock(0) });
    store.open();
    let offset = 0;
    const addFiles = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        const samples = Array.from({ length: 500 }, (_, tag) => double(`northmill/${tag}`, offset, tag));
        await applyAll(store, [batchOf(samples, offset)]);
        offset += samples.length;
        await store.flush();
      }
    };
    const files = (): number => store.manifest.files.length;
    // 500 tags, and a rest of 100 ms behind each.
    await addFiles(TIER_FILES + 1);
    for (let turn = 0; turn < 500; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(files()).toBe(TIER_FILES + 1);
    const beganMs = performance.now();
    await store.settled();
    expect([files(), performance.now() - beganMs]).toEqual([1, expect.toSatisfy((ms: number) => ms < 25_000)]);
    await addFiles(TIER_FILES + 1);
    for (let turn = 0; turn < 500; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(files()).toBeGreaterThan(TIER_FILES);
    await addFiles(HURRY_FILES - files());
    await waitFor('the files to be merged', () => files() < HURRY_FILES, 25_000);
    await store.close();
  });
});

describe('what no file may be rewritten during', () => {
  test('waits for what is under way and for each other, and what there is to be rewritten waits for it', async () => {
    const host = new Host();
    const merging = new Merging(host);
    host.rewrites.push('merge');
    merging.start();
    const steps: string[] = [];
    const [first, second] = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
    const both = [first, second].map(({ promise }, i) =>
      merging.exclusively((signal) => {
        steps.push(`${i} begins, ${signal.aborted ? 'to end' : 'not to end'}`);
        return promise;
      }),
    );
    await host.begun(1);
    expect(steps).toEqual([]);
    host.finish();
    while (steps.length < 1) await new Promise((resolve) => setImmediate(resolve));
    host.rewrites.push('merge');
    merging.start();
    expect([steps, host.writes.length, merging.active]).toEqual([['0 begins, not to end'], 1, true]);
    first.reject(new Error('the first one failed'));
    await expect(both[0]).rejects.toThrow('the first one failed');
    // What is to be rewritten is begun again, and done, before the other one.
    await host.begun(2);
    host.finish();
    second.resolve(7);
    expect(await both[1]).toBe(7);
    expect([steps.length, merging.active, host.writes.length]).toEqual([2, false, 2]);
  });

  test('is told to end when it is stopped, and waited for', async () => {
    const host = new Host();
    const merging = new Merging(host);
    let ended = false;
    const working = merging.exclusively(
      (signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => setImmediate(() => resolve((ended = true))));
        }),
    );
    host.rewrites.push('merge');
    await merging.stop();
    expect([ended, await working, host.writes.length]).toEqual([true, true, 0]);
  });
});
