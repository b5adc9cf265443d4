import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { givenSeed } from './end-to-end/random.ts';

test('property tests have the seed of the run, where one is given', () => {
  expect(fc.readConfigureGlobal().seed).toBe(givenSeed());
});
