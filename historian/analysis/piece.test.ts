import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Flag } from '../../edge/core/flags.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { Points } from '../points/points.ts';
import { anyLengths, anyRows, BAD, cut, isGoodRow, type Row, row, rowsOf, run, UNCERTAIN } from './analysis-kit.ts';
import { OnePerTime } from './one-per-time.ts';
import { counts, pieceOf, Rows } from './piece.ts';

/** Points of one kind at 0, 1, 2 … µs. */
function points(kind: ValueKind, values: readonly number[], { flags = 0, quality = 0 } = {}): Points {
  const made = new Points(values.length);
  for (const [i, value] of values.entries()) {
    made.times[i] = i;
    made.kinds[i] = kind;
    made.flags[i] = flags;
    made.qualities[i] = quality;
    if (kind === ValueKind.double) made.slots[i] = value;
    else made.putLong(i, value);
  }
  made.count = values.length;
  return made;
}

describe('stored samples as a piece', () => {
  test('share their columns where they are doubles', () => {
    const stored = points(ValueKind.double, [1.5, 2.5, 3.5], { flags: Flag.backfilled });
    const piece = pieceOf(stored, 1, 3);
    expect(rowsOf(piece)).toEqual([row(1, 2.5), row(2, 3.5)]);
    expect(piece.values.buffer).toBe(stored.slots.buffer);
  });

  test('are numbers where they are booleans or integers', () => {
    expect([...pieceOf(points(ValueKind.boolean, [1, 0])).values]).toEqual([1, 0]);
    expect([...pieceOf(points(ValueKind.long, [-7, 2 ** 53])).values]).toEqual([-7, 2 ** 53]);
    expect([...pieceOf(points(ValueKind.uint64, [7])).values]).toEqual([7]);
  });

  test('have no value where the source gave none, or Millrace lost what follows', () => {
    expect([...pieceOf(points(ValueKind.null, [0])).values]).toEqual([Number.NaN]);
    const lost = { flags: Flag.gap, quality: BAD };
    expect([...pieceOf(points(ValueKind.double, [5], lost)).values]).toEqual([Number.NaN]);
    expect([...pieceOf(points(ValueKind.double, [5], { flags: Flag.gap })).values]).toEqual([5]);
  });

  test('are refused where they are no numbers', () => {
    expect(() => pieceOf(points(ValueKind.string, [0]))).toThrow(
      expect.objectContaining({ code: 'aggregate-type' }) as Error,
    );
  });
});

test('rows grow as they come', () => {
  const rows = new Rows(1);
  for (let i = 0; i < 1000; i++) rows.push(i, i / 2, i);
  expect(rowsOf(rows)).toEqual(Array.from({ length: 1000 }, (_, i) => row(i, i / 2, i)));
  rows.reset();
  expect(rows.count).toBe(0);
});

/** Whether it counts where Uncertain is bad, and where it is not. */
const both = (value: number, quality: number): boolean[] => [
  counts(value, quality, true),
  counts(value, quality, false),
];

test('a value counts by its severity, and if there is one', () => {
  expect(both(1, 0)).toEqual([true, true]);
  expect(both(1, 0x00a50000)).toEqual([true, true]);
  expect(both(1, UNCERTAIN)).toEqual([false, true]);
  expect(both(1, BAD)).toEqual([false, false]);
  expect(both(1, 0xc0000000)).toEqual([false, false]);
  expect(both(Number.NaN, 0)).toEqual([false, false]);
});

test('of samples at one time the last good one counts, or the last, for pieces of any size', () => {
  fc.assert(
    fc.property(anyRows(fc.nat(9)), anyLengths, (rows, lengths) => {
      const expected = [...Map.groupBy(rows, ({ timeUs }) => timeUs).values()].map(
        (group): Row => group.findLast(isGoodRow) ?? group.at(-1) ?? row(0, 0),
      );
      expect(run(new OnePerTime(true), cut(rows, lengths))).toEqual(expected);
    }),
  );
});
