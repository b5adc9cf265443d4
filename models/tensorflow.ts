import type * as Core from '@tensorflow/tfjs-core';

import { assert, Fault } from '../edge/core/fault.ts';
import type { Layer } from './model.ts';
import { type Learner, type Network, type Runtime, weightCount } from './runtime.ts';

type TensorFlow = typeof Core;

/**
 * TensorFlow.js on WASM (one thread, SIMD). Serving loads its core and the WASM kernels (about 33 MB); learning needs the gradients too, which only the whole package
 * registers (about 56 MB).
 *
 * @throws Fault `model-backend-failed`
 */
export async function openWasm(use: 'serving' | 'learning'): Promise<Runtime> {
  try {
    if (use === 'learning') await import('@tensorflow/tfjs');
    const tf = await import('@tensorflow/tfjs-core');
    await import('@tensorflow/tfjs-backend-wasm');
    if (!(await tf.setBackend('wasm'))) throw new Error('the WASM backend does not start');
    return new TensorFlowRuntime(tf, `tfjs-wasm-${tf.version_core}`);
  } catch (error) {
    throw new Fault('model-backend-failed', 'TensorFlow.js with WASM', { cause: error });
  }
}

/** Any TensorFlow.js behind the port; its backend is set already. */
export class TensorFlowRuntime implements Runtime {
  readonly name: string;
  private readonly tf: TensorFlow;

  constructor(tf: TensorFlow, name: string) {
    this.tf = tf;
    this.name = name;
  }

  network(layers: readonly Layer[], weights: Float32Array): Network {
    return new TensorNetwork(this.tf, layers, weights);
  }

  learner(layers: readonly Layer[], weights: Float32Array): Learner {
    return new TensorLearner(this.tf, layers, weights);
  }
}

interface Dense {
  readonly layer: Layer;
  readonly kernel: Core.Variable<Core.Rank.R2>;
  readonly bias: Core.Variable<Core.Rank.R1>;
}

class TensorNetwork implements Network {
  protected readonly tf: TensorFlow;
  protected readonly dense: readonly Dense[];
  private readonly inputs: number;

  constructor(tf: TensorFlow, layers: readonly Layer[], weights: Float32Array) {
    assert(weights.length === weightCount(layers), 'weights fit the layers');
    this.tf = tf;
    this.inputs = layers[0]?.inputs ?? 0;
    let at = 0;
    const take = (count: number): Float32Array => weights.slice(at, (at += count));
    this.dense = layers.map((layer) => ({
      layer,
      kernel: variable(tf, tf.tensor2d(take(layer.inputs * layer.outputs), [layer.inputs, layer.outputs])),
      bias: variable(tf, tf.tensor1d(take(layer.outputs))),
    }));
  }

  predict(inputs: Float32Array): Float32Array {
    // A typed array must not leave tidy: it would be of memory that is free again.
    const outputs = this.tf.tidy(() => this.forward(this.rows(inputs)));
    const values = Float32Array.from(outputs.dataSync());
    outputs.dispose();
    return values;
  }

  close(): void {
    for (const { kernel, bias } of this.dense) {
      kernel.dispose();
      bias.dispose();
    }
  }

  protected rows(values: Float32Array): Core.Tensor2D {
    return this.tf.tensor2d(values, [values.length / this.inputs, this.inputs]);
  }

  protected forward(inputs: Core.Tensor2D): Core.Tensor2D {
    let values = inputs;
    for (const { layer, kernel, bias } of this.dense) {
      values = this.tf.add(this.tf.matMul(values, kernel), bias);
      if (layer.activation === 'tanh') values = this.tf.tanh(values);
    }
    return values;
  }
}

class TensorLearner extends TensorNetwork implements Learner {
  private readonly adam: Core.AdamOptimizer;
  private readonly variables: Core.Variable[];

  constructor(tf: TensorFlow, layers: readonly Layer[], weights: Float32Array) {
    super(tf, layers, weights);
    this.adam = tf.train.adam();
    this.variables = this.dense.flatMap(({ kernel, bias }) => [kernel, bias]);
  }

  learn(inputs: Float32Array, targets: Float32Array, rate: number): number {
    Object.assign(this.adam, { learningRate: rate });
    const cost = this.tf.tidy(() => {
      const given = this.rows(inputs);
      const wanted = this.rows(targets);
      const error = (): Core.Scalar => this.tf.mean(this.tf.squaredDifference(this.forward(given), wanted));
      const before = this.adam.minimize(error, true, this.variables);
      assert(before !== null, 'minimize was asked for the cost');
      return before;
    });
    const value = cost.dataSync()[0] ?? Number.NaN;
    cost.dispose();
    return value;
  }

  weights(): Float32Array {
    const parts = this.variables.map((tensor) => tensor.dataSync());
    const all = new Float32Array(parts.reduce((count, part) => count + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  override close(): void {
    super.close();
    this.adam.dispose();
  }
}

function variable<R extends Core.Rank>(tf: TensorFlow, value: Core.Tensor<R>): Core.Variable<R> {
  const made = tf.variable(value);
  value.dispose();
  return made;
}
