import { blocksInto, clipInputs, inputsOf, tailMean } from './features.ts';
import type { Contribution, Model } from './model.ts';
import type { Network } from './runtime.ts';

/** Judges single windows. */
export class Scorer {
  private readonly model: Model;
  private readonly network: Network;
  private readonly seen: Float32Array;
  private readonly inputs: Float32Array;

  constructor(model: Model, network: Network) {
    this.model = model;
    this.network = network;
    const count = inputsOf(model.spec.window, model.features);
    this.seen = new Float32Array(count);
    this.inputs = new Float32Array(count);
  }

  /**
   * The score is the largest residual of a signal relative to its limit, so that one broken sensor among many signals weighs as much as all of them a little off.
   *
   * @param window rows one behind the other, no value missing
   */
  judge(window: Float64Array): { readonly score: number; readonly contributions: Contribution[] } {
    const { features } = this.model;
    blocksInto(this.seen, window, features);
    this.inputs.set(this.seen);
    clipInputs(this.inputs);
    const expected = this.expect();
    const ratios = expected.map((value, column) => this.ratio(column, value));
    const score = Math.max(...ratios);
    return { score, contributions: this.rank(expected, ratios) };
  }

  /** What the network expects of each signal at the end of the window, in scales. */
  private expect(): number[] {
    const outputs = this.network.predict(this.inputs);
    return this.model.features.mean.map((_, column) => tailMean(outputs, column, this.model.features));
  }

  private ratio(column: number, expected: number): number {
    const { calibration, features } = this.model;
    return Math.abs(tailMean(this.seen, column, features) - expected) / (calibration.limits[column] ?? 1);
  }

  private rank(expected: readonly number[], ratios: readonly number[]): Contribution[] {
    const { features } = this.model;
    const total = ratios.reduce((sum, ratio) => sum + ratio * ratio, 0);
    const inUnit = (column: number, value: number): number =>
      (features.mean[column] ?? 0) + (features.scale[column] ?? 1) * value;
    return ratios
      .map((ratio, signal) => ({
        signal,
        expected: inUnit(signal, expected[signal] ?? 0),
        seen: inUnit(signal, tailMean(this.seen, signal, features)),
        share: total > 0 ? (ratio * ratio) / total : 1 / ratios.length,
      }))
      .toSorted((one, other) => other.share - one.share);
  }
}
