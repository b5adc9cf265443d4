import type { SampleHistory } from '../../historian/queries/history.ts';
import type { Points } from '../../historian/points/points.ts';
import type { Series } from '../../models/model.ts';
import { numberOf } from '../../models/number.ts';
import { isGood } from '../core/status-code.ts';

/** Samples of one signal at most: more than a day at 10 a second. */
const MAX_SAMPLES = 1_000_000;

/** How far it looks for a sample before the beginning at first; then twice as far. */
const FIRST_LOOK_US = 10_000_000;

/** How much of a signal is loaded. */
export interface SeriesBounds {
  /** The last sample before the beginning comes too, if it is no older than this: its value may still stand. */
  readonly holdUs?: number;
  readonly maxSamples?: number;
}

/** History of one signal as two columns; what is not Good is NaN. Of more than `maxSamples` samples the last. */
export async function loadSeries(
  history: Pick<SampleHistory, 'query'>,
  tag: string,
  fromUs: number,
  toUs: number,
  { holdUs = 0, maxSamples = MAX_SAMPLES }: SeriesBounds = {},
): Promise<Series> {
  const before = await lastBefore(history, tag, fromUs, holdUs);
  const times = [before.timesUs];
  const values = [before.values];
  let count = before.timesUs.length;
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

/** The last sample before a time, if there is one that is young enough. */
async function lastBefore(
  history: Pick<SampleHistory, 'query'>,
  tag: string,
  untilUs: number,
  holdUs: number,
): Promise<Series> {
  let toUs = untilUs;
  for (let lookUs = FIRST_LOOK_US; toUs > untilUs - holdUs; lookUs *= 2) {
    const fromUs = untilUs - Math.min(lookUs, holdUs);
    let last: Series | undefined;
    for await (const { points } of history.query({ tag, fromUs, toUs })) {
      if (points.count === 0) continue;
      last = { timesUs: points.times.slice(points.count - 1, points.count), values: goodValues(points).slice(-1) };
    }
    if (last !== undefined) return last;
    toUs = fromUs;
  }
  return { timesUs: new Float64Array(), values: new Float64Array() };
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
