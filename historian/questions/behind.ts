import { lowerBound } from '../points/points.ts';
import type { Piece } from '../analysis/piece.ts';

/** Whether a sample settles what was before it, or what comes behind it; null: it does not count, so that another one of its time holds. */
export type Decides = (value: number, quality: number) => boolean | null;

/** How far it has come, as plain data. */
export interface BehindState {
  readonly timeUs: number;
  readonly decided: boolean;
}

/** Finds out where the samples behind a span are enough: with the first time at which one decides. Of several at one time the last one that counts holds. */
export class Behind {
  private readonly endUs: number;
  private readonly decides: Decides;
  /** The last time behind the span, µs, and whether it decides so far. */
  private timeUs = Number.NaN;
  private decided = false;

  constructor(endUs: number, decides: Decides) {
    this.endUs = endUs;
    this.decides = decides;
  }

  state(): BehindState {
    return { timeUs: this.timeUs, decided: this.decided };
  }

  restore(state: BehindState): void {
    Object.assign(this, state);
  }

  /** Whether nothing is needed that is later than the last row. */
  get settled(): boolean {
    return this.decided;
  }

  /** How many rows of the next piece are needed; fewer than it has: none behind them are. */
  needed({ count, times, values, qualities }: Piece): number {
    if (count === 0 || (times[count - 1] ?? 0) < this.endUs) return count;
    for (let i = lowerBound(times, count, this.endUs); i < count; i++) {
      const timeUs = times[i] ?? 0;
      if (timeUs !== this.timeUs) {
        if (this.decided) return i;
        this.timeUs = timeUs;
      }
      this.decided = this.decides(values[i] ?? 0, qualities[i] ?? 0) ?? this.decided;
    }
    return count;
  }
}
