import { ByteReader } from '../../edge/core/byte-reader.ts';
import { ValueKind } from '../../edge/core/sample.ts';
import { SAMPLE_SCHEMA_ID } from '../../edge/core/sample-codec.ts';
import type { Points } from './points.ts';

/** Bytes of a plain sample beside its value: magic and schema, eight of time, kind, and three for Good, no flags, no server time. */
const BESIDE_VALUE = 17;
/** Where the value begins. */
const VALUE = 14;

const from = new ByteReader('sample-malformed');

/**
 * Reads sample v1 (edge/core/FORMAT.md) in `bytes` from `at` to `end` into time, kind and slot of a row, if it is one of those that nearly all are: a null, boolean, float, double or short
 * integer of our days, Good, without flags and server time. False: it is another one, which may be malformed; nothing of the row counts. 10 ns, no object and no number on the heap: what any
 * sample takes (`SampleReader`) is 50 and more.
 */
export function readPlainSample(bytes: Uint8Array, at: number, end: number, points: Points, row: number): boolean {
  const valueBytes = end - at - BESIDE_VALUE;
  if (valueBytes < 0 || valueBytes > 8) return false;
  if (bytes !== from.bytes) from.open(bytes);
  const { view } = from;
  if (view.getUint8(at) !== 0 || view.getUint32(at + 1) !== SAMPLE_SCHEMA_ID) return false;
  const timeUs = from.eightAt(at + 5);
  if (timeUs < 0 || (view.getUint16(end - 3) | view.getUint8(end - 1)) !== 0) return false;
  const twiceKind = view.getUint8(at + VALUE - 1);
  if (twiceKind === ValueKind.double * 2 && valueBytes === 8) points.slots[row] = view.getFloat64(at + VALUE, true);
  else if (twiceKind === ValueKind.boolean * 2 && valueBytes === 1)
    putWords(points, row, view.getUint8(at + VALUE) === 0 ? 0 : 1, 0);
  else if (twiceKind === ValueKind.float * 2 && valueBytes === 4) points.slots[row] = view.getFloat32(at + VALUE, true);
  else if (twiceKind === ValueKind.null && valueBytes === 0) points.slots[row] = 0;
  else if (twiceKind !== ValueKind.long * 2 || !readShortInteger(view, at + VALUE, valueBytes, points, row))
    return false;
  points.times[row] = timeUs;
  points.kinds[row] = twiceKind >> 1;
  return true;
}

/** A zigzag integer of up to four bytes. */
function readShortInteger(view: DataView, at: number, count: number, points: Points, row: number): boolean {
  if (count < 1 || count > 4) return false;
  let bits = 0;
  for (let i = 0; i < count; i++) {
    const byte = view.getUint8(at + i);
    // All bytes but the last one have bit 7.
    if (byte < 0x80 !== (i === count - 1)) return false;
    bits |= (byte & 0x7f) << (7 * i);
  }
  const value = (bits >>> 1) ^ -(bits & 1);
  putWords(points, row, value, value >> 31);
  return true;
}

function putWords({ words }: Points, row: number, low: number, high: number): void {
  words[row * 2] = low;
  words[row * 2 + 1] = high;
}
