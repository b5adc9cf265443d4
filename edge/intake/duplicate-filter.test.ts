import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DuplicateFilter, REMEMBER_MS } from './duplicate-filter.ts';
import { Fingerprint } from './fingerprint.ts';

const MINUTE_MS = 60_000;

/** A fingerprint for a number. */
function print(n: number): Fingerprint {
  const of = new Fingerprint();
  of.begin(Uint8Array.of(n, n >> 8, n >> 16, n >> 24));
  return of;
}

describe('the window', () => {
  test('a sample is known again for ten minutes, and forgotten after twenty', () => {
    for (let firstMs = 0; firstMs < 2 * REMEMBER_MS; firstMs += 97_001)
      for (const [ageMs, known] of [
        [0, true],
        [REMEMBER_MS - 1, true],
        [2 * REMEMBER_MS, false],
      ] as const) {
        const filter = new DuplicateFilter();
        filter.seen(print(1), 1_000_000);
        expect(filter.seen(print(2), 1_000_000 + firstMs)).toBe(false);
        expect(filter.seen(print(2), 1_000_000 + firstMs + ageMs), `${firstMs} ${ageMs}`).toBe(known);
      }
  });

  test('twenty minutes is the end, however seldom samples come', () => {
    const filter = new DuplicateFilter();
    filter.remember(print(1), 0);
    filter.remember(print(2), 2 * REMEMBER_MS - 1);
    expect(filter.seen(print(1), 3 * REMEMBER_MS - 2)).toBe(false);
    expect(filter.seen(print(2), 3 * REMEMBER_MS - 2)).toBe(true);
  });

  test('`remember` and `seen` remember alike, and each sample once', () => {
    const filter = new DuplicateFilter();
    filter.remember(print(1), 0);
    filter.remember(print(1), 1);
    expect(filter.seen(print(1), 2)).toBe(true);
    expect(filter.seen(print(2), 2)).toBe(false);
    expect(filter.size).toBe(2);
  });
});

test('as a set with times: known within 10 minutes, unknown after 20, in any sequence', () => {
  const step = fc.record({
    n: fc.nat({ max: 30 }),
    afterMs: fc.oneof(
      fc.nat({ max: 1000 }),
      fc.nat({ max: MINUTE_MS }),
      fc.nat({ max: 12 * MINUTE_MS }),
      fc.constantFrom(REMEMBER_MS - 1, REMEMBER_MS, REMEMBER_MS + 1, 2 * REMEMBER_MS - 1, 2 * REMEMBER_MS),
    ),
    ask: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.nat(), (steps, startMs) => {
      const filter = new DuplicateFilter();
      const lastMs = new Map<number, number>();
      const wrong: string[] = [];
      let nowMs = startMs;
      for (const { n, afterMs, ask } of steps) {
        nowMs += afterMs;
        const ageMs = nowMs - (lastMs.get(n) ?? -Infinity);
        const known = ask ? filter.seen(print(n), nowMs) : undefined;
        if (!ask) filter.remember(print(n), nowMs);
        if (known === false && ageMs < REMEMBER_MS) wrong.push(`${n} forgotten after ${ageMs} ms`);
        if (known === true && ageMs >= 2 * REMEMBER_MS) wrong.push(`${n} still known after ${ageMs} ms`);
        lastMs.set(n, nowMs);
      }
      expect(wrong).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

describe('a clock that jumps', () => {
  test('set back by a little, it loses nothing', () => {
    const filter = new DuplicateFilter();
    filter.remember(print(0), 0);
    filter.remember(print(1), REMEMBER_MS - 10);
    // Around the turn of a generation, again and again a little back: as the times of two workers' batches are.
    for (const [i, nowMs] of [REMEMBER_MS, REMEMBER_MS - 5, REMEMBER_MS + 1, REMEMBER_MS - 3].entries())
      filter.remember(print(2 + i), nowMs);
    for (const n of [1, 2, 3, 4, 5]) expect(filter.seen(print(n), REMEMBER_MS + 5), `sample ${n}`).toBe(true);
  });

  test('set back by hours, it knows what it knew, and does not remember for ever', () => {
    const filter = new DuplicateFilter();
    const laterMs = 10 * 60 * MINUTE_MS;
    filter.remember(print(1), laterMs);
    expect(filter.seen(print(2), 0)).toBe(false);
    expect(filter.seen(print(1), 1)).toBe(true);
    expect(filter.seen(print(2), REMEMBER_MS - 1)).toBe(true);
    expect(filter.seen(print(1), 4 * REMEMBER_MS)).toBe(false);
    expect(filter.seen(print(2), 4 * REMEMBER_MS)).toBe(false);
  });

  test('set forward by hours, it begins anew', () => {
    const filter = new DuplicateFilter();
    filter.remember(print(1), 0);
    expect(filter.seen(print(1), 10 * 60 * MINUTE_MS)).toBe(false);
    expect(filter.seen(print(1), 10 * 60 * MINUTE_MS + 1)).toBe(true);
    expect(filter.size).toBe(1);
  });
});

describe('the bound', () => {
  test('is two generations: under overload the memory is kept and the window shrinks', () => {
    const filter = new DuplicateFilter(1000);
    for (let n = 0; n < 10_000; n++) {
      expect(filter.seen(print(n), n)).toBe(false);
      expect(filter.size).toBeLessThanOrEqual(2000);
    }
    for (let n = 9000; n < 10_000; n++) expect(filter.seen(print(n), 10_000)).toBe(true);
    expect(filter.seen(print(0), 10_000)).toBe(false);
  });

  test('holds the window of an ordinary load: half a million samples in ten minutes are all known', () => {
    const filter = new DuplicateFilter();
    const count = 500_000;
    const at = (n: number): number => Math.floor((n / count) * (REMEMBER_MS - 1));
    for (let n = 0; n < count; n++) filter.remember(print(n), at(n));
    for (let n = 0; n < count; n += 7) expect(filter.seen(print(n), REMEMBER_MS - 1)).toBe(true);
    expect(filter.seen(print(count), REMEMBER_MS - 1)).toBe(false);
  });
});
