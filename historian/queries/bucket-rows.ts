import type { Numeric } from '../points/numeric.ts';
import type { Accumulator } from './accumulator.ts';
import { AGGREGATES, type BucketFact, type Column } from './bucket-page.ts';

const COUNT = AGGREGATES.indexOf('count');

/** Rows of a page: times and a column for each aggregate. */
export class BucketRows {
  private readonly aggregates: readonly BucketFact[];
  /** Their numbers. */
  private readonly numbers: Uint8Array;
  private readonly times: Float64Array<ArrayBuffer>;
  private readonly columns: { values: Float64Array<ArrayBuffer>; large: Map<number, bigint> }[];
  /** The columns of values by their aggregates, as far as they are wanted. */
  private readonly of: Partial<Record<BucketFact, Float64Array<ArrayBuffer>>> = {};
  private count = 0;

  constructor(aggregates: readonly BucketFact[], capacity: number) {
    this.aggregates = aggregates;
    this.numbers = Uint8Array.from(aggregates, (aggregate) => (AGGREGATES as readonly BucketFact[]).indexOf(aggregate));
    // One piece of memory for all: it goes to another thread as a whole.
    const memory = new ArrayBuffer((aggregates.length + 1) * capacity * Float64Array.BYTES_PER_ELEMENT);
    const column = (number: number): Float64Array<ArrayBuffer> =>
      new Float64Array(memory, number * capacity * Float64Array.BYTES_PER_ELEMENT, capacity);
    this.times = column(0);
    this.columns = aggregates.map((aggregate, i) => {
      const values = column(i + 1);
      this.of[aggregate] = values;
      return { values, large: new Map() };
    });
  }

  /** How many there are. */
  get rows(): number {
    return this.count;
  }

  get full(): boolean {
    return this.count === this.times.length;
  }

  /** Adds a bucket that begins then. */
  addBucket(timeUs: number, bucket: Accumulator): void {
    if (bucket.count === 0) return this.addEmpty(timeUs);
    const row = this.add(timeUs);
    const { columns, numbers, aggregates } = this;
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i];
      const aggregate = aggregates[i] ?? 'count';
      if (column === undefined) continue;
      if (aggregate === 'atStart') this.put(row, i, bucket.firstUs === timeUs ? bucket.first : Number.NaN);
      else if (bucket.exact && aggregate !== 'lastUs') column.values[row] = bucket.number(numbers[i] ?? 0);
      else this.put(row, i, bucket[aggregate]);
    }
  }

  /**
   * Adds buckets one behind the other, the first of which begins then, each out of samples of which it has the first and not the last, and returns the place behind theirs. It ends before a bucket
   * without samples, one whose sum is beyond the doubles, and one in which two samples are of one time. `shift`: from a sample's place to that of its value. For many buckets of few samples: without the
   * accumulator 1,000 of five samples each take half as long.
   */
  addWhole(
    fromUs: number,
    widthUs: number,
    times: Float64Array,
    start: number,
    end: number,
    values: Float64Array,
    shift: number,
  ): number {
    const { of } = this;
    const lastUs = times[end - 1] ?? 0;
    let at = start;
    // A sum from the beginning: what was handed in may be anything, and a variable that begins with it is an object for each bucket.
    for (let endUs = fromUs + widthUs; endUs <= lastUs && !this.full; endUs += widthUs) {
      const startUs = endUs - widthUs;
      const first = at;
      let least = first + shift;
      let greatest = least;
      let sum = 0;
      let beforeUs = Number.NaN;
      for (; (times[at] ?? 0) < endUs; at++) {
        const nowUs = times[at] ?? 0;
        if (nowUs === beforeUs) return first;
        beforeUs = nowUs;
        const place = at + shift;
        const value = values[place] ?? 0;
        // By bits, not by branches: which of a handful of numbers is the least so far is chance, and to guess wrong takes longer than all else: 9 instead of 25 ns a bucket.
        least ^= (least ^ place) & -bit(value < (values[least] ?? 0));
        greatest ^= (greatest ^ place) & -bit(value > (values[greatest] ?? 0));
        sum += value;
      }
      if (at === first || !Number.isFinite(sum)) return first;
      const row = this.add(startUs);
      const min = values[least] ?? 0;
      const max = values[greatest] ?? 0;
      // Rounding must not carry the mean beyond the values.
      if (of.mean !== undefined) of.mean[row] = Math.min(Math.max(sum / (at - first), min), max);
      if (of.min !== undefined) of.min[row] = min;
      if (of.max !== undefined) of.max[row] = max;
      if (of.count !== undefined) of.count[row] = at - first;
      if (of.first !== undefined) of.first[row] = values[first + shift] ?? 0;
      if (of.last !== undefined) of.last[row] = values[at - 1 + shift] ?? 0;
      if (of.atStart !== undefined)
        of.atStart[row] = times[first] === startUs ? (values[first + shift] ?? 0) : Number.NaN;
      if (of.lastUs !== undefined) of.lastUs[row] = beforeUs;
    }
    return at;
  }

  /** Adds a sample as a row. */
  addSample(timeUs: number, value: Numeric): void {
    const row = this.add(timeUs);
    for (const [i, aggregate] of this.aggregates.entries())
      this.put(
        row,
        i,
        aggregate === 'count' ? 1 : aggregate === 'mean' ? Number(value) : aggregate === 'lastUs' ? timeUs : value,
      );
  }

  /** Adds a row without a good value. */
  addEmpty(timeUs: number): void {
    const row = this.add(timeUs);
    for (let i = 0; i < this.columns.length; i++) this.put(row, i, this.numbers[i] === COUNT ? 0 : Number.NaN);
  }

  message(): { times: Float64Array<ArrayBuffer>; columns: Column[] } {
    const { count, full } = this;
    if (full) return { times: this.times, columns: this.columns };
    const columns = this.columns.map(({ values, large }) => ({ values: values.slice(0, count), large }));
    return { times: this.times.slice(0, count), columns };
  }

  private add(timeUs: number): number {
    const row = this.count++;
    this.times[row] = timeUs;
    return row;
  }

  private put(row: number, column: number, value: Numeric): void {
    const out = this.columns[column];
    if (out === undefined) return;
    if (typeof value === 'bigint') out.large.set(row, value);
    out.values[row] = typeof value === 'bigint' ? Number.NaN : value;
  }
}

/** 1 or 0, without a branch: by `Number` or a sign it would be a call. */
function bit(condition: boolean): number {
  return (condition as unknown as number) | 0;
}
