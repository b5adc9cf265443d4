import type { History } from '../../historian/history.ts';
import type { Points } from '../../historian/points.ts';
import type { Series } from '../../models/model.ts';
import { numberOf } from '../../models/number.ts';
import { isGood } from '../core/status-code.ts';

/** Samples of one signal at most: more than a day at 10 a second. */
const MAX_SAMPLES = 1_000_000;

/** History of one signal as two columns; what is not Good is NaN. Of more than `maxSamples` samples the last. */
export async function loadSeries(
  history: Pick<History, 'query'>,
  tag: string,
  fromUs: number,
  toUs: number,
  maxSamples = MAX_SAMPLES,
): Promise<Series> {
  const times: Float64Array[] = [];
  const values: Float64Array[] = [];
  let count = 0;
  for await (const { points } of history.query({ tag, fromUs, toUs })) {
    times.push(points.times.slice(0, points.count));
    values.push(goodValues(points));
    count += points.count;
    for (let oldest = times[0]?.length ?? 0; count - oldest >= maxSamples; oldest = times[0]?.length ?? 0) {
      times.shift();
      values.shift();
      count -= oldest;
    }
  }
  const dropped = Math.max(0, count - maxSamples);
  return { timesUs: joined(times, count).slice(dropped), values: joined(values, count).slice(dropped) };
}

function goodValues(points: Points): Float64Array {
  return Float64Array.from({ length: points.count }, (_, i) =>
    isGood(points.qualities[i] ?? 0) ? numberOf(points.value(i)) : Number.NaN,
  );
}

function joined(parts: readonly Float64Array[], count: number): Float64Array {
  const all = new Float64Array(count);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
