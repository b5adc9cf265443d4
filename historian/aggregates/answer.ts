import type { AggregateConfiguration, ProcessingIntervals } from './aggregate.ts';
import { InfoBits, located, ResultCode } from './status.ts';

/** What has been gathered when results are made. What no aggregate asked for needs is empty. */
export interface Gathered {
  readonly intervals: ProcessingIntervals;
  readonly configuration: AggregateConfiguration;
  readonly resolutionUs: number;
  /** Cells by the names in `Raw`, `RAW_WIDTH` of them an interval. */
  readonly raw: Float64Array;
  /** By the names in `Region`, `REGION_WIDTH` an interval. */
  readonly regions: Float64Array;
  /** By the names in `Line`, `LINE_WIDTH` an interval. */
  readonly lines: Float64Array;
  /** By the names in `Bound`, `BOUND_WIDTH` an edge. */
  readonly simpleBounds: Float64Array;
  /** By the names in `Interpolated`, `INTERPOLATED_WIDTH` an edge. */
  readonly interpolatedBounds: Float64Array;
  /** Annotations in each interval. */
  readonly annotations: Uint32Array;
  /** Time of the first sample; NaN: there is none. */
  readonly firstUs: number;
  /** To where the data reach. */
  readonly endUs: number;
}

/** One result of one interval; used for all of them, one after the other. */
export class Answer {
  timeUs = 0;
  value = Number.NaN;
  code: number = ResultCode.BadNoData;

  begin(timeUs: number): void {
    this.timeUs = timeUs;
    this.none();
  }

  /** No value, for want of data. */
  none(): void {
    this.value = Number.NaN;
    this.code = ResultCode.BadNoData;
  }

  /** A value whose origin the info bits name; none if the code is Bad. */
  put(value: number, code: number, bits: number): void {
    const bad = code >>> 31 === 1;
    this.value = bad ? Number.NaN : value;
    this.code = located(code, bits);
  }

  /** A calculated value, or a plain Bad. */
  calculated(value: number, code: number, more = 0): void {
    this.put(value, code, InfoBits.calculated | more);
    if (code === ResultCode.Bad) this.code = ResultCode.Bad;
  }

  /** Adds an info bit. */
  mark(bit: number): void {
    this.code = located(this.code, (this.code & 0x1f) | bit);
  }
}

/** Writes the result of an interval. */
export type ResultRule = (gathered: Gathered, interval: number, answer: Answer) => void;

/** Where the interval begins, in the direction of the request. */
export function startOf({ intervals: { edges, backwards } }: Gathered, interval: number): number {
  return edges[backwards ? interval + 1 : interval] ?? Number.NaN;
}

/** Whether all of the interval lies before the first or behind the last sample. */
export function isOutside({ intervals: { edges, backwards }, firstUs, endUs }: Gathered, interval: number): boolean {
  const fromUs = edges[interval] ?? 0;
  const toUs = edges[interval + 1] ?? 0;
  if (backwards) return !(toUs >= firstUs) || fromUs >= endUs;
  return !(toUs > firstUs) || fromUs > endUs;
}

/** Whether the data begin or end inside the interval (Part 13, 5.3.3.2). */
export function isPartial({ intervals: { edges, backwards }, firstUs, endUs }: Gathered, interval: number): boolean {
  const fromUs = edges[interval] ?? 0;
  const toUs = edges[interval + 1] ?? 0;
  if (firstUs > fromUs && (backwards ? firstUs <= toUs : firstUs < toUs)) return true;
  return endUs < toUs && (backwards ? endUs > fromUs : endUs >= fromUs);
}

/**
 * StatusCode of a result by the shares of Good and Bad samples or times in it (Part 13, 5.4.3.2). Uncertain ones are neither. Where both limits are met exactly, it is Good, as in the
 * standard's example Historian3.
 */
export function statusByShares(configuration: AggregateConfiguration, good: number, bad: number, all: number): number {
  if (all === 0) return ResultCode.Good;
  const goodPercent = (good / all) * 100;
  const badPercent = (bad / all) * 100;
  const isGood = goodPercent >= configuration.percentDataGood;
  const limit = configuration.percentDataBad;
  if (bad > 0 && (badPercent > limit || (badPercent === limit && !isGood))) return ResultCode.Bad;
  return isGood ? ResultCode.Good : ResultCode.UncertainDataSubNormal;
}
