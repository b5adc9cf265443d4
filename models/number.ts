import type { Value } from '../edge/core/sample.ts';

/** A value as a model sees it; NaN: not a number that it can look at. */
export function numberOf(value: Value): number {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : Number.NaN;
}
