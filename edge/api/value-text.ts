import { type ArrayValue, type Value, ValueKind } from '../core/sample.ts';

/** A value as JSON text, exact: doubles in shortest round-trip form (and -0 as such), 64-bit integers with all digits, bytes in base64. */
export function jsonValue(kind: ValueKind, value: Value): string {
  switch (kind) {
    case ValueKind.null:
      return 'null';
    case ValueKind.boolean:
    case ValueKind.long:
    case ValueKind.uint64:
      return `${value as boolean | number | bigint}`;
    case ValueKind.float:
    case ValueKind.double:
      return numberText(value as number);
    case ValueKind.string:
      return JSON.stringify(value);
    case ValueKind.bytes:
      return JSON.stringify(base64(value as Uint8Array));
    case ValueKind.array:
      return jsonArray(value as ArrayValue);
  }
}

/** A value as a CSV field (RFC 4180): like JSON, but text without quotes where it needs none. Null is an empty field, an empty text `""`. */
export function csvValue(kind: ValueKind, value: Value): string {
  if (kind === ValueKind.null) return '';
  if (kind === ValueKind.string) return value === '' ? '""' : csvText(value as string);
  if (kind === ValueKind.bytes) return (value as Uint8Array).length === 0 ? '""' : base64(value as Uint8Array);
  return kind === ValueKind.array ? csvText(jsonArray(value as ArrayValue)) : jsonValue(kind, value);
}

/** A text as a CSV field, quoted where it must be. */
export function csvText(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Shortest text that reads as the same number. */
export function numberText(value: number | bigint): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}

const MEMBERS = { float: 'f', double: 'd', long: 'i', string: 's' } as const;

/** As in FORMAT.md: `{"shape":[3],"stepNs":1000,"d":[0.5,-0.5,2]}`. */
function jsonArray(array: ArrayValue): string {
  const items = Array.from(array.items as Iterable<number | bigint | string>, (item) => {
    if (typeof item === 'string') return JSON.stringify(item);
    return typeof item === 'number' ? numberText(item) : String(item);
  });
  const step = array.stepNs === null ? 'null' : numberText(array.stepNs);
  return `{"shape":[${array.shape.join(',')}],"stepNs":${step},"${MEMBERS[array.element]}":[${items.join(',')}]}`;
}
