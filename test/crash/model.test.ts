import { describe, expect, test } from 'vitest';
import { type Counts, Life } from './life.ts';

/** Lives one life to its end. */
function live(seed: number): Counts {
  const life = new Life({ seed, meddling: true });
  try {
    for (let i = 0; i < 120; i++) life.step();
    life.finish();
  } catch (error) {
    throw new Error(`seed ${seed}: ${String(error)}\n${life.trace.slice(-60).join('\n')}`, { cause: error });
  }
  return life.counts;
}

describe('a log and what it promised, side by side', () => {
  const seeds = Number(process.env['MILLRACE_MODEL_SEEDS'] ?? 400);

  test(`${seeds} random lives: what was acknowledged is there, in order, and nothing else; a failure is final`, () => {
    const sums: Counts = {};
    for (let seed = 1; seed <= seeds; seed++)
      for (const [what, count] of Object.entries(live(seed))) sums[what] = (sums[what] ?? 0) + count;
    // The test is worth something only where all of this happened.
    const steps = 'commit read retain repair repack clock full stop kill fail powerCut'.split(' ');
    const events = 'ENOSPC EIO roll delete swap cut rewritten'.split(' ');
    const others = ['no power', 'index deleted', 'index emptied', 'index cut off', 'index flipped', 'index of another'];
    const happened = [...steps, ...events, ...others];
    expect(happened.filter((what) => (sums[what] ?? 0) < seeds / 4)).toEqual([]);
  });
});
