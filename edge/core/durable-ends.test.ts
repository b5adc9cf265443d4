import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { DurableEnds } from './durable-ends.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Whether a promise is resolved when everything that is ready has run. */
async function isResolved(promise: Promise<void>): Promise<boolean> {
  const yes = promise.then(() => true);
  for (let turn = 0; turn < 20; turn++) await nextTurn();
  return Promise.race([yes, Promise.resolve(false)]);
}

describe('ends', () => {
  test('begin at 0, and are the same for everybody who shares them', () => {
    const ends = DurableEnds.create(['a', 'b']);
    const other = new DurableEnds(structuredClone(ends.shared));
    expect([other.topics, other.start('b'), other.end('b')]).toEqual([['a', 'b'], 0, 0]);
    ends.publish('b', 2 ** 52, 7);
    ends.publish('a', 5);
    expect([other.start('a'), other.end('a'), other.start('b'), other.end('b')]).toEqual([0, 5, 7, 2 ** 52]);
  });

  test('never decrease, and are of known topics', () => {
    const ends = DurableEnds.create(['a']);
    ends.publish('a', 5);
    ends.publish('a', 5);
    expect(() => ends.publish('a', 4)).toThrow('decreases');
    expect(() => ends.end('b')).toThrow('no durable end');
    expect(ends.end('a')).toBe(5);
  });
});

describe('waiting', () => {
  test('ends with a notice, not before', async () => {
    const ends = DurableEnds.create(['a']);
    const seen = ends.current();
    const waiting = ends.changed(seen);
    expect(await isResolved(waiting)).toBe(false);
    ends.publish('a', 1);
    expect(await isResolved(waiting)).toBe(false);
    ends.notify();
    await waiting;
    expect(ends.current()).not.toBe(seen);
  });

  test('is over at once where the notice came before', async () => {
    const ends = DurableEnds.create(['a']);
    const seen = ends.current();
    ends.notify();
    await ends.changed(seen);
    expect(await isResolved(ends.changed(ends.current()))).toBe(false);
    ends.notify();
  });

  test('wakes all who wait in one thread, with one waiter', async () => {
    const waits = vi.spyOn(Atomics, 'waitAsync');
    const ends = DurableEnds.create(['a']);
    const seen = ends.current();
    const all = Promise.all(Array.from({ length: 100 }, () => ends.changed(seen)));
    ends.notify();
    await all;
    expect(waits).toHaveBeenCalledTimes(1);
    expect(waits.mock.calls[0]).toHaveLength(3);
  });

  test('does not end early for one who begins while others are being woken', async () => {
    const ends = DurableEnds.create(['a']);
    const first = ends.changed(ends.current());
    ends.notify();
    const second = ends.changed(ends.current());
    await first;
    expect(await isResolved(second)).toBe(false);
    ends.notify();
    await second;
  });

  test('that a notice overtakes leaves no waiter behind that is done for ever', async () => {
    const ends = DurableEnds.create(['a']);
    const original = Atomics.waitAsync.bind(Atomics);
    // The writer, in another thread, notifies between our look at the generation and our wait.
    vi.spyOn(Atomics, 'waitAsync').mockImplementationOnce((...args: Parameters<typeof Atomics.waitAsync>) => {
      ends.notify();
      return original(...args);
    });
    await ends.changed(ends.current());
    const later = ends.changed(ends.current());
    expect(await isResolved(later)).toBe(false);
    ends.notify();
    await later;
  });

  test('ends with an abort and a wake, for the one who was aborted; the waiter stays for the others', async () => {
    const waits = vi.spyOn(Atomics, 'waitAsync');
    const ends = DurableEnds.create(['a']);
    const seen = ends.current();
    for (let i = 0; i < 100; i++) {
      const end = new AbortController();
      const aborted = ends.changed(seen, end.signal);
      end.abort();
      ends.wake();
      await aborted;
      await ends.changed(seen, end.signal);
    }
    const other = ends.changed(seen);
    ends.wake();
    expect(await isResolved(other)).toBe(false);
    expect(waits).toHaveBeenCalledTimes(1);
    ends.notify();
    await other;
    const later = ends.changed(ends.current());
    expect(await isResolved(later)).toBe(false);
    ends.notify();
    await later;
  });
});

/** A thread that waits, posts so, and then stands still until it is let go. */
const STOPPED = `
  const { parentPort, workerData: { module, shared, lock } } = require('node:worker_threads');
  import(module).then(({ DurableEnds }) => {
    const ends = new DurableEnds(shared);
    ends.changed(ends.current()).then(() => parentPort.postMessage('woken'));
    parentPort.postMessage('waiting');
    Atomics.wait(new Int32Array(lock), 0, 0);
  });
`;

test('a reader that stands still costs the one who notifies nothing, and is woken once it goes on', async () => {
  const ends = DurableEnds.create(['a']);
  const lock = new SharedArrayBuffer(4);
  const module = new URL('./durable-ends.ts', import.meta.url).href;
  const worker = new Worker(STOPPED, { eval: true, workerData: { module, shared: ends.shared, lock } });
  try {
    expect(await once(worker, 'message')).toEqual(['waiting']);
    ends.notify();
    const before = process.memoryUsage.rss();
    for (let i = 0; i < 2_000_000; i++) ends.notify();
    expect(process.memoryUsage.rss() - before).toBeLessThan(10_000_000);
    Atomics.store(new Int32Array(lock), 0, 1);
    Atomics.notify(new Int32Array(lock), 0);
    expect(await once(worker, 'message')).toEqual(['woken']);
  } finally {
    await worker.terminate();
  }
});
