/** Branch of the value union of sample v1; also the type of a tag (`null` is a value, not a type). */
export const ValueKind = {
  null: 0,
  boolean: 1,
  long: 2,
  float: 3,
  double: 4,
  string: 5,
  bytes: 6,
  uint64: 7,
  array: 8,
} as const;
export type ValueKind = (typeof ValueKind)[keyof typeof ValueKind];

/** Types that a tag can have, by name, as in configuration and dictionary. */
export type TagType = Exclude<keyof typeof ValueKind, 'null'>;

const kindNames = Object.keys(ValueKind) as (keyof typeof ValueKind)[];

/** Name of a value's kind. */
export function kindName(kind: ValueKind): keyof typeof ValueKind {
  return kindNames[kind] ?? 'null';
}

/** An array value: `shape` has a length per dimension, elements are row-major, `stepNs` is their distance in time or null. */
export type ArrayValue = { readonly shape: readonly number[]; readonly stepNs: number | null } & (
  | { readonly element: 'float'; readonly items: Float32Array }
  | { readonly element: 'double'; readonly items: Float64Array }
  | { readonly element: 'long'; readonly items: BigInt64Array }
  | { readonly element: 'string'; readonly items: readonly string[] }
);

/**
 * A value in memory. boolean: true or false. long: a number where that is exact (up to ±2^53), else a bigint. float (already rounded to float32) and double: a
 * finite number. uint64: a bigint. The kind beside it says which; a value alone does not.
 */
export type Value = null | boolean | number | bigint | string | Uint8Array | ArrayValue;

/** One value of one tag at one time. The tag stands beside it: as record key, or as column. */
export interface Sample {
  /** Time of the device (the ingest time where it gave none), µs since the epoch, UTC; an integer within ±2^53. */
  timeUs: number;
  kind: ValueKind;
  value: Value;
  /** OPC UA StatusCode, unsigned 32 bits. */
  quality: number;
  /** Bits of `Flag`. */
  flags: number;
  /** Time given by the server between device and gateway, µs, or null. */
  serverTimeUs: number | null;
}

/** Largest absolute time that is exact in a double, µs. */
export const MAX_TIME_US = Number.MAX_SAFE_INTEGER;
