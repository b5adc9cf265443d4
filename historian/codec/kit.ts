import { ByteReader } from '../../edge/core/byte-reader.ts';
import { ByteWriter } from '../../edge/core/byte-writer.ts';
import * as fc from 'fast-check';
import { BlockEntries } from './entries.ts';

/** For tests: what a codec wrote, read again to its last byte. */
export function throughBytes<T>(
  write: (out: ByteWriter) => void,
  read: (from: ByteReader) => T,
): { bytes: number; value: T } {
  const out = new ByteWriter(16);
  write(out);
  const from = new ByteReader('historian-damaged');
  from.open(out.take());
  const value = read(from);
  if (from.at !== from.end) throw new Error(`${from.end - from.at} bytes are left`);
  return { bytes: out.length, value };
}

/** For tests: entries of an index from their bytes. Throws `historian-damaged`. */
export function readEntries(bytes: Uint8Array, count: number, firstUs: number): BlockEntries {
  const from = new ByteReader('historian-damaged');
  from.open(bytes);
  return new BlockEntries(from, count, firstUs);
}

/** Integers within ±2^53 as columns have them: alike, in runs, narrow, wandering, with strays, and any. */
export const integerColumn: fc.Arbitrary<number[]> = fc
  .tuple(
    fc.maxSafeInteger().map((value) => Math.trunc(value / 4)),
    fc.constantFrom(0, 1, 5, 63, 64, 1000, 2 ** 20, 2 ** 31 - 1, 2 ** 31, 2 ** 40),
    fc.boolean(),
    fc.array(fc.record({ noise: fc.double({ min: 0, max: 1, noNaN: true }), stray: fc.nat(40), run: fc.nat(4) }), {
      minLength: 1,
      maxLength: 120,
    }),
    fc.maxSafeInteger().map((value) => Math.trunc(value / 4)),
  )
  .map(([base, width, wanders, steps, stray]) => {
    let value = base;
    return steps.flatMap((step) => {
      const next = (wanders ? value : base) + Math.round((step.noise - 0.5) * width);
      value = Number.isSafeInteger(next) ? next : base;
      return Array.from({ length: step.run + 1 }, () => (step.stray === 0 ? stray : value));
    });
  });
