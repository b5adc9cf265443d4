import { assert } from '../../edge/core/fault.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { AGGREGATE_FUNCTIONS, type AggregateFunction, type AggregateRequest } from '../aggregates/aggregate.ts';
import { type BlockSummary as CalculatorSummary, isEnough } from '../aggregates/block-summary.ts';
import { AggregateCalculator, type CalculatorState } from '../aggregates/calculator.ts';
import { Class, classOf, ResultCode } from '../aggregates/status.ts';
import { pieceOf, Rows } from '../analysis/piece.ts';
import { AGGREGATES, type Aggregate } from '../queries/bucket-page.ts';
import type { SummarizedBlock } from '../files/block-list.ts';
import { unitName } from '../files/rollups.ts';
import type { BlockSummary } from '../codec/summary.ts';
import type { Points } from '../points/points.ts';
import type { AskedAggregates } from './asked.ts';
import { Behind, type BehindState, type Decides } from './behind.ts';
import type { AnalysisColumn, Calculation, Decided } from './calculation.ts';
import { NOTHING } from './calculation.ts';
import { ShortAggregates, type ShortState } from './short-aggregates.ts';

/** How far it has come, as plain data. */
export interface AggregatesState {
  readonly what: 'aggregates';
  readonly given: number;
  readonly calculator: CalculatorState | null;
  readonly short: ShortState | null;
  readonly behind: BehindState;
}

/** Aggregates of Part 13 that say something about values that are no numbers too: how many, how good, how often another one. */
export const OF_ANY_TYPE: ReadonlySet<string> = new Set<AggregateFunction>([
  'AnnotationCount',
  'Count',
  'NumberOfTransitions',
  'DurationGood',
  'DurationBad',
  'PercentGood',
  'PercentBad',
  'WorstQuality',
  'WorstQuality2',
]);

/** Aggregates of Part 13 whose value is that of one sample, and stands at its time. */
export const AT_OWN_TIME: ReadonlySet<string> = new Set<AggregateFunction>([
  'Start',
  'End',
  'MinimumActualTime',
  'MaximumActualTime',
  'MinimumActualTime2',
  'MaximumActualTime2',
]);

/** A summary as the calculator takes it: which samples are the least and the greatest, and what lies between the first and the last, is known where all are the same. */
function calculatorSummary({ values, ...block }: BlockSummary): CalculatorSummary {
  const { goodUs, plain, count, firstUs } = block;
  if (values === null) return { ...block, ...NO_VALUES };
  const { kind, sum, sloped, stepped } = values;
  const [first, last, min, max] = [Number(values.first), Number(values.last), Number(values.min), Number(values.max)];
  const isConstant = min === max;
  return {
    ...block,
    first,
    last,
    sum,
    min,
    max,
    extremes: isConstant && plain ? { minUs: firstUs, minTimes: count, maxUs: firstUs, maxTimes: count } : null,
    // Between booleans there are no lines: the store has none.
    slopedArea: kind === ValueKind.boolean ? null : sloped,
    steppedArea: stepped,
    nonZeroUs: nonZeroUs(kind === ValueKind.boolean, min, max, goodUs, stepped),
    transitions: isConstant ? 0 : null,
  };
}

/** Of a block without good samples. */
const NO_VALUES = {
  first: 0,
  last: 0,
  sum: 0,
  min: 0,
  max: 0,
  extremes: null,
  slopedArea: 0,
  steppedArea: 0,
  nonZeroUs: 0,
  transitions: 0,
} as const;

/** How long good samples hold that are not zero, µs; null: not known. */
function nonZeroUs(isBoolean: boolean, min: number, max: number, goodUs: number, stepped: number): number | null {
  if (isBoolean) return stepped;
  if (min > 0 || max < 0) return goodUs;
  return min === max ? 0 : null;
}

const SHORT: ReadonlySet<string> = new Set(AGGREGATES);
const FUNCTIONS: ReadonlySet<string> = new Set(AGGREGATE_FUNCTIONS);

function isShort(name: string): name is Aggregate {
  return SHORT.has(name);
}

function isFunction(name: string): name is AggregateFunction {
  return FUNCTIONS.has(name);
}

/** Aggregates of Part 13 that draw lines over samples that are not usable. */
const OF_LINES: ReadonlySet<string> = new Set<AggregateFunction>(['Interpolative', 'TimeAverage', 'Total']);

/** Aggregates of Part 13 that show a sample at the edge of an interval as it is. */
const OF_BOUNDS: ReadonlySet<string> = new Set<AggregateFunction>(['StartBound', 'EndBound', 'Interpolative']);

/** Whether samples before and behind the intervals matter: only with aggregates of Part 13. */
export function hasBounds({ aggregates }: AskedAggregates): boolean {
  return aggregates.some(isFunction);
}

/** Which samples calculations use. */
export function usable({ configuration }: AskedAggregates): Decides {
  const worst = configuration.treatUncertainAsBad ? Class.good : Class.uncertain;
  return (value, quality) => (classOf(quality) <= worst && Number.isFinite(value) ? true : null);
}

/** Aggregates of intervals, given as soon as no later sample changes them. */
export class AggregatesCalculation implements Calculation<AggregatesState> {
  readonly full = false;
  done = false;
  private readonly asked: AskedAggregates;
  private readonly functions: readonly AggregateFunction[];
  private readonly calculator: AggregateCalculator | null;
  private readonly short: ShortAggregates | null;
  private readonly behind: Behind;
  /** Of texts only those aggregates are asked that do not look into them. */
  private readonly isOfAnyType: boolean;
  private given = 0;

  constructor(asked: AskedAggregates, state: AggregatesState | null) {
    this.asked = asked;
    const { intervals, aggregates, stepped, configuration, edition, resolutionUs } = asked;
    const { edges, backwards } = intervals;
    const short = aggregates.filter(isShort);
    this.functions = aggregates.filter(isFunction);
    assert(short.length + this.functions.length === aggregates.length, 'names of aggregates');
    assert(short.length === 0 || !backwards, 'time goes forwards');
    this.isOfAnyType = aggregates.every((name) => OF_ANY_TYPE.has(name));
    const request: AggregateRequest = {
      intervals,
      aggregates: this.functions,
      stepped,
      configuration,
      edition,
      resolutionUs,
    };
    const before = state?.calculator ?? null;
    if (this.functions.length === 0) this.calculator = null;
    else
      this.calculator =
        before === null ? new AggregateCalculator(request) : AggregateCalculator.resume(request, before);
    this.short = short.length === 0 ? null : new ShortAggregates(edges, short);
    const endUs = edges[edges.length - 1] ?? 0;
    // Backwards an interval has its later edge, so what is behind it is later.
    this.behind = new Behind(backwards ? endUs + 1 : endUs, this.calculator === null ? () => true : usable(asked));
    if (state === null) return;
    this.given = state.given;
    if (state.short !== null) this.short?.restore(state.short);
    this.behind.restore(state.behind);
  }

  take(points: Points, start: number, end: number): boolean {
    this.short?.take(points, start, end);
    if (this.calculator === null) {
      const { edges } = this.asked.intervals;
      return (points.times[end - 1] ?? 0) < (edges[edges.length - 1] ?? 0);
    }
    const piece = pieceOf(points, start, end, this.isOfAnyType);
    const count = this.behind.needed(piece);
    this.calculator.add(piece.times, piece.values, piece.qualities, 0, count);
    return count === piece.count;
  }

  takeBlock({ summary, expired, overlapped }: SummarizedBlock): boolean {
    const { short, calculator } = this;
    const { values, goodCount, firstUs, lastUs, plain, distinct } = summary;
    // What has come late may lie among samples of which only the summary is left: that matters to all but the short ones.
    if (expired && calculator === null) return this.takeShort(summary);
    // Samples that are there say more than the summary of those that are not all Good.
    if (overlapped === true || !distinct || (!plain && !expired)) return false;
    if (values === null && goodCount > 0) return false;
    if (calculator === null) return this.takeShort(summary);
    if (expired && this.takeBound(summary)) return true;
    if (!calculator.addSummary(calculatorSummary(summary))) return false;
    if (values !== null)
      assert(short?.takeSummary(values, goodCount, firstUs, lastUs) !== false, 'both have the same intervals');
    return true;
  }

  advice({ summary, overlapped }: SummarizedBlock): string | undefined {
    const { calculator, functions, asked } = this;
    const { firstUs, lastUs, goodCount, count } = summary;
    if (calculator === null) return undefined;
    const short = `of whole ${unitName(firstUs, lastUs)} (UTC) there are ${AGGREGATES.join(', ')}.`;
    if (overlapped === true || !summary.distinct)
      return `Only a roll-up is left, among whose samples others lie of which nobody knows where: ${short}`;
    const known = calculatorSummary(summary);
    const lacking = functions.filter((name) => !isEnough(known, name, asked));
    if (lacking.length === 0) return undefined;
    const of = goodCount < count ? ' of samples that are not all Good' : '';
    return `Only a roll-up is left${of}, which does not say ${lacking.join(', ')}: ${short}`;
  }

  /** Takes what is left of samples of whatever quality. */
  private takeShort({ values, goodCount, firstUs, lastUs }: BlockSummary): boolean {
    if (goodCount === 0) return true;
    return values !== null && this.short?.takeSummary(values, goodCount, firstUs, lastUs) === true;
  }

  /** Of a block before the intervals the last sample is enough, of one behind them the first; false: it is neither, or not known. */
  private takeBound({ values, firstUs, lastUs, firstGood, lastGood, plain }: BlockSummary): boolean {
    const { edges, backwards } = this.asked.intervals;
    const endUs = edges[edges.length - 1] ?? 0;
    const isBehind = backwards ? firstUs > endUs : firstUs >= endUs;
    if (values === null || (!isBehind && lastUs >= (edges[0] ?? 0))) return false;
    const rows = new Rows(2);
    if (isBehind) {
      // At the very end of the intervals its StatusCode may be seen too.
      const isSeen = firstUs === endUs && !plain && this.asks(OF_BOUNDS);
      if (!firstGood || isSeen) return false;
      rows.push(firstUs, Number(values.first), ResultCode.Good);
    } else if (lastGood) rows.push(lastUs, Number(values.last), ResultCode.Good);
    else {
      // When the last good one was matters only to lines; and the last one is usable unless it counts as Bad.
      if (this.asks(OF_LINES) || !this.asked.configuration.treatUncertainAsBad) return false;
      rows.push(lastUs - 1, Number(values.last), ResultCode.Good);
      rows.push(lastUs, Number.NaN, ResultCode.Bad);
    }
    this.calculator?.add(rows.times, rows.values, rows.qualities, 0, this.behind.needed(rows));
    this.done = this.behind.settled;
    return true;
  }

  private asks(names: ReadonlySet<string>): boolean {
    return this.functions.some((name) => names.has(name));
  }

  lose(timeUs: number): void {
    this.short?.pass(timeUs);
    this.calculator?.add(Float64Array.of(timeUs), Float64Array.of(Number.NaN), Uint32Array.of(ResultCode.BadNoData));
  }

  finish(): void {
    this.short?.finish();
    this.calculator?.finish();
  }

  drain(): Decided {
    const { short, calculator, given } = this;
    const end = calculator?.settled ?? short?.settled ?? 0;
    assert(short === null || short.settled >= end, 'what is counted is not behind what is calculated');
    if (end === given) return NOTHING;
    const columns = this.columns(given, end);
    this.given = end;
    return { ...NOTHING, times: this.timesOf(given, end), columns };
  }

  state(): AggregatesState {
    const { short, calculator, given, behind } = this;
    return {
      what: 'aggregates',
      given,
      calculator: calculator?.state() ?? null,
      short: short?.state(given) ?? null,
      behind: behind.state(),
    };
  }

  private timesOf(start: number, end: number): Float64Array<ArrayBuffer> {
    const { edges, backwards } = this.asked.intervals;
    const first = backwards ? 1 : 0;
    return new Float64Array(edges.subarray(start + first, end + first));
  }

  /** In the order in which they were asked for. */
  private columns(start: number, end: number): AnalysisColumn[] {
    const short = this.short?.results(start, end) ?? [];
    const calculated = this.calculator?.results(start, end) ?? [];
    return this.asked.aggregates.map((name) => {
      if (isShort(name)) {
        const column = short.shift();
        assert(column !== undefined, 'a column for each short aggregate');
        return column;
      }
      const column = calculated.shift();
      assert(column !== undefined, 'a column for each aggregate');
      const { values, qualities, times } = column;
      return { values, qualities, times: AT_OWN_TIME.has(name) ? times : null, large: null };
    });
  }
}
