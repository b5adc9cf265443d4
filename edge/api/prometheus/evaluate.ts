import type { Aggregate, BucketFact } from '../../../historian/queries/bucket-page.ts';
import { MAX_BUCKETS } from '../../../historian/limits.ts';
import type { Services, TagInfo } from '../services.ts';
import { fitsPattern } from './label-pattern.ts';
import { type Expression, type Matcher, METRIC, type Operator, RANGE_FUNCTIONS, type RangeFunction } from './promql.ts';

/** How long a value holds, as in Prometheus: or for a step, where that is longer. */
const LOOKBACK_MS = 300_000;
/** Series of one answer at most. */
const MAX_SERIES = 1000;
/** Values of one answer at most. */
const MAX_VALUES = 2_000_000;
/** Types whose values are numbers. */
const NUMERIC: ReadonlySet<string | null> = new Set(['boolean', 'long', 'float', 'double', 'uint64']);

/** Times at which an expression is evaluated, ms. */
export interface Times {
  readonly startMs: number;
  readonly stepMs: number;
  readonly count: number;
}

/** Values at these times; NaN: there is none. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly values: Float64Array<ArrayBuffer>;
}

/** A number that is the same at all times, or series. */
export type Result = { readonly scalar: number } | { readonly series: readonly Series[] };

/** Labels of a tag. */
export function labelsOf({ path, unit, type }: Pick<TagInfo, 'path' | 'unit' | 'type'>): Record<string, string> {
  const slash = path.lastIndexOf('/');
  return {
    __name__: METRIC,
    asset: path.slice(0, slash),
    name: path.slice(slash + 1),
    tag: path,
    ...(type === null ? {} : { type }),
    ...(unit === null ? {} : { unit }),
  };
}

/** Tags with numbers that fit, in the order of their paths. */
export function matching(
  tags: Iterable<TagInfo>,
  matchers: readonly Matcher[],
): { path: string; labels: Record<string, string> }[] {
  const found: { path: string; labels: Record<string, string> }[] = [];
  for (const tag of tags) {
    if (!NUMERIC.has(tag.type)) continue;
    const labels = labelsOf(tag);
    if (matchers.every((matcher) => fits(matcher, labels))) found.push({ path: tag.path, labels });
  }
  return found.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** A label that a tag does not have is an empty text. */
function fits({ label, negated, value }: Matcher, labels: Readonly<Record<string, string>>): boolean {
  const has = labels[label] ?? '';
  return (typeof value === 'string' ? has === value : fitsPattern(value, has)) !== negated;
}

/** Values of expressions out of the historian's aggregates. */
export class Evaluation {
  private readonly services: Pick<Services, 'tags' | 'buckets'>;
  private readonly times: Times;
  private readonly signal: AbortSignal;

  constructor(services: Pick<Services, 'tags' | 'buckets'>, times: Times, signal: AbortSignal) {
    this.services = services;
    this.times = times;
    this.signal = signal;
  }

  /** Throws a RangeError for what is more than is answered. */
  async evaluate(expression: Expression): Promise<Result> {
    switch (expression.type) {
      case 'number':
        return { scalar: expression.value };
      case 'selector':
        return { series: await this.held(expression.matchers, expression.offsetMs) };
      case 'range':
        return {
          series: await this.windows(
            expression.function,
            expression.matchers,
            expression.windowMs,
            expression.offsetMs,
          ),
        };
      case 'aggregation': {
        const of = await this.evaluate(expression.of);
        if ('scalar' in of) throw new RangeError(`${expression.aggregation} is of series, not of a number`);
        return { series: this.aggregated(of.series, expression.aggregation, expression.by) };
      }
      case 'operation': {
        const left = await this.evaluate(expression.left);
        const right = await this.evaluate(expression.right);
        return operated(expression.operator, left, right);
      }
    }
  }

  /** The last good value at or before each time, if it is not too old: that of a window (t - lookback, t], as in Prometheus. */
  private async held(matchers: readonly Matcher[], offsetMs: number): Promise<Series[]> {
    const { stepMs, startMs, count } = this.times;
    const lookbackUs = Math.max(LOOKBACK_MS, stepMs) * 1000;
    const startUs = (startMs - offsetMs) * 1000;
    const stepUs = stepMs * 1000;
    const before = { fromUs: startUs - lookbackUs, toUs: startUs, widthUs: lookbackUs };
    // A sample at the very time counts: it is the first one of the bucket that begins then. Of the last bucket nothing else is wanted, but whole it is answered out of summaries.
    const steps = { fromUs: startUs, toUs: startUs + count * stepUs, widthUs: stepUs };
    return await this.each(matchers, async (tag) => {
      const [last, lastUs] = await this.columns(tag, ['last', 'lastUs'], before);
      const [atStart, lastOfStep, lastUsOfStep] = await this.columns(tag, ['atStart', 'last', 'lastUs'], steps);
      let value = last?.[0] ?? Number.NaN;
      let valueUs = lastUs?.[0] ?? Number.NaN;
      return Float64Array.from({ length: count }, (_, i) => {
        const nowUs = startUs + i * stepUs;
        const now = atStart?.[i] ?? Number.NaN;
        const held = Number.isNaN(now) ? (valueUs > nowUs - lookbackUs ? value : Number.NaN) : now;
        const next = lastOfStep?.[i] ?? Number.NaN;
        if (!Number.isNaN(next)) [value, valueUs] = [next, lastUsOfStep?.[i] ?? Number.NaN];
        return held;
      });
    });
  }

  /** What a function gives of the good values in the window [t - length, t) before each time: summaries are of such. */
  private async windows(
    name: RangeFunction,
    matchers: readonly Matcher[],
    windowMs: number,
    offsetMs: number,
  ): Promise<Series[]> {
    const { stepMs, startMs, count } = this.times;
    const widthMs = count === 1 ? windowMs : divisor(windowMs, stepMs);
    const length = windowMs / widthMs;
    const firstMs = startMs - offsetMs - windowMs;
    const toMs = startMs - offsetMs + (count - 1) * stepMs;
    const rows = (toMs - firstMs) / widthMs;
    if (rows > MAX_BUCKETS)
      throw new RangeError(
        `the step does not divide the window evenly: that takes ${rows.toLocaleString('en')} intervals, ${MAX_BUCKETS.toLocaleString('en')} are answered`,
      );
    const span = { fromUs: firstMs * 1000, toUs: toMs * 1000, widthUs: widthMs * 1000 };
    const kind = RANGE_FUNCTIONS[name];
    const aggregates: readonly Aggregate[] = kind === 'mean' || kind === 'sum' ? ['mean', 'count'] : [kind];
    const series = await this.each(matchers, async (tag) => {
      const columns = await this.columns(tag, aggregates, span);
      return Float64Array.from({ length: count }, (_, i) => {
        const from = (i * stepMs) / widthMs;
        return combined(kind, columns, from, from + length);
      });
    });
    // As in Prometheus: what was computed is no metric any more, but the last and the first value are.
    return kind === 'last' || kind === 'first'
      ? series
      : series.map(({ labels, values }) => ({ labels: withoutName(labels), values }));
  }

  /** The values of each tag that fits. */
  private async each(
    matchers: readonly Matcher[],
    valuesOf: (tag: string) => Promise<Float64Array<ArrayBuffer>>,
  ): Promise<Series[]> {
    const found = matching(await this.services.tags(), matchers);
    if (found.length > MAX_SERIES)
      throw new RangeError(
        `${found.length.toLocaleString('en')} tags fit, and ${MAX_SERIES.toLocaleString('en')} are answered: name fewer`,
      );
    if (found.length * this.times.count > MAX_VALUES)
      throw new RangeError(
        `${MAX_VALUES.toLocaleString('en')} values are answered at most: ask for a greater step or fewer tags`,
      );
    const series: Series[] = [];
    for (const { path, labels } of found) series.push({ labels, values: await valuesOf(path) });
    return series;
  }

  /** What buckets of a tag tell, of which the first begins with the span and the last ends with it: a column for each fact. */
  private async columns(
    tag: string,
    facts: readonly BucketFact[],
    { fromUs, toUs, widthUs }: { readonly fromUs: number; readonly toUs: number; readonly widthUs: number },
  ): Promise<Float64Array[]> {
    const columns = facts.map(() => new Float64Array((toUs - fromUs) / widthUs).fill(Number.NaN));
    const { signal } = this;
    const interval = `${widthUs / 1000}ms`;
    const reduction = { type: 'interval' as const, interval, widthUs, countedUs: fromUs, aggregates: facts };
    for await (const { buckets } of this.services.buckets({ tags: [tag], fromUs, toUs, reduction, signal }))
      for (let row = 0; row < buckets.rows; row++) {
        const at = Math.round(((buckets.times[row] ?? 0) - fromUs) / widthUs);
        for (const [i, column] of columns.entries()) column[at] = Number(buckets.value(row, i) ?? Number.NaN);
      }
    return columns;
  }

  private aggregated(series: readonly Series[], aggregation: string, by: readonly string[]): Series[] {
    const groups = new Map<string, { labels: Record<string, string>; members: Series[] }>();
    for (const each of series) {
      const labels = Object.fromEntries(
        by.flatMap((label) => (each.labels[label] === undefined ? [] : [[label, each.labels[label]]])),
      );
      const key = JSON.stringify(labels);
      const group = groups.get(key) ?? { labels, members: [] };
      groups.set(key, group);
      group.members.push(each);
    }
    return [...groups.values()].map(({ labels, members }) => {
      const values = new Float64Array(this.times.count);
      for (let i = 0; i < values.length; i++)
        values[i] = aggregateOf(
          aggregation,
          members.map((member) => member.values[i] ?? Number.NaN),
        );
      return { labels, values };
    });
  }
}

/** The width of which both are multiples. */
function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

function combined(kind: string, columns: readonly Float64Array[], from: number, end: number): number {
  const [first = new Float64Array(), second = new Float64Array()] = columns.map((column) => column.subarray(from, end));
  if (kind === 'mean' || kind === 'sum') {
    let sum = 0;
    let count = 0;
    for (let i = 0; i < first.length; i++) {
      const n = second[i] ?? 0;
      if (!(n > 0)) continue;
      sum += (first[i] ?? 0) * n;
      count += n;
    }
    return count === 0 ? Number.NaN : kind === 'mean' ? sum / count : sum;
  }
  const values = first.filter((value) => !Number.isNaN(value));
  if (kind === 'count')
    return aggregateOf(
      'sum',
      [...values].filter((value) => value > 0),
    );
  if (kind === 'first') return values[0] ?? Number.NaN;
  return kind === 'last' ? (values.at(-1) ?? Number.NaN) : aggregateOf(kind, [...values]);
}

/** Of the values that there are; NaN of none. */
function aggregateOf(aggregation: string, given: readonly number[]): number {
  const values = given.filter((value) => !Number.isNaN(value));
  if (values.length === 0) return Number.NaN;
  if (aggregation === 'count') return values.length;
  if (aggregation === 'min' || aggregation === 'max')
    return values.reduce((best, value) => (aggregation === 'min' ? Math.min(best, value) : Math.max(best, value)));
  const sum = values.reduce((total, value) => total + value, 0);
  return aggregation === 'avg' ? sum / values.length : sum;
}

function operated(operator: Operator, left: Result, right: Result): Result {
  if ('scalar' in left && 'scalar' in right) return { scalar: calculate(operator, left.scalar, right.scalar) };
  if ('series' in left && 'series' in right)
    throw new RangeError(`${operator} is between a number and series, or two numbers`);
  const series = 'series' in left ? left.series : 'series' in right ? right.series : [];
  const apply = (value: number): number =>
    'scalar' in left
      ? calculate(operator, left.scalar, value)
      : calculate(operator, value, 'scalar' in right ? right.scalar : Number.NaN);
  return { series: series.map(({ labels, values }) => ({ labels: withoutName(labels), values: values.map(apply) })) };
}

function calculate(operator: Operator, a: number, b: number): number {
  if (operator === '+') return a + b;
  if (operator === '-') return a - b;
  return operator === '*' ? a * b : a / b;
}

function withoutName(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => name !== '__name__'));
}
