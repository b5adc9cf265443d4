import type { ByteReader } from '../../edge/core/byte-reader.ts';
import type { ByteWriter } from '../../edge/core/byte-writer.ts';

/** Appends `value - base` of two integers within ±2^53, exactly (FORMAT.md: "delta"). */
export function writeDelta(out: ByteWriter, value: number, base: number): void {
  const delta = value - base;
  if (Number.isSafeInteger(delta)) out.varlong(delta);
  else out.varlongBig(BigInt(value) - BigInt(base));
}

/** The value behind a delta; fails if it is beyond ±2^53. */
export function readDelta(from: ByteReader, base: number): number {
  const delta = from.varlong();
  const value = typeof delta === 'number' ? base + delta : Number(BigInt(base) + delta);
  if (!Number.isSafeInteger(value)) from.fail('number above 53 bits');
  return value;
}
