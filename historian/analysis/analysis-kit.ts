import * as fc from 'fast-check';
import { type Piece, Rows } from './piece.ts';

/** For tests: one sample as an object. */
export interface Row {
  readonly timeUs: number;
  readonly value: number;
  readonly quality: number;
}

const GOOD = 0;
export const UNCERTAIN = 0x40900000;
export const BAD = 0x80310000;

/** For tests: a sample. */
export function row(timeUs: number, value: number, quality = GOOD): Row {
  return { timeUs, value, quality };
}

/** Samples as one piece. */
export function pieceOfRows(rows: readonly Row[]): Rows {
  const piece = new Rows();
  for (const { timeUs, value, quality } of rows) piece.push(timeUs, value, quality);
  return piece;
}

/** A piece as objects. */
export function rowsOf({ count, times, values, qualities }: Piece): Row[] {
  return Array.from({ length: count }, (_, i) => row(times[i] ?? 0, values[i] ?? 0, qualities[i] ?? 0));
}

/** Whether a sample is a good one. */
export function isGoodRow({ value, quality }: Row): boolean {
  return quality === GOOD && !Number.isNaN(value);
}

/** Samples cut into pieces of these lengths, taken in turns; a length of 0 is an empty piece. */
export function cut(rows: readonly Row[], lengths: readonly number[]): Rows[] {
  const pieces: Rows[] = [];
  for (let at = 0, turn = 0; at < rows.length; turn++) {
    const length = lengths[turn % lengths.length] ?? 1;
    pieces.push(pieceOfRows(rows.slice(at, at + length)));
    at += length;
  }
  return pieces;
}

/** Lengths of pieces. */
export const anyLengths = fc
  .array(fc.nat(7), { minLength: 1, maxLength: 5 })
  .filter((lengths) => lengths.some((length) => length > 0));

/** Samples in order of time, some at equal times, some bad, uncertain or without a value. */
export function anyRows(anyValue: fc.Arbitrary<number>, maxLength = 60): fc.Arbitrary<Row[]> {
  const anyQuality = fc.oneof(
    { weight: 8, arbitrary: fc.constant(GOOD) },
    { weight: 1, arbitrary: fc.constant(UNCERTAIN) },
    { weight: 2, arbitrary: fc.constant(BAD) },
  );
  const value = fc.oneof({ weight: 9, arbitrary: anyValue }, { weight: 1, arbitrary: fc.constant(Number.NaN) });
  return fc.array(fc.tuple(fc.nat(5), value, anyQuality), { maxLength, size: 'max' }).map((steps) => {
    let timeUs = 0;
    return steps.map(([step, of, quality]) => row((timeUs += step), of, quality));
  });
}

/** Everything that an analysis gives for these pieces. */
export function run(analysis: { add(piece: Piece): Piece; finish(): Piece }, pieces: readonly Piece[]): Row[] {
  const rows = pieces.flatMap((piece) => rowsOf(analysis.add(piece)));
  return [...rows, ...rowsOf(analysis.finish())];
}
