import type { Model, ModelSpec, Series } from './model.ts';
import { Random } from './random.ts';

export const machineSpec: ModelSpec = {
  name: 'machine-health',
  asset: 'site/machine',
  signals: ['site/machine/speed', 'site/machine/flow', 'site/machine/pressure', 'site/machine/noise'],
  kind: 'autoencoder',
  window: 16,
  hop: 4,
  holdS: 10,
};

/** For tests: a machine of four signals tied by its speed, each read about once a second by a device of its own. */
export function machineSeries(seconds: number, seed: number, startUs = 1.7e15): Series[] {
  const random = new Random(seed);
  const noise = [0.05, 0.1, 0.01, 0.2];
  const values = noise.map(() => new Float64Array(seconds));
  const timesUs = noise.map(() => new Float64Array(seconds));
  for (let second = 0; second < seconds; second++) {
    const speed = 20 + 3 * Math.sin(second / 45) + (second % 300 < 150 ? 2 : 0);
    const truth = [speed, 2.5 * speed, 0.01 * speed * speed, 40 + speed];
    for (const [column, of] of truth.entries()) {
      const series = values[column];
      const times = timesUs[column];
      if (series !== undefined) series[second] = of + (noise[column] ?? 0) * random.gauss();
      if (times !== undefined) times[second] = startUs + (second + 0.2 * column + 0.05 * random.uniform()) * 1e6;
    }
  }
  return values.map((series, column) => ({ timesUs: timesUs[column] ?? new Float64Array(), values: series }));
}

/** For tests: a model of one dense layer that has learned nothing. */
export function smallModel(): Model {
  return {
    spec: { ...machineSpec, signals: ['a', 'b'], window: 4, hop: 2 },
    features: { mean: [1, 2], scale: [1, 0.5], block: 2, tail: 1 },
    layers: [{ inputs: 4, outputs: 4, activation: 'linear' }],
    weights: Float32Array.from({ length: 20 }, (_, nr) => nr / 16),
    calibration: {
      limits: [1, 2],
      residual: [0.1, 0.2],
      memory: [1, 3],
      untied: [0.5, 1],
      beginWindows: 2,
      endWindows: 2,
      back: 0.9,
    },
    training: {
      fromUs: 0,
      toUs: 1e9,
      seed: 1,
      backend: 'none',
      windows: 100,
      heldOutWindows: 20,
      unusableWindows: 0,
      epochs: 1,
      stopped: 'epochs',
      loss: 1,
      validationLoss: 1,
      tookMs: 5,
    },
  };
}
