import { Fault } from '../edge/core/fault.ts';
import { kindName, ValueKind } from '../edge/core/sample.ts';
import type { Points } from './points.ts';

/** A number as samples carry it: a bigint where a double would not be exact. Booleans are 0 and 1. */
export type Numeric = number | bigint;

/** What is known of the good values of a bucket; plain data that crosses threads. */
export interface BucketState {
  readonly count: number;
  readonly min: Numeric;
  readonly max: Numeric;
  readonly first: Numeric;
  readonly last: Numeric;
  /** Sum in two parts (Neumaier), times 2^-64 if `scaled`. */
  readonly sum: number;
  readonly rest: number;
  readonly scaled: boolean;
}

const SCALE = 2 ** -64;

/**
 * Count, least, greatest, first, last and sum of values that come in columns, in their order. Min, max, first and last are exact, also of 64-bit integers; the mean is the arithmetic
 * one, in doubles: sums of a run are added with Neumaier's correction, so the error does not grow with the number of samples, and sums beyond the doubles do not overflow.
 */
export class Accumulator {
  count = 0;
  min: Numeric = 0;
  max: Numeric = 0;
  first: Numeric = 0;
  last: Numeric = 0;
  private sum = 0;
  private rest = 0;
  private scaled = false;

  reset(): void {
    this.count = 0;
    this.sum = 0;
    this.rest = 0;
    this.scaled = false;
  }

  /** What was accumulated so far. */
  state(): BucketState {
    const { count, min, max, first, last, sum, rest, scaled } = this;
    return { count, min, max, first, last, sum, rest, scaled };
  }

  /** Goes on where another one was. */
  restore(state: BucketState): void {
    Object.assign(this, state);
  }

  /** Arithmetic mean of what was added, of which there must be some. */
  get mean(): number {
    const mean = (this.sum + this.rest) / this.count;
    // Rounding must not carry it beyond the values.
    return Math.min(Math.max(this.scaled ? mean / SCALE : mean, Number(this.min)), Number(this.max));
  }

  /** Adds rows that have values. Throws `aggregate-type` if one is no number. */
  add(points: Points, start: number, end: number): void {
    const { kinds } = points;
    for (let i = start; i < end;) {
      const kind = kinds[i] as ValueKind;
      let until = i + 1;
      while (until < end && kinds[until] === kind) until++;
      if (kind === ValueKind.double || kind === ValueKind.float) this.addDoubles(points.slots, i, until);
      else this.addOthers(points, i, until);
      i = until;
    }
  }

  private addDoubles(slots: Float64Array, start: number, end: number): void {
    const first = slots[start] ?? 0;
    let min = first;
    let max = first;
    let sum = 0;
    for (let i = start; i < end; i++) {
      const value = slots[i] ?? 0;
      if (value < min) min = value;
      if (value > max) max = value;
      sum += value;
    }
    const fits = Number.isFinite(sum);
    if (!fits) {
      sum = 0;
      for (let i = start; i < end; i++) sum += (slots[i] ?? 0) * SCALE;
    }
    this.merge(end - start, min, max, first, slots[end - 1] ?? 0);
    this.addSum(sum, !fits);
  }

  private addOthers(points: Points, start: number, end: number): void {
    const first = numericAt(points, start);
    let min = first;
    let max = first;
    let sum = 0;
    let value = first;
    for (let i = start; i < end; i++) {
      value = numericAt(points, i);
      if (value < min) min = value;
      if (value > max) max = value;
      sum += Number(value);
    }
    this.merge(end - start, min, max, first, value);
    this.addSum(sum, false);
  }

  private merge(count: number, min: Numeric, max: Numeric, first: Numeric, last: Numeric): void {
    if (this.count === 0) this.first = first;
    if (this.count === 0 || min < this.min) this.min = min;
    if (this.count === 0 || max > this.max) this.max = max;
    this.last = last;
    this.count += count;
  }

  private addSum(value: number, scaled: boolean): void {
    const total = this.sum + value;
    if (!this.scaled && (scaled || !Number.isFinite(total))) {
      this.sum *= SCALE;
      this.rest *= SCALE;
      this.scaled = true;
    }
    this.addExactly(this.scaled && !scaled ? value * SCALE : value);
  }

  /** Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM 54 (1974). */
  private addExactly(value: number): void {
    const total = this.sum + value;
    if (Math.abs(this.sum) >= Math.abs(value)) this.rest += this.sum - total + value;
    else this.rest += value - total + this.sum;
    this.sum = total;
  }
}

/** A row's value as a number. Throws `aggregate-type` if it is none. */
export function numericAt(points: Points, row: number): Numeric {
  const kind = points.kinds[row] as ValueKind;
  switch (kind) {
    case ValueKind.float:
    case ValueKind.double:
      return points.slots[row] ?? 0;
    case ValueKind.boolean:
      return points.words[row * 2] ?? 0;
    case ValueKind.long:
      return points.long(row);
    case ValueKind.uint64:
      return unsigned(points.words[row * 2] ?? 0, points.words[row * 2 + 1] ?? 0);
    case ValueKind.null:
    case ValueKind.string:
    case ValueKind.bytes:
    case ValueKind.array:
      throw new Fault('aggregate-type', `A value is of type ${kindName(kind)}.`);
  }
}

function unsigned(low: number, high: number): Numeric {
  return high < 0x200000 ? high * 4294967296 + low : (BigInt(high) << 32n) | BigInt(low);
}
