import type { AggregateFunction, AggregateRequest } from './aggregate.ts';
import { Class, classOf } from './status.ts';

/** What is known of the samples of a block, each at a time of its own, without decoding it. Of these the good ones have quality Good and a finite number. */
export interface BlockSummary {
  /** Samples, at least 1, and how many of them are good. */
  readonly count: number;
  readonly goodCount: number;
  readonly firstUs: number;
  readonly lastUs: number;
  /** Whether the first and the last sample are good. */
  readonly firstGood: boolean;
  readonly lastGood: boolean;
  /** Whether all are good and have the StatusCode 0; else StatusCodes are not known, nor which samples are Bad and which Uncertain. */
  readonly plain: boolean;
  /** How long good samples hold, each up to the next sample, µs. */
  readonly goodUs: number;
  /** Of the good samples, and of no meaning where there is none. */
  readonly first: number;
  readonly last: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  /** Which samples are the least and the greatest; null: that is not known. */
  readonly extremes: Extremes | null;
  /** Time integral of the good samples, value times µs, with a line to the next sample where that is good too; null: it is not known. */
  readonly slopedArea: number | null;
  /** The same with values that hold until the next sample. */
  readonly steppedArea: number;
  /** How long good samples hold that are not zero, µs; null: that is not known. */
  readonly nonZeroUs: number | null;
  /** How many good samples differ from the good one before; null: that is not known. */
  readonly transitions: number | null;
}

/** The earliest of the least and of the greatest good values, µs, and how often they occur. */
interface Extremes {
  readonly minUs: number;
  readonly minTimes: number;
  readonly maxUs: number;
  readonly maxTimes: number;
}

/** What an aggregate needs to know of a block beyond counts, sums, values at its ends and how long good ones hold. */
interface Needs {
  /** Single StatusCodes: all of them must be 0. */
  readonly codes?: true;
  readonly extremes?: true;
  readonly nonZeroUs?: true;
  readonly transitions?: true;
  /** The area under lines: `always`, or where values do not hold until the next one. */
  readonly slopedArea?: 'always' | 'sloped';
  /** Of a block in which not all samples are good: `never`: that does not do; else what settles its StatusCode. */
  readonly mixed: 'never' | readonly Settles[];
}

/**
 * What makes up for not knowing which samples are Bad and which Uncertain.
 * - `bad`: Uncertain ones count as Bad (TreatUncertainAsBad)
 * - `all`: only all of the samples or all of the time make a result Good or Bad (both percentages are 100): with some of it good it is Uncertain, whatever the rest is
 * - `some`: there is a good sample
 */
type Settles = 'bad' | 'all' | 'some';

const SAMPLE: Needs = { codes: true, mixed: 'never' };
const BOUND: Needs = { mixed: ['bad'] };
const AREA: Needs = { slopedArea: 'sloped', mixed: ['bad', 'all'] };
const EXTREME: Needs = { extremes: true, mixed: ['bad'] };
const EXTREME2: Needs = { extremes: true, mixed: ['bad', 'all'] };
const HELD: Needs = { mixed: [] };
const STATE: Needs = { nonZeroUs: true, mixed: ['bad'] };
const LINE: Needs = { slopedArea: 'always', mixed: 'never' };

/** Aggregates that a summary can answer, and what it must say for that; the others need the samples. */
const NEEDS: Readonly<Partial<Record<AggregateFunction, Needs>>> = {
  Interpolative: SAMPLE,
  Average: { mixed: ['all'] },
  TimeAverage: LINE,
  TimeAverage2: AREA,
  Total: LINE,
  Total2: AREA,
  Minimum: EXTREME,
  Maximum: EXTREME,
  MinimumActualTime: EXTREME,
  MaximumActualTime: EXTREME,
  Range: BOUND,
  Minimum2: EXTREME2,
  Maximum2: EXTREME2,
  MinimumActualTime2: EXTREME2,
  MaximumActualTime2: EXTREME2,
  Range2: { mixed: ['bad', 'all'] },
  AnnotationCount: HELD,
  Count: { mixed: ['all', 'some'] },
  DurationInStateZero: STATE,
  DurationInStateNonZero: STATE,
  NumberOfTransitions: { transitions: true, mixed: ['bad', 'all', 'some'] },
  Start: SAMPLE,
  End: SAMPLE,
  Delta: HELD,
  StartBound: SAMPLE,
  EndBound: SAMPLE,
  DeltaBounds: BOUND,
  DurationGood: HELD,
  DurationBad: BOUND,
  PercentGood: HELD,
  PercentBad: BOUND,
  WorstQuality: SAMPLE,
  WorstQuality2: SAMPLE,
};

/** Whether a summary says as much as its samples do to an aggregate. The draft takes none but that of samples with the StatusCode 0. */
export function isEnough(
  summary: BlockSummary,
  name: AggregateFunction,
  { configuration, edition, stepped }: Pick<AggregateRequest, 'configuration' | 'edition' | 'stepped'>,
): boolean {
  const needs = NEEDS[name];
  if (needs === undefined) return false;
  const { plain, extremes, nonZeroUs, transitions, slopedArea, count, goodCount } = summary;
  if (edition === 'draft' && (!plain || needs.nonZeroUs === true || needs.transitions === true)) return false;
  if (needs.codes === true && !plain) return false;
  if (needs.extremes === true && extremes === null) return false;
  if (needs.nonZeroUs === true && nonZeroUs === null) return false;
  if (needs.transitions === true && transitions === null) return false;
  const isUnderLines = needs.slopedArea === 'always' || (needs.slopedArea === 'sloped' && !stepped);
  if (isUnderLines && slopedArea === null) return false;
  if (goodCount === count) return true;
  if (needs.mixed === 'never') return false;
  const settled: Readonly<Record<Settles, boolean>> = {
    bad: configuration.treatUncertainAsBad,
    all: configuration.percentDataGood === 100 && configuration.percentDataBad === 100,
    some: goodCount > 0,
  };
  return needs.mixed.every((each) => settled[each]);
}

/** Summary of samples `from` to `to` with ascending times, all distinct; `to` is above `from`. */
export function summarize(
  times: Float64Array,
  values: Float64Array,
  codes: Uint32Array,
  from: number,
  to: number,
): BlockSummary {
  const isGood = (i: number): boolean =>
    i < to && classOf(codes[i] ?? 0) === Class.good && Number.isFinite(values[i] ?? 0);
  const good: number[] = [];
  let [goodUs, sum, slopedArea, steppedArea, nonZeroUs, transitions] = [0, 0, 0, 0, 0, 0];
  let [first, last, min, minUs, minTimes, max, maxUs, maxTimes] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let i = from; i < to; i++) {
    if (!isGood(i)) continue;
    const value = values[i] ?? 0;
    const timeUs = times[i] ?? 0;
    const lastsUs = (times[Math.min(i + 1, to - 1)] ?? 0) - timeUs;
    if (good.length === 0) first = value;
    else if (value !== last) transitions++;
    last = value;
    goodUs += lastsUs;
    if (value !== 0) nonZeroUs += lastsUs;
    sum += value;
    steppedArea += value * lastsUs;
    slopedArea += (value / 2 + (isGood(i + 1) ? (values[i + 1] ?? 0) : value) / 2) * lastsUs;
    if (value === min && minTimes > 0) minTimes++;
    else if (minTimes === 0 || value < min) [min, minUs, minTimes] = [value, timeUs, 1];
    if (value === max && maxTimes > 0) maxTimes++;
    else if (maxTimes === 0 || value > max) [max, maxUs, maxTimes] = [value, timeUs, 1];
    good.push(i);
  }
  return {
    count: to - from,
    goodCount: good.length,
    firstUs: times[from] ?? 0,
    lastUs: times[to - 1] ?? 0,
    firstGood: isGood(from),
    lastGood: isGood(to - 1),
    plain: good.length === to - from && good.every((i) => codes[i] === 0),
    goodUs,
    first,
    last,
    sum,
    min,
    max,
    extremes: { minUs, minTimes, maxUs, maxTimes },
    slopedArea,
    steppedArea,
    nonZeroUs,
    transitions,
  };
}
