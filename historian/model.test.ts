import { expect, test } from 'vitest';
import { HistorianLife, type LifeCounts } from './kit/model-kit.ts';

/** Each sample that comes, each question and each other thing that happens is one. `MILLRACE_LONG=1` has twenty times as many. */
const OPERATIONS = process.env['MILLRACE_LONG'] === '1' ? 20_000_000 : 1_000_000;
/** The first life; the last one is printed, so that a run can be gone on with. */
const FIRST_SEED = Number(process.env['MILLRACE_TEST_SEED'] ?? 1);

test('a historian agrees with a list whatever comes late, twice, corrected, erased, expired, merged or after a crash', async () => {
  const counts: LifeCounts = {
    operations: 0,
    aggregated: 0,
    refused: 0,
    merges: 0,
    crashes: 0,
    closes: 0,
    erasures: 0,
    erased: 0,
    expired: 0,
    rolledUp: 0,
    replaced: 0,
    late: 0,
    repaired: 0,
    rebuilt: 0,
  };
  let seed = FIRST_SEED;
  for (; counts.operations < OPERATIONS; seed++) {
    await new HistorianLife(seed, counts).live(500).catch((error: unknown) => {
      throw new Error(`MILLRACE_TEST_SEED=${seed} begins with the life that failed`, { cause: error });
    });
  }
  process.stdout.write(`figure: model: lives ${FIRST_SEED} to ${seed - 1}: ${JSON.stringify(counts)}\n`);
  // There was something to agree about.
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(25);
}, 3_600_000);
