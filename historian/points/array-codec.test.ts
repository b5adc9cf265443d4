import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteWriter } from '../../edge/core/byte-writer.ts';
import { Fault } from '../../edge/core/fault.ts';
import { type ArrayValue, ValueKind } from '../../edge/core/sample.ts';
import { readArrayValue, writeArrayValue } from './array-codec.ts';
import { bitsOf } from '../kit/history-kit.ts';
import { tries } from '../kit/tries.ts';

const long: ArrayValue = {
  shape: [2, 2],
  stepNs: null,
  element: 'long',
  items: BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n), 0n, -1n),
};

/** One array of each element type, and an empty one of each. */
const arrays: ArrayValue[] = [
  long,
  { shape: [3], stepNs: 1000, element: 'float', items: Float32Array.of(-0, 1e-45, 1.5) },
  { shape: [3], stepNs: 0.25, element: 'double', items: Float64Array.of(-0, 5e-324, 1.5) },
  { shape: [2], stepNs: null, element: 'string', items: ['', '\u{feff}Öl 🛢️'] },
  { shape: [], stepNs: null, element: 'float', items: new Float32Array(0) },
  { shape: [0], stepNs: null, element: 'double', items: new Float64Array(0) },
  { shape: [0, 3], stepNs: null, element: 'long', items: new BigInt64Array(0) },
  { shape: [0], stepNs: null, element: 'string', items: [] },
];

function encode(value: ArrayValue): Uint8Array {
  const out = new ByteWriter();
  writeArrayValue(out, value);
  return out.take();
}

test.each(arrays)('an array of $element $shape comes back bit for bit', (value) => {
  expect(bitsOf(ValueKind.array, readArrayValue(encode(value)))).toBe(bitsOf(ValueKind.array, value));
});

/** Items of the array, or 0 if it is refused as it should be. */
function itemsOf(bytes: Uint8Array): number {
  try {
    return readArrayValue(bytes).items.length;
  } catch (error) {
    if (error instanceof Fault) return 0;
    throw error;
  }
}

test('changed bytes give an array or a fault, and never more items than bytes', () => {
  const bytes = arrays.map(encode);
  const change = fc.record({ which: fc.nat(bytes.length - 1), at: fc.nat(80), to: fc.nat(255) });
  fc.assert(
    fc.property(change, ({ which, at, to }) => {
      const changed = (bytes[which] ?? new Uint8Array(0)).slice();
      changed[at % changed.length] = to;
      expect(itemsOf(changed)).toBeLessThanOrEqual(changed.length);
    }),
    { numRuns: tries(3000) },
  );
});
