import { Fault, messageOf } from '../../edge/core/fault.ts';
import type { ArrayValue } from '../../edge/core/sample.ts';

const MEMBERS = { float: 'f', double: 'd', long: 'i', string: 's' } as const;

/** An array as JSON text, exact: `{"shape":[3],"stepNs":1000,"d":[0.5,-0.5,2]}`, the member names the type of the elements as in sample v1. */
export function arrayText(array: ArrayValue): string {
  const items = Array.from(array.items as Iterable<number | bigint | string>, (item) => {
    if (typeof item === 'string') return JSON.stringify(item);
    return Object.is(item, -0) ? '-0' : String(item);
  });
  const { shape, stepNs, element } = array;
  const step = Object.is(stepNs, -0) ? '-0' : String(stepNs);
  return `{"shape":[${shape.join(',')}],"stepNs":${step},"${MEMBERS[element]}":[${items.join(',')}]}`;
}

/** Reads what `arrayText` wrote. Throws `historian-damaged`. */
export function readArrayText(text: string): ArrayValue {
  try {
    const { shape, stepNs, f, d, i, s } = JSON.parse(text) as ArrayText;
    const base = { shape, stepNs };
    if (f !== undefined) return { ...base, element: 'float', items: Float32Array.from(f) };
    if (d !== undefined) return { ...base, element: 'double', items: Float64Array.from(d) };
    if (s !== undefined) return { ...base, element: 'string', items: s };
    if (i === undefined) throw new Error('no elements');
    // As numbers they would lose their last digits.
    const digits = text.slice(text.lastIndexOf('[') + 1, text.lastIndexOf(']'));
    return { ...base, element: 'long', items: BigInt64Array.from(digits === '' ? [] : digits.split(','), BigInt) };
  } catch (error) {
    throw new Fault('historian-damaged', `An array: ${messageOf(error)}`, { cause: error });
  }
}

interface ArrayText {
  readonly shape: readonly number[];
  readonly stepNs: number | null;
  readonly f?: readonly number[];
  readonly d?: readonly number[];
  readonly i?: readonly number[];
  readonly s?: readonly string[];
}
