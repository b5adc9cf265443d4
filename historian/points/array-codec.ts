import { ByteReader } from '../../edge/core/byte-reader.ts';
import type { ByteWriter } from '../../edge/core/byte-writer.ts';
import type { ArrayValue } from '../../edge/core/sample.ts';

/** How the historian keeps an array value (historian/FORMAT.md, "Array"). Bit for bit, and an empty one keeps its element type. */

const ELEMENTS = ['float', 'double', 'long', 'string'] as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Appends an array value. */
export function writeArrayValue(out: ByteWriter, value: ArrayValue): void {
  out.uint8(ELEMENTS.indexOf(value.element));
  out.varlong(value.shape.length);
  for (const length of value.shape) out.varlong(length);
  out.uint8(value.stepNs === null ? 0 : 1);
  if (value.stepNs !== null) out.doubleLe(value.stepNs);
  out.varlong(value.items.length);
  switch (value.element) {
    case 'float':
    case 'double':
      return out.raw(new Uint8Array(value.items.buffer, value.items.byteOffset, value.items.byteLength));
    case 'long':
      for (const item of value.items) out.varlongBig(item);
      return;
    case 'string':
      for (const item of value.items) {
        const bytes = encoder.encode(item);
        out.varlong(bytes.length);
        out.raw(bytes);
      }
  }
}

/** Reads what `writeArrayValue` wrote. Throws `historian-damaged`. */
export function readArrayValue(bytes: Uint8Array): ArrayValue {
  const from = new ByteReader('historian-damaged');
  from.open(bytes);
  const element = ELEMENTS[from.uint8()] ?? from.fail('element of an array');
  const shape: number[] = [];
  const dimensions = counted(from, 1);
  for (let i = 0; i < dimensions; i++) shape.push(from.varint());
  const stepNs = from.uint8() === 0 ? null : from.doubleLe();
  const value = readItems(from, element, { shape, stepNs });
  if (from.at !== from.end) from.fail('bytes behind an array');
  return value;
}

function readItems(
  from: ByteReader,
  element: ArrayValue['element'],
  base: { shape: number[]; stepNs: number | null },
): ArrayValue {
  switch (element) {
    case 'float': {
      const items = new Float32Array(counted(from, 4));
      for (let i = 0; i < items.length; i++) items[i] = from.floatLe();
      return { ...base, element, items };
    }
    case 'double': {
      const items = new Float64Array(counted(from, 8));
      for (let i = 0; i < items.length; i++) items[i] = from.doubleLe();
      return { ...base, element, items };
    }
    case 'long': {
      const items = new BigInt64Array(counted(from, 1));
      for (let i = 0; i < items.length; i++) items[i] = BigInt(from.varlong());
      return { ...base, element, items };
    }
    case 'string': {
      const items: string[] = [];
      for (let left = counted(from, 1); left > 0; left--) items.push(text(from));
      return { ...base, element, items };
    }
  }
}

/** A count of items of at least `size` bytes each: the bytes that are left bound it. */
function counted(from: ByteReader, size: number): number {
  const count = from.varint();
  if (count < 0 || count * size > from.end - from.at) from.fail(`array of ${count} items`);
  return count;
}

function text(from: ByteReader): string {
  const start = from.skip(from.varint());
  try {
    return decoder.decode(from.bytes.subarray(start, from.at));
  } catch {
    return from.fail('string is not UTF-8');
  }
}
