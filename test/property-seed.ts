import * as fc from 'fast-check';
import { givenSeed } from './end-to-end/random.ts';

// Property tests follow `MILLRACE_TEST_SEED` too. Without it each run of theirs has a seed of its own, which they print when they fail.
const seed = givenSeed();
if (seed !== undefined) fc.configureGlobal({ seed });
