import type { Span } from '../queries/buckets.ts';
import { AggregatesCalculation, type AggregatesState, hasBounds, OF_ANY_TYPE, usable } from './aggregates.ts';
import type { Asked } from './asked.ts';
import type { Calculation } from './calculation.ts';
import { boundOfFrames, FramesCalculation, type FramesState } from './frames.ts';
import type { Bound } from './look-back.ts';
import { ShapeCalculation, type ShapeState } from './shape.ts';
import { boundOfTotals, TotalsCalculation, type TotalsState } from './totals.ts';
import { boundOfValues, ValuesCalculation, type ValuesState } from './values.ts';

/** A calculation between two pages, as plain data. */
export type CalculationState = AggregatesState | ValuesState | ShapeState | FramesState | TotalsState;

/** The calculation that answers, begun or going on. */
export function calculationOf(asked: Asked, span: Span, state: CalculationState | null): Calculation<CalculationState> {
  switch (asked.what) {
    case 'aggregates':
      return new AggregatesCalculation(asked, state?.what === 'aggregates' ? state : null);
    case 'values':
      return new ValuesCalculation(asked, state?.what === 'values' ? state : null);
    case 'shape':
      return new ShapeCalculation(asked, state?.what === 'minmax' || state?.what === 'lttb' ? state : null);
    case 'frames':
      return new FramesCalculation(asked, span, state?.what === 'frames' ? state : null);
    case 'totals':
      return new TotalsCalculation(asked, span, state?.what === 'totals' ? state : null);
  }
}

/** Which samples before the span the answer depends on; null: none. */
export function boundBefore(asked: Asked): Bound | null {
  switch (asked.what) {
    case 'aggregates':
      if (!hasBounds(asked)) return null;
      return { samples: asked.configuration.useSlopedExtrapolation ? 2 : 1, decides: usable(asked) };
    case 'values':
      return boundOfValues(asked);
    case 'shape':
      return null;
    case 'frames':
      return boundOfFrames(asked);
    case 'totals':
      return boundOfTotals(asked);
  }
}

/** Whether the answer depends on samples behind the span; the calculation then says when it has enough. */
export function looksAhead(asked: Asked): boolean {
  switch (asked.what) {
    case 'aggregates':
      return hasBounds(asked);
    case 'values':
    case 'totals':
      return true;
    case 'shape':
    case 'frames':
      return false;
  }
}

/** Whether the values of samples do not matter, so that they may be texts. */
export function isOfAnyType(asked: Asked): boolean {
  if (asked.what === 'aggregates') return asked.aggregates.every((name) => OF_ANY_TYPE.has(name));
  if (asked.what === 'values') return asked.ofAnyType === true;
  return asked.what === 'frames' && (asked.condition.when === 'bad' || asked.condition.when === 'not-good');
}
