import { Debounce } from './debounce.ts';
import { Grid } from './grid.ts';
import type { Model, Score } from './model.ts';
import type { Network } from './runtime.ts';
import { Scorer } from './scoring.ts';
import { Windows } from './windows.ts';

/** A model at work: samples in, scores out. State depends on the samples alone. */
export class Detector {
  readonly grid: Grid;
  readonly windows: Windows;

  /** @param onScore called within `sample`, in order of time */
  constructor(model: Model, network: Network, onScore: (score: Score) => void) {
    const { signals, window, hop, holdS } = model.spec;
    const scorer = new Scorer(model, network);
    const debounce = new Debounce(model.calibration);
    this.windows = new Windows({ columns: signals.length, window, hop }, (timeUs, values) => {
      const { score, contributions } = scorer.judge(values);
      onScore({ timeUs, score, stands: debounce.take(score), contributions });
    });
    this.grid = new Grid(signals.length, holdS, this.windows);
  }

  /** A sample of a signal: its column, effective time in µs, and value; NaN if it is not good. */
  sample(column: number, timeUs: number, value: number): void {
    this.grid.sample(column, timeUs, value);
  }
}
