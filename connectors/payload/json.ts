/** A JSON value as `parseJson` gives it: integers that a double cannot hold are bigints, and numbers may be NaN or infinite. */
export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [name: string]: Json;
}

/** Whether it is an array. */
export function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** Whether it is an object: neither array nor null. */
export function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !isArray(value);
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** UTF-8 as text, without a byte order mark; undefined if it is none. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Result of `parseJson`. */
export type Parsed = { readonly value: Json; readonly error?: undefined } | { readonly error: string };

/** Longest integer that is read exactly, characters: enough for 64 bits. */
const MAX_INTEGER_TEXT = 24;
/** Stands in for NaN, which JSON cannot write; no sender would write infinity like this. */
const NAN_SOURCE = '1e99999';

/**
 * Reads JSON. Goes beyond RFC 8259 in what devices write: bare NaN, Infinity and -Infinity (Python's `json.dumps`) are numbers. Integers beyond ±2^53 come as bigints.
 * A name `__proto__` is a name like any other.
 */
export function parseJson(text: string): Parsed {
  const plain = tryParse(text, /\d{16}/.test(text));
  if (plain.error === undefined || !/NaN|Infinity/.test(text)) return plain;
  const retried = tryParse(withNonFinite(text), true);
  return retried.error === undefined ? retried : plain;
}

function tryParse(text: string, exact: boolean): Parsed {
  try {
    return { value: (exact ? JSON.parse(text, readExactly) : JSON.parse(text)) as Json };
  } catch (error) {
    // RangeError: nested too deeply.
    if (error instanceof SyntaxError || error instanceof RangeError) return { error: error.message };
    throw error;
  }
}

/** Reviver of JSON.parse that sees the number as it was written (ECMAScript proposal "JSON.parse source text access"). */
function readExactly(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number') return value;
  const source = context?.source;
  if (source === undefined) return value;
  if (source === NAN_SOURCE) return Number.NaN;
  if (Number.isSafeInteger(value) || source.length > MAX_INTEGER_TEXT) return value;
  return /^-?\d+$/.test(source) ? BigInt(source) : value;
}

/** The text with bare NaN and Infinity, outside of strings, written as numbers that JSON can hold. */
function withNonFinite(text: string): string {
  const parts: string[] = [];
  let from = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '"') inString = !inString;
    else if (inString && character === '\\') i++;
    else if (!inString && (character === 'N' || character === 'I')) {
      const word = text.startsWith('NaN', i) ? 'NaN' : text.startsWith('Infinity', i) ? 'Infinity' : '';
      if (word === '') continue;
      parts.push(text.slice(from, i), word === 'NaN' ? NAN_SOURCE : '1e999');
      from = i + word.length;
      i = from - 1;
    }
  }
  parts.push(text.slice(from));
  return parts.join('');
}
