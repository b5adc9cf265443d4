import { counts, type Piece, Rows } from './piece.ts';

/** The row that waits, as plain data. */
export interface OnePerTimeState {
  readonly waits: boolean;
  readonly timeUs: number;
  readonly value: number;
  readonly quality: number;
}

/**
 * Of samples with equal times the one that counts: the last good one, or the last if none is good. (The historian keeps all of them; a question that asks for the value at a time
 * wants one.) A row is given when one with a later time has come, or at the end.
 */
export class OnePerTime {
  private readonly uncertainIsBad: boolean;
  private readonly out = new Rows();
  private waits = false;
  private timeUs = 0;
  private value = 0;
  private quality = 0;

  constructor(uncertainIsBad: boolean) {
    this.uncertainIsBad = uncertainIsBad;
  }

  state(): OnePerTimeState {
    const { waits, timeUs, value, quality } = this;
    return { waits, timeUs, value, quality };
  }

  restore(state: OnePerTimeState): void {
    Object.assign(this, state);
  }

  /** The rows that are decided by now, good until the next call. */
  add({ count, times, values, qualities }: Piece): Piece {
    const { out } = this;
    out.reset();
    for (let i = 0; i < count; i++) this.take(times[i] ?? 0, values[i] ?? 0, qualities[i] ?? 0);
    return out;
  }

  /** The row that was still waiting. */
  finish(): Piece {
    this.out.reset();
    if (this.waits) this.out.push(this.timeUs, this.value, this.quality);
    this.waits = false;
    return this.out;
  }

  private take(timeUs: number, value: number, quality: number): void {
    if (this.waits) {
      if (timeUs !== this.timeUs) this.out.push(this.timeUs, this.value, this.quality);
      else if (this.isBetter(value, quality)) return;
    }
    this.waits = true;
    this.timeUs = timeUs;
    this.value = value;
    this.quality = quality;
  }

  /** Whether the row that waits is better than a later one of the same time. */
  private isBetter(value: number, quality: number): boolean {
    if (counts(value, quality, this.uncertainIsBad)) return false;
    return counts(this.value, this.quality, this.uncertainIsBad);
  }
}
