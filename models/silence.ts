/**
 * Which signals are silent: another one has gone on by more than the patience since. Since the signal's last sample; or, if the other's clock was further ahead than the patience when
 * that sample came, since what the other had said by then: a clock that is ahead is no silence of all the rest. One step of more than the patience says nothing yet (it may be a clock that
 * jumped): the other one must go on from there.
 */
export class Silence {
  private readonly columns: number;
  private readonly patienceS: number;
  /** The second of each signal's newest sample. */
  private readonly frontier: Float64Array;
  /** Where its steps of at most the patience began, and where those before had ended. */
  private readonly runStart: Float64Array;
  private readonly before: Float64Array;
  /** From where on signal i (row) must go on for signal k (column) to be silent. */
  private readonly from: Float64Array;
  private readonly silent: Uint8Array;

  constructor(columns: number, patienceS: number) {
    this.columns = columns;
    this.patienceS = patienceS;
    this.frontier = never(columns);
    this.runStart = never(columns);
    this.before = never(columns);
    this.from = never(columns * columns);
    this.silent = new Uint8Array(columns);
  }

  /** A signal has come to a second that is newer than all of its own. */
  heard(column: number, second: number): void {
    const { columns, patienceS } = this;
    const last = this.frontier[column] ?? 0;
    if (second - last > patienceS) {
      this.runStart[column] = second;
      this.before[column] = last;
    }
    this.frontier[column] = second;
    this.silent[column] = 0;
    const steady = second - (this.runStart[column] ?? 0) > patienceS ? second : (this.before[column] ?? 0);
    for (let other = 0; other < columns; other++) {
      if (other === column) continue;
      const ahead = this.frontier[other] ?? 0;
      this.from[other * columns + column] = ahead - second > patienceS ? ahead : second;
      if (steady - (this.from[column * columns + other] ?? 0) > patienceS) this.silent[other] = 1;
    }
  }

  has(column: number): boolean {
    return this.silent[column] === 1;
  }
}

function never(length: number): Float64Array {
  return new Float64Array(length).fill(Number.NEGATIVE_INFINITY);
}
