import { blocksInto, clipInputs, inputsOf, learnFeatures } from './features.ts';
import { Rows } from './history.ts';
import type { Features, ModelSpec, Series } from './model.ts';
import { Windows } from './windows.ts';

/** Training windows end every 2 s; further apart where the history is so long that there would be more than the most. */
const leastStride = 2;
const mostWindows = 4000;
/** The last part of the history is held out. */
const heldOutShare = 0.2;

/** Windows of a history as inputs of a network. */
export interface TrainingSet {
  readonly features: Features;
  /** Inputs of one window. */
  readonly size: number;
  readonly count: number;
  /** All windows in order of time, in scales, not clipped; the second array is what the network gets. */
  readonly seen: Float32Array;
  readonly inputs: Float32Array;
  /** Windows up to this one are learned from. */
  readonly trainTo: number;
  /** Windows from this one on are held out; those between share rows with both and belong to neither. */
  readonly heldOutFrom: number;
  readonly unusable: number;
  readonly fromUs: number;
  readonly toUs: number;
  /** Rows that each signal was missing in. */
  readonly missing: readonly number[];
}

/** Brings a history onto the grid, learns its features, and cuts it into windows. */
export function makeTrainingSet({ window, holdS }: ModelSpec, series: readonly Series[]): TrainingSet {
  const rows = Rows.of(series, holdS);
  const features = learnFeatures(rows, window);
  const size = inputsOf(window, features);
  const stride = Math.max(leastStride, Math.ceil(rows.count / mostWindows));
  const seen = new Float32Array(Math.ceil(rows.count / stride + 1) * size);
  const endsUs: number[] = [];
  const windows = new Windows({ columns: rows.columns, window, hop: stride }, (endUs, values) => {
    blocksInto(seen.subarray(endsUs.length * size, (endsUs.length + 1) * size), values, features);
    endsUs.push(endUs);
  });
  rows.replay(windows);
  const count = endsUs.length;
  const trainTo = Math.floor(count * (1 - heldOutShare));
  const cutUs = endsUs[trainTo - 1] ?? 0;
  const apart = endsUs.findIndex((endUs) => endUs - window * 1e6 >= cutUs);
  const used = seen.subarray(0, count * size);
  const inputs = used.slice();
  clipInputs(inputs);
  return {
    features,
    size,
    count,
    seen: used,
    inputs,
    trainTo,
    heldOutFrom: apart < 0 ? count : apart,
    unusable: windows.unusable,
    fromUs: (endsUs[0] ?? 0) - window * 1e6,
    toUs: endsUs.at(-1) ?? 0,
    missing: [...windows.missing],
  };
}
