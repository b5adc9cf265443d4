import { Fault } from '../../edge/core/fault.ts';
import { kindName, ValueKind } from '../../edge/core/sample.ts';
import type { Points } from './points.ts';

/** A number as samples carry it: a bigint where a double would not be exact. Booleans are 0 and 1. */
export type Numeric = number | bigint;

/** A row's value as a number. Throws `aggregate-type` if it is none. */
export function numericAt(points: Points, row: number): Numeric {
  const kind = points.kinds[row] as ValueKind;
  switch (kind) {
    case ValueKind.float:
    case ValueKind.double:
      return points.slots[row] ?? 0;
    case ValueKind.boolean:
      return points.words[row * 2] ?? 0;
    case ValueKind.long:
      return points.long(row);
    case ValueKind.uint64:
      return unsigned(points.words[row * 2] ?? 0, points.words[row * 2 + 1] ?? 0);
    case ValueKind.null:
    case ValueKind.string:
    case ValueKind.bytes:
    case ValueKind.array:
      throw new Fault('aggregate-type', `A value is of type ${kindName(kind)}.`);
  }
}

function unsigned(low: number, high: number): Numeric {
  return high < 0x200000 ? high * 4294967296 + low : (BigInt(high) << 32n) | BigInt(low);
}
