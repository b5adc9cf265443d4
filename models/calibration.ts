import type { Calibration } from './model.ts';

/** A limit is so many times what was seen. */
const margin = 2.5;
/** The residuals of a signal are taken as large as this share of them is at most: a short disturbance in the history must not blind the model. */
const share = 0.995;
/** How much wider a limit is where few independent residuals were held out. */
const doubt = 1.5;
/** A limit is at least so many scales times how little the other signals say of it, and need not be beyond the signal's own range. */
const untiedRange = 10;
const ownRange = 5;
/** Correlation below which a residual has forgotten. */
const forgotten = 0.05;

/** Residuals of windows in order of time: a row a window, a column a signal, in scales. */
export interface Residuals {
  readonly columns: number;
  readonly values: Float64Array;
  /** Windows from this one on were held out. */
  readonly heldOutFrom: number;
  /** How little the other signals say of each: 0 = all, 1 = nothing. */
  readonly untied: readonly number[];
}

/**
 * What is normal. The limit of a signal is the largest residual it had, held out or not, times a margin, times 1 + 1.5 √(memory / held-out windows): a signal whose residual
 * goes its own slow ways (a temperature that follows the weather) has shown but a few independent values in the history and may do more. And a signal that the others say
 * little of must leave what it may well do by itself: ties that one hour suggests need not hold for a day. Without the two a day is full of false alarms of such signals.
 */
export function calibrate({ columns, values, heldOutFrom, untied }: Residuals): Calibration {
  const count = values.length / columns;
  const limits: number[] = [];
  const residual: number[] = [];
  const memory: number[] = [];
  for (let column = 0; column < columns; column++) {
    const all = Float64Array.from({ length: count }, (_, nr) => values[nr * columns + column] ?? 0);
    const heldOut = all.subarray(heldOutFrom);
    const remembered = memoryOf(all);
    const independent = Math.max(1, heldOut.length / remembered);
    memory.push(remembered);
    residual.push(Math.hypot(...heldOut) / Math.sqrt(Math.max(1, heldOut.length)));
    const largest = Math.max(atMost(all), atMost(heldOut));
    const own = Math.min(ownRange, untiedRange * (untied[column] ?? 1));
    limits.push(Math.max(1e-3, own, margin * largest * (1 + doubt / Math.sqrt(independent))));
  }
  return { limits, residual, memory, untied, beginWindows: 2, endWindows: 2, back: 0.9 };
}

/** Residuals have at most this size, but for the largest few. */
function atMost(values: Float64Array): number {
  const sizes = values.map(Math.abs).toSorted();
  return sizes[Math.floor(share * (sizes.length - 1))] ?? 0;
}

/** Integrated autocorrelation time, in windows: 1 + 2 Σ ρ(lag), up to where it has forgotten (A. Sokal, "Monte Carlo Methods in Statistical Mechanics", 1989, section 3). */
function memoryOf(values: Float64Array): number {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  if (!(variance > 0)) return 1;
  let memory = 1;
  for (let lag = 1; lag < count / 2; lag++) {
    let product = 0;
    for (let nr = lag; nr < count; nr++) product += ((values[nr] ?? 0) - mean) * ((values[nr - lag] ?? 0) - mean);
    const correlation = product / variance;
    if (correlation < forgotten) break;
    memory += 2 * correlation;
  }
  return memory;
}
