/** The simulation goes in steps of this length; s. */
export const stepS = 0.1;

/** The same step; µs. */
export const stepUs = 100_000;

/** Steps in a second. */
export const stepsPerS = 10;

/** Everything repeats its share of disturbances within this time, so that an hour shows what a day holds; s. */
export const hourS = 3600;

/** How far a first-order lag of time constant `lagS` goes in one step: 1 - exp(-h/τ), exact for a constant input. */
export function lagShare(lagS: number): number {
  return lagS > 0 ? 1 - Math.exp(-stepS / lagS) : 1;
}
