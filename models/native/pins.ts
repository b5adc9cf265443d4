import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** Packages of the native build with their checksums: `package.json` and `package-lock.json`, installed outside the checkout. */
export const packagesFolder = path.join(import.meta.dirname, 'packages');

/**
 * What brings TensorFlow's C++ library: the C API that the binding calls is exported by it. A wheel for CPython is only a zip here.
 * The package's own download is of 2.9.1; the binding compiles against the headers of this one and agrees with WASM on it (`native.test.ts`).
 */
export const wheel = {
  requirement: 'tensorflow-cpu==2.15.1',
  sha256: '54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26',
  /** For pip: the tags of the wheel, whatever Python runs pip. */
  python: '3.11',
  abi: 'cp311',
  platform: 'manylinux2014_x86_64',
};

/** What is linked and loaded. */
export const libraries = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'] as const;

/** Where the headers lie in the wheel that the binding includes, directly or not. */
export const headerFolders = ['tensorflow/c', 'tensorflow/core/platform', 'tensorflow/tsl', 'tsl/c', 'tsl/platform'];

/** Changes when anything that is pinned does. */
export function pinsHash(): string {
  const hash = createHash('sha256').update(JSON.stringify([wheel, libraries, process.platform, process.arch]));
  for (const file of ['package.json', 'package-lock.json']) hash.update(readFileSync(path.join(packagesFolder, file)));
  return hash.digest('hex').slice(0, 8);
}
