import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Pacing } from './pacing.ts';

const tick = 50_000;
const minute = 60e6;

/** Asks every tick until then; answers the last target. */
function askUntil(pacing: Pacing, fromUs: number, toUs: number): number {
  let target = Number.NaN;
  for (let wall = fromUs; wall <= toUs; wall += tick) target = pacing.targetUs(wall);
  return target;
}

describe('pacing', () => {
  test('an hour of the past at 60 times real time takes 61 seconds, then it is real time', () => {
    const pacing = new Pacing(0, 60);
    expect(pacing.targetUs(60 * minute)).toBe(0);
    expect(askUntil(pacing, 60 * minute, 60.5 * minute)).toBeCloseTo(30 * minute, 3);
    expect(pacing.caughtUp).toBe(false);
    expect(askUntil(pacing, 60.5 * minute, 61 * minute)).toBeLessThan(61 * minute);
    expect(pacing.caughtUp).toBe(false);
    expect(askUntil(pacing, 61 * minute, 62 * minute)).toBe(62 * minute);
    expect(pacing.caughtUp).toBe(true);
    expect(askUntil(pacing, 62 * minute, 70 * minute)).toBe(70 * minute);
  });

  test('after a pause of the machine it catches up at the same speed; it stays caught up for those who ask', () => {
    const pacing = new Pacing(0, 10);
    askUntil(pacing, 0, minute);
    expect(pacing.targetUs(5 * minute)).toBe(minute + 10 * 250_000);
    expect(pacing.caughtUp).toBe(true);
    expect(askUntil(pacing, 5 * minute + tick, 6 * minute)).toBe(6 * minute);
  });

  test('simulated time never goes back, never leaps, and never passes the furthest that the wall clock has shown', () => {
    const jumps = fc.array(fc.integer({ min: -5 * minute, max: 5 * minute }), { maxLength: 50 });
    fc.assert(
      fc.property(jumps, fc.integer({ min: 2, max: 100 }), (moves, speed) => {
        let wall = 100 * minute;
        let highest = wall;
        let last = 40 * minute;
        const pacing = new Pacing(last, speed);
        pacing.targetUs(wall);
        for (const move of moves) {
          wall += move;
          highest = Math.max(highest, wall);
          const target = pacing.targetUs(wall);
          expect(target).toBeGreaterThanOrEqual(last);
          expect(target - last).toBeLessThanOrEqual(250_000 * speed);
          expect(target).toBeLessThanOrEqual(highest);
          last = target;
        }
      }),
    );
  });
});
