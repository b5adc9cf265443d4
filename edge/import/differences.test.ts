import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Compared,
  type Comparer,
  type ComparisonSink,
  SampleComparer,
  StepComparer,
  type Tolerance,
} from './differences.ts';

const EXACT: Tolerance = { absolute: 0, relative: 0, timeUs: 0, ignoreQuality: false };

const at = (timeUs: number, value: Compared['value'] = 1, quality = 0): Compared => ({ timeUs, value, quality });

/** What is found, as lines such as `different 5`. The samples of either side are given away in parts that end at these times. */
async function found(
  make: (sink: ComparisonSink) => Comparer,
  there: readonly Compared[],
  here: readonly Compared[],
  cuts: readonly number[] = [],
): Promise<{ equal: number; differences: string[] }> {
  const result = { equal: 0, differences: [] as string[] };
  const comparer = make({
    equal: () => void result.equal++,
    differs: ({ what, timeUs }) => void result.differences.push(`${what} ${timeUs}`),
  });
  let fromUs = Number.NEGATIVE_INFINITY;
  for (const endUs of [...cuts, Number.POSITIVE_INFINITY]) {
    const within = ({ timeUs }: Compared): boolean => timeUs >= fromUs && timeUs < endUs;
    await comparer.compare(there.filter(within), each(here.filter(within)));
    fromUs = endUs;
  }
  return result;
}

async function* each(samples: readonly Compared[]): AsyncGenerator<Compared> {
  for (const sample of samples) yield await Promise.resolve(sample);
}

const bySample =
  (tolerance: Partial<Tolerance> = {}) =>
  (sink: ComparisonSink) =>
    new SampleComparer({ ...EXACT, ...tolerance }, sink);
const bySteps =
  (tolerance: Partial<Tolerance> = {}) =>
  (sink: ComparisonSink) =>
    new StepComparer({ ...EXACT, ...tolerance }, sink);

/** How often each time and value stands in a list. */
function timesAndValues(list: readonly Compared[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { timeUs, value } of list) {
    const key = `${timeUs} ${Number(value)}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

describe('sample by sample', () => {
  test('what is missing, and what is different', async () => {
    const there = [at(1), at(2, 5), at(3), at(4, null, 0x80000000)];
    const here = [at(1), at(2, 6), at(4, null, 0x80310000), at(5)];
    expect(await found(bySample(), there, here)).toEqual({
      equal: 2,
      differences: ['different 2', 'missing-here 3', 'missing-there 5'],
    });
  });

  test('of several samples at one time those that say the same belong together', async () => {
    const there = [at(1, 1), at(1, 2), at(1, 3)];
    const here = [at(1, 3), at(1, 1)];
    expect(await found(bySample(), there, here)).toEqual({ equal: 2, differences: ['missing-here 1'] });
  });

  test('values within a tolerance, absolute or as a share; booleans as numbers; severities of qualities', async () => {
    expect(await found(bySample({ absolute: 0.1 }), [at(1, 1.05), at(2, 1.2)], [at(1, 1), at(2, 1)])).toEqual({
      equal: 1,
      differences: ['different 2'],
    });
    expect(await found(bySample({ relative: 0.01 }), [at(1, 1000), at(2, 1000)], [at(1, 1009), at(2, 1020)])).toEqual({
      equal: 1,
      differences: ['different 2'],
    });
    expect(await found(bySample(), [at(1, 1), at(2, 'on')], [at(1, true), at(2, 'on')])).toEqual({
      equal: 2,
      differences: [],
    });
    expect(await found(bySample(), [at(1, 1, 0x40000000)], [at(1, 1, 0x40900000)])).toEqual({
      equal: 1,
      differences: [],
    });
    expect(await found(bySample(), [at(1, 1, 0x40000000)], [at(1, 1)])).toEqual({
      equal: 0,
      differences: ['different 1'],
    });
    expect(await found(bySample({ ignoreQuality: true }), [at(1, 1, 0x40000000)], [at(1, 1)])).toEqual({
      equal: 1,
      differences: [],
    });
  });

  test('times within a tolerance, as of a historian that keeps seconds', async () => {
    const there = [at(10, 1), at(20, 2), at(30, 3)];
    const here = [at(12, 1), at(19, 2), at(34, 3)];
    expect(await found(bySample({ timeUs: 3 }), there, here)).toEqual({
      equal: 2,
      differences: ['missing-here 30', 'missing-there 34'],
    });
  });

  const samples = fc
    .array(
      fc.record({
        timeUs: fc.integer({ min: 0, max: 20 }),
        value: fc.integer({ min: 0, max: 2 }),
        quality: fc.constant(0),
      }),
      { maxLength: 40 },
    )
    .map((list) => list.toSorted((a, b) => a.timeUs - b.timeUs));
  const cuts = fc
    .uniqueArray(fc.integer({ min: 0, max: 20 }), { maxLength: 4 })
    .map((list) => list.toSorted((a, b) => a - b));

  test('each sample of either side is told of once, and as many are equal as can be, however the spans are cut', async () => {
    await fc.assert(
      fc.asyncProperty(samples, samples, cuts, async (there, here, ends) => {
        const { equal, differences } = await found(bySample(), there, here, ends);
        const count = (what: string): number => differences.filter((line) => line.startsWith(what)).length;
        expect(equal + count('different') + count('missing-here')).toBe(there.length);
        expect(equal + count('different') + count('missing-there')).toBe(here.length);
        const other = timesAndValues(here);
        let most = 0;
        for (const [key, n] of timesAndValues(there)) most += Math.min(n, other.get(key) ?? 0);
        expect(equal).toBe(most);
      }),
      { numRuns: 500 },
    );
  });

  test('a long stretch that the other side does not have takes no memory', async () => {
    let yielded = 0;
    async function* many(): AsyncGenerator<Compared> {
      for (; yielded < 300_000; yielded++) yield at(yielded + 10);
    }
    let missing = 0;
    const comparer = new SampleComparer(EXACT, { equal: () => undefined, differs: () => void missing++ });
    await comparer.compare([at(5)], many());
    expect(missing).toBe(300_001);
  });
});

describe('as steps', () => {
  test('a value that was not stored again is the same', async () => {
    const every = [at(1, 5), at(2, 5), at(3, 5), at(4, 7), at(5, 7)];
    const byException = [at(1, 5), at(4, 7)];
    expect(await found(bySteps(), byException, every)).toEqual({ equal: 5, differences: [] });
  });

  test('what both hold is compared at every time of either side', async () => {
    const there = [at(1, 5), at(6, 8)];
    const here = [at(0, 9), at(2, 5), at(4, 7), at(6, 8)];
    expect(await found(bySteps(), there, here)).toEqual({ equal: 2, differences: ['different 1', 'different 4'] });
  });

  test('the same, however the spans are cut', async () => {
    const samples = fc
      .array(
        fc.record({
          timeUs: fc.integer({ min: 0, max: 20 }),
          value: fc.integer({ min: 0, max: 2 }),
          quality: fc.constant(0),
        }),
        { maxLength: 30 },
      )
      .map((list) => list.toSorted((a, b) => a.timeUs - b.timeUs));
    await fc.assert(
      fc.asyncProperty(samples, samples, fc.integer({ min: 0, max: 20 }), async (there, here, cut) => {
        expect(await found(bySteps(), there, here, [cut])).toEqual(await found(bySteps(), there, here));
      }),
      { numRuns: 300 },
    );
  });
});
