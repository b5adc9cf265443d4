import { type Answer, type Gathered, type ResultRule, statusByShares } from './answer.ts';
import { Interpolated, INTERPOLATED_WIDTH, Line, LINE_WIDTH } from './line-tally.ts';
import { Raw, RAW_WIDTH } from './raw-tally.ts';
import { samplesIn, worstClass, worstCode } from './raw-results.ts';
import { Bound, BOUND_WIDTH, Origin, Region, REGION_WIDTH } from './region-tally.ts';
import { Class, InfoBits, ResultCode } from './status.ts';

/** The edge where the interval begins (or ends), in the direction of the request. */
function edgeOf({ intervals: { backwards } }: Gathered, interval: number, start: boolean): number {
  return start === backwards ? interval + 1 : interval;
}

function simpleBound(gathered: Gathered, interval: number, start: boolean): Float64Array {
  const at = edgeOf(gathered, interval, start) * BOUND_WIDTH;
  return gathered.simpleBounds.subarray(at, at + BOUND_WIDTH);
}

/** Severity of a bound; Bad if there is none. */
function boundClass(bound: Float64Array): number {
  return bound[Bound.known] === 1 ? (bound[Bound.boundClass] ?? Class.bad) : Class.bad;
}

/** StatusCode of a bound: the sample's if it is one (Part 13, 3.1.9). */
function boundCode(bound: Float64Array): number {
  const severity = boundClass(bound);
  if (severity === Class.bad) return ResultCode.BadNoData;
  if (bound[Bound.raw] === 1) return bound[Bound.code] ?? 0;
  return severity === Class.good ? ResultCode.Good : ResultCode.UncertainDataSubNormal;
}

/** The value at the start of the interval, on the line between usable samples. */
export function interpolative(gathered: Gathered, interval: number, answer: Answer): void {
  const at = edgeOf(gathered, interval, true) * INTERPOLATED_WIDTH;
  const bounds = gathered.interpolatedBounds;
  if (bounds[at + Interpolated.known] !== 1) return;
  const value = bounds[at + Interpolated.value] ?? 0;
  if (bounds[at + Interpolated.raw] === 1) {
    const extra = bounds[at + Interpolated.extra] === 1;
    answer.put(value, bounds[at + Interpolated.code] ?? 0, extra ? InfoBits.extraData : InfoBits.raw);
  } else {
    const code = bounds[at + Interpolated.uncertain] === 1 ? ResultCode.UncertainDataSubNormal : ResultCode.Good;
    answer.put(value, code, InfoBits.interpolated);
  }
}

/** TimeAverage and Total: the area under lines between usable samples. */
function line(total: boolean): ResultRule {
  return (gathered, interval, answer) => {
    const cells = gathered.lines;
    const at = interval * LINE_WIDTH;
    const { edges } = gathered.intervals;
    const covered = cells[at + Line.covered] ?? 0;
    if (covered === 0) return;
    const all = covered === (edges[interval + 1] ?? 0) - (edges[interval] ?? 0);
    const certain = all && cells[at + Line.uncertain] === 0 && cells[at + Line.extrapolated] === 0;
    const area = cells[at + Line.area] ?? 0;
    answer.calculated(
      total ? area / 1e6 : area / covered,
      certain ? ResultCode.Good : ResultCode.UncertainDataSubNormal,
    );
  };
}

function byTimes({ configuration, regions: cells }: Gathered, at: number): number {
  const good = cells[at + Region.good] ?? 0;
  const bad = cells[at + Region.bad] ?? 0;
  return statusByShares(configuration, good, bad, good + bad + (cells[at + Region.uncertain] ?? 0));
}

function heldTime(cells: Float64Array, at: number): number {
  return (
    (cells[at + Region.goodHeld] ?? 0) + (cells[at + Region.badHeld] ?? 0) + (cells[at + Region.uncertainHeld] ?? 0)
  );
}

/** TimeAverage2 and Total2: the area over regions that are not Bad. */
function region(total: boolean): ResultRule {
  return (gathered, interval, answer) => {
    const cells = gathered.regions;
    const at = interval * REGION_WIDTH;
    const covered = cells[at + Region.covered] ?? 0;
    if (covered === 0) return;
    const area = cells[at + Region.area] ?? 0;
    answer.put(total ? area / 1e6 : area / covered, byTimes(gathered, at), InfoBits.calculated);
  };
}

/** Minimum2 and Maximum2, at the start of the interval or at their own time. */
function extreme2(least: boolean, actualTime: boolean): ResultRule {
  const of = least
    ? ({ value: Region.min, timeUs: Region.minUs, origin: Region.minOrigin, times: Region.minTimes } as const)
    : ({ value: Region.max, timeUs: Region.maxUs, origin: Region.maxOrigin, times: Region.maxTimes } as const);
  return (gathered, interval, answer) => {
    const cells = gathered.regions;
    const at = interval * REGION_WIDTH;
    const times = cells[at + of.times] ?? 0;
    if (times === 0) return;
    const code = byTimes(gathered, at);
    const origin = cells[at + of.origin] ?? 0;
    if (code === ResultCode.Bad) {
      answer.code = code;
      return;
    }
    answer.put(cells[at + of.value] ?? 0, code, originBits(origin, actualTime));
    if (actualTime) answer.timeUs = timeOf(gathered, origin, cells[at + of.timeUs] ?? 0);
    if (times > 1) answer.mark(InfoBits.multipleValues);
  };
}

/** Info bits of an extreme; the sample at the end lies outside of the interval, so just before it the value is interpolated. */
function originBits(origin: number, actualTime: boolean): number {
  if (origin === Origin.startBound || origin === Origin.endBound) return InfoBits.interpolated;
  if (origin === Origin.startSample) return InfoBits.raw;
  if (!actualTime) return InfoBits.calculated;
  return origin === Origin.endSample ? InfoBits.interpolated : InfoBits.raw;
}

/** The end of the interval does not lie in it: the time just before it stands for it (Part 13, 3.1.3). */
function timeOf({ intervals: { backwards }, resolutionUs }: Gathered, origin: number, timeUs: number): number {
  if (origin !== Origin.endBound && origin !== Origin.endSample) return timeUs;
  return backwards ? timeUs + resolutionUs : timeUs - resolutionUs;
}

function range2(gathered: Gathered, interval: number, answer: Answer): void {
  const cells = gathered.regions;
  const at = interval * REGION_WIDTH;
  const code = byTimes(gathered, at);
  if ((cells[at + Region.minTimes] ?? 0) === 0 || code === ResultCode.Bad) return;
  answer.calculated((cells[at + Region.max] ?? 0) - (cells[at + Region.min] ?? 0), code);
}

/** DurationInStateZero and DurationInStateNonZero. */
function inState(place: typeof Region.zero | typeof Region.nonZero): ResultRule {
  return (gathered, interval, answer) => {
    const cells = gathered.regions;
    const at = interval * REGION_WIDTH;
    const { configuration } = gathered;
    const code = statusByShares(
      configuration,
      cells[at + Region.goodHeld] ?? 0,
      cells[at + Region.badHeld] ?? 0,
      heldTime(cells, at),
    );
    answer.calculated((cells[at + place] ?? 0) / 1000, code);
  };
}

/** DurationGood, DurationBad, PercentGood and PercentBad. */
function duration(place: typeof Region.goodHeld | typeof Region.badHeld, percent: boolean): ResultRule {
  return (gathered, interval, answer) => {
    const cells = gathered.regions;
    const at = interval * REGION_WIDTH;
    const lasts = cells[at + place] ?? 0;
    answer.calculated(percent ? (lasts / heldTime(cells, at)) * 100 : lasts / 1000, ResultCode.Good);
  };
}

function startBound(gathered: Gathered, interval: number, answer: Answer): void {
  const bound = simpleBound(gathered, interval, true);
  if (boundClass(bound) === Class.bad) return;
  const raw = bound[Bound.raw] === 1;
  answer.put(bound[Bound.value] ?? 0, boundCode(bound), raw ? InfoBits.raw : InfoBits.interpolated);
  if (bound[Bound.extra] === 1) answer.mark(InfoBits.extraData);
}

function endBound(gathered: Gathered, interval: number, answer: Answer): void {
  const bound = simpleBound(gathered, interval, false);
  answer.calculated(bound[Bound.value] ?? 0, boundCode(bound));
}

function deltaBounds(gathered: Gathered, interval: number, answer: Answer): void {
  const start = simpleBound(gathered, interval, true);
  const end = simpleBound(gathered, interval, false);
  const worst = Math.max(boundClass(start), boundClass(end));
  if (worst === Class.bad) return;
  const code = worst === Class.good ? ResultCode.Good : ResultCode.UncertainDataSubNormal;
  answer.calculated((end[Bound.value] ?? 0) - (start[Bound.value] ?? 0), code);
}

/** The start bound counts too; a sample at the start is one of the interval's own. */
function worstQuality2(gathered: Gathered, interval: number, answer: Answer): void {
  const bound = simpleBound(gathered, interval, true);
  const cells = gathered.raw;
  const at = interval * RAW_WIDTH;
  const ofSamples = samplesIn(cells, at) === 0 ? -1 : worstClass(cells, at);
  const ofBound = bound[Bound.raw] === 1 ? -1 : boundClass(bound);
  const worst = Math.max(ofSamples, ofBound);
  const several = (ofBound === worst ? 1 : 0) + (cells[at + Raw.good + worst] ?? 0) > 1;
  const code = ofBound === worst ? boundCode(bound) : worstCode(cells, at);
  answer.calculated(code, ResultCode.Good, several ? InfoBits.multipleValues : 0);
}

/** Aggregates of what lies between the samples too. */
export const TIME_RESULTS = {
  Interpolative: interpolative,
  TimeAverage: line(false),
  TimeAverage2: region(false),
  Total: line(true),
  Total2: region(true),
  Minimum2: extreme2(true, false),
  Maximum2: extreme2(false, false),
  MinimumActualTime2: extreme2(true, true),
  MaximumActualTime2: extreme2(false, true),
  Range2: range2,
  DurationInStateZero: inState(Region.zero),
  DurationInStateNonZero: inState(Region.nonZero),
  StartBound: startBound,
  EndBound: endBound,
  DeltaBounds: deltaBounds,
  DurationGood: duration(Region.goodHeld, false),
  DurationBad: duration(Region.badHeld, false),
  PercentGood: duration(Region.goodHeld, true),
  PercentBad: duration(Region.badHeld, true),
  WorstQuality2: worstQuality2,
} as const;
