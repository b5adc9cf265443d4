import { type ArrayValue, ValueKind } from '../../edge/core/sample.ts';
import { isArray, type Json } from './json.ts';
import type { TypedValue, ValueProblem } from './typed-value.ts';

/** Arrays within arrays, at most. */
const MAX_DIMENSIONS = 16;

/** A JSON array as a value: numbers become doubles, texts stay, arrays of one shape become dimensions (row-major). Everything else is `malformed`. */
export function toArrayValue(value: readonly Json[]): TypedValue | ValueProblem {
  const shape = shapeOf(value);
  if (shape === undefined) return malformed(`arrays nested more than ${MAX_DIMENSIONS} deep`);
  const flat: Json[] = [];
  if (!flatten(value, shape, 0, flat)) return malformed('an array of arrays of different lengths');
  const array = ofNumbers(shape, flat) ?? ofTexts(shape, flat);
  if (array === undefined) return malformed('an array of something other than numbers alone or texts alone');
  return { kind: ValueKind.array, value: array };
}

/** Lengths of the dimensions as the first elements show them. */
function shapeOf(value: readonly Json[]): number[] | undefined {
  const shape: number[] = [];
  let at: Json | undefined = value;
  while (at !== undefined && isArray(at)) {
    if (shape.length === MAX_DIMENSIONS) return undefined;
    shape.push(at.length);
    at = at[0];
  }
  return shape;
}

/** Appends the elements in row-major order; false where an array has another shape. */
function flatten(value: readonly Json[], shape: readonly number[], depth: number, flat: Json[]): boolean {
  if (value.length !== shape[depth]) return false;
  const last = depth === shape.length - 1;
  for (const element of value) {
    if (isArray(element) ? last || !flatten(element, shape, depth + 1, flat) : !last) return false;
    if (last) flat.push(element);
  }
  return true;
}

function ofNumbers(shape: number[], flat: readonly Json[]): ArrayValue | undefined {
  const items = new Float64Array(flat.length);
  for (const [i, element] of flat.entries()) {
    if (typeof element !== 'number' && typeof element !== 'bigint') return undefined;
    items[i] = Number(element);
  }
  return { shape, stepNs: null, element: 'double', items };
}

function ofTexts(shape: number[], flat: readonly Json[]): ArrayValue | undefined {
  const items: string[] = [];
  for (const element of flat) {
    if (typeof element !== 'string') return undefined;
    items.push(element.toWellFormed());
  }
  return { shape, stepNs: null, element: 'string', items };
}

function malformed(detail: string): ValueProblem {
  return { problem: 'malformed', detail };
}
