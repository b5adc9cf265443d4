import type { AggregateFunction, AggregateRequest } from './aggregate.ts';
import {
  asIs,
  type Bound,
  calculated,
  codeOf,
  distinct,
  type NaiveResult,
  type Point,
  variance,
  worst,
} from './naive-points-kit.ts';
import { Class, InfoBits, located, ResultCode } from './status.ts';
import type { Series } from './table-kit.ts';

/** A part of an interval between neighbouring samples or its ends: values at its ends, status with its end and by its beginning alone. */
interface Part {
  readonly lasts: number;
  readonly from: number;
  readonly to: number;
  readonly status: number;
  readonly held: number;
}

const { good, uncertain, bad } = Class;
const SUBNORMAL = ResultCode.UncertainDataSubNormal;

/**
 * The aggregates of the released standard as they are written down there: each interval for itself, by looking through all samples again and again. Nothing is shared with the real
 * calculation but the StatusCodes.
 */
export class NaiveHistorian {
  private readonly request: AggregateRequest;
  private readonly points: Point[];
  private readonly usable: Point[];
  private readonly endUs: number;
  private readonly lastsUs: number;
  private readonly stepped: boolean;
  private readonly treat: boolean;
  private lo = 0;
  private hi = 0;
  private inside: Point[] = [];

  /** What each aggregate is of an interval that has data. */
  private readonly rules: Readonly<Record<AggregateFunction, () => Partial<NaiveResult> | undefined>> = {
    Interpolative: () => this.interpolative(this.start),
    Average: () => this.ofGood((values) => values.reduce((a, b) => a + b / values.length, 0), true),
    Minimum: () => this.extreme(1, false),
    MinimumActualTime: () => this.extreme(1, true),
    Maximum: () => this.extreme(-1, false),
    MaximumActualTime: () => this.extreme(-1, true),
    Range: () => this.range(),
    Count: () => this.byValues(this.inside.filter(({ c }) => c === good).length),
    NumberOfTransitions: () => this.byValues(this.transitions()),
    Start: () => asIs(this.inside[0]),
    End: () => asIs(this.inside.at(-1)),
    Delta: () => this.delta(),
    WorstQuality: () => worst(this.inside),
    AnnotationCount: () => calculated(0, good),
    StandardDeviationSample: () => this.ofGood((values) => Math.sqrt(variance(values, 1)), false),
    StandardDeviationPopulation: () => this.ofGood((values) => Math.sqrt(variance(values, 0)), false),
    VarianceSample: () => this.ofGood((values) => variance(values, 1), false),
    VariancePopulation: () => this.ofGood((values) => variance(values, 0), false),
    TimeAverage: () => this.underLines(false),
    Total: () => this.underLines(true),
    TimeAverage2: () => this.underRegions(false),
    Total2: () => this.underRegions(true),
    Minimum2: () => this.extreme2(1, false),
    MinimumActualTime2: () => this.extreme2(1, true),
    Maximum2: () => this.extreme2(-1, false),
    MaximumActualTime2: () => this.extreme2(-1, true),
    Range2: () => this.range2(),
    DurationInStateZero: () => this.inState(({ from }) => from === 0),
    DurationInStateNonZero: () => this.inState(({ from }) => from !== 0),
    DurationGood: () => calculated(this.held(good) / 1000, ResultCode.Good),
    DurationBad: () => calculated(this.held(bad) / 1000, ResultCode.Good),
    PercentGood: () => calculated((this.held(good) / this.heldAtAll()) * 100, ResultCode.Good),
    PercentBad: () => calculated((this.held(bad) / this.heldAtAll()) * 100, ResultCode.Good),
    WorstQuality2: () => this.worst2(),
    StartBound: () => this.startBound(),
    EndBound: () => this.endBound(),
    DeltaBounds: () => this.deltaBounds(),
  };

  constructor(request: AggregateRequest, series: Series, dataEndUs = Number.NEGATIVE_INFINITY) {
    this.request = request;
    this.stepped = request.stepped;
    this.treat = request.configuration.treatUncertainAsBad;
    this.points = distinct(series);
    this.usable = this.points.filter((p) => this.isUsable(p.c));
    const last = this.points.at(-1)?.t ?? Number.NaN;
    this.endUs = Math.max(last, dataEndUs);
    this.lastsUs = Math.max(last + (request.resolutionUs ?? 1), dataEndUs);
  }

  result(name: AggregateFunction, interval: number): NaiveResult {
    const { edges, backwards } = this.request.intervals;
    this.lo = edges[interval] ?? 0;
    this.hi = edges[interval + 1] ?? 0;
    const { lo, hi } = this;
    this.inside = this.points.filter(({ t }) => (backwards ? t > lo && t <= hi : t >= lo && t < hi));
    const timeUs = backwards ? hi : lo;
    const none = { timeUs, value: Number.NaN, code: ResultCode.BadNoData };
    const first = this.points[0]?.t;
    if (name === 'Interpolative') return { ...none, ...this.rules.Interpolative() };
    if (first === undefined || (backwards ? hi < first : hi <= first)) return none;
    if (backwards ? lo >= this.endUs : lo > this.endUs) return none;
    const result = { ...none, ...this.rules[name]() };
    if (name === 'Average' || name === 'AnnotationCount') return result;
    const begins = first > lo && (backwards ? first <= hi : first < hi);
    const ends = this.endUs < hi && (backwards ? this.endUs > lo : this.endUs >= lo);
    return begins || ends ? { ...result, code: (result.code | 0x400 | InfoBits.partial) >>> 0 } : result;
  }

  private isUsable(c: number): boolean {
    return c === good || (c === uncertain && !this.treat);
  }

  private get start(): number {
    return this.request.intervals.backwards ? this.hi : this.lo;
  }

  /** How long parts last that begin like this. */
  private held(status: number, of: (part: Part) => boolean = () => true): number {
    const parts = this.parts().filter((part) => part.held === status && of(part));
    return parts.reduce((sum, { lasts }) => sum + lasts, 0);
  }

  private heldAtAll(): number {
    return this.held(good) + this.held(uncertain) + this.held(bad);
  }

  private inState(of: (part: Part) => boolean): Partial<NaiveResult> {
    const status = this.byShares(this.held(good), this.held(bad), this.heldAtAll());
    return calculated(this.held(good, of) / 1000, status);
  }

  private get end(): number {
    return this.request.intervals.backwards ? this.lo : this.hi;
  }

  private startBound(): Partial<NaiveResult> | undefined {
    const bound = this.simpleBound(this.start);
    if (bound.c === bad) return undefined;
    if (bound.raw !== null) return asIs(bound.raw);
    return { value: bound.v, code: located(codeOf(bound), InfoBits.interpolated) };
  }

  private endBound(): Partial<NaiveResult> {
    const bound = this.simpleBound(this.end);
    const value = bound.c === bad ? Number.NaN : bound.v;
    return { value, code: located(codeOf(bound), InfoBits.calculated) };
  }

  private deltaBounds(): Partial<NaiveResult> | undefined {
    const start = this.simpleBound(this.start);
    const end = this.simpleBound(this.end);
    if (start.c === bad || end.c === bad) return undefined;
    return calculated(end.v - start.v, start.c === good && end.c === good ? ResultCode.Good : SUBNORMAL);
  }

  private byShares(ofGood: number, ofBad: number, all: number): number {
    const { percentDataBad, percentDataGood } = this.request.configuration;
    if (all === 0) return ResultCode.Good;
    const enough = (ofGood / all) * 100 >= percentDataGood;
    const share = (ofBad / all) * 100;
    if (ofBad > 0 && share >= percentDataBad && !(share === percentDataBad && enough)) return ResultCode.Bad;
    return enough ? ResultCode.Good : SUBNORMAL;
  }

  private byValues(value: number): Partial<NaiveResult> {
    const count = (c: number): number => this.inside.filter((p) => p.c === c).length;
    return calculated(value, this.byShares(count(good), count(bad), this.inside.length));
  }

  private ofGood(of: (values: number[]) => number, shares: boolean): Partial<NaiveResult> | undefined {
    const values = this.inside.filter(({ c }) => c === good).map(({ v }) => v);
    if (values.length === 0) return undefined;
    if (shares) return this.byValues(of(values));
    return calculated(of(values), values.length < this.inside.length ? SUBNORMAL : ResultCode.Good);
  }

  private extreme(sign: number, actual: boolean): Partial<NaiveResult> | undefined {
    const values = this.inside.filter(({ c }) => c === good);
    if (values.length === 0) return undefined;
    const v = sign * Math.min(...values.map((p) => sign * p.v));
    const same = values.filter((p) => p.v === v);
    const [at] = same;
    if (at === undefined) return undefined;
    const code = this.inside.some(({ c }) => !this.isUsable(c)) ? SUBNORMAL : ResultCode.Good;
    const raw = actual || (at.t === this.start && code === ResultCode.Good);
    const bits = raw ? (at.extra ? InfoBits.extraData : 0) : InfoBits.calculated;
    const result = { value: v, code: located(code, bits | (same.length > 1 ? InfoBits.multipleValues : 0)) };
    return actual ? { ...result, timeUs: at.t } : result;
  }

  private range(): Partial<NaiveResult> | undefined {
    const values = this.inside.filter(({ c }) => c === good).map(({ v }) => v);
    if (values.length === 0) return undefined;
    const skipped = this.inside.some(({ c }) => !this.isUsable(c));
    return calculated(Math.max(...values) - Math.min(...values), skipped ? SUBNORMAL : ResultCode.Good);
  }

  private transitions(): number {
    return this.inside.filter((p) => {
      if (!this.isUsable(p.c)) return false;
      const before = this.usable.findLast(({ t }) => t < p.t);
      return before === undefined || before.v !== p.v;
    }).length;
  }

  private delta(): Partial<NaiveResult> | undefined {
    const values = this.inside.filter(({ c }) => c === good);
    const [first] = values;
    const last = values.at(-1);
    if (first === undefined || last === undefined) return undefined;
    const skipped = first !== this.inside[0] || last !== this.inside.at(-1);
    return calculated(last.v - first.v, skipped ? SUBNORMAL : ResultCode.Good);
  }

  /** Status between a sample and the next (Part 13, 5.4.3.2.2). */
  private statusBetween(before: Point, after: Point | undefined): number {
    if (!this.isUsable(before.c)) return bad;
    if (before.c === uncertain) return uncertain;
    return this.stepped || after?.c === good ? good : uncertain;
  }

  private valueBetween(before: Point, after: Point | undefined, t: number): number {
    if (this.stepped || after === undefined || !this.isUsable(after.c)) return before.v;
    return before.v + ((after.v - before.v) * (t - before.t)) / (after.t - before.t);
  }

  /** Part 13, 3.1.9. */
  private simpleBound(t: number): Bound {
    const raw = this.points.find((p) => p.t === t);
    if (raw !== undefined) return { v: raw.v, c: this.isUsable(raw.c) ? raw.c : bad, raw };
    const before = this.points.findLast((p) => p.t < t);
    const after = this.points.find((p) => p.t > t);
    if (before === undefined || (after === undefined && t >= this.lastsUs)) return { v: Number.NaN, c: bad, raw: null };
    return { v: this.valueBetween(before, after, t), c: this.statusBetween(before, after), raw: null };
  }

  private parts(): Part[] {
    const { lo, hi } = this;
    const cuts = [lo, ...this.points.map(({ t }) => t).filter((t) => t > lo && t < hi), hi];
    return cuts.slice(0, -1).flatMap((a, i): Part[] => {
      const before = this.points.findLast(({ t }) => t <= a);
      const after = this.points.find(({ t }) => t > a);
      const b = Math.min(cuts[i + 1] ?? 0, after === undefined ? this.lastsUs : Number.POSITIVE_INFINITY);
      if (before === undefined) return [{ lasts: b - a, from: 0, to: 0, status: bad, held: bad }];
      if (b <= a) return [];
      const status = this.statusBetween(before, after);
      const own = this.isUsable(before.c) ? before.c : bad;
      const from = this.valueBetween(before, after, a);
      const to = this.valueBetween(before, after, b);
      return [{ lasts: b - a, from, to, status, held: before.t === a ? own : status }];
    });
  }

  private byTime(): number {
    const parts = this.parts();
    const of = (s: number): number => parts.filter(({ status }) => status === s).reduce((a, { lasts }) => a + lasts, 0);
    return this.byShares(of(good), of(bad), of(good) + of(uncertain) + of(bad));
  }

  private underRegions(total: boolean): Partial<NaiveResult> | undefined {
    const parts = this.parts().filter(({ status }) => status !== bad);
    const lasts = parts.reduce((sum, part) => sum + part.lasts, 0);
    if (lasts === 0) return undefined;
    const area = parts.reduce((sum, { from, to, lasts: time }) => sum + ((from + to) / 2) * time, 0);
    const code = this.byTime();
    const value = code === ResultCode.Bad ? Number.NaN : total ? area / 1e6 : area / lasts;
    return { value, code: located(code, InfoBits.calculated) };
  }

  private extreme2(sign: number, actual: boolean): Partial<NaiveResult> | undefined {
    const code = this.byTime();
    const candidates = this.candidates();
    const [least] = candidates.map(({ v }) => v).toSorted((a, b) => sign * (a - b));
    const same = candidates.filter(({ v }) => v === least);
    const [at] = same;
    if (at === undefined) return undefined;
    if (code === ResultCode.Bad) return { code };
    const bits = (actual ? at.actualBits : at.bits) | (same.length > 1 ? InfoBits.multipleValues : 0);
    const result = { value: at.v, code: located(code, bits) };
    return actual ? { ...result, timeUs: at.t } : result;
  }

  /** Usable samples and simple bounds, in the order of time (Part 13, 5.4.3.15 and 5.4.3.17). */
  private candidates(): { v: number; t: number; bits: number; actualBits: number }[] {
    const { lo, hi, stepped } = this;
    const { backwards } = this.request.intervals;
    const unit = this.request.resolutionUs ?? 1;
    const { interpolated, calculated: asCalculated } = InfoBits;
    const samples = this.inside
      .filter(({ c }) => this.isUsable(c))
      .map(({ v, t }) => ({ v, t, bits: t === this.start ? 0 : asCalculated, actualBits: 0 }));
    const early = this.simpleBound(lo);
    const late = this.simpleBound(hi);
    const ends = (bound: Bound): { bits: number; actualBits: number } => ({
      bits: bound.raw === null ? interpolated : asCalculated,
      actualBits: interpolated,
    });
    if (this.isUsable(early.c)) {
      if (backwards) samples.unshift({ v: early.v, t: lo + unit, ...ends(early) });
      else if (early.raw === null) samples.unshift({ v: early.v, t: lo, bits: interpolated, actualBits: interpolated });
    }
    if (this.isUsable(late.c) && !stepped) {
      if (!backwards) samples.push({ v: late.v, t: hi - unit, ...ends(late) });
      else if (late.raw === null) samples.push({ v: late.v, t: hi, bits: interpolated, actualBits: interpolated });
    }
    return samples;
  }

  private range2(): Partial<NaiveResult> | undefined {
    const values = this.candidates().map(({ v }) => v);
    const code = this.byTime();
    if (values.length === 0 || code === ResultCode.Bad) return undefined;
    return calculated(Math.max(...values) - Math.min(...values), code);
  }

  private worst2(): Partial<NaiveResult> | undefined {
    const bound = this.simpleBound(this.start);
    if (bound.raw !== null) return worst(this.inside);
    const asPoint = { t: this.start, v: bound.v, code: codeOf(bound), c: bound.c, extra: false };
    return worst([asPoint, ...this.inside]);
  }

  /** Part 13, 3.1.8. */
  private interpolative(t: number): Partial<NaiveResult> | undefined {
    const raw = this.usable.find((p) => p.t === t);
    if (raw !== undefined) return asIs(raw);
    const before = this.usable.findLast((p) => p.t < t);
    const after = this.usable.find((p) => p.t > t);
    if (before === undefined) return undefined;
    if (after === undefined) return { value: this.extrapolated(t), code: located(SUBNORMAL, InfoBits.interpolated) };
    const until = this.stepped ? t : after.t - 1;
    const skipped = this.points.some((p) => p.t > before.t && p.t <= until && !this.isUsable(p.c));
    const certain = !skipped && before.c === good && (this.stepped || after.c === good);
    const value = this.stepped ? before.v : before.v + ((after.v - before.v) * (t - before.t)) / (after.t - before.t);
    return { value, code: located(certain ? ResultCode.Good : SUBNORMAL, InfoBits.interpolated) };
  }

  private extrapolated(t: number): number {
    const last = this.usable.at(-1);
    const earlier = this.usable.at(-2);
    if (last === undefined) return Number.NaN;
    const sloped = this.request.configuration.useSlopedExtrapolation && !this.stepped;
    if (!sloped || earlier === undefined) return last.v;
    return last.v + ((last.v - earlier.v) / (last.t - earlier.t)) * (t - last.t);
  }

  /** Part 13, 5.4.3.6: lines between usable samples, whether values hold or not. */
  private underLines(total: boolean): Partial<NaiveResult> | undefined {
    const { lo, hi } = this;
    const cuts = [lo, ...this.usable.map(({ t }) => t).filter((t) => t > lo && t < hi), hi];
    let area = 0;
    let covered = 0;
    let certain = true;
    for (const [i, a] of cuts.slice(0, -1).entries()) {
      const b = cuts[i + 1] ?? 0;
      const before = this.usable.findLast(({ t }) => t <= a);
      const after = this.usable.find(({ t }) => t > a);
      if (before === undefined) {
        certain = false;
        continue;
      }
      const at = (t: number): number =>
        after === undefined
          ? this.extrapolated(t)
          : before.v + ((after.v - before.v) * (t - before.t)) / (after.t - before.t);
      area += ((at(a) + at(b)) / 2) * (b - a);
      covered += b - a;
      const skipped = this.points.some((p) => p.t > before.t && p.t < (after?.t ?? 0) && !this.isUsable(p.c));
      if (after === undefined || skipped || before.c !== good || after.c !== good) certain = false;
    }
    if (covered === 0) return undefined;
    return calculated(total ? area / 1e6 : area / covered, certain ? ResultCode.Good : SUBNORMAL);
  }
}
