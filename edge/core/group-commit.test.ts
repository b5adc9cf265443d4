import { describe, expect, test } from 'vitest';
import type { FaultMessage } from './fault.ts';
import { GroupCommit } from './group-commit.ts';
import { LogFolder, numbered } from './kit/log-kit.ts';
import { createRing, RingInlet } from './ring.ts';
import { COMMIT_GROUP_BYTES } from './segment-files.ts';
import { systemError, TracedDisk } from './kit/traced-disk.ts';

const TOPICS = ['samples', 'derived'];
const SAMPLES = 0;
const DERIVED = 1;

/** A writer over a folder, and groups over its rings, with a clock that moves when it is told to. */
class Kit implements Disposable {
  readonly folder = new LogFolder();
  readonly disk = new TracedDisk();
  readonly ends = this.folder.ends(TOPICS);
  readonly writer = this.folder.writer({ disk: this.disk }, this.ends);
  readonly faults: FaultMessage[] = [];
  readonly pauses: number[] = [];
  nowMs = 1000;
  readonly groups: GroupCommit;

  constructor() {
    this.writer.open();
    const pause = (ms: number): void => {
      this.pauses.push(ms);
      this.nowMs += ms;
    };
    this.groups = new GroupCommit(this.writer, { now: () => this.nowMs, pause }, (fault) => this.faults.push(fault));
  }

  /** A ring that the groups take from; `answers` are gathered in order. */
  ring(id: number): { put: (topic: number, size?: number) => void; answers: () => number[] } {
    const memory = createRing();
    const inlet = new RingInlet(memory);
    const answers: number[] = [];
    this.groups.add(id, memory);
    return {
      put: (topic, size = 100) => inlet.put(topic, numbered(0, 1, { size }), 1),
      answers: () => {
        inlet.settle((answer) => answers.push(answer));
        return answers;
      },
    };
  }

  /** Names of topics that were synced since the last call. */
  synced(): string[] {
    const calls = this.disk.calls.splice(0).filter(({ op, file }) => op === 'sync' && file.endsWith('.log'));
    return calls.map(({ path }) => TOPICS.find((topic) => path.includes(`/${topic}-0/`)) ?? path);
  }

  [Symbol.dispose](): void {
    this.disk.closeAll();
    this.folder[Symbol.dispose]();
  }
}

describe('a commit group', () => {
  test('takes what lies in all rings, with one sync, and answers in order', () => {
    using kit = new Kit();
    const [one, two] = [kit.ring(1), kit.ring(2)];
    for (let i = 0; i < 3; i++) one.put(SAMPLES);
    two.put(SAMPLES);
    kit.synced();
    expect(kit.groups.commit()).toBe(true);
    expect([one.answers(), two.answers(), kit.synced()]).toEqual([[0, 1, 2], [3], ['samples']]);
    expect([kit.groups.isWaiting, kit.groups.commit(), kit.ends.end('samples')]).toEqual([false, false, 4]);
  });

  test('has a place for each producer: one that is always full does not keep the others out', () => {
    using kit = new Kit();
    const [greedy, modest] = [kit.ring(1), kit.ring(2)];
    for (let i = 0; i < 8; i++) greedy.put(SAMPLES, 500_000);
    for (let i = 0; i < 4; i++) modest.put(SAMPLES, 400_000);
    kit.groups.commit();
    expect(modest.answers()).toHaveLength(4);
    const [first] = [greedy.answers().length];
    expect(first * 500_000).toBeGreaterThan(COMMIT_GROUP_BYTES / 2);
    expect(first * 500_000 + 1_600_000).toBeLessThanOrEqual(COMMIT_GROUP_BYTES);
    kit.groups.commit();
    expect(greedy.answers()).toHaveLength(8);
  });

  test('begins some time behind the last; the first, and one after a pause, at once', () => {
    using kit = new Kit();
    const ring = kit.ring(1);
    ring.put(SAMPLES);
    kit.groups.commit();
    ring.put(SAMPLES);
    kit.groups.commit();
    kit.nowMs += 5;
    ring.put(SAMPLES);
    kit.groups.commit();
    expect(kit.pauses).toEqual([0.15]);
    expect(ring.answers()).toHaveLength(3);
  });

  test('that cannot become durable is refused, with the reason told first', () => {
    using kit = new Kit();
    const ring = kit.ring(1);
    kit.disk.before = ({ op, file }) => {
      if (op === 'sync' && file.endsWith('.log')) throw systemError('EIO');
    };
    ring.put(SAMPLES);
    ring.put(DERIVED);
    kit.groups.commit();
    ring.put(SAMPLES);
    kit.nowMs += 1;
    kit.groups.commit();
    expect(kit.faults[0]).toMatchObject({ code: 'log-write-failed' });
    expect(ring.answers()).toEqual([-1, -1, -1]);
  });
});

describe('lazy topics', () => {
  test('are written at once and synced 50 ms later, together; until then nothing of them is answered or visible', () => {
    using kit = new Kit();
    const ring = kit.ring(1);
    kit.synced();
    for (let i = 0; i < 5; i++) {
      ring.put(DERIVED);
      kit.groups.commit();
      kit.nowMs += 5;
    }
    expect([ring.answers(), kit.synced(), kit.ends.end('derived')]).toEqual([[], [], 0]);
    kit.nowMs += kit.groups.lazyDueMs;
    expect(kit.groups.commit()).toBe(true);
    expect([ring.answers(), kit.synced(), kit.ends.end('derived')]).toEqual([[0, 1, 2, 3, 4], ['derived'], 5]);
    expect(kit.groups.lazyDueMs).toBe(Infinity);
  });

  test('do not hold up others of other rings', () => {
    using kit = new Kit();
    const [one, two] = [kit.ring(1), kit.ring(2)];
    kit.synced();
    one.put(DERIVED);
    two.put(SAMPLES);
    kit.groups.commit();
    expect([one.answers(), two.answers(), kit.synced()]).toEqual([[], [0], ['samples']]);
  });

  test('are synced at once where a batch of the same producer waits behind them, and where much does', () => {
    using kit = new Kit();
    const ring = kit.ring(1);
    kit.synced();
    ring.put(SAMPLES);
    ring.put(DERIVED);
    kit.groups.commit();
    expect([ring.answers(), kit.synced()]).toEqual([[0], ['samples']]);
    ring.put(SAMPLES);
    kit.groups.commit();
    expect([ring.answers(), kit.synced().toSorted()]).toEqual([
      [0, 0, 1],
      ['derived', 'samples'],
    ]);
    for (let i = 0; i < 3; i++) ring.put(DERIVED, 400_000);
    kit.groups.commit();
    expect([ring.answers(), kit.synced()]).toEqual([[0, 0, 1, 1, 2, 3], ['derived']]);
  });

  test('are synced also while nothing is taken', () => {
    using kit = new Kit();
    const ring = kit.ring(1);
    ring.put(DERIVED);
    kit.groups.commit();
    ring.put(SAMPLES);
    expect(kit.groups.settle()).toBe(false);
    kit.nowMs += 50;
    expect(kit.groups.settle()).toBe(true);
    expect([ring.answers(), kit.groups.isWaiting]).toEqual([[0], true]);
  });

  test('are durable at a clean stop, and when their producer has ended', () => {
    using kit = new Kit();
    const [one, two] = [kit.ring(1), kit.ring(2)];
    one.put(DERIVED);
    kit.groups.commit();
    kit.groups.release(1);
    two.put(DERIVED);
    kit.groups.close();
    expect([two.answers(), kit.ends.end('derived')]).toEqual([[1], 2]);
  });
});
