import { figure } from './figures.ts';

/** Numbers that look random and come again with the same seed (mulberry32). */
export interface Random {
  /** From 0 to below 1. */
  next(): number;
  /** From `low` to below `high`. */
  between(low: number, high: number): number;
  /** A whole number from `low` to `high`. */
  whole(low: number, high: number): number;
}

let seedOfRun: number | undefined;

/** The seed of this run, the same for all tests of a file: `MILLRACE_TEST_SEED`, else another one each time. It is printed, so that the run can be repeated. */
export function testSeed(): number {
  if (seedOfRun === undefined) {
    seedOfRun = givenSeed() ?? Date.now() % 0x1_0000_0000;
    figure('seed (MILLRACE_TEST_SEED)', String(seedOfRun));
  }
  return seedOfRun;
}

/** `MILLRACE_TEST_SEED`, where it is set. */
export function givenSeed(): number | undefined {
  const given = process.env['MILLRACE_TEST_SEED'] ?? '';
  if (given === '') return undefined;
  if (!/^\d{1,10}$/.test(given)) throw new Error(`MILLRACE_TEST_SEED: ${JSON.stringify(given)} is no whole number`);
  return Number(given);
}

export function random(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  return {
    next,
    between: (low, high) => low + next() * (high - low),
    whole: (low, high) => low + Math.floor(next() * (high - low + 1)),
  };
}
