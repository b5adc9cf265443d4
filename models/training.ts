import { setImmediate } from 'node:timers/promises';

import { Fault } from '../edge/core/fault.ts';
import { calibrate } from './calibration.ts';
import type { Layer, Model, ModelSpec, Series, TrainingRecord } from './model.ts';
import { Random } from './random.ts';
import { residualsOf } from './residuals.ts';
import { type Learner, type Network, type Runtime, weightCount } from './runtime.ts';
import { makeTrainingSet, type TrainingSet } from './training-set.ts';

const hiddenUnits = 64;
const batchSize = 64;
const mostEpochs = 40;
/** Epochs without a better validation until it ends. */
const patience = 10;
const firstRate = 3e-3;
const lastRate = 5e-5;
/** Share of windows in which one signal is falsified, while the right one is wanted: so the network learns what the others say of it. */
const maskShare = 0.7;
/** A falsified signal is moved by a normally distributed offset of this size, in scales, or comes from another window. */
const maskOffset = 2;
/** Fewer windows (of 2 s) teach nothing. */
const fewestWindows = 200;

/** How far a training is. */
export interface TrainingProgress {
  /** 0 to 1. */
  readonly done: number;
  readonly epoch: number;
  readonly loss: number;
  readonly validationLoss: number;
}

export interface TrainingOptions {
  readonly spec: ModelSpec;
  /** History of each signal of the spec, in its order. */
  readonly series: readonly Series[];
  readonly seed: number;
  readonly runtime: Runtime;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: TrainingProgress) => void;
  /** Time that learning may take; it then ends with the best so far. Only then is the result not a function of history and seed. */
  readonly maxMs?: number;
  /** A clock in ms. */
  readonly nowMs?: () => number;
}

/**
 * Trains a dense autoencoder on the history of its signals: the last fifth is held out, the best epoch on it is kept, and limits are set from what the network leaves
 * over. Gives the event loop a turn after each batch.
 *
 * @throws Fault `model-history-short`, `model-training-failed`; the signal's reason when it is aborted
 */
export async function trainModel(options: TrainingOptions): Promise<Model> {
  const { spec, series, seed, runtime, nowMs = () => performance.now() } = options;
  const startedMs = nowMs();
  const set = makeTrainingSet(spec, series);
  if (set.count < fewestWindows) throw new Fault('model-history-short', shortage(spec, set));
  const layers = layersFor(set.size, spec.signals.length);
  const random = new Random(seed);
  const learner = runtime.learner(layers, firstWeights(layers, random));
  try {
    const { weights, ...how } = await learn(learner, set, random, options);
    const calibration = calibrate(residualsOf(runtime, layers, weights, set));
    const training: TrainingRecord = {
      fromUs: set.fromUs,
      toUs: set.toUs,
      seed,
      backend: runtime.name,
      windows: set.trainTo,
      heldOutWindows: set.count - set.heldOutFrom,
      unusableWindows: set.unusable,
      ...how,
      tookMs: Math.round(nowMs() - startedMs),
    };
    return { spec, features: set.features, layers, weights, calibration, training };
  } finally {
    learner.close();
  }
}

/** Inputs, 64, one a signal, 64, inputs. */
function layersFor(inputs: number, signals: number): Layer[] {
  const sizes = [inputs, hiddenUnits, Math.max(4, Math.min(24, signals)), hiddenUnits, inputs];
  return sizes.slice(1).map((outputs, nr) => ({
    inputs: sizes[nr] ?? 0,
    outputs,
    activation: nr === sizes.length - 2 ? ('linear' as const) : ('tanh' as const),
  }));
}

/** Normally distributed with variance 1 / inputs (LeCun et al., "Efficient BackProp", 1998, section 4.6), the last layer smaller; biases 0. */
function firstWeights(layers: readonly Layer[], random: Random): Float32Array {
  const weights = new Float32Array(weightCount(layers));
  let at = 0;
  for (const { inputs, outputs, activation } of layers) {
    const spread = (activation === 'linear' ? 0.3 : 1) / Math.sqrt(inputs);
    for (const end = at + inputs * outputs; at < end; at++) weights[at] = spread * random.gauss();
    at += outputs;
  }
  return weights;
}

interface Learned extends Pick<TrainingRecord, 'epochs' | 'stopped' | 'loss' | 'validationLoss'> {
  readonly weights: Float32Array;
}

async function learn(learner: Learner, set: TrainingSet, random: Random, options: TrainingOptions): Promise<Learned> {
  const { onProgress, maxMs = 12_000, nowMs = () => performance.now() } = options;
  const endMs = nowMs() + maxMs;
  const late = (): boolean => nowMs() > endMs;
  let best: Learned | undefined;
  let bestEpoch = 0;
  let stopped: Learned['stopped'] = 'epochs';
  let epoch = 0;
  while (epoch < mostEpochs && stopped === 'epochs') {
    const rate = lastRate + ((firstRate - lastRate) * (1 + Math.cos((Math.PI * epoch) / mostEpochs))) / 2;
    const loss = await learnEpoch(learner, set, random, { rate, signal: options.signal, late });
    const validationLoss = errorOf(learner, set);
    if (!Number.isFinite(loss + validationLoss)) throw new Fault('model-training-failed', 'The error is not a number.');
    epoch++;
    if (validationLoss < (best?.validationLoss ?? Number.POSITIVE_INFINITY)) {
      bestEpoch = epoch;
      best = { weights: learner.weights(), epochs: epoch, stopped, loss, validationLoss };
    }
    if (late()) stopped = 'time';
    else if (epoch - bestEpoch >= patience) stopped = 'early';
    onProgress?.({ done: stopped === 'epochs' ? epoch / mostEpochs : 1, epoch, loss, validationLoss });
  }
  if (best === undefined) throw new Fault('model-training-failed', 'No epoch was completed.');
  return { ...best, epochs: epoch, stopped };
}

interface Epoch {
  readonly rate: number;
  readonly signal: AbortSignal;
  readonly late: () => boolean;
}

async function learnEpoch(learner: Learner, set: TrainingSet, random: Random, epoch: Epoch): Promise<number> {
  const order = Uint32Array.from({ length: set.trainTo }, (_, nr) => nr);
  random.shuffle(order);
  const targets = new Float32Array(batchSize * set.size);
  const given = new Float32Array(batchSize * set.size);
  let sum = 0;
  let batches = 0;
  for (let first = 0; first + batchSize <= order.length; first += batchSize) {
    for (let nr = 0; nr < batchSize; nr++) {
      const from = (order[first + nr] ?? 0) * set.size;
      targets.set(set.inputs.subarray(from, from + set.size), nr * set.size);
    }
    given.set(targets);
    for (let nr = 0; nr < batchSize; nr++)
      if (random.uniform() < maskShare) falsify(given.subarray(nr * set.size, (nr + 1) * set.size), set, random);
    sum += learner.learn(given, targets, epoch.rate);
    batches++;
    await setImmediate();
    epoch.signal.throwIfAborted();
    if (epoch.late()) break;
  }
  return sum / batches;
}

/** Falsifies one signal of a window, in all its blocks. */
function falsify(window: Float32Array, set: TrainingSet, random: Random): void {
  const signals = set.features.mean.length;
  const signal = random.below(signals);
  const other = random.below(set.trainTo) * set.size;
  const offset = maskOffset * random.gauss();
  const moved = random.uniform() < 0.5;
  for (let at = signal; at < window.length; at += signals)
    window[at] = moved ? (window[at] ?? 0) + offset : (set.inputs[other + at] ?? 0);
}

/** Mean squared error over the held-out windows. */
function errorOf(network: Network, set: TrainingSet): number {
  const given = set.inputs.subarray(set.heldOutFrom * set.size);
  const made = network.predict(given);
  let sum = 0;
  for (let nr = 0; nr < made.length; nr++) sum += ((made[nr] ?? 0) - (given[nr] ?? 0)) ** 2;
  return sum / made.length;
}

function shortage({ signals, holdS }: ModelSpec, { count, missing, unusable }: TrainingSet): string {
  const most = missing.indexOf(Math.max(...missing));
  const name =
    (missing[most] ?? 0) > 0
      ? `; ${signals[most]} is missing most often, in ${missing[most]} s (\`hold\` is ${holdS} s)`
      : '';
  return `${count} windows can be learned from, ${fewestWindows} are needed; ${unusable} lack a signal${name}.`;
}
