import { assert } from '../edge/core/fault.ts';
import type { Layer } from './model.ts';
import { machineSeries, machineSpec } from './model-kit.ts';
import { openNative } from './native.ts';
import { Random } from './random.ts';
import { weightCount } from './runtime.ts';
import { openWasm } from './tensorflow.ts';
import { trainModel } from './training.ts';

/** For tests: what one runtime makes of given weights, inputs and history. */
export interface Answers {
  readonly runtime: string;
  /** Of 64 rows. */
  readonly predictions: Float32Array;
  readonly validationLoss: number;
}

/** As a model of eight signals has them. */
const layers: Layer[] = [
  { inputs: 64, outputs: 64, activation: 'tanh' },
  { inputs: 64, outputs: 8, activation: 'tanh' },
  { inputs: 8, outputs: 64, activation: 'tanh' },
  { inputs: 64, outputs: 64, activation: 'linear' },
];

function randomNumbers(count: number, seed: number, scale: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => scale * random.gauss());
}

// Forked with the backend's name, sends `Answers`: all of TensorFlow.js in a process has one backend, and the native library belongs in a process of its own anyway.
const send = process.send?.bind(process);
assert(send !== undefined, 'it is forked');
const runtime = process.argv[2] === 'native' ? await openNative() : await openWasm('learning');
const network = runtime.network(layers, randomNumbers(weightCount(layers), 1, 0.125));
const predictions = network.predict(randomNumbers(64 * 64, 2, 1));
network.close();
const model = await trainModel({
  spec: machineSpec,
  series: machineSeries(1800, 5),
  seed: 1,
  runtime,
  signal: new AbortController().signal,
  // The result is a function of the history alone while learning has the time that it wants.
  maxMs: 120_000,
});
const answers: Answers = { runtime: runtime.name, predictions, validationLoss: model.training.validationLoss };
send(answers, () => process.disconnect());
