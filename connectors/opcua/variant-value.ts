import { DataType, type Variant, VariantArrayType } from 'node-opcua-client';
import { type ArrayValue, type Value, ValueKind } from '../../edge/core/sample.ts';
import { dateTimeText } from './date-time.ts';

/** What a Variant holds, or why it cannot be a sample. */
export type VariantValue = { readonly kind: ValueKind; readonly value: Value } | { readonly unfit: string };

const NOTHING: VariantValue = { kind: ValueKind.null, value: null };
const LONG_MIN = -(2n ** 63n);
const LONG_MAX = 2n ** 63n - 1n;

/**
 * A Variant (OPC UA Part 6, 5.2.2.16) as a value of a sample, without loss. Integers of 8 to 32 bits and Int64 become `long`, UInt64 `uint64`, Float `float`, Double `double`,
 * String, Guid and the text of a LocalizedText `string`, DateTime an ISO 8601 text with 7 decimals (its 100 ns), ByteString `bytes`. Arrays and matrices of these but
 * ByteString become `array`, row-major. A null String, ByteString or LocalizedText is null.
 */
export function variantValue({ dataType, arrayType, value, dimensions }: Variant): VariantValue {
  const held: unknown = value;
  if (dataType === DataType.Null || held === null || held === undefined) return NOTHING;
  if (arrayType === VariantArrayType.Scalar) return scalarValue(dataType, held);
  return arrayValue(dataType, elementsOf(held), dimensions);
}

function scalarValue(dataType: DataType, held: unknown): VariantValue {
  if (dataType === DataType.Boolean && typeof held === 'boolean') return { kind: ValueKind.boolean, value: held };
  if (dataType === DataType.Float && typeof held === 'number') return { kind: ValueKind.float, value: held };
  if (dataType === DataType.Double && typeof held === 'number') return { kind: ValueKind.double, value: held };
  if (dataType === DataType.ByteString && held instanceof Uint8Array) return { kind: ValueKind.bytes, value: held };
  if (dataType === DataType.UInt64) {
    const big = bigOf(held);
    return big === undefined ? unfit(dataType) : { kind: ValueKind.uint64, value: big };
  }
  const long = longOf(dataType, held);
  if (long !== undefined) return { kind: ValueKind.long, value: long };
  const text = textOf(dataType, held);
  if (text === undefined) return unfit(dataType);
  return text === null ? NOTHING : { kind: ValueKind.string, value: text };
}

const SMALL_INTEGERS: ReadonlySet<DataType> = new Set([
  DataType.SByte,
  DataType.Byte,
  DataType.Int16,
  DataType.UInt16,
  DataType.Int32,
  DataType.UInt32,
]);

/** An integer of up to 64 bits with sign: a number where that is exact, else a bigint. Undefined: it is none. */
function longOf(dataType: DataType, held: unknown): number | bigint | undefined {
  if (SMALL_INTEGERS.has(dataType)) return typeof held === 'number' ? held : undefined;
  const big = dataType === DataType.Int64 ? bigOf(held) : undefined;
  if (big === undefined) return undefined;
  const signed = BigInt.asIntN(64, big);
  const number = Number(signed);
  return Number.isSafeInteger(number) ? number : signed;
}

/** The library holds 64 bits as [high word, low word]. */
function bigOf(held: unknown): bigint | undefined {
  if (!Array.isArray(held)) return undefined;
  const [high, low] = held as readonly unknown[];
  if (typeof high !== 'number' || typeof low !== 'number') return undefined;
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

const TEXTS: ReadonlySet<DataType> = new Set([
  DataType.String,
  DataType.Guid,
  DataType.DateTime,
  DataType.LocalizedText,
]);

/** Undefined: it is no text. */
function textOf(dataType: DataType, held: unknown): string | null | undefined {
  if (!TEXTS.has(dataType)) return undefined;
  if (typeof held === 'string') return held;
  if (held instanceof Date) return dateTimeText(held);
  if (typeof held !== 'object' || held === null || !('text' in held)) return undefined;
  return typeof held.text === 'string' ? held.text : null;
}

function arrayValue(dataType: DataType, held: readonly unknown[] | undefined, dimensions: unknown): VariantValue {
  if (held === undefined) return unfit(dataType);
  const shape = isShape(dimensions, held.length) ? dimensions : [held.length];
  const base = { shape, stepNs: null };
  const array = numberArray(dataType, held, base) ?? longArray(dataType, held, base) ?? textArray(dataType, held, base);
  if (array !== undefined) return { kind: ValueKind.array, value: array };
  if (dataType === DataType.UInt64) return { unfit: 'An array of UInt64 with an element above 2^63 - 1.' };
  return { unfit: `An array of ${DataType[dataType]} is not taken in.` };
}

interface Base {
  readonly shape: readonly number[];
  readonly stepNs: null;
}

function numberArray(dataType: DataType, held: readonly unknown[], base: Base): ArrayValue | undefined {
  if (!held.every((element) => typeof element === 'number')) return undefined;
  if (dataType === DataType.Float) return { ...base, element: 'float', items: Float32Array.from(held) };
  if (dataType === DataType.Double) return { ...base, element: 'double', items: Float64Array.from(held) };
  return undefined;
}

/** Booleans too: 0 and 1. */
function longArray(dataType: DataType, held: readonly unknown[], base: Base): ArrayValue | undefined {
  const items = new BigInt64Array(held.length);
  for (const [i, element] of held.entries()) {
    const long = dataType === DataType.Boolean ? Number(element) : elementLong(dataType, element);
    if (long === undefined) return undefined;
    const big = BigInt(long);
    if (big < LONG_MIN || big > LONG_MAX) return undefined;
    items[i] = big;
  }
  return isInteger(dataType) ? { ...base, element: 'long', items } : undefined;
}

function elementLong(dataType: DataType, element: unknown): number | bigint | undefined {
  return dataType === DataType.UInt64 ? bigOf(element) : longOf(dataType, element);
}

/** Boolean and the integers of Part 6, table 1: ids 1 to 9. */
function isInteger(dataType: DataType): boolean {
  return dataType >= DataType.Boolean && dataType <= DataType.UInt64;
}

/** A null among texts is an empty text: an array has no nulls. */
function textArray(dataType: DataType, held: readonly unknown[], base: Base): ArrayValue | undefined {
  const items: string[] = [];
  for (const element of held) {
    const nothing = element === null || element === undefined;
    const text = nothing && TEXTS.has(dataType) ? null : textOf(dataType, element);
    if (text === undefined) return undefined;
    items.push(text ?? '');
  }
  return TEXTS.has(dataType) ? { ...base, element: 'string', items } : undefined;
}

/** Dimensions that the elements fill exactly. */
function isShape(dimensions: unknown, length: number): dimensions is readonly number[] {
  if (!Array.isArray(dimensions) || dimensions.length === 0) return false;
  let product = 1;
  for (const dimension of dimensions as readonly unknown[]) {
    if (typeof dimension !== 'number') return false;
    product *= dimension;
  }
  return product === length;
}

function elementsOf(held: unknown): readonly unknown[] | undefined {
  if (Array.isArray(held)) return held as readonly unknown[];
  return ArrayBuffer.isView(held) && !(held instanceof DataView) ? Array.from(held as Float64Array) : undefined;
}

function unfit(dataType: DataType): VariantValue {
  return { unfit: `${DataType[dataType]} is not taken in.` };
}
