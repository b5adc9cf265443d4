import { Fault } from '../../core/fault.ts';
import type { DataSet } from './data.ts';
import type { Bucket, Chart, HistorySystem, LastValues, OpenHistory, Samples, Span } from './system.ts';

/** Means may differ by this part of the greatest value: the order of additions is a system's own business. */
const MEAN_TOLERANCE = 1e-12;

/** A tag whose samples are known. */
export interface Probe {
  readonly tag: number;
  readonly samples: Samples;
}

/** What a system must answer about a set, found without one. */
export interface Truth {
  readonly set: DataSet;
  readonly points: number;
  readonly last: LastValues;
  readonly probes: readonly Probe[];
}

/** Goes through the set once and keeps the samples of the probed tags. */
export function truthOf(set: DataSet, probed: readonly number[]): Truth {
  const kept = new Map(probed.map((tag) => [tag, { timesMs: [] as number[], values: [] as number[] }]));
  const lastTimes = new Float64Array(set.tags.length).fill(Number.NEGATIVE_INFINITY);
  const lastValues = new Float64Array(set.tags.length);
  let points = 0;
  for (const { tags, timesMs, values, count } of set.rows()) {
    points += count;
    for (let row = 0; row < count; row++) {
      const tag = tags[row] ?? 0;
      const timeMs = timesMs[row] ?? 0;
      const value = values[row] ?? 0;
      if (timeMs >= (lastTimes[tag] ?? 0)) {
        lastTimes[tag] = timeMs;
        lastValues[tag] = value;
      }
      const probe = kept.get(tag);
      probe?.timesMs.push(timeMs);
      probe?.values.push(value);
    }
  }
  const known = lastTimes.filter((time) => time > Number.NEGATIVE_INFINITY).length;
  const last = { tags: known, sum: lastValues.reduce((sum, value) => sum + value, 0) };
  return { set, points, last, probes: [...kept].map(([tag, samples]) => ({ tag, samples: ordered(samples) })) };
}

/** By time: late ones arrive behind others. */
function ordered({ timesMs, values }: Samples): Samples {
  const order = Array.from(timesMs, (_, i) => i).toSorted((a, b) => (timesMs[a] ?? 0) - (timesMs[b] ?? 0));
  return {
    timesMs: Float64Array.from(order, (i) => timesMs[i] ?? 0),
    values: Float64Array.from(order, (i) => values[i] ?? 0),
  };
}

/** The samples of a span. */
export function within({ timesMs, values }: Samples, { fromMs, toMs }: Span): Samples {
  const places = Array.from(timesMs, (_, i) => i).filter((i) => {
    const time = timesMs[i] ?? 0;
    return time >= fromMs && time < toMs;
  });
  return { timesMs: places.map((i) => timesMs[i] ?? 0), values: places.map((i) => values[i] ?? 0) };
}

/** The buckets that have samples, one sample after the other. */
export function bucketsOf(samples: Samples, chart: Chart): Bucket[] {
  const { fromMs, widthMs } = chart;
  const { timesMs, values } = within(samples, chart);
  const buckets = new Map<number, number[]>();
  for (let i = 0; i < timesMs.length; i++) {
    const bucket = Math.floor(((timesMs[i] ?? 0) - fromMs) / widthMs);
    const list = buckets.get(bucket) ?? [];
    list.push(values[i] ?? 0);
    buckets.set(bucket, list);
  }
  return [...buckets].map(([bucket, list]) => ({
    fromMs: fromMs + bucket * widthMs,
    count: list.length,
    mean: list.reduce((sum, value) => sum + value, 0) / list.length,
    min: list.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY),
    max: list.reduce((greatest, value) => Math.max(greatest, value), Number.NEGATIVE_INFINITY),
    first: list[0] ?? Number.NaN,
    last: list.at(-1) ?? Number.NaN,
  }));
}

/** Compares what a system answers with what it was given. A set-up that is wrong looks fast. */
export class Check {
  private readonly system: HistorySystem;
  private readonly truth: Truth;

  constructor(system: HistorySystem, truth: Truth) {
    this.system = system;
    this.truth = truth;
  }

  async points(history: OpenHistory): Promise<void> {
    this.same('samples', await history.points(), this.truth.points);
  }

  raw({ tag, samples }: Probe, span: Span, found: Samples): void {
    const expected = within(samples, span);
    this.same(`samples of ${this.path(tag)}`, found.timesMs.length, expected.timesMs.length);
    for (let i = 0; i < expected.timesMs.length; i++) {
      this.same(`time ${i} of ${this.path(tag)}`, found.timesMs[i], expected.timesMs[i]);
      this.close(`value ${i} of ${this.path(tag)}`, found.values[i], expected.values[i]);
    }
  }

  chart({ tag, samples }: Probe, chart: Chart, found: readonly Bucket[]): void {
    const expected = bucketsOf(samples, chart);
    const filled = new Map(found.filter(({ count }) => count > 0).map((bucket) => [bucket.fromMs, bucket]));
    this.same(`buckets of ${this.path(tag)}`, filled.size, expected.length);
    for (const wanted of expected) {
      const bucket = filled.get(wanted.fromMs);
      const where = `${this.path(tag)} in the bucket at ${wanted.fromMs}`;
      this.same(`count of ${where}`, bucket?.count, wanted.count);
      for (const aggregate of ['min', 'max', 'first', 'last'] as const)
        this.close(`${aggregate} of ${where}`, bucket?.[aggregate], wanted[aggregate]);
      const scale = Math.max(Math.abs(wanted.min), Math.abs(wanted.max));
      this.close(`mean of ${where}`, bucket?.mean, wanted.mean, MEAN_TOLERANCE, scale);
    }
  }

  latest({ tags, sum }: LastValues): void {
    this.same('tags with a last value', tags, this.truth.last.tags);
    this.close('sum of the last values', sum, this.truth.last.sum, MEAN_TOLERANCE * tags);
  }

  private path(tag: number): string {
    return this.truth.set.tags[tag]?.path ?? String(tag);
  }

  private same(what: string, found: number | undefined, expected: number | undefined): void {
    if (found !== expected) throw this.fault(what, found, expected);
  }

  private close(what: string, found = Number.NaN, expected = Number.NaN, more = 0, scale = Math.abs(expected)): void {
    if (!(Math.abs(found - expected) <= (this.system.tolerance + more) * scale))
      throw this.fault(what, found, expected);
  }

  private fault(what: string, found: number | undefined, expected: number | undefined): Fault {
    return new Fault('bench-failed', `${this.system.name}: ${what}: ${found} instead of ${expected}.`);
  }
}
