/** Offsets of a topic that are already counted: everything below `prefix`, and some ranges beyond it. */
export class Covered {
  prefix: number;
  private ranges: [first: number, last: number][];

  constructor(prefix = 0, ranges: readonly (readonly [number, number])[] = []) {
    this.prefix = prefix;
    this.ranges = ranges.map(([first, last]) => [first, last]);
  }

  /** Adds `first` to `last`. What follows without a hole becomes one range, so that there are never more ranges than holes. */
  add(first: number, last: number): void {
    this.ranges.push([first, last]);
    this.ranges.sort((a, b) => a[0] - b[0]);
    const merged: [number, number][] = [];
    for (const [from, to] of this.ranges) {
      const before = merged.at(-1);
      if (from <= this.prefix) this.prefix = Math.max(this.prefix, to + 1);
      else if (before !== undefined && from <= before[1] + 1) before[1] = Math.max(before[1], to);
      else merged.push([from, to]);
    }
    this.ranges = merged;
  }

  /** Forgets what lies at or behind `end`: a log that has lost records gives their offsets again. */
  limit(end: number): void {
    this.prefix = Math.min(this.prefix, end);
    this.ranges = this.ranges.filter(([first]) => first < end).map(([first, last]) => [first, Math.min(last, end - 1)]);
  }

  has(offset: number): boolean {
    return offset < this.prefix || this.ranges.some(([first, last]) => offset >= first && offset <= last);
  }

  /** The ranges beyond the prefix. */
  beyond(): readonly (readonly [number, number])[] {
    return this.ranges;
  }
}
