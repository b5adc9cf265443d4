import { Fault } from '../../edge/core/fault.ts';
import { MAX_BUCKETS } from '../limits.ts';
import type { ProcessingIntervals } from './aggregate.ts';

/**
 * For tests: intervals of equal length from start to end, as the published examples have them (OPC UA Part 13, 5.4.2.2): the last one is shorter if the length does not divide the range; 0, or a length above the range: one interval;
 * an end before the start: time runs backwards, and the shorter one is the earliest. All in µs. Throws `request-invalid` if start and end are equal, or there are too many.
 */
export function processingIntervals(startUs: number, endUs: number, lengthUs: number): ProcessingIntervals {
  const range = Math.abs(endUs - startUs);
  if (!(range > 0)) throw new Fault('request-invalid', 'Start and end of the range are the same.');
  if (!(lengthUs >= 0)) throw new Fault('request-invalid', `An interval of ${lengthUs} µs cannot be.`);
  const backwards = endUs < startUs;
  const length = lengthUs === 0 || lengthUs > range ? range : lengthUs;
  const count = Math.ceil(range / length);
  if (count > MAX_BUCKETS)
    throw new Fault(
      'request-invalid',
      `${count.toLocaleString('en')} intervals of a tag; ${MAX_BUCKETS.toLocaleString('en')} can be asked for at a time.`,
    );
  const edges = new Float64Array(count + 1);
  for (let i = 0; i < count; i++)
    edges[backwards ? count - i : i] = backwards ? startUs - i * length : startUs + i * length;
  edges[backwards ? 0 : count] = endUs;
  const short = count * length > range;
  return { edges, backwards, cut: short ? (backwards ? 0 : count - 1) : null };
}
