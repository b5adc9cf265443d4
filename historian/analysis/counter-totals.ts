import { InfoBits, located, ResultCode } from '../aggregates/status.ts';
import type { TimeBuckets } from './calendar.ts';
import { CounterMark, type CounterSteps } from './counters.ts';
import { Rows } from './piece.ts';
import { Sum, type SumState } from './sum.ts';

/** Marks that make a total uncertain: its value, or how it is shared among buckets. */
const UNSURE = CounterMark.ambiguous | CounterMark.replacement;

/** Totals of buckets: `times` are their starts, `values` what was counted in them (NaN: there are no readings), `qualities` StatusCodes with info bits. */
export class CounterTotalRows extends Rows {
  /** Counted from the first reading to the end of the bucket, also between buckets. */
  cumulative = new Float64Array(64);
  /** Bits of `CounterMark` of the steps that have a part in it. */
  marks = new Uint8Array(64);

  pushTotal(startUs: number, total: number, quality: number, cumulative: number, mark: number): void {
    this.push(startUs, total, quality);
    if (this.count > this.cumulative.length) {
      const { length } = this.times;
      const [sums, bits] = [new Float64Array(length), new Uint8Array(length)];
      sums.set(this.cumulative);
      bits.set(this.marks);
      this.cumulative = sums;
      this.marks = bits;
    }
    this.cumulative[this.count - 1] = cumulative;
    this.marks[this.count - 1] = mark;
  }
}

/** The bucket that is open, as plain data. */
export interface CounterTotalsState {
  readonly bucket: number;
  readonly counted: SumState;
  readonly total: SumState;
  readonly coveredUs: number;
  readonly hasSteps: boolean;
  readonly mark: number;
  readonly isUnsure: boolean;
}

/**
 * What a counter has counted in each bucket. Between two readings it counts evenly: a step over the edge of a bucket is shared by time, so the totals of buckets without holes add up to
 * what was counted. A total is
 * - Good if readings cover the bucket and all steps are sure
 * - Uncertain_DataSubNormal with an ambiguous step, a replacement, or a share of a step over a gap
 * - Partial (info bit) if the time before the first reading, behind the last one, or across a replacement is in the bucket
 * - Bad_NoData with no reading at all
 *
 * In memory is one bucket; a call gives those that are complete.
 */
export class CounterTotals {
  private readonly buckets: Pick<TimeBuckets, 'count' | 'starts' | 'ends'>;
  private readonly out = new CounterTotalRows();
  private readonly counted = new Sum();
  private readonly total = new Sum();
  private bucket = 0;
  private coveredUs = 0;
  private hasSteps = false;
  private mark = 0;
  private isUnsure = false;

  constructor(buckets: Pick<TimeBuckets, 'count' | 'starts' | 'ends'>) {
    this.buckets = buckets;
  }

  state(): CounterTotalsState {
    const { bucket, coveredUs, hasSteps, mark, isUnsure } = this;
    return { bucket, counted: this.counted.state(), total: this.total.state(), coveredUs, hasSteps, mark, isUnsure };
  }

  restore({ counted, total, ...open }: CounterTotalsState): void {
    this.counted.restore(counted);
    this.total.restore(total);
    Object.assign(this, open);
  }

  /** The buckets that are complete by now, good until the next call. */
  add(steps: CounterSteps): CounterTotalRows {
    this.out.reset();
    for (let i = 0; i < steps.count; i++)
      this.take(steps.sinceUs[i] ?? 0, steps.times[i] ?? 0, steps.values[i] ?? 0, steps.marks[i] ?? 0);
    return this.out;
  }

  /** The rest of them. */
  finish(): CounterTotalRows {
    this.out.reset();
    while (this.bucket < this.buckets.count) this.close(this.counted.value);
    return this.out;
  }

  private take(sinceUs: number, timeUs: number, amount: number, mark: number): void {
    const { buckets } = this;
    for (; this.bucket < buckets.count;) {
      const startUs = buckets.starts[this.bucket] ?? 0;
      const endUs = buckets.ends[this.bucket] ?? 0;
      const beginUs = Math.max(startUs, sinceUs);
      const untilUs = Math.min(endUs, timeUs);
      if (beginUs < untilUs) this.share(sinceUs, timeUs, amount, mark, beginUs, untilUs);
      if (endUs > timeUs) break;
      this.close(this.counted.value + partOf(amount, sinceUs, timeUs, endUs));
    }
    this.counted.add(amount);
  }

  /** The part of a step that lies in the bucket. */
  private share(sinceUs: number, timeUs: number, amount: number, mark: number, beginUs: number, untilUs: number): void {
    const isWhole = beginUs === sinceUs && untilUs === timeUs;
    this.total.add(
      isWhole ? amount : partOf(amount, sinceUs, timeUs, untilUs) - partOf(amount, sinceUs, timeUs, beginUs),
    );
    this.hasSteps = true;
    this.mark |= mark;
    if ((mark & UNSURE) !== 0 || (!isWhole && (mark & CounterMark.gap) !== 0)) this.isUnsure = true;
    if ((mark & CounterMark.replacement) === 0) this.coveredUs += untilUs - beginUs;
  }

  private close(cumulative: number): void {
    const startUs = this.buckets.starts[this.bucket] ?? 0;
    const widthUs = (this.buckets.ends[this.bucket] ?? 0) - startUs;
    if (this.hasSteps) {
      const code = this.isUnsure ? ResultCode.UncertainDataSubNormal : ResultCode.Good;
      const partial = this.coveredUs < widthUs ? InfoBits.partial : 0;
      const quality = located(code, InfoBits.calculated | partial);
      this.out.pushTotal(startUs, this.total.value, quality, cumulative, this.mark);
    } else this.out.pushTotal(startUs, Number.NaN, ResultCode.BadNoData, cumulative, 0);
    this.bucket++;
    this.total.reset();
    this.coveredUs = 0;
    this.hasSteps = false;
    this.mark = 0;
    this.isUnsure = false;
  }
}

/** What a step has counted up to a time within it. */
function partOf(amount: number, sinceUs: number, timeUs: number, untilUs: number): number {
  if (untilUs <= sinceUs) return 0;
  return untilUs >= timeUs ? amount : amount * ((untilUs - sinceUs) / (timeUs - sinceUs));
}
