/** A sum as plain data. */
export interface SumState {
  readonly sum: number;
  readonly rest: number;
}

/** A sum that does not lose small numbers beside large ones. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", ZAMM 54 (1974). */
export class Sum {
  private sum = 0;
  private rest = 0;

  add(value: number): void {
    const total = this.sum + value;
    if (Math.abs(this.sum) >= Math.abs(value)) this.rest += this.sum - total + value;
    else this.rest += value - total + this.sum;
    this.sum = total;
  }

  get value(): number {
    return this.sum + this.rest;
  }

  state(): SumState {
    const { sum, rest } = this;
    return { sum, rest };
  }

  restore({ sum, rest }: SumState): void {
    this.sum = sum;
    this.rest = rest;
  }

  reset(): void {
    this.sum = 0;
    this.rest = 0;
  }
}
