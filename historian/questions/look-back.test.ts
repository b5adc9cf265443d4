import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Piece } from '../analysis/piece.ts';
import { ResultCode } from '../aggregates/status.ts';
import { Behind } from './behind.ts';
import { LookBack } from './look-back.ts';

/** A sample; its value says what it settles. */
interface Row {
  readonly timeUs: number;
  readonly settles: boolean | null;
  readonly quality: number;
}

const anyRows = fc
  .array(
    fc.record({
      timeUs: fc.nat(30),
      settles: fc.constantFrom(true, false, null, null),
      quality: fc.constantFrom(0, 0, ResultCode.BadNoData, (ResultCode.BadNoData | 0x80) >>> 0),
    }),
    { maxLength: 25, size: 'max' },
  )
  .map((rows) => rows.toSorted((a, b) => a.timeUs - b.timeUs));
const VERDICTS = [true, false, null];
const decides = (value: number): boolean | null => VERDICTS[value] ?? null;

function pieceOf(rows: readonly Row[]): Piece {
  return {
    count: rows.length,
    times: Float64Array.from(rows, ({ timeUs }) => timeUs),
    values: Float64Array.from(rows, ({ settles }) => VERDICTS.indexOf(settles)),
    qualities: Uint32Array.from(rows, ({ quality }) => quality),
  };
}

/** Cut into pieces of so many rows, in turn. */
function pieces(rows: readonly Row[], sizes: readonly number[]): Row[][] {
  const parts: Row[][] = [];
  for (let from = 0, i = 0; from < rows.length; i++) {
    const to = from + (sizes[i % sizes.length] ?? 1);
    parts.push(rows.slice(from, to));
    from = to;
  }
  return parts;
}

/** Times at which the last row that counts decides. */
function decisive(rows: readonly Row[]): number[] {
  const times = [...new Set(rows.map(({ timeUs }) => timeUs))];
  return times.filter((time) => rows.findLast(({ timeUs, settles }) => timeUs === time && settles !== null)?.settles);
}

const anySizes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 });

test('a search backwards ends with the last samples that decide, wherever its windows begin', () => {
  const anyBegins = fc.uniqueArray(fc.nat(30), { maxLength: 6 }).map((begins) => begins.toSorted((a, b) => b - a));
  fc.assert(
    fc.property(anyRows, anyBegins, anySizes, fc.constantFrom(1, 2), (rows, begins, sizes, samples) => {
      const bound = { samples, decides } as const;
      let search = new LookBack(bound, LookBack.from(31));
      for (const beginUs of [...begins, 0]) {
        expect(search.done).toBe(decisive(rows.filter(({ timeUs }) => timeUs >= search.upToUs)).length >= samples);
        if (search.done) break;
        const window = rows.filter(({ timeUs }) => timeUs >= beginUs && timeUs < search.upToUs);
        for (const piece of pieces(window, sizes)) search.take(pieceOf(piece));
        search.closeWindow(beginUs);
        // Some pages end here.
        if (beginUs % 2 === 0) search = new LookBack(bound, structuredClone(search.state()));
      }
      const found = decisive(rows);
      // Where too few decide, the last one that is a sample counts.
      const last = rows.findLast(({ quality }) => quality >>> 16 !== ResultCode.BadNoData >>> 16);
      const few = Math.min(found[0] ?? 31, last?.timeUs ?? 31);
      expect(search.sinceUs(31)).toBe(found.at(-samples) ?? few);
      search.end();
      expect(search.done).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

test('of the samples behind a span those are needed up to the first time at which one decides, however they come', () => {
  fc.assert(
    fc.property(anyRows, anySizes, fc.nat(30), (rows, sizes, endUs) => {
      let behind = new Behind(endUs, decides);
      const [decidedUs = Infinity] = decisive(rows.filter(({ timeUs }) => timeUs >= endUs));
      const expected = rows.filter(({ timeUs }) => timeUs <= decidedUs).length;
      let needed = 0;
      for (const piece of pieces(rows, sizes)) {
        const count = behind.needed(pieceOf(piece));
        expect(count).toBe(Math.min(piece.length, expected - needed));
        needed += count;
        const seen = rows.slice(0, needed).filter(({ timeUs }) => timeUs >= endUs);
        expect(behind.settled).toBe(decisive(seen).length > 0);
        if (count < piece.length) return;
        const state = structuredClone(behind.state());
        behind = new Behind(endUs, decides);
        behind.restore(state);
      }
      expect(needed).toBe(expected);
    }),
    { numRuns: 1000 },
  );
});
