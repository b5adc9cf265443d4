import type { Calibration } from './model.ts';

/** Whether an abnormal state stands: it begins after some windows beyond 1 in a row, and ends after some below `back` in a row; between the two everything stays. */
export class Debounce {
  stands = false;
  private readonly calibration: Calibration;
  private beyond = 0;
  private below = 0;

  constructor(calibration: Calibration) {
    this.calibration = calibration;
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
