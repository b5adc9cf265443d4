import { type Piece, Rows } from './piece.ts';

/** Corners of a chain at most; beyond it those that bend it least are left out. Only a curve that bends all the time has so many, and then its neighbour is as good. */
export const MAX_CORNERS = 4096;

/** A corner of the hull. */
export interface Corner {
  readonly chain: Rows;
  readonly row: number;
}

/** A hull as plain data. */
export interface HullState {
  readonly upper: Piece;
  readonly lower: Piece;
  readonly count: number;
  readonly firstUs: number;
  readonly timeSum: number;
  readonly valueSum: number;
}

/** The convex hull of points that come in order of time (Andrew's monotone chain), and their mean: enough to find the largest triangle with two given corners. */
export class Hull {
  private readonly upper = new Rows();
  private readonly lower = new Rows();
  private count = 0;
  /** Sums relative to the first point: times alone would fill the digits of a double. */
  private firstUs = 0;
  private timeSum = 0;
  private valueSum = 0;

  state(): HullState {
    const { count, firstUs, timeSum, valueSum } = this;
    return { upper: this.upper.copy(), lower: this.lower.copy(), count, firstUs, timeSum, valueSum };
  }

  restore({ upper, lower, ...rest }: HullState): void {
    this.upper.restore(upper);
    this.lower.restore(lower);
    Object.assign(this, rest);
  }

  reset(): void {
    this.upper.reset();
    this.lower.reset();
    this.count = 0;
    this.timeSum = 0;
    this.valueSum = 0;
  }

  add(timeUs: number, value: number, quality: number): void {
    if (this.count === 0) this.firstUs = timeUs;
    this.count++;
    this.timeSum += timeUs - this.firstUs;
    this.valueSum += value;
    extend(this.upper, timeUs, value, quality, 1);
    extend(this.lower, timeUs, value, quality, -1);
  }

  get meanTimeUs(): number {
    return this.firstUs + this.timeSum / this.count;
  }

  get meanValue(): number {
    return this.valueSum / this.count;
  }

  /** The corner that makes the largest triangle with two points; of equal ones the earliest. */
  largestTriangle(firstUs: number, firstValue: number, thirdUs: number, thirdValue: number): Corner {
    let best: Corner = { chain: this.upper, row: 0 };
    let largest = -1;
    for (const chain of [this.upper, this.lower]) {
      for (let row = 0; row < chain.count; row++) {
        const timeUs = chain.times[row] ?? 0;
        const area = Math.abs(
          (firstUs - thirdUs) * ((chain.values[row] ?? 0) - firstValue) -
            (firstUs - timeUs) * (thirdValue - firstValue),
        );
        if (area < largest || (area === largest && timeUs >= (best.chain.times[best.row] ?? 0))) continue;
        largest = area;
        best = { chain, row };
      }
    }
    return best;
  }
}

/** Adds a point to the upper (`side` 1) or the lower chain (-1). */
function extend(chain: Rows, timeUs: number, value: number, quality: number, side: number): void {
  const { times, values } = chain;
  const last = chain.count - 1;
  if (last >= 0 && times[last] === timeUs) {
    // Of equal times the outermost is the corner, of equal points the first.
    if ((value - (values[last] ?? 0)) * side <= 0) return;
    chain.count--;
  }
  while (chain.count >= 2) {
    const [a, b] = [chain.count - 2, chain.count - 1];
    const aUs = times[a] ?? 0;
    const aValue = values[a] ?? 0;
    const turn = ((times[b] ?? 0) - aUs) * (value - aValue) - (timeUs - aUs) * ((values[b] ?? 0) - aValue);
    if (turn * side < 0) break;
    chain.count--;
  }
  if (chain.count === MAX_CORNERS) thin(chain);
  chain.push(timeUs, value, quality);
}

/** Leaves out corners that bend the chain least, never two neighbours: at least a quarter of all. */
function thin(chain: Rows): void {
  const { times, values, qualities, count } = chain;
  const bends = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  for (let row = 1; row < count - 1; row++) bends[row] = Math.abs(turnAt(chain, row));
  const median = bends.toSorted()[count >>> 1] ?? 0;
  let kept = 0;
  let wasKept = true;
  for (let row = 0; row < count; row++) {
    wasKept = !wasKept || (bends[row] ?? 0) > median;
    if (!wasKept) continue;
    times[kept] = times[row] ?? 0;
    values[kept] = values[row] ?? 0;
    qualities[kept] = qualities[row] ?? 0;
    kept++;
  }
  chain.count = kept;
}

/** Twice the area of the triangle of a corner and its neighbours. */
function turnAt({ times, values }: Rows, row: number): number {
  const [aUs = 0, bUs = 0, cUs = 0] = times.subarray(row - 1, row + 2);
  const [a = 0, b = 0, c = 0] = values.subarray(row - 1, row + 2);
  return (bUs - aUs) * (c - a) - (cUs - aUs) * (b - a);
}
