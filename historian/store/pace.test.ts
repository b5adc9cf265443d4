import { describe, expect, test } from 'vitest';
import { HandClock } from '../../edge/core/retention/clock-kit.ts';
import { SLICE_MS } from '../limits.ts';
import { Pace } from './pace.ts';

/** Timers that are to come. */
const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

/** What comes of a breath after so many ms of work: whether others had the thread, and for how long it rested. */
async function breathed(pace: Pace, signal?: AbortSignal): Promise<{ turned: boolean; restedMs: number }> {
  let turned = false;
  setImmediate(() => (turned = true));
  const beganMs = performance.now();
  await pace.breathe(signal);
  return { turned, restedMs: performance.now() - beganMs };
}

describe('work in the background', () => {
  test('goes on for 10 ms, then lets others have the thread', async () => {
    const clock = new HandClock(0);
    const pace = new Pace(clock);
    clock.pass(SLICE_MS - 1);
    expect(await breathed(pace)).toMatchObject({ turned: false });
    clock.pass(1);
    expect(await breathed(pace)).toMatchObject({ turned: true });
    // It begins anew.
    clock.pass(SLICE_MS - 1);
    expect(await breathed(pace)).toMatchObject({ turned: false });
  });

  test('rests three times as long as it worked, unless somebody waits; and at most 100 ms, whatever the clock says', async () => {
    const clock = new HandClock(0);
    let isWaitedFor = false;
    const pace = new Pace(clock, () => isWaitedFor);
    clock.pass(20);
    const rest = breathed(pace);
    // The time of the rest is not work.
    clock.pass(60);
    let { restedMs: leastMs } = await rest;
    expect(await breathed(pace)).toMatchObject({ turned: false });
    // On a busy machine some rests are longer.
    for (let tries = 0; leastMs > 75 && tries < 50; tries++) {
      clock.pass(20);
      leastMs = Math.min(leastMs, (await breathed(pace)).restedMs);
    }
    expect(leastMs).toBeGreaterThan(55);
    expect(leastMs).toBeLessThan(75);
    clock.pass(3_600_000);
    const { restedMs } = await breathed(pace);
    expect(restedMs).toBeGreaterThan(95);
    expect(restedMs).toBeLessThan(30_000);
    isWaitedFor = true;
    clock.pass(3_600_000);
    const idle = timers();
    const breath = pace.breathe();
    expect(timers()).toBe(idle);
    await breath;
  });

  test('ends when it is to, also in its rest, and not in the middle of 10 ms', async () => {
    const clock = new HandClock(0);
    const pace = new Pace(clock, () => false);
    const aborted = AbortSignal.abort(new Error('it is to end'));
    await pace.breathe(aborted);
    clock.pass(SLICE_MS);
    await expect(pace.breathe(aborted)).rejects.toThrow('it is to end');
    const ending = new AbortController();
    const idle = timers();
    const resting = pace.breathe(ending.signal);
    expect(timers()).toBe(idle + 1);
    ending.abort();
    expect(timers()).toBe(idle);
    await expect(resting).rejects.toThrow('aborted');
    // It is to end while others have the thread.
    const turning = new AbortController();
    const waitedFor = new Pace(clock);
    clock.pass(SLICE_MS);
    const turn = waitedFor.breathe(turning.signal);
    turning.abort();
    await expect(turn).rejects.toThrow('aborted');
  });
});
