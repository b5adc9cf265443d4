import { beforeAll, expect, test } from 'vitest';

import type { Layer } from './model.ts';
import { Random } from './random.ts';
import { type Runtime, weightCount } from './runtime.ts';
import { openWasm } from './tensorflow.ts';

const layers: Layer[] = [
  { inputs: 6, outputs: 3, activation: 'tanh' },
  { inputs: 3, outputs: 6, activation: 'linear' },
];

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openWasm('learning');
});

function randomNumbers(count: number, seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => random.gauss());
}

/** One row through the layers, in doubles. */
function expectedOf(weights: Float32Array, row: Float32Array): number[] {
  let values = [...row];
  let at = 0;
  for (const { inputs, outputs, activation } of layers) {
    const kernel = weights.subarray(at, at + inputs * outputs);
    const biases = weights.subarray(at + inputs * outputs, at + (inputs + 1) * outputs);
    at += (inputs + 1) * outputs;
    const sums = [...biases].map((bias, to) =>
      values.reduce((sum, value, from) => sum + value * (kernel[from * outputs + to] ?? 0), bias),
    );
    values = activation === 'tanh' ? sums.map(Math.tanh) : sums;
  }
  return values;
}

test('it names itself with its version', () => {
  expect(runtime.name).toMatch(/^tfjs-wasm-4\./);
});

test('a network computes dense layers, row by row', () => {
  const weights = randomNumbers(weightCount(layers), 1);
  const inputs = randomNumbers(18, 2);
  const network = runtime.network(layers, weights);
  const outputs = network.predict(inputs);
  network.close();
  for (let row = 0; row < 3; row++) {
    const expected = expectedOf(weights, inputs.subarray(6 * row, 6 * row + 6));
    for (const [nr, value] of expected.entries()) expect(outputs[6 * row + nr]).toBeCloseTo(value, 5);
  }
});

test('a learner brings the error down and gives its weights to a network', () => {
  const learner = runtime.learner(layers, randomNumbers(weightCount(layers), 3));
  const inputs = randomNumbers(6 * 32, 4);
  for (let at = 0; at < inputs.length; at++) if (at % 6 > 1) inputs[at] = inputs[at - 2] ?? 0;
  const first = learner.learn(inputs, inputs, 0.02);
  let last = first;
  for (let step = 0; step < 200; step++) last = learner.learn(inputs, inputs, 0.02);
  expect(last).toBeLessThan(first / 5);
  const network = runtime.network(layers, learner.weights());
  expect(network.predict(inputs)).toEqual(learner.predict(inputs));
  network.close();
  learner.close();
});

test('weights that do not fit the layers are an error of the program', () => {
  expect(() => runtime.network(layers, new Float32Array(5))).toThrow('weights fit the layers');
});
