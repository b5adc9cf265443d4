import { numberText } from '../api/value-text.ts';
import type { Value } from '../core/sample.ts';

/** A value as a text for people and tables; empty for null. */
export function shownValue(value: Value): string {
  if (value === null) return '';
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (typeof value === 'object') return 'an array';
  return typeof value === 'number' || typeof value === 'bigint' ? numberText(value) : `${value}`;
}

/** A text of somebody else for a line on a terminal, which would do what control characters say. */
export function shownText(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
