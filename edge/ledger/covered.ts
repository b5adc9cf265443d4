/** Offsets of a topic that are already counted: everything below `prefix`, and some ranges beyond it. */
export class Covered {
  prefix: number;
  private readonly ranges: [first: number, last: number][];

  constructor(prefix = 0, ranges: readonly (readonly [number, number])[] = []) {
    this.prefix = prefix;
    this.ranges = ranges.map(([first, last]) => [first, last]);
  }

  /** Adds `first` to `last`, which are not covered yet. */
  add(first: number, last: number): void {
    this.ranges.push([first, last]);
    this.ranges.sort((a, b) => a[0] - b[0]);
    while (this.ranges[0] !== undefined && this.ranges[0][0] <= this.prefix) {
      const [, end] = this.ranges.shift() ?? [0, 0];
      this.prefix = Math.max(this.prefix, end + 1);
    }
  }

  has(offset: number): boolean {
    return offset < this.prefix || this.ranges.some(([first, last]) => offset >= first && offset <= last);
  }

  /** The ranges beyond the prefix. */
  beyond(): readonly (readonly [number, number])[] {
    return this.ranges;
  }
}
