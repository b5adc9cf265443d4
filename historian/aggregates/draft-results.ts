import type { AggregateFunction } from './aggregate.ts';
import { type Answer, type Gathered, type ResultRule, startOf } from './answer.ts';
import { Line, LINE_WIDTH } from './line-tally.ts';
import { Raw, RAW_WIDTH } from './raw-tally.ts';
import { meanOf, samplesIn, unusable, worstClass, worstCode } from './raw-results.ts';
import { Region, REGION_WIDTH } from './region-tally.ts';
import { Class, classOf, InfoBits, located, ResultCode } from './status.ts';
import { interpolative } from './time-results.ts';

/** What an aggregate of usable samples answers where there are none: no data, or only data that are not usable. */
interface Empty {
  readonly code: number;
  readonly value?: number;
  readonly onlyUnusable: number;
}

const MEAN: Empty = { code: ResultCode.BadNoData, onlyUnusable: ResultCode.Bad };
const SUM: Empty = { code: ResultCode.GoodNoData, value: 0, onlyUnusable: ResultCode.Bad };
const DIFFERENCE: Empty = { code: ResultCode.BadNoData, onlyUnusable: ResultCode.UncertainDataSubNormal };

/** A calculated value of the usable samples. */
function ofUsable(calculate: (cells: Float64Array, at: number) => number, empty: Empty): ResultRule {
  return (gathered, interval, answer) => {
    const cells = gathered.raw;
    const at = interval * RAW_WIDTH;
    if (cells[at + Raw.counted] !== 0) answer.calculated(calculate(cells, at), ResultCode.Good);
    else if (samplesIn(cells, at) === 0) calculated(answer, empty.value ?? Number.NaN, empty.code);
    else calculated(answer, Number.NaN, empty.onlyUnusable);
  };
}

function calculated(answer: Answer, value: number, code: number): void {
  answer.value = value;
  answer.code = located(code, InfoBits.calculated);
}

function extreme(least: boolean, actualTime: boolean): ResultRule {
  const [value, time] = least ? [Raw.min, Raw.minUs] : [Raw.max, Raw.maxUs];
  return (gathered, interval, answer) => {
    const cells = gathered.raw;
    const at = interval * RAW_WIDTH;
    if (samplesIn(cells, at) === 0) return;
    const some = cells[at + Raw.counted] !== 0;
    const timeUs = (some ? cells[at + time] : cells[at + Raw.firstUs]) ?? 0;
    const raw = actualTime || timeUs === startOf(gathered, interval);
    answer.put(
      some ? (cells[at + value] ?? 0) : Number.NaN,
      some ? ResultCode.Good : ResultCode.Bad,
      raw ? 0 : InfoBits.calculated,
    );
    if (actualTime) answer.timeUs = timeUs;
  };
}

/** Start and End: a sample that is not Good keeps its value, and is Uncertain. */
function sample(first: boolean): ResultRule {
  const [time, value, code] = first ? [Raw.firstUs, Raw.first, Raw.firstCode] : [Raw.lastUs, Raw.last, Raw.lastCode];
  return (gathered, interval, answer) => {
    const cells = gathered.raw;
    const at = interval * RAW_WIDTH;
    if (samplesIn(cells, at) === 0) return;
    const good = classOf(cells[at + code] ?? 0) === Class.good;
    answer.timeUs = cells[at + time] ?? 0;
    answer.put(cells[at + value] ?? 0, good ? ResultCode.Good : ResultCode.UncertainDataSubNormal, InfoBits.raw);
  };
}

function count(gathered: Gathered, interval: number, answer: Answer): void {
  const cells = gathered.raw;
  const at = interval * RAW_WIDTH;
  const left = unusable(gathered, at);
  const code = left === 0 ? ResultCode.Good : left < samplesIn(cells, at) ? ResultCode.Uncertain : ResultCode.Bad;
  answer.calculated(cells[at + Raw.counted] ?? 0, code);
}

/** Durations in a state and transitions: a state lasts through samples that are not usable, which make it Uncertain; without samples there is GoodNoData. */
function state(valueOf: (gathered: Gathered, interval: number) => number): ResultRule {
  return (gathered, interval, answer) => {
    const { edges } = gathered.intervals;
    const cells = gathered.lines;
    const at = interval * LINE_WIDTH;
    const fromUs = edges[interval] ?? 0;
    const known = cells[at + Line.covered] === (edges[interval + 1] ?? 0) - fromUs && cells[at + Line.uncertain] === 0;
    const empty = samplesIn(gathered.raw, interval * RAW_WIDTH) === 0;
    const behind = empty && cells[at + Line.extrapolated] === 1;
    const code = !known || behind ? ResultCode.Uncertain : empty ? ResultCode.GoodNoData : ResultCode.Good;
    calculated(answer, valueOf(gathered, interval), code);
  };
}

function inState(place: typeof Line.zero | typeof Line.nonZero): ResultRule {
  return state((gathered, interval) => (gathered.lines[interval * LINE_WIDTH + place] ?? 0) / 1000);
}

/** TimeAverage, and under the name Total2 the average times the interval in ms. */
function timeAverage(total: boolean): ResultRule {
  return (gathered, interval, answer) => {
    const { edges } = gathered.intervals;
    const cells = gathered.lines;
    const at = interval * LINE_WIDTH;
    const covered = cells[at + Line.covered] ?? 0;
    const lastsUs = (edges[interval + 1] ?? 0) - (edges[interval] ?? 0);
    if (covered === 0) {
      calculated(answer, Number.NaN, ResultCode.BadNoData);
      return;
    }
    const average = (cells[at + Line.area] ?? 0) / covered;
    const certain = covered === lastsUs && cells[at + Line.uncertain] === 0 && cells[at + Line.extrapolated] === 0;
    answer.calculated(total ? (average * lastsUs) / 1000 : average, certain ? ResultCode.Good : ResultCode.Uncertain);
  };
}

/** Durations by the quality of the sample before, without end behind the last one. */
function duration(place: typeof Region.goodHeld | typeof Region.badHeld, percent: boolean): ResultRule {
  return (gathered, interval, answer) => {
    const { edges } = gathered.intervals;
    const lasts = gathered.regions[interval * REGION_WIDTH + place] ?? 0;
    const lastsUs = (edges[interval + 1] ?? 0) - (edges[interval] ?? 0);
    answer.calculated(percent ? (lasts / lastsUs) * 100 : lasts / 1000, ResultCode.Good);
  };
}

function worstQuality(gathered: Gathered, interval: number, answer: Answer): void {
  const cells = gathered.raw;
  const at = interval * RAW_WIDTH;
  if (samplesIn(cells, at) === 0) return;
  const several = worstClass(cells, at) > Class.good && (cells[at + Raw.good + worstClass(cells, at)] ?? 0) > 1;
  answer.calculated(worstCode(cells, at), ResultCode.Good, several ? InfoBits.multipleValues : 0);
}

function annotationCount({ annotations }: Gathered, interval: number, answer: Answer): void {
  calculated(answer, annotations[interval] ?? 0, ResultCode.Good);
}

/** The aggregates that the draft has. Total is the sum of the samples, Total2 the time average times the interval in ms. */
export const DRAFT_RESULTS: Partial<Record<AggregateFunction, ResultRule>> = {
  Interpolative: interpolative,
  Average: ofUsable(meanOf, MEAN),
  TimeAverage: timeAverage(false),
  Total: ofUsable((cells, at) => (cells[at + Raw.sum] ?? 0) + (cells[at + Raw.rest] ?? 0), SUM),
  Total2: timeAverage(true),
  Minimum: extreme(true, false),
  Maximum: extreme(false, false),
  MinimumActualTime: extreme(true, true),
  MaximumActualTime: extreme(false, true),
  Range: ofUsable((cells, at) => (cells[at + Raw.max] ?? 0) - (cells[at + Raw.min] ?? 0), DIFFERENCE),
  AnnotationCount: annotationCount,
  Count: count,
  DurationInStateZero: inState(Line.zero),
  DurationInStateNonZero: inState(Line.nonZero),
  NumberOfTransitions: state((gathered, interval) => gathered.raw[interval * RAW_WIDTH + Raw.transitions] ?? 0),
  Start: sample(true),
  End: sample(false),
  Delta: ofUsable((cells, at) => (cells[at + Raw.lastCounted] ?? 0) - (cells[at + Raw.firstCounted] ?? 0), DIFFERENCE),
  DurationGood: duration(Region.goodHeld, false),
  DurationBad: duration(Region.badHeld, false),
  PercentGood: duration(Region.goodHeld, true),
  PercentBad: duration(Region.badHeld, true),
  WorstQuality: worstQuality,
};

/** In the draft only these are partial where the data begin inside the interval. */
export const DRAFT_PARTIAL: ReadonlySet<AggregateFunction> = new Set(['Average', 'TimeAverage', 'Total2']);
