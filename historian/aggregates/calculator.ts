import { assert, Fault } from '../../edge/core/fault.ts';
import type { AggregateColumn, AggregateFunction, AggregateRequest, ProcessingIntervals } from './aggregate.ts';
import { Answer, type Gathered, isOutside, isPartial, type ResultRule, startOf } from './answer.ts';
import { type BlockSummary, isEnough } from './block-summary.ts';
import { DRAFT_PARTIAL, DRAFT_RESULTS } from './draft-results.ts';
import { Chunk, Intake, type IntakeState } from './intake.ts';
import { LineTally } from './line-tally.ts';
import { RAW_RESULTS } from './raw-results.ts';
import { RawTally } from './raw-tally.ts';
import { RegionTally } from './region-tally.ts';
import { Class, InfoBits, ResultCode } from './status.ts';
import type { Tally, TallyState } from './tally.ts';
import { TIME_RESULTS } from './time-results.ts';

const RESULTS: Readonly<Record<AggregateFunction, ResultRule>> = { ...RAW_RESULTS, ...TIME_RESULTS };

/** Aggregates that need to know the regions between samples (simple bounding values). */
const OF_REGIONS: ReadonlySet<AggregateFunction> = new Set([
  'TimeAverage2',
  'Total2',
  'Minimum2',
  'Maximum2',
  'MinimumActualTime2',
  'MaximumActualTime2',
  'Range2',
  'DurationInStateZero',
  'DurationInStateNonZero',
  'StartBound',
  'EndBound',
  'DeltaBounds',
  'DurationGood',
  'DurationBad',
  'PercentGood',
  'PercentBad',
  'WorstQuality2',
]);

/** Aggregates that need to know the lines between usable samples (interpolated bounding values). */
const OF_LINES: ReadonlySet<AggregateFunction> = new Set(['Interpolative', 'TimeAverage', 'Total']);

/** In the draft these last through samples that are not usable. */
const OF_LINES_IN_DRAFT: ReadonlySet<AggregateFunction> = new Set([
  'Total2',
  'DurationInStateZero',
  'DurationInStateNonZero',
  'NumberOfTransitions',
]);

const NEVER_PARTIAL: ReadonlySet<AggregateFunction> = new Set(['Interpolative', 'Average', 'AnnotationCount']);

const DEVIATIONS: readonly AggregateFunction[] = [
  'StandardDeviationSample',
  'StandardDeviationPopulation',
  'VarianceSample',
  'VariancePopulation',
];

const NOTHING = new Float64Array(0);

/** A calculation between two calls, as plain data that crosses threads. */
export interface CalculatorState {
  /** The first interval that is not settled: what lies before it is not kept. */
  readonly from: number;
  readonly intake: IntakeState;
  readonly tallies: readonly TallyState[];
  readonly annotations: Uint32Array<ArrayBuffer>;
}

/**
 * Aggregates of one tag over many intervals, in one pass over its samples (OPC UA Part 13). Samples come in the order of time, in pieces of any size: those of the range; before them the
 * last one that calculations use (two for sloped extrapolation) and all behind it; and after them the first one that they use and all before it. Where there is none, the data begin or
 * end. Memory is bounded by the number of intervals (some 500 bytes each).
 */
export class AggregateCalculator {
  private readonly request: AggregateRequest;
  private readonly intake = new Intake();
  private readonly chunk = new Chunk();
  private readonly raw: RawTally | null;
  private readonly regions: RegionTally | null;
  private readonly lines: LineTally | null;
  private readonly annotations: Uint32Array<ArrayBuffer>;
  private endUs = Number.NaN;
  private from = 0;

  /** Throws `request-invalid` for an aggregate that the edition does not have. */
  constructor(request: AggregateRequest) {
    this.request = request;
    const { intervals, aggregates, configuration, stepped } = request;
    const draft = request.edition === 'draft';
    const unknown = draft ? aggregates.find((name) => DRAFT_RESULTS[name] === undefined) : undefined;
    if (unknown !== undefined) throw new Fault('request-invalid', `The draft of Part 13 has no ${unknown}.`);
    const worstUsable = configuration.treatUncertainAsBad ? Class.good : Class.uncertain;
    const ofLines = aggregates.some((name) => OF_LINES.has(name) || (draft && OF_LINES_IN_DRAFT.has(name)));
    const ofRegions = aggregates.some((name) => OF_REGIONS.has(name) && !(draft && OF_LINES_IN_DRAFT.has(name)));
    const ofSamples = aggregates.some((name) => name in RAW_RESULTS || name === 'WorstQuality2') || draft;
    this.annotations = new Uint32Array(intervals.edges.length - 1);
    const options = { intervals, stepped, worstUsable };
    this.raw = ofSamples
      ? new RawTally({
          ...options,
          worstCounted: draft ? worstUsable : Class.good,
          transitions: aggregates.includes('NumberOfTransitions'),
          firstIsTransition: !draft,
          variance: aggregates.some((name) => DEVIATIONS.includes(name)),
        })
      : null;
    // The draft takes each region by the quality of the sample before it alone.
    this.regions = ofRegions
      ? new RegionTally(draft ? { intervals, stepped: true, worstUsable: Class.uncertain } : options)
      : null;
    const slopedExtrapolation = configuration.useSlopedExtrapolation;
    this.lines = ofLines
      ? new LineTally({ ...options, slopedExtrapolation, areaSloped: !draft, endless: draft })
      : null;
  }

  /** Intervals, from the first on, whose results no later sample changes. */
  get settled(): number {
    const all = this.request.intervals.edges.length - 1;
    return this.tallies().reduce((least, tally) => Math.min(least, tally.settled), all);
  }

  /** Takes samples `start` to `end` of these columns: times in µs, StatusCodes; a value that is no number is NaN. */
  add(times: Float64Array, values: Float64Array, codes: Uint32Array, start = 0, end = times.length): void {
    const { chunk } = this;
    for (let i = start; i < end;) {
      i = this.intake.fill(chunk, times, values, codes, i, end);
      this.take(chunk);
    }
  }

  /** Counts annotations, by the times of the samples that they belong to. */
  addAnnotations(times: Float64Array): void {
    for (const timeUs of times) {
      const interval = intervalAt(this.request.intervals, timeUs);
      if (interval >= 0 && interval < this.annotations.length)
        this.annotations[interval] = (this.annotations[interval] ?? 0) + 1;
    }
  }

  /**
   * Takes a summary in place of the samples of a block. False: it cannot stand for them here (the block does not lie inside one interval or not behind the samples before, or
   * an aggregate needs more, `isEnough`), and nothing has changed. Samples that come later must be later than the block's.
   */
  addSummary(summary: BlockSummary): boolean {
    const { intervals, aggregates, configuration } = this.request;
    const { firstUs, lastUs, firstGood } = summary;
    if (!(firstUs > this.intake.lastUs) && !Number.isNaN(this.intake.lastUs)) return false;
    // Whether the data begin with a sample that is not good, or it is a placeholder, nobody knows.
    if (Number.isNaN(this.intake.firstUs) && !firstGood) return false;
    if (!aggregates.every((name) => isEnough(summary, name, this.request))) return false;
    if (this.lines !== null && configuration.useSlopedExtrapolation) return false;
    const interval = intervalAt(intervals, firstUs);
    const inside = interval >= 0 && interval < intervals.edges.length - 1;
    if (!inside || !(lastUs < (intervals.edges[interval + 1] ?? 0))) return false;
    const { chunk } = this;
    this.intake.flush(chunk);
    this.take(chunk);
    this.intake.skip(firstUs, lastUs);
    chunk.count = 0;
    if (firstGood) chunk.push(firstUs, summary.first, ResultCode.Good, Class.good, 0);
    else chunk.push(firstUs, Number.NaN, ResultCode.Bad, Class.bad, 0);
    for (const tally of this.tallies()) tally.takeSummary(summary, chunk);
    return true;
  }

  /**
   * There are no more samples. The data reach to the last one, or to a later time if it is known that the value has lasted (Part 13, 3.1.9): then it holds until there. All intervals are
   * settled.
   */
  finish(dataEndUs = Number.NEGATIVE_INFINITY): void {
    const { edges } = this.request.intervals;
    const draft = this.request.edition === 'draft';
    const { chunk } = this;
    this.intake.flush(chunk);
    this.take(chunk);
    this.endUs = Math.max(this.intake.lastUs, dataEndUs);
    const unit = this.request.resolutionUs ?? 1;
    const lasts = draft ? (edges[edges.length - 1] ?? 0) : Math.max(this.intake.lastUs + unit, dataEndUs);
    this.raw?.finish();
    this.regions?.finish(lasts);
    this.lines?.finish(this.endUs);
  }

  /** Results of intervals `start` to `end`, which must be settled: a column for each aggregate. */
  results(start: number, end: number): AggregateColumn[] {
    assert(start >= this.from && end <= this.settled, 'results of intervals that are settled');
    const gathered = this.gathered();
    return this.request.aggregates.map((name) => this.column(gathered, name, start, end));
  }

  /** The calculation so far, without the intervals that are settled. */
  state(): CalculatorState {
    const from = this.settled;
    return {
      from,
      intake: this.intake.state(),
      tallies: this.tallies().map((tally) => tally.state(from)),
      annotations: this.annotations.slice(from),
    };
  }

  /** Goes on with a calculation; the request must be the same. */
  static resume(request: AggregateRequest, state: CalculatorState): AggregateCalculator {
    const calculator = new AggregateCalculator(request);
    calculator.from = state.from;
    calculator.intake.restore(state.intake);
    calculator.annotations.set(state.annotations, state.from);
    for (const [i, tally] of calculator.tallies().entries()) {
      const own = state.tallies[i];
      assert(own, 'a state of the same request');
      tally.restore(own, state.from);
    }
    return calculator;
  }

  private take(chunk: Chunk): void {
    if (chunk.count === 0) return;
    this.raw?.take(chunk);
    this.regions?.take(chunk);
    this.lines?.take(chunk);
  }

  private tallies(): Tally[] {
    return [this.raw, this.regions, this.lines].filter((tally) => tally !== null);
  }

  private gathered(): Gathered {
    const { intervals, configuration, resolutionUs } = this.request;
    const { raw, regions, lines, annotations, intake } = this;
    const endUs = Number.isNaN(this.endUs) ? intake.lastUs : this.endUs;
    return {
      intervals,
      configuration,
      resolutionUs: resolutionUs ?? 1,
      raw: raw?.cells ?? NOTHING,
      regions: regions?.cells ?? NOTHING,
      lines: lines?.cells ?? NOTHING,
      simpleBounds: regions?.bounds ?? NOTHING,
      interpolatedBounds: lines?.bounds ?? NOTHING,
      annotations,
      firstUs: intake.firstUs,
      endUs,
    };
  }

  private column(gathered: Gathered, name: AggregateFunction, start: number, end: number): AggregateColumn {
    const times = new Float64Array(end - start);
    const values = new Float64Array(end - start);
    const qualities = new Uint32Array(end - start);
    const draft = this.request.edition === 'draft';
    const rule = (draft ? DRAFT_RESULTS[name] : undefined) ?? RESULTS[name];
    const answer = new Answer();
    for (let interval = start; interval < end; interval++) {
      answer.begin(startOf(gathered, interval));
      if (draft || name === 'Interpolative' || !isOutside(gathered, interval)) {
        rule(gathered, interval, answer);
        if (this.isPartial(gathered, name, interval)) answer.mark(InfoBits.partial);
      }
      times[interval - start] = answer.timeUs;
      values[interval - start] = answer.value;
      qualities[interval - start] = answer.code;
    }
    return { times, values, qualities };
  }

  private isPartial(gathered: Gathered, name: AggregateFunction, interval: number): boolean {
    if (this.request.edition !== 'draft') return !NEVER_PARTIAL.has(name) && isPartial(gathered, interval);
    if (interval === this.request.intervals.cut) return name !== 'Interpolative';
    return DRAFT_PARTIAL.has(name) && isPartial({ ...gathered, endUs: Number.POSITIVE_INFINITY }, interval);
  }
}

/** Number of the interval that has this time; -1 or the number of intervals outside. */
function intervalAt({ edges, backwards }: ProcessingIntervals, timeUs: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const edge = edges[middle] ?? 0;
    if (backwards ? edge < timeUs : edge <= timeUs) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
