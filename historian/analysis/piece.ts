import { numericAt } from '../points/numeric.ts';
import { Flag } from '../../edge/core/flags.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { hasGoodValue, outageAt } from '../reading/outages.ts';
import { isBlob, type Points } from '../points/points.ts';

/**
 * A piece of the samples of one tag, in columns: what every analysis takes, and most of them give. Rows are in order of time, equal times in the order of the log; a piece goes on where
 * the one before it ended.
 */
export interface Piece {
  readonly count: number;
  /** µs. */
  readonly times: Float64Array;
  /** NaN: the source gave none, or Millrace lost it: from here on nothing is known. */
  readonly values: Float64Array;
  /** StatusCodes. */
  readonly qualities: Uint32Array;
}

/** A piece in memory of its own. */
export interface OwnPiece extends Piece {
  readonly times: Float64Array<ArrayBuffer>;
  readonly values: Float64Array<ArrayBuffer>;
  readonly qualities: Uint32Array<ArrayBuffer>;
}

/** Columns that grow: the answer of an analysis since the last `reset`. */
export class Rows implements Piece {
  count = 0;
  times: Float64Array<ArrayBuffer>;
  values: Float64Array<ArrayBuffer>;
  qualities: Uint32Array<ArrayBuffer>;

  constructor(capacity = 64) {
    this.times = new Float64Array(capacity);
    this.values = new Float64Array(capacity);
    this.qualities = new Uint32Array(capacity);
  }

  /** Starts over; the memory is kept. */
  reset(): void {
    this.count = 0;
  }

  /** The rows in memory of their own. */
  copy(): OwnPiece {
    const { count } = this;
    const [times, values, qualities] = [
      this.times.slice(0, count),
      this.values.slice(0, count),
      this.qualities.slice(0, count),
    ];
    return { count, times, values, qualities };
  }

  /** Holds these rows instead. */
  restore({ count, times, values, qualities }: Piece): void {
    this.reset();
    for (let i = 0; i < count; i++) this.push(times[i] ?? 0, values[i] ?? 0, qualities[i] ?? 0);
  }

  push(timeUs: number, value: number, quality: number): void {
    if (this.count === this.times.length) this.grow();
    const at = this.count++;
    this.times[at] = timeUs;
    this.values[at] = value;
    this.qualities[at] = quality;
  }

  private grow(): void {
    const capacity = Math.max(64, this.times.length * 2);
    this.times = grown(this.times, new Float64Array(capacity));
    this.values = grown(this.values, new Float64Array(capacity));
    this.qualities = grown(this.qualities, new Uint32Array(capacity));
  }
}

function grown<Column extends Float64Array | Uint32Array>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}

/**
 * Whether a row has a value that counts. With `uncertainIsBad` only Good ones do (OPC UA Part 13, 4.2.1.2, TreatUncertainAsBad, the default of Part 13 and of the historian's
 * aggregates); without it Uncertain ones too.
 */
export function counts(value: number, quality: number, uncertainIsBad: boolean): boolean {
  const severity = quality >>> 30;
  // NaN is not equal to itself.
  return (severity === 0 || (severity === 1 && !uncertainIsBad)) && value === value;
}

/**
 * Rows of stored samples as a piece; the columns are shared where that can be. Booleans are 0 and 1, integers beyond 2^53 are rounded to doubles. A sample that says that Millrace lost
 * what follows it has no value, unless it is good. Throws `aggregate-type` for values that are no numbers, unless they are to be numbered: then equal ones have equal numbers, and
 * different ones different numbers (52 bits of a hash).
 */
export function pieceOf(points: Points, start = 0, end = points.count, numbered = false): Piece {
  const times = points.times.subarray(start, end);
  const qualities = points.qualities.subarray(start, end);
  let plain = true;
  for (let i = start; i < end && plain; i++) {
    const kind = points.kinds[i];
    plain = (kind === ValueKind.double || kind === ValueKind.float) && ((points.flags[i] ?? 0) & Flag.gap) === 0;
  }
  const values = plain ? points.slots.subarray(start, end) : converted(points, start, end, numbered);
  return { count: end - start, times, values, qualities };
}

function converted(points: Points, start: number, end: number, numbered: boolean): Float64Array {
  const values = new Float64Array(end - start);
  for (let i = start; i < end; i++) {
    const isLost = outageAt(points, i) !== null && !hasGoodValue(points, i);
    if (isLost) values[i - start] = Number.NaN;
    else if (numbered && isBlob(points.kinds[i] ?? 0)) values[i - start] = hashOf(points.blob(i));
    else values[i - start] = Number(numericAt(points, i));
  }
  return values;
}

/** FNV-1a twice, from different beginnings (Fowler, Noll, Vo). */
function hashOf(bytes: Uint8Array): number {
  let a = 0x811c9dc5;
  let b = 0x9747b28c;
  for (const byte of bytes) {
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte, 0x01000193) ^ (b >>> 15);
  }
  return (a >>> 0) * 2 ** 20 + (b >>> 12);
}
