import { lowerBound } from '../points/points.ts';
import { LEAST_BLOCK_POINTS } from '../limits.ts';
import { ROUND_US } from './widths.ts';

/**
 * How many of these rows the next block takes, if more rows follow, the first of them at `nextUs`: those before the roundest instant that lies behind the 700th of them, so that a chart whose
 * buckets end there need not look into it; all of them, if there is none. Where a round span makes a good block (a quarter of an hour of samples a second apart), blocks begin with it whenever
 * the first one began: that ends early. So blocks of all files have the same bounds, and a merge copies most of them.
 */
export function cutOf(times: Float64Array, count: number, nextUs: number): number {
  const least = Math.min(LEAST_BLOCK_POINTS, count);
  const firstUs = times[0] ?? 0;
  const fromUs = times[least - 1] ?? 0;
  const spanUs = nextUs - firstUs;
  for (const width of ROUND_US) {
    // The last multiple that is not behind the next row.
    const roundUs = nextUs - (((nextUs % width) + width) % width);
    const isGoodBlock = width <= spanUs && width * count >= spanUs * least;
    if (roundUs > (isGoodBlock ? firstUs : fromUs)) return lowerBound(times, count, roundUs);
  }
  return count;
}
