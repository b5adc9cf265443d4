import { Class, classOf, InfoBits, located, ResultCode } from './status.ts';
import type { Series } from './table-kit.ts';

/** A sample; its class is Bad if its value is no finite number. */
export interface Point {
  readonly t: number;
  readonly v: number;
  readonly code: number;
  readonly c: number;
  readonly extra: boolean;
}

/** A value at an edge of an interval; `raw`: the sample there. */
export interface Bound {
  readonly v: number;
  readonly c: number;
  readonly raw: Point | null;
}

/** A result: value (NaN: none), StatusCode, time. */
export interface NaiveResult {
  readonly timeUs: number;
  readonly value: number;
  readonly code: number;
}

const { good, bad } = Class;
const SUBNORMAL = ResultCode.UncertainDataSubNormal;

/** One sample of each time: the last of the best severity. Placeholders before the first sample are none. */
export function distinct({ times, values, codes }: Series): Point[] {
  const all = Array.from(times, (t, i): Point => {
    const v = values[i] ?? 0;
    const code = codes[i] ?? 0;
    const c = classOf(code);
    return c !== bad && !Number.isFinite(v)
      ? { t, v, code: ResultCode.Bad, c: bad, extra: false }
      : { t, v, code, c, extra: false };
  });
  const begin = all.findIndex((_, i) => ((codes[i] ?? 0) & 0xffff0000) >>> 0 !== ResultCode.BadNoData);
  const data = begin < 0 ? [] : all.slice(begin);
  return [...new Set(data.map(({ t }) => t))].flatMap((t) => {
    const group = data.filter((p) => p.t === t);
    const best = Math.min(...group.map(({ c }) => c));
    const point = group.findLast(({ c }) => c === best);
    return point === undefined ? [] : [{ ...point, extra: group.length > 1 }];
  });
}

/** StatusCode of a bound. */
export function codeOf({ c, raw }: Bound): number {
  if (c === bad) return ResultCode.BadNoData;
  if (raw !== null) return raw.code;
  return c === good ? ResultCode.Good : SUBNORMAL;
}

/** A calculated result. */
export function calculated(value: number, code: number): Partial<NaiveResult> {
  if (code === ResultCode.Bad) return { code };
  return { value: code >>> 31 === 1 ? Number.NaN : value, code: located(code, InfoBits.calculated) };
}

/** A sample as result. */
export function asIs(point: Point | undefined): Partial<NaiveResult> | undefined {
  if (point === undefined) return undefined;
  const value = point.c === bad ? Number.NaN : point.v;
  const result = { value, code: located(point.code, point.extra ? InfoBits.extraData : 0) };
  return { ...result, timeUs: point.t };
}

/** The worst StatusCode of samples. */
export function worst(points: readonly Point[]): Partial<NaiveResult> | undefined {
  const worstClass = Math.max(...points.map(({ c }) => c));
  const those = points.filter(({ c }) => c === worstClass);
  const [first] = those;
  if (first === undefined) return undefined;
  const bits = InfoBits.calculated | (those.length > 1 ? InfoBits.multipleValues : 0);
  return { value: first.code, code: located(ResultCode.Good, bits) };
}

/** Mean of the squared differences from the mean; one value less counts for a sample. */
export function variance(values: readonly number[], less: number): number {
  if (values.length === 1) return 0;
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return values.reduce((a, b) => a + (b - mean) ** 2, 0) / (values.length - less);
}
