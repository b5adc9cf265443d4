import { expect, test } from 'vitest';
import { Supervisor } from './supervise.ts';

/** A part that ends when it is told to. */
function partOf() {
  let ends: PromiseWithResolvers<void>[] = [];
  return {
    runs: () => ends.length,
    fail: (error: Error) => ends.at(-1)?.reject(error),
    part: {
      run() {
        const end = Promise.withResolvers<void>();
        ends = [...ends, end];
        return end.promise;
      },
      stop() {
        ends.at(-1)?.resolve();
        return Promise.resolve();
      },
    },
  };
}

test('a part that ends unexpectedly is started again, each time after a longer pause', async () => {
  const { part, runs, fail } = partOf();
  const told: [string, number][] = [];
  const onRestart = (error: unknown, pauseMs: number): void => void told.push([String(error), pauseMs]);
  const supervisor = new Supervisor({ name: 'part', part, onRestart, firstPauseMs: 1 }).start();
  for (let run = 1; run <= 4; run++) {
    await expect.poll(runs).toBe(run);
    fail(new Error(`run ${run}`));
  }
  await expect.poll(runs).toBe(5);
  expect(told).toEqual([
    ['Error: run 1', 1],
    ['Error: run 2', 2],
    ['Error: run 3', 4],
    ['Error: run 4', 8],
  ]);
  await supervisor.stop();
  expect(runs()).toBe(5);
});

test('stopped during a pause it ends at once and does not start the part again', async () => {
  const { part, runs, fail } = partOf();
  const told: unknown[] = [];
  const onRestart = (error: unknown): void => void told.push(error);
  const supervisor = new Supervisor({ name: 'part', part, onRestart, firstPauseMs: 60_000 }).start();
  fail(new Error('lost'));
  await expect.poll(() => told.length).toBe(1);
  await supervisor.stop();
  expect(runs()).toBe(1);
});

test('stopped before it was started it does nothing', async () => {
  const { part, runs } = partOf();
  await new Supervisor({ name: 'part', part, onRestart: () => undefined }).stop();
  expect(runs()).toBe(0);
});
