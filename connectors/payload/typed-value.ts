import type { Value, ValueKind } from '../../edge/core/sample.ts';
import type { QuarantineReason } from '../contract.ts';

/** A value with its kind, as in RawValue. */
export interface TypedValue {
  readonly kind: ValueKind;
  readonly value: Value;
  readonly problem?: undefined;
}

/** Why it is none. */
export interface ValueProblem {
  readonly problem: Extract<QuarantineReason, 'malformed' | 'wrong-type'>;
  readonly detail: string;
}
