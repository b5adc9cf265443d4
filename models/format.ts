import { z } from 'zod';

/** Bounds of what a model may be; what claims more is damaged or made by others. */
const mostSignals = 64;
const mostWindow = 1024;
const mostUnits = 4096;
const mostLayers = 8;
const mostHoldS = 86_400;

const number = z.number();
const positive = number.positive();
const count = number.int().nonnegative();
const perSignal = z.array(number).min(1).max(mostSignals);
const text = z.string().min(1).max(255);

/** `model.json` without its hash, format 1. Everything is bounded; how the parts fit together is checked by `fitFault`. */
export const modelFile = z.strictObject({
  format: z.literal(1),
  spec: z.strictObject({
    name: text,
    asset: text,
    signals: z.array(text).min(1).max(mostSignals),
    kind: z.literal('autoencoder'),
    window: number.int().min(2).max(mostWindow),
    hop: number.int().min(1).max(mostWindow),
    /** Models that were made before there was a choice. */
    holdS: positive.max(mostHoldS).default(10),
  }),
  features: z.strictObject({
    mean: perSignal,
    scale: z.array(positive).min(1).max(mostSignals),
    block: number.int().min(1).max(mostWindow),
    tail: number.int().min(1).max(mostWindow),
  }),
  layers: z
    .array(
      z.strictObject({
        inputs: number.int().min(1).max(mostUnits),
        outputs: number.int().min(1).max(mostUnits),
        activation: z.enum(['tanh', 'linear']),
      }),
    )
    .min(1)
    .max(mostLayers),
  calibration: z.strictObject({
    limits: z.array(positive).min(1).max(mostSignals),
    residual: perSignal,
    memory: perSignal,
    untied: perSignal,
    beginWindows: number.int().min(1).max(1000),
    endWindows: number.int().min(1).max(1000),
    back: number.min(0).max(1),
  }),
  training: z.strictObject({
    fromUs: number,
    toUs: number,
    seed: number.int(),
    backend: text,
    windows: count,
    heldOutWindows: count,
    unusableWindows: count,
    epochs: count,
    stopped: z.enum(['early', 'epochs', 'time']),
    loss: number,
    validationLoss: number,
    tookMs: count,
  }),
});

export type ModelFile = z.infer<typeof modelFile>;

/** What does not fit together in a model, or undefined. */
export function misfit({ calibration, features, layers, spec }: ModelFile): string | undefined {
  const signals = spec.signals.length;
  const arrays = [
    features.mean,
    features.scale,
    calibration.limits,
    calibration.residual,
    calibration.memory,
    calibration.untied,
  ];
  if (arrays.some(({ length }) => length !== signals))
    return `an array does not have an entry for each of ${signals} signals`;
  if (new Set(spec.signals).size !== signals) return 'a signal is named twice';
  const blocks = spec.window / features.block;
  if (!Number.isInteger(blocks) || features.tail > blocks) return 'blocks do not fill the window';
  let width = blocks * signals;
  const inputs = width;
  for (const layer of layers) {
    if (layer.inputs !== width) return `a layer takes ${layer.inputs} inputs where there are ${width}`;
    width = layer.outputs;
  }
  return width === inputs ? undefined : `the network makes ${width} outputs of ${inputs} inputs`;
}
