import { describe, expect, test } from 'vitest';
import { figure } from '../end-to-end/figures.ts';
import { testSeed } from '../end-to-end/random.ts';
import { PlantDay } from './plant-day.ts';

const days = process.env['MILLRACE_LONG'] === '1' ? 20 : 1;
const SECONDS = 86_400;

describe('a day of a plant in which everything goes wrong', { timeout: 600_000 }, () => {
  const seeds = Array.from({ length: days }, (_, i) => testSeed() + i);

  test.each(seeds)(
    'seed %i: each acknowledged record is read, released by the rules, or in a gap that was told',
    (seed) => {
      const day = new PlantDay(seed);
      const again = day.live(SECONDS);
      for (const [what, count] of Object.entries(day.counts)) figure(what, count);
      figure('records acknowledged', day.acknowledged);
      figure('records released', day.released);
      figure('records read by the consumer in the gateway', day.local.records);
      figure('records read behind the link', day.link.records);
      figure('records read once more at the end', again.records);
      figure('gaps behind the link', day.link.gaps.length);

      expect(day.unaccounted(day.local)).toEqual([]);
      expect(day.unaccounted(day.link)).toEqual([]);
      expect(day.unaccounted(again)).toEqual([]);
      expect(again.gaps.filter(({ reason }) => reason === 'retention')).toEqual([]);
      // The log waits for the consumer in the gateway: retention takes nothing from it.
      expect(day.local.gaps.filter(({ reason }) => reason === 'retention')).toEqual([]);
      expect(day.untold()).toEqual([]);
      expect(day.released).toBeGreaterThan(0);
      expect(Object.entries(day.counts).filter(([, count]) => count === 0)).toEqual([]);
    },
  );
});
