import { ValueKind } from '../../edge/core/sample.ts';
import { type Numeric, numericAt } from '../points/numeric.ts';
import type { Points } from '../points/points.ts';

/** What is known of the good values of a bucket; plain data that crosses threads. */
export interface BucketState {
  readonly count: number;
  readonly min: Numeric;
  readonly max: Numeric;
  readonly first: Numeric;
  readonly last: Numeric;
  /** Time of the first one, µs; NaN: not known. */
  readonly firstUs: number;
  /** Time of the last one, µs. */
  readonly lastUs: number;
  /** Sum in two parts (Neumaier), times 2^-64 if `scaled`. */
  readonly sum: number;
  readonly rest: number;
  readonly scaled: boolean;
}

const SCALE = 2 ** -64;

/** Places of the cells. */
const MIN = 0;
const MAX = 1;
const FIRST = 2;
const LAST = 3;
const LAST_US = 4;
const SUM = 5;
const REST = 6;
const FIRST_US = 7;
const CELLS = 8;

type Extremes = Pick<BucketState, 'min' | 'max' | 'first' | 'last'>;

/** Values of a run that are no doubles, as doubles. */
let scratch = new Float64Array(0);

/**
 * Count, least, greatest, first, last and sum of values that come in columns, in their order. Min, max, first and last are exact, also of 64-bit integers; the mean is the arithmetic
 * one, in doubles: sums of a run are added with Neumaier's correction, so the error does not grow with the number of samples, and sums beyond the doubles do not overflow.
 */
export class Accumulator {
  count = 0;
  /** In one array: a field of its own would be a new object with each number. */
  private readonly cells = new Float64Array(CELLS);
  /** Extremes of which one is not exact in a double; undefined: the cells are exact. */
  private large: Extremes | undefined;
  private scaled = false;

  get min(): Numeric {
    return this.large?.min ?? this.cells[MIN] ?? 0;
  }

  get max(): Numeric {
    return this.large?.max ?? this.cells[MAX] ?? 0;
  }

  get first(): Numeric {
    return this.large?.first ?? this.cells[FIRST] ?? 0;
  }

  get last(): Numeric {
    return this.large?.last ?? this.cells[LAST] ?? 0;
  }

  /** Time of the first one, µs; NaN: not known. */
  get firstUs(): number {
    return this.cells[FIRST_US] ?? 0;
  }

  /** Time of the last one, µs. */
  get lastUs(): number {
    return this.cells[LAST_US] ?? 0;
  }

  /** Whether min, max, first and last are exact as doubles. */
  get exact(): boolean {
    return this.large === undefined;
  }

  reset(): void {
    this.count = 0;
    this.large = undefined;
    this.cells[SUM] = 0;
    this.cells[REST] = 0;
    this.scaled = false;
  }

  /** What was accumulated so far. */
  state(): BucketState {
    const { count, min, max, first, last, firstUs, lastUs, cells, scaled } = this;
    return {
      count,
      min,
      max,
      first,
      last,
      firstUs,
      lastUs,
      sum: cells[SUM] ?? 0,
      rest: cells[REST] ?? 0,
      scaled,
    };
  }

  /** Goes on where another one was. */
  restore({ count, min, max, first, last, firstUs, lastUs, sum, rest, scaled }: BucketState): void {
    this.count = count;
    this.cells.set([Number(min), Number(max), Number(first), Number(last), lastUs, sum, rest, firstUs]);
    const isExact = [min, max, first, last].every((value) => typeof value === 'number');
    this.large = isExact ? undefined : { min, max, first, last };
    this.scaled = scaled;
  }

  /** Arithmetic mean of what was added, of which there must be some. */
  get mean(): number {
    const { cells, large } = this;
    const mean = ((cells[SUM] ?? 0) + (cells[REST] ?? 0)) / this.count;
    const least = large === undefined ? (cells[MIN] ?? 0) : Number(large.min);
    const greatest = large === undefined ? (cells[MAX] ?? 0) : Number(large.max);
    // Rounding must not carry it beyond the values.
    return Math.min(Math.max(this.scaled ? mean / SCALE : mean, least), greatest);
  }

  /** An aggregate by its number in `AGGREGATES`, where all are `exact` and there are some. */
  number(aggregate: number): number {
    switch (aggregate) {
      case 0:
        return this.mean;
      case 1:
        return this.cells[MIN] ?? 0;
      case 2:
        return this.cells[MAX] ?? 0;
      case 3:
        return this.count;
      case 4:
        return this.cells[FIRST] ?? 0;
      default:
        return this.cells[LAST] ?? 0;
    }
  }

  /** Adds rows that have values. Throws `aggregate-type` if one is no number. */
  add(points: Points, start: number, end: number): void {
    const { kinds, times } = points;
    for (let i = start; i < end;) {
      const kind = kinds[i] as ValueKind;
      let until = i + 1;
      while (until < end && kinds[until] === kind) until++;
      const values = doublesOf(points, kind, i, until);
      if (values === undefined) this.addLarge(points, i, until);
      else this.addDoubles(values, values === scratch ? 0 : i, until - i, times[until - 1] ?? 0, times[i]);
      i = until;
    }
  }

  /** Adds `count` numbers of which all are exact, from a place on; the first and the last one are of these times. */
  addDoubles(values: Float64Array, start: number, count: number, lastUs: number, firstUs = Number.NaN): void {
    const first = values[start] ?? 0;
    const end = start + count;
    let min = first;
    let max = first;
    let sum = 0;
    for (let i = start; i < end; i++) {
      const value = values[i] ?? 0;
      if (value < min) min = value;
      if (value > max) max = value;
      sum += value;
    }
    const { cells } = this;
    if (this.count === 0) {
      cells[MIN] = min;
      cells[MAX] = max;
      cells[FIRST] = first;
      cells[LAST] = values[end - 1] ?? 0;
      cells[FIRST_US] = firstUs;
      cells[LAST_US] = lastUs;
      this.count = count;
      if (Number.isFinite(sum)) {
        cells[SUM] = sum;
        return;
      }
    } else this.merge(count, min, max, first, values[end - 1] ?? 0, lastUs, firstUs);
    const fits = Number.isFinite(sum);
    if (!fits) {
      sum = 0;
      for (let i = start; i < end; i++) sum += (values[i] ?? 0) * SCALE;
    }
    this.addSum(sum, !fits);
  }

  /** Adds the good values of a block, of which there are some, by its summary; the block ends at this time, and the first of them is of that one. */
  addSummary(
    { min, max, first, last, sum }: Pick<BucketState, 'min' | 'max' | 'first' | 'last' | 'sum'>,
    count: number,
    lastUs: number,
    firstUs = Number.NaN,
  ): void {
    this.merge(count, min, max, first, last, lastUs, firstUs);
    this.addSum(sum, false);
  }

  private addLarge(points: Points, start: number, end: number): void {
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
    this.merge(end - start, min, max, first, value, points.times[end - 1] ?? 0, points.times[start] ?? 0);
    this.addSum(sum, false);
  }

  private merge(
    count: number,
    min: Numeric,
    max: Numeric,
    first: Numeric,
    last: Numeric,
    lastUs: number,
    firstUs: number,
  ): void {
    const { cells } = this;
    if (this.count === 0) cells[FIRST_US] = firstUs;
    // What was summed up may reach over what came later.
    const isLater = this.count === 0 || lastUs >= (cells[LAST_US] ?? 0);
    const areDoubles =
      typeof min === 'number' && typeof max === 'number' && typeof first === 'number' && typeof last === 'number';
    if (this.large === undefined && areDoubles) {
      if (this.count === 0) cells[FIRST] = first;
      if (this.count === 0 || min < (cells[MIN] ?? 0)) cells[MIN] = min;
      if (this.count === 0 || max > (cells[MAX] ?? 0)) cells[MAX] = max;
      if (isLater) cells[LAST] = last;
    } else {
      const own = { min: this.min, max: this.max, first: this.first, last: this.last };
      const none = this.count === 0;
      this.large = {
        min: none || min < own.min ? min : own.min,
        max: none || max > own.max ? max : own.max,
        first: none ? first : own.first,
        last: isLater ? last : own.last,
      };
    }
    if (isLater) cells[LAST_US] = lastUs;
    this.count += count;
  }

  private addSum(value: number, scaled: boolean): void {
    const { cells } = this;
    const total = (cells[SUM] ?? 0) + value;
    if (!this.scaled && (scaled || !Number.isFinite(total))) {
      cells[SUM] = (cells[SUM] ?? 0) * SCALE;
      cells[REST] = (cells[REST] ?? 0) * SCALE;
      this.scaled = true;
    }
    this.addExactly(this.scaled && !scaled ? value * SCALE : value);
  }

  /** Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM 54 (1974). */
  private addExactly(value: number): void {
    const { cells } = this;
    const sum = cells[SUM] ?? 0;
    const rest = cells[REST] ?? 0;
    const total = sum + value;
    cells[REST] = rest + (Math.abs(sum) >= Math.abs(value) ? sum - total + value : value - total + sum);
    cells[SUM] = total;
  }
}

/** Values of one kind as doubles: their own column, or from the first place of a scratch column on; undefined: not all of them are exact. Throws `aggregate-type` if they are no numbers. */
export function doublesOf(points: Points, kind: ValueKind, start: number, end: number): Float64Array | undefined {
  if (kind === ValueKind.double || kind === ValueKind.float) return points.slots;
  if (scratch.length < end - start) scratch = new Float64Array(Math.max(end - start, 1024));
  if (kind === ValueKind.boolean) {
    const { words } = points;
    for (let i = start; i < end; i++) scratch[i - start] = words[i * 2] ?? 0;
    return scratch;
  }
  for (let i = start; i < end; i++) {
    const value = numericAt(points, i);
    if (typeof value === 'bigint') return undefined;
    scratch[i - start] = value;
  }
  return scratch;
}
