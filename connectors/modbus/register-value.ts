import { type Value, ValueKind } from '../../edge/core/sample.ts';
import type { Point, Scaling } from './device.ts';
import type { Block } from './plan.ts';

/** A value of a point; `none`: its registers say that there is none; `unfit`: they hold nothing of its type. */
export type PointValue =
  | { readonly kind: ValueKind; readonly value: Value }
  | { readonly none: true }
  | { readonly unfit: string };

const NONE = { none: true } as const;
const scratch = new DataView(new ArrayBuffer(8));
const decoder = new TextDecoder('utf-8', { fatal: true });

/** The value of a point in the bytes of its block: registers high byte first, bits least significant first (Modbus Application Protocol 1.1b3, sections 4.2 and 6.1). */
export function pointValue(point: Point, block: Block, bytes: Uint8Array): PointValue {
  const index = point.address - block.address;
  if (point.type === 'bit') {
    return { kind: ValueKind.boolean, value: ((bytes[index >> 3] ?? 0) & (1 << (index & 7))) !== 0 };
  }
  if (point.type === 'string') return text(point, bytes.subarray(2 * index, 2 * (index + point.count)));
  arrange(point, bytes, 2 * index);
  return number(point);
}

/** The bytes of a point alone. */
export function pointBytes(point: Point, block: Block, bytes: Uint8Array): Uint8Array {
  const index = point.address - block.address;
  if (point.type === 'bit') return Uint8Array.of(((bytes[index >> 3] ?? 0) >> (index & 7)) & 1);
  return bytes.subarray(2 * index, 2 * (index + point.count));
}

/** Copies the registers of a point, most significant byte first. */
function arrange({ count, wordOrder, byteOrder }: Point, bytes: Uint8Array, at: number): void {
  const swap = byteOrder === 'little' ? 1 : 0;
  for (let i = 0; i < count; i++) {
    const from = at + 2 * (wordOrder === 'little' ? count - 1 - i : i);
    scratch.setUint8(2 * i, bytes[from + swap] ?? 0);
    scratch.setUint8(2 * i + 1, bytes[from + 1 - swap] ?? 0);
  }
}

function number(point: Point): PointValue {
  if (point.invalid.size > 0 && point.invalid.has(patternOf(point))) return NONE;
  switch (point.type) {
    case 'register-bit':
      return { kind: ValueKind.boolean, value: (scratch.getUint16(0) & (1 << point.bit)) !== 0 };
    case 'int16':
      return scaled(point, scratch.getInt16(0), ValueKind.long);
    case 'uint16':
      return scaled(point, scratch.getUint16(0), ValueKind.long);
    case 'int32':
      return scaled(point, scratch.getInt32(0), ValueKind.long);
    case 'uint32':
      return scaled(point, scratch.getUint32(0), ValueKind.long);
    case 'int64':
      return long(point, scratch.getBigInt64(0));
    case 'uint64': {
      const value = scratch.getBigUint64(0);
      return point.scaling === undefined ? { kind: ValueKind.uint64, value } : scaled(point, Number(value), 0);
    }
    case 'float32':
      return scaled(point, scratch.getFloat32(0), ValueKind.float);
    case 'float64':
      return scaled(point, scratch.getFloat64(0), ValueKind.double);
    case 'bit':
    case 'string':
      break;
  }
  throw new Error(`assertion failed: ${point.type} is no number`);
}

function patternOf({ count }: Point): bigint {
  if (count === 4) return scratch.getBigUint64(0);
  return BigInt(count === 2 ? scratch.getUint32(0) : scratch.getUint16(0));
}

/** Beyond ±2^53 a bigint, as samples have it. */
function long(point: Point, value: bigint): PointValue {
  const asNumber = Number(value);
  if (point.scaling !== undefined) return scaled(point, asNumber, 0);
  return { kind: ValueKind.long, value: Number.isSafeInteger(asNumber) ? asNumber : value };
}

function scaled({ scaling }: Point, raw: number, kind: ValueKind): PointValue {
  return scaling === undefined ? { kind, value: raw } : { kind: ValueKind.double, value: apply(scaling, raw) };
}

function apply({ factor, divisor, offset }: Scaling, raw: number): number {
  return (raw * factor) / divisor + offset;
}

/** Up to the first NUL, without blanks at its end. */
function text({ byteOrder }: Point, registers: Uint8Array): PointValue {
  const bytes = registers.slice();
  if (byteOrder === 'little') {
    for (let i = 0; i + 1 < bytes.length; i += 2) [bytes[i], bytes[i + 1]] = [bytes[i + 1] ?? 0, bytes[i] ?? 0];
  }
  const end = bytes.indexOf(0);
  try {
    const value = decoder.decode(end < 0 ? bytes : bytes.subarray(0, end)).replace(/ +$/, '');
    return { kind: ValueKind.string, value };
  } catch {
    return { unfit: 'The registers hold no text in UTF-8.' };
  }
}
