/** Millrace's own marks on a sample (FORMAT.md, "Flags"); never mixed into the StatusCode. */
export const Flag = {
  backfilled: 1,
  clockSuspect: 2,
  retained: 4,
  substituted: 8,
  correction: 16,
  gap: 32,
} as const;

/** When a sample counts as measured, µs (FORMAT.md, "Flags", the clock rule): a clock that is ahead does not say when something happened. `arrivalMs`: the time of its record. */
export function effectiveTimeUs(
  sample: { readonly timeUs: number; readonly flags: number },
  arrivalMs: number,
): number {
  return (sample.flags & Flag.clockSuspect) === 0 ? sample.timeUs : arrivalMs * 1000;
}

/** Names of the flags that are set, in the order of their bits. */
export function flagNames(flags: number): string[] {
  return Object.entries(Flag)
    .filter(([, bit]) => (flags & bit) !== 0)
    .map(([name]) => name);
}
