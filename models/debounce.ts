import type { Calibration } from './model.ts';

/** What a debounce remembers. */
export interface DebounceState {
  readonly stands: boolean;
  /** Windows in a row. */
  readonly beyond: number;
  readonly below: number;
}

/** Whether an abnormal state stands: it begins after some windows beyond 1 in a row, and ends after some below `back` in a row; between the two everything stays. */
export class Debounce {
  stands = false;
  private readonly calibration: Calibration;
  private beyond = 0;
  private below = 0;

  constructor(calibration: Calibration) {
    this.calibration = calibration;
  }

  get state(): DebounceState {
    const { stands, beyond, below } = this;
    return { stands, beyond, below };
  }

  /** Goes on where another one was. */
  restore({ stands, beyond, below }: DebounceState): void {
    this.stands = stands;
    this.beyond = beyond;
    this.below = below;
  }

  take(score: number): boolean {
    const { beginWindows, endWindows, back } = this.calibration;
    this.beyond = score > 1 ? this.beyond + 1 : 0;
    this.below = score < back ? this.below + 1 : 0;
    if (this.beyond >= beginWindows) this.stands = true;
    else if (this.below >= endWindows) this.stands = false;
    return this.stands;
  }
}
