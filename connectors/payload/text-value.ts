import { toNumber, toValue } from './json-value.ts';
import type { DeclaredType } from './mapping-config.ts';
import type { TypedValue, ValueProblem } from './typed-value.ts';

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const NOT_FINITE: ReadonlyMap<string, number> = new Map([
  ['nan', Number.NaN],
  ['inf', Infinity],
  ['+inf', Infinity],
  ['-inf', -Infinity],
  ['infinity', Infinity],
  ['+infinity', Infinity],
  ['-infinity', -Infinity],
]);
const TRUE = new Set(['true', 'on', '1']);
const FALSE = new Set(['false', 'off', '0']);

/**
 * A payload of text as one value. Without a declared type it is a string as it stands. A number may stand between blanks, in decimal or exponent form, as `nan` or `inf`;
 * a boolean is true, on, 1, false, off or 0 in any case; bytes are base64.
 */
export function textToValue(text: string, declared: DeclaredType | undefined): TypedValue | ValueProblem {
  if (declared === undefined || declared === 'string' || declared === 'array') return toValue(text, declared);
  const trimmed = text.trim();
  if (declared === 'bytes') return toValue(trimmed, declared);
  const word = trimmed.toLowerCase();
  if (declared === 'boolean') {
    if (TRUE.has(word)) return toValue(true, declared);
    if (FALSE.has(word)) return toValue(false, declared);
    return wrong(trimmed, declared);
  }
  const number = NOT_FINITE.get(word) ?? (NUMBER.test(trimmed) ? exactNumber(trimmed) : undefined);
  return number === undefined ? wrong(trimmed, declared) : toNumber(number, declared);
}

function exactNumber(text: string): number | bigint {
  const number = Number(text);
  if (Number.isSafeInteger(number) || !/^[+-]?\d{1,24}$/.test(text)) return number;
  return BigInt(text.startsWith('+') ? text.slice(1) : text);
}

function wrong(text: string, declared: DeclaredType): ValueProblem {
  return { problem: 'wrong-type', detail: `${JSON.stringify(text.slice(0, 60))} where type ${declared} is expected` };
}
