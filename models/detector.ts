import { Debounce, type DebounceState } from './debounce.ts';
import { Grid } from './grid.ts';
import type { Model, Score } from './model.ts';
import type { Network } from './runtime.ts';
import { Scorer } from './scoring.ts';
import { Windows } from './windows.ts';

/** A model at work: samples in, scores out. State depends on the samples alone. */
export class Detector {
  readonly grid: Grid;
  readonly windows: Windows;
  private readonly debounce: Debounce;

  /**
   * @param onScore called within `sample`, in order of time
   * @param fromUs windows that end before it fill the grid and are not judged, µs
   */
  constructor(model: Model, network: Network, onScore: (score: Score) => void, fromUs = Number.NEGATIVE_INFINITY) {
    const { signals, window, hop, holdS } = model.spec;
    const scorer = new Scorer(model, network);
    const debounce = new Debounce(model.calibration);
    this.debounce = debounce;
    this.windows = new Windows({ columns: signals.length, window, hop }, (timeUs, values) => {
      if (timeUs < fromUs) return;
      const { score, contributions } = scorer.judge(values);
      onScore({ timeUs, score, stands: debounce.take(score), contributions });
    });
    this.grid = new Grid(signals.length, holdS, this.windows);
  }

  /** What the windows that were judged have left behind. */
  get state(): DebounceState {
    return this.debounce.state;
  }

  /** Goes on where another one was; to be called before the first sample. */
  restore(state: DebounceState): void {
    this.debounce.restore(state);
  }

  /** A sample of a signal: its column, effective time in µs, and value; NaN if it is not good. */
  sample(column: number, timeUs: number, value: number): void {
    this.grid.sample(column, timeUs, value);
  }
}
