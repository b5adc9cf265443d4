import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Counts } from './life.ts';
import { newResult, Search } from './search.ts';

const LONG = process.env['MILLRACE_LONG'] !== undefined;
const images = Number(process.env['MILLRACE_CRASH_IMAGES'] ?? (LONG ? 1_000_000 : 100_000));
/** A run that was interrupted goes on with the seed at which it was. */
const firstSeed = Number(process.env['MILLRACE_CRASH_SEED'] ?? 1);
/** 1 ms of one core an image; ten times that on a machine that has other things to do. */
const timeout = 60_000 + images * 10;

describe('the power fails between any two calls of lives of a log', () => {
  test(
    `${images} distinct disks: all that was acknowledged is there, nothing else is, and the log goes on`,
    { timeout },
    async ({ annotate }) => {
      const result = newResult();
      const sums: Counts = {};
      let seed = firstSeed;
      for (; result.distinct.size < images; seed++) {
        const search = new Search(seed, { steps: 60, imagesPerCall: 8, interruptOneIn: 100 }, result);
        try {
          search.run();
        } catch (error) {
          throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
        }
        for (const [what, count] of Object.entries(search.counts)) sums[what] = (sums[what] ?? 0) + count;
        // The worker answers its parent.
        await setImmediate();
      }
      const { distinct, examined, exhaustive, sampled, interrupted } = result;
      await annotate(
        `${distinct.size} distinct images, ${examined} recoveries, ${interrupted} of them of an interrupted recovery; seeds ${firstSeed} to ${seed - 1}`,
      );
      const lives = seed - firstSeed;
      // The search is worth something only where all of this happened.
      const happened = [
        'open',
        'roll',
        'commit',
        'retain',
        'repair',
        'snapshot',
        'stop',
        'kill',
        'powerCut',
        'fail',
        'EIO',
        'ENOSPC',
        'rewritten',
        'delete',
        'swap',
      ];
      expect(happened.filter((what) => (sums[what] ?? 0) < lives / 2)).toEqual([]);
      expect(Math.min(exhaustive, sampled, interrupted)).toBeGreaterThan(lives * 20);
    },
  );
});
