import { type Answer, type Gathered, type ResultRule, startOf, statusByShares } from './answer.ts';
import { Raw, RAW_WIDTH } from './raw-tally.ts';
import { Class, classOf, InfoBits, located, ResultCode } from './status.ts';

/** Samples in these cells. */
export function samplesIn(cells: Float64Array, at: number): number {
  return (cells[at + Raw.good] ?? 0) + (cells[at + Raw.uncertain] ?? 0) + (cells[at + Raw.bad] ?? 0);
}

/** Samples that calculations leave out. */
export function unusable({ configuration, raw: cells }: Gathered, at: number): number {
  return (cells[at + Raw.bad] ?? 0) + (configuration.treatUncertainAsBad ? (cells[at + Raw.uncertain] ?? 0) : 0);
}

/** Severity of the worst sample. */
export function worstClass(cells: Float64Array, at: number): number {
  if ((cells[at + Raw.bad] ?? 0) > 0) return Class.bad;
  return (cells[at + Raw.uncertain] ?? 0) > 0 ? Class.uncertain : Class.good;
}

/** StatusCode of the first of the worst samples. */
export function worstCode(cells: Float64Array, at: number): number {
  return (worstClass(cells, at) === Class.good ? cells[at + Raw.firstCode] : cells[at + Raw.worstCode]) ?? 0;
}

/** The arithmetic mean does not leave the values by rounding. */
export function meanOf(cells: Float64Array, at: number): number {
  const mean = ((cells[at + Raw.sum] ?? 0) + (cells[at + Raw.rest] ?? 0)) / (cells[at + Raw.counted] ?? 0);
  return Math.min(Math.max(mean, cells[at + Raw.min] ?? 0), cells[at + Raw.max] ?? 0);
}

function byValues({ configuration, raw: cells }: Gathered, at: number): number {
  return statusByShares(configuration, cells[at + Raw.good] ?? 0, cells[at + Raw.bad] ?? 0, samplesIn(cells, at));
}

function average(gathered: Gathered, interval: number, answer: Answer): void {
  const cells = gathered.raw;
  const at = interval * RAW_WIDTH;
  if (cells[at + Raw.counted] !== 0) answer.calculated(meanOf(cells, at), byValues(gathered, at));
}

/** Minimum and Maximum, at the start of the interval or at their own time. */
function extreme(least: boolean, actualTime: boolean): ResultRule {
  const of = least
    ? ({ value: Raw.min, timeUs: Raw.minUs, times: Raw.minTimes, extra: Raw.minExtra } as const)
    : ({ value: Raw.max, timeUs: Raw.maxUs, times: Raw.maxTimes, extra: Raw.maxExtra } as const);
  return (gathered, interval, answer) => {
    const cells = gathered.raw;
    const at = interval * RAW_WIDTH;
    if (cells[at + Raw.counted] === 0) return;
    const timeUs = cells[at + of.timeUs] ?? 0;
    const code = unusable(gathered, at) > 0 ? ResultCode.UncertainDataSubNormal : ResultCode.Good;
    const raw = actualTime || (timeUs === startOf(gathered, interval) && code === ResultCode.Good);
    answer.put(cells[at + of.value] ?? 0, code, raw ? InfoBits.raw : InfoBits.calculated);
    if (actualTime) answer.timeUs = timeUs;
    if (raw && cells[at + of.extra] === 1) answer.mark(InfoBits.extraData);
    if ((cells[at + of.times] ?? 0) > 1) answer.mark(InfoBits.multipleValues);
  };
}

function range(gathered: Gathered, interval: number, answer: Answer): void {
  const cells = gathered.raw;
  const at = interval * RAW_WIDTH;
  if (cells[at + Raw.counted] === 0) return;
  const code = unusable(gathered, at) > 0 ? ResultCode.UncertainDataSubNormal : ResultCode.Good;
  answer.calculated((cells[at + Raw.max] ?? 0) - (cells[at + Raw.min] ?? 0), code);
}

/** Count and NumberOfTransitions. */
function counted(place: typeof Raw.good | typeof Raw.transitions): ResultRule {
  return (gathered, interval, answer) => {
    const cells = gathered.raw;
    const at = interval * RAW_WIDTH;
    answer.calculated(cells[at + place] ?? 0, byValues(gathered, at));
  };
}

/** Start and End: the sample as it is. */
function sample(first: boolean): ResultRule {
  const of = first
    ? ({ timeUs: Raw.firstUs, value: Raw.first, code: Raw.firstCode, extra: Raw.firstExtra } as const)
    : ({ timeUs: Raw.lastUs, value: Raw.last, code: Raw.lastCode, extra: Raw.lastExtra } as const);
  return (gathered, interval, answer) => {
    const cells = gathered.raw;
    const at = interval * RAW_WIDTH;
    if (samplesIn(cells, at) === 0) return;
    answer.timeUs = cells[at + of.timeUs] ?? 0;
    answer.put(
      cells[at + of.value] ?? 0,
      cells[at + of.code] ?? 0,
      cells[at + of.extra] === 1 ? InfoBits.extraData : InfoBits.raw,
    );
  };
}

function delta(gathered: Gathered, interval: number, answer: Answer): void {
  const cells = gathered.raw;
  const at = interval * RAW_WIDTH;
  if (cells[at + Raw.counted] === 0) return;
  const skipped =
    Math.max(classOf(cells[at + Raw.firstCode] ?? 0), classOf(cells[at + Raw.lastCode] ?? 0)) > Class.good;
  const code = skipped ? ResultCode.UncertainDataSubNormal : ResultCode.Good;
  answer.calculated((cells[at + Raw.lastCounted] ?? 0) - (cells[at + Raw.firstCounted] ?? 0), code);
}

function worstQuality(gathered: Gathered, interval: number, answer: Answer): void {
  const cells = gathered.raw;
  const at = interval * RAW_WIDTH;
  if (samplesIn(cells, at) === 0) return;
  const several = (cells[at + Raw.good + worstClass(cells, at)] ?? 0) > 1;
  answer.calculated(worstCode(cells, at), ResultCode.Good, several ? InfoBits.multipleValues : 0);
}

/** Standard deviation and variance, of a sample or of a population. */
function deviation(ofSample: boolean, root: boolean): ResultRule {
  return (gathered, interval, answer) => {
    const cells = gathered.raw;
    const at = interval * RAW_WIDTH;
    const count = cells[at + Raw.counted] ?? 0;
    if (count === 0) return;
    const variance = count === 1 ? 0 : (cells[at + Raw.squares] ?? 0) / (ofSample ? count - 1 : count);
    const code = samplesIn(cells, at) > count ? ResultCode.UncertainDataSubNormal : ResultCode.Good;
    answer.calculated(root ? Math.sqrt(variance) : variance, code);
  };
}

function annotationCount({ annotations }: Gathered, interval: number, answer: Answer): void {
  answer.value = annotations[interval] ?? 0;
  answer.code = located(ResultCode.Good, InfoBits.calculated);
}

/** Aggregates of the samples alone. */
export const RAW_RESULTS = {
  Average: average,
  Minimum: extreme(true, false),
  Maximum: extreme(false, false),
  MinimumActualTime: extreme(true, true),
  MaximumActualTime: extreme(false, true),
  Range: range,
  AnnotationCount: annotationCount,
  Count: counted(Raw.good),
  NumberOfTransitions: counted(Raw.transitions),
  Start: sample(true),
  End: sample(false),
  Delta: delta,
  WorstQuality: worstQuality,
  StandardDeviationSample: deviation(true, true),
  StandardDeviationPopulation: deviation(false, true),
  VarianceSample: deviation(true, false),
  VariancePopulation: deviation(false, false),
} as const;
