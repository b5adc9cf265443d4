import { Fault } from '../../edge/core/fault.ts';
import { MAX_TIME_US } from '../../edge/core/sample.ts';
import { MAX_BUCKETS } from '../limits.ts';
import { CHART_WIDTHS_US } from '../files/widths.ts';

/**
 * Equal spans of time, one behind the other: bucket i has `originUs + i * widthUs` ≤ time < `originUs + (i + 1) * widthUs`. All edges are integers within ±2^53, so arithmetic on
 * them is exact.
 */
export interface Grid {
  readonly originUs: number;
  readonly widthUs: number;
  /** At most 100,000. */
  readonly count: number;
}

/** `fromUs` ≤ time < `toUs`. */
export interface Span {
  readonly fromUs: number;
  readonly toUs: number;
}

/** The buckets of an interval that have a part of the span, counted from the epoch in UTC, or from another time, µs. Throws `request-invalid` if they are too many. */
export function intervalGrid({ fromUs, toUs }: Span, widthUs: number, countedUs = 0): Grid {
  if (!Number.isSafeInteger(widthUs) || widthUs < 1)
    throw new Fault('request-invalid', `An interval of ${widthUs} µs cannot be.`);
  if (toUs <= fromUs) return { originUs: 0, widthUs, count: 0 };
  const originUs = countedUs + floorTo(fromUs - countedUs, widthUs);
  const lastUs = countedUs + floorTo(toUs - 1 - countedUs, widthUs);
  if (originUs < -MAX_TIME_US || lastUs + widthUs > MAX_TIME_US + 1 || lastUs - originUs > MAX_TIME_US)
    throw new Fault('request-invalid', 'The span in whole intervals is longer than times can be.');
  const count = (lastUs - originUs) / widthUs + 1;
  if (count > MAX_BUCKETS)
    throw new Fault(
      'request-invalid',
      `${count.toLocaleString('en')} intervals of a tag; ${MAX_BUCKETS.toLocaleString('en')} can be asked for at a time.`,
    );
  return { originUs, widthUs, count };
}

/**
 * The buckets of a chart: at most so many, of the least round width (`widths.ts`), counted from the epoch in UTC, so that a chart that is moved shows the same buckets again. Where there is
 * none, since one bucket is wanted or times end, they are of whole µs and begin where the span begins. Throws `request-invalid` if the span is longer than 285 years.
 */
export function pointsGrid({ fromUs, toUs }: Span, points: number): Grid {
  if (toUs <= fromUs) return { originUs: fromUs, widthUs: 1, count: 0 };
  const spanUs = toUs - fromUs;
  if (spanUs > MAX_TIME_US) throw new Fault('request-invalid', 'The span is longer than 285 years.');
  for (const widthUs of CHART_WIDTHS_US) {
    if (widthUs * points < spanUs) continue;
    const originUs = floorTo(fromUs, widthUs);
    const lastUs = floorTo(toUs - 1, widthUs);
    const count = (lastUs - originUs) / widthUs + 1;
    if (count > points || lastUs - originUs > MAX_TIME_US) continue;
    if (originUs < -MAX_TIME_US || lastUs + widthUs > MAX_TIME_US + 1) break;
    return { originUs, widthUs, count };
  }
  const widthUs = Math.ceil(spanUs / points);
  return { originUs: fromUs, widthUs, count: Math.ceil(spanUs / widthUs) };
}

/** Where a bucket begins, µs. */
export function bucketStart({ originUs, widthUs }: Grid, bucket: number): number {
  return originUs + bucket * widthUs;
}

/** Number of the bucket that has this time, which is not before the grid. */
export function bucketAt({ originUs, widthUs }: Grid, timeUs: number): number {
  return floorTo(timeUs - originUs, widthUs) / widthUs;
}

/** The greatest multiple of `width` that is not above `value`: a quotient would be rounded. */
function floorTo(value: number, width: number): number {
  const rest = value % width;
  return rest < 0 ? value - rest - width : value - rest;
}
