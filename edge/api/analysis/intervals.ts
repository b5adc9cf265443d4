import { calendarBuckets, type TimeBuckets } from '../../../historian/analysis/calendar.ts';
import { shiftBuckets } from '../../../historian/analysis/shifts.ts';
import { bucketStart, intervalGrid, type Span } from '../../../historian/queries/buckets.ts';
import { Fault } from '../../core/fault.ts';
import type { Interval, SiteCalendar } from './request.ts';

/** Spans of time, in order, and the parts of them that are asked for. */
export interface Intervals {
  /** As they are on the clock or the calendar, µs. */
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  /** What a person calls them; undefined: equal times have no names. */
  readonly label: ((interval: number) => string) | undefined;
  /** Starts of the first and the last one if only a part of it is asked for. */
  readonly partial: readonly number[];
  /** The same cut to what is asked for, without gaps between them: interval `numbers[i]` lies between `edges[i]` and `edges[i + 1]`; where that is -1 there is none. */
  readonly edges: Float64Array;
  readonly numbers: Int32Array;
}

/** The whole intervals that have a part of the span; `asked` is the span as it was asked for: where that is open nothing is cut. Throws `request-invalid`. */
export function intervalsOf(interval: Interval, span: Span, asked: Span, site: SiteCalendar): Intervals {
  const buckets = bucketsOf(interval, span, site);
  const { count, starts, ends } = buckets;
  const first = count === 0 ? 0 : Math.max(starts[0] ?? 0, asked.fromUs);
  const last = count === 0 ? 0 : Math.min(ends[count - 1] ?? 0, asked.toUs);
  const partial: number[] = [];
  if (count > 0 && first > (starts[0] ?? 0)) partial.push(starts[0] ?? 0);
  if (count > 0 && last < (ends[count - 1] ?? 0) && partial[0] !== starts[count - 1])
    partial.push(starts[count - 1] ?? 0);
  const edges: number[] = [];
  const numbers: number[] = [];
  for (let i = 0; i < count; i++) {
    const start = i === 0 ? first : (starts[i] ?? 0);
    const previous = ends[i - 1];
    if (previous !== undefined && previous < start) {
      edges.push(previous);
      numbers.push(-1);
    }
    edges.push(start);
    numbers.push(i);
  }
  if (count > 0) edges.push(last);
  const label = interval.type === 'time' ? undefined : (i: number) => buckets.label(i);
  return { starts, ends, label, partial, edges: Float64Array.from(edges), numbers: Int32Array.from(numbers) };
}

function bucketsOf(interval: Interval, span: Span, { timezone, shifts }: SiteCalendar): TimeBuckets {
  if (interval.type === 'calendar') return calendarBuckets(span, interval.text, timezone);
  if (interval.type === 'time') return equalBuckets(span, interval.widthUs);
  if (shifts.length === 0)
    throw new Fault('request-invalid', 'interval: shift, but the configuration names no shifts (site.shifts).');
  return shiftBuckets(span, shifts, timezone);
}

function equalBuckets(span: Span, widthUs: number): TimeBuckets {
  const grid = intervalGrid(span, widthUs);
  const starts = Float64Array.from({ length: grid.count }, (_, i) => bucketStart(grid, i));
  const ends = Float64Array.from({ length: grid.count }, (_, i) => bucketStart(grid, i + 1));
  return { count: grid.count, starts, ends, label: () => '' };
}
