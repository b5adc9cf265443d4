import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import util from 'node:util';
import { isMainThread } from 'node:worker_threads';
import type * as Core from '@tensorflow/tfjs-core';

import { assert, Fault, messageOf } from '../edge/core/fault.ts';
import type { Runtime } from './runtime.ts';
import { TensorFlowRuntime } from './tensorflow.ts';

const PACKAGE = '@tensorflow/tfjs-node';
const require = createRequire(import.meta.url);

/** Whether `npm run native:setup` has put the native TensorFlow into this installation: the package with its compiled binding. Loads nothing. */
export function nativeInstalled(): boolean {
  try {
    const folder = path.dirname(require.resolve(`${PACKAGE}/package.json`));
    return existsSync(path.join(folder, 'lib', 'napi-v8', 'tfjs_binding.node'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return false;
    throw error;
  }
}

/**
 * TensorFlow's native library. A crash in it takes the process down, so it belongs in a child process, and there on the main thread: the binding has state of the process
 * that nothing guards. It becomes the backend of every TensorFlow.js in the process.
 *
 * @param from the package, or its folder
 * @throws Fault `model-backend-failed`
 */
export async function openNative(from: string = PACKAGE): Promise<Runtime> {
  assert(isMainThread, 'native TensorFlow runs on the main thread of a process');
  try {
    // Node 23 took this function away, and version 4.22.0 calls it, for example to multiply matrices.
    if (!('isNullOrUndefined' in util)) {
      Object.assign(util, { isNullOrUndefined: (value: unknown): boolean => value === null || value === undefined });
    }
    const tf = require(from) as typeof Core;
    if (!(await tf.setBackend('tensorflow'))) throw new Error('the native backend does not start');
    return new TensorFlowRuntime(tf, `tfjs-node-${tf.version_core}`);
  } catch (error) {
    const detail = `native TensorFlow (npm run native:setup): ${messageOf(error)}`;
    throw new Fault('model-backend-failed', detail, { cause: error });
  }
}
