import { openNative } from '../native.ts';

/** Loads the native package in the folder that is named and has it compute: exit code 0 where the result is right. */
const [, , folder] = process.argv;
const runtime = await openNative(folder);
// One layer of two inputs and one output: 2·3 + 3·4 + 1.
const network = runtime.network([{ inputs: 2, outputs: 1, activation: 'linear' }], Float32Array.of(3, 4, 1));
const [result] = network.predict(Float32Array.of(2, 3));
network.close();
if (result !== 19) throw new Error(`${runtime.name} computes ${result} where 19 is right`);
