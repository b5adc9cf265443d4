import type { Layer } from './model.ts';

/** A trained network, ready to be asked. Synchronous: it belongs in a worker. */
export interface Network {
  /** @param inputs so many rows of the first layer's inputs, one behind the other @returns as many rows of the last layer's outputs, a copy */
  predict(inputs: Float32Array): Float32Array;
  close(): void;
}

/** A network that learns (Adam, mean squared error). */
export interface Learner extends Network {
  /** One step. @returns the error before it */
  learn(inputs: Float32Array, targets: Float32Array, rate: number): number;
  /** A copy, in the order of `Model.weights`. */
  weights(): Float32Array;
}

/** What computes: TensorFlow.js on WASM, or its native library behind the same port. Same weights and inputs give the same outputs to the bit on the same backend. */
export interface Runtime {
  /** Written into the model, for example `tfjs-wasm-4.22.0`. */
  readonly name: string;
  network(layers: readonly Layer[], weights: Float32Array): Network;
  learner(layers: readonly Layer[], weights: Float32Array): Learner;
}

/** How many numbers the weights of these layers are. */
export function weightCount(layers: readonly Layer[]): number {
  return layers.reduce((count, { inputs, outputs }) => count + (inputs + 1) * outputs, 0);
}
