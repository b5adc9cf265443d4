import { assert } from '../../edge/core/fault.ts';
import { bucketAt, type Grid } from '../queries/buckets.ts';
import { Hull, type HullState } from './hull.ts';
import { counts, type Piece, Rows } from './piece.ts';

/** How samples are divided: the thesis counts them, so their number must be known; a grid divides time. */
export type LttbBuckets =
  | {
      readonly by: 'count';
      /** Good samples in all. */ readonly total: number;
      /** Points wanted. */ readonly points: number;
    }
  | { readonly by: 'time'; readonly grid: Grid };

/** How far it has come, as plain data. */
export interface LttbState {
  readonly index: number;
  readonly bucket: number;
  readonly bucketEnd: number;
  readonly current: HullState;
  readonly following: HullState;
  readonly currentBucket: number;
  readonly followingBucket: number;
  readonly pickedUs: number;
  readonly pickedValue: number;
  readonly hasNewest: boolean;
  readonly newestUs: number;
  readonly newestValue: number;
  readonly newestQuality: number;
  readonly newestBucket: number;
  readonly brokenIn: number;
  readonly waitingBreakUs: number;
  readonly waitingBreakQuality: number;
}

/** No bucket yet. */
const NONE = -1;

/**
 * Largest triangle three buckets: one sample of each bucket, the one that makes the largest triangle with the sample picked before and the average of the next bucket; the first and the
 * last always. (Sveinn Steinarsson, "Downsampling Time Series for Visual Representation", University of Iceland 2013, section 4.2.)
 *
 * What is not good breaks the line, visibly: a row with value NaN and its StatusCode; before and behind it the line ends and begins anew. In one bucket only the first such place is
 * shown, and the one with which the bucket ends.
 *
 * The triangle with two fixed corners is largest in a corner of the convex hull, so of a bucket only its hull is kept: memory does not grow with the number of samples. A call gives at
 * most five rows for each bucket that it closes.
 */
export class Lttb {
  private readonly buckets: LttbBuckets;
  private readonly uncertainIsBad: boolean;
  private readonly out = new Rows();
  /** Good samples so far. */
  private index = 0;
  /** Bucket of the last sample, good or not, and where it ends if samples are counted. */
  private bucket = 0;
  private bucketEnd = 0;
  /** Buckets whose sample is not picked yet: the one that is to be next, and the one whose average decides. */
  private current = new Hull();
  private following = new Hull();
  private currentBucket = NONE;
  private followingBucket = NONE;
  /** The sample picked last; NaN: the line has not begun. */
  private pickedUs = Number.NaN;
  private pickedValue = 0;
  /** The newest good sample: it belongs to a bucket if it is not the last of its line. */
  private hasNewest = false;
  private newestUs = 0;
  private newestValue = 0;
  private newestQuality = 0;
  private newestBucket = 0;
  /** The bucket in which the line was broken last, and a break in it that is shown if the bucket ends with it. */
  private brokenIn = NONE;
  private waitingBreakUs = Number.NaN;
  private waitingBreakQuality = 0;

  constructor(buckets: LttbBuckets, uncertainIsBad = true) {
    this.buckets = buckets;
    this.uncertainIsBad = uncertainIsBad;
    if (buckets.by === 'time') return;
    assert(buckets.points >= 3, 'LTTB gives the first, the last, and something between');
    this.bucketEnd = this.edge(1);
  }

  state(): LttbState {
    const { index, bucket, bucketEnd, currentBucket, followingBucket, pickedUs, pickedValue } = this;
    const { hasNewest, newestUs, newestValue, newestQuality, newestBucket } = this;
    const { brokenIn, waitingBreakUs, waitingBreakQuality } = this;
    const buckets = { index, bucket, bucketEnd, currentBucket, followingBucket };
    const newest = { hasNewest, newestUs, newestValue, newestQuality, newestBucket };
    const broken = { brokenIn, waitingBreakUs, waitingBreakQuality };
    const hulls = { current: this.current.state(), following: this.following.state() };
    return { ...buckets, ...hulls, pickedUs, pickedValue, ...newest, ...broken };
  }

  restore({ current, following, ...rest }: LttbState): void {
    this.current.restore(current);
    this.following.restore(following);
    Object.assign(this, rest);
  }

  /** The rows that are decided by now, good until the next call. */
  add({ count, times, values, qualities }: Piece): Rows {
    this.out.reset();
    for (let i = 0; i < count; i++) {
      const timeUs = times[i] ?? 0;
      const value = values[i] ?? 0;
      const quality = qualities[i] ?? 0;
      const isGood = counts(value, quality, this.uncertainIsBad);
      this.enter(timeUs);
      if (isGood) this.takeGood(timeUs, value, quality);
      else this.takeBad(timeUs, quality);
    }
    return this.out;
  }

  /** The rest. */
  finish(): Rows {
    this.out.reset();
    if (!Number.isNaN(this.waitingBreakUs)) this.break(this.waitingBreakUs, this.waitingBreakQuality);
    this.endLine();
    return this.out;
  }

  /** Comes to the bucket of a sample; a break that still waits in the one before was its end. */
  private enter(timeUs: number): void {
    const { buckets } = this;
    let { bucket } = this;
    if (buckets.by === 'time') bucket = bucketAt(buckets.grid, timeUs);
    else while (this.index >= this.bucketEnd) this.bucketEnd = this.edge(++bucket + 1);
    if (bucket === this.bucket) return;
    if (!Number.isNaN(this.waitingBreakUs)) this.break(this.waitingBreakUs, this.waitingBreakQuality);
    this.bucket = bucket;
  }

  /** Number of the first sample of a bucket, if samples are counted: as many in each as can be, without the first and the last sample. */
  private edge(bucket: number): number {
    if (this.buckets.by === 'time') return 0;
    const { total, points } = this.buckets;
    // As many as there are, or more, were asked for: each has a bucket of its own.
    if (total <= points) return bucket + 1;
    // Multiplied first: a product with a rounded quotient may end below the whole number.
    return Math.floor((bucket * (total - 2)) / (points - 2)) + 1;
  }

  private takeGood(timeUs: number, value: number, quality: number): void {
    this.waitingBreakUs = Number.NaN;
    this.index++;
    if (this.hasNewest) this.put();
    if (Number.isNaN(this.pickedUs)) {
      this.give(timeUs, value, quality);
      return;
    }
    this.hasNewest = true;
    this.newestUs = timeUs;
    this.newestValue = value;
    this.newestQuality = quality;
    this.newestBucket = this.bucket;
  }

  private takeBad(timeUs: number, quality: number): void {
    if (!Number.isNaN(this.waitingBreakUs)) return;
    if (this.brokenIn !== this.bucket) this.break(timeUs, quality);
    else if (!Number.isNaN(this.pickedUs)) {
      this.waitingBreakUs = timeUs;
      this.waitingBreakQuality = quality;
    }
  }

  /** Ends the line, and shows why. */
  private break(timeUs: number, quality: number): void {
    this.endLine();
    this.out.push(timeUs, Number.NaN, quality);
    this.brokenIn = this.bucket;
    this.waitingBreakUs = Number.NaN;
  }

  /** Puts the newest sample into its bucket. */
  private put(): void {
    const { newestBucket } = this;
    if (this.currentBucket === NONE || this.currentBucket === newestBucket) {
      this.currentBucket = newestBucket;
      this.current.add(this.newestUs, this.newestValue, this.newestQuality);
      return;
    }
    if (this.followingBucket !== NONE && this.followingBucket !== newestBucket) this.pickOfCurrent();
    this.followingBucket = newestBucket;
    this.following.add(this.newestUs, this.newestValue, this.newestQuality);
  }

  /** Picks of the current bucket, by the average of the following one, which then is the current one. */
  private pickOfCurrent(): void {
    const { current, following } = this;
    this.pick(following.meanTimeUs, following.meanValue);
    current.reset();
    this.current = following;
    this.currentBucket = this.followingBucket;
    this.following = current;
    this.followingBucket = NONE;
  }

  private endLine(): void {
    if (this.hasNewest) {
      if (this.followingBucket !== NONE) this.pickOfCurrent();
      if (this.currentBucket !== NONE) this.pick(this.newestUs, this.newestValue);
      this.give(this.newestUs, this.newestValue, this.newestQuality);
    }
    this.current.reset();
    this.currentBucket = NONE;
    this.hasNewest = false;
    this.pickedUs = Number.NaN;
  }

  /** Gives the sample of the current bucket that makes the largest triangle. */
  private pick(thirdUs: number, thirdValue: number): void {
    const at = this.current.largestTriangle(this.pickedUs, this.pickedValue, thirdUs, thirdValue);
    const { times, values, qualities } = at.chain;
    this.give(times[at.row] ?? 0, values[at.row] ?? 0, qualities[at.row] ?? 0);
  }

  private give(timeUs: number, value: number, quality: number): void {
    this.out.push(timeUs, value, quality);
    this.pickedUs = timeUs;
    this.pickedValue = value;
  }
}
