import { type TagType, type Value, ValueKind } from '../../edge/core/sample.ts';
import { toArrayValue } from './array-value.ts';
import { isArray, isObject, type Json } from './json.ts';
import type { DeclaredType } from './mapping-config.ts';
import type { TypedValue, ValueProblem } from './typed-value.ts';

const MIN_LONG = -(2n ** 63n);
const MAX_LONG = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;

/** Smallest and largest value of the integers that are a `long` with a range. */
const RANGES: ReadonlyMap<DeclaredType, readonly [number, number]> = new Map([
  ['int8', [-128, 127]],
  ['uint8', [0, 255]],
  ['int16', [-32_768, 32_767]],
  ['uint16', [0, 65_535]],
  ['int32', [-2_147_483_648, 2_147_483_647]],
  ['uint32', [0, 4_294_967_295]],
]);

/** Type that a tag has if its mapping says this. */
export function tagTypeOf(declared: DeclaredType): TagType {
  return RANGES.has(declared) ? 'long' : (declared as TagType);
}

/**
 * A JSON value, not an object, as the value of a tag. Without a declared type a number is a double. A declared type takes what fits without loss, but for `float`, which
 * rounds, and `double`, which rounds integers beyond ±2^53; nothing is read out of texts but `bytes`, which are base64 (RFC 4648, section 4). null is a value of every type.
 * NaN and infinities pass where numbers do.
 */
export function toValue(value: Json, declared: DeclaredType | undefined): TypedValue | ValueProblem {
  if (value === null) return { kind: ValueKind.null, value: null };
  if (isObject(value)) return misfit('an object', declared);
  if (isArray(value))
    return declared === undefined || declared === 'array' ? toArrayValue(value) : misfit('an array', declared);
  if (declared === 'array') return misfit(typeof value, declared);
  if (typeof value === 'boolean')
    return declared === undefined || declared === 'boolean' ? typed('boolean', value) : misfit('a boolean', declared);
  if (typeof value === 'string') return toText(value, declared);
  return toNumber(value, declared ?? 'double');
}

function toText(value: string, declared: DeclaredType | undefined): TypedValue | ValueProblem {
  // A lone surrogate cannot be written as UTF-8.
  if (declared === undefined || declared === 'string') return typed('string', value.toWellFormed());
  if (declared !== 'bytes') return misfit('a text', declared);
  const bytes = decodeBase64(value);
  return bytes === undefined ? misfit('a text that is not base64', declared) : typed('bytes', bytes);
}

function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  const bytes = Buffer.from(text, 'base64');
  // Bits beyond the last byte must be zero, or two texts would be the same bytes.
  if (bytes.toString('base64') !== text) return undefined;
  return new Uint8Array(bytes);
}

/** Types that are no numbers. */
const OTHERS: ReadonlySet<DeclaredType> = new Set(['boolean', 'string', 'bytes', 'array']);

/** A number as the declared type. */
export function toNumber(value: number | bigint, declared: DeclaredType): TypedValue | ValueProblem {
  if (declared === 'double') return typed('double', Number(value));
  if (declared === 'float') return toFloat(Number(value), declared);
  return OTHERS.has(declared) ? misfit('a number', declared) : toInteger(value, declared);
}

function toFloat(value: number, declared: DeclaredType): TypedValue | ValueProblem {
  const rounded = Math.fround(value);
  if (Number.isFinite(value) && !Number.isFinite(rounded)) return misfit(String(value), declared);
  return typed('float', rounded);
}

function toInteger(value: number | bigint, declared: DeclaredType): TypedValue | ValueProblem {
  const kind = declared === 'uint64' ? 'uint64' : 'long';
  if (typeof value === 'number' && !Number.isInteger(value)) {
    return Number.isFinite(value) ? misfit(String(value), declared) : typed(kind, value);
  }
  const range = RANGES.get(declared);
  if (range !== undefined)
    return value < range[0] || value > range[1] ? misfit(String(value), declared) : typed(kind, Number(value) + 0);
  const exact = BigInt(value);
  if (kind === 'uint64') return exact < 0n || exact > MAX_UINT64 ? misfit(String(value), declared) : typed(kind, exact);
  if (exact < MIN_LONG || exact > MAX_LONG) return misfit(String(value), declared);
  const number = Number(exact);
  return typed(kind, Number.isSafeInteger(number) ? number : exact);
}

function typed(kind: keyof typeof ValueKind, value: Value): TypedValue {
  return { kind: ValueKind[kind], value };
}

function misfit(what: string, declared: DeclaredType | undefined): ValueProblem {
  return {
    problem: 'wrong-type',
    detail: `${what} where ${declared === undefined ? 'one value' : `type ${declared}`} is expected`,
  };
}
