import { Fault } from '../../edge/core/fault.ts';
import { FILE_COLUMNS } from './columns.ts';
import type { Bound } from './iceberg-schemas.ts';

/** The least or greatest tag and time (µs) of a file, as a manifest has them (Iceberg specification, "Binary single-value serialization"). */
export function boundsOf(tag: string, timeUs: number): Bound[] {
  return [
    { key: FILE_COLUMNS.tag.id, value: Buffer.from(tag) },
    { key: FILE_COLUMNS.time.id, value: Buffer.from(BigInt64Array.of(BigInt(timeUs)).buffer) },
  ];
}

/** The tag of such bounds. Throws `historian-damaged`. */
export function tagIn(bounds: readonly Bound[] | null): string {
  return Buffer.from(boundOf(bounds, FILE_COLUMNS.tag.id)).toString();
}

/** Their time, µs. Throws `historian-damaged`. */
export function timeIn(bounds: readonly Bound[] | null): number {
  return Number(Buffer.from(boundOf(bounds, FILE_COLUMNS.time.id)).readBigInt64LE());
}

function boundOf(bounds: readonly Bound[] | null, key: number): Uint8Array {
  const bound = bounds?.find((one) => one.key === key);
  if (bound === undefined) throw new Fault('historian-damaged', `A manifest of the cold tier has no bound ${key}.`);
  return bound.value;
}
