/** Millrace's own marks on a sample (FORMAT.md, "Flags"); never mixed into the StatusCode. */
export const Flag = {
  backfilled: 1,
  clockSuspect: 2,
  retained: 4,
  substituted: 8,
  correction: 16,
  gap: 32,
} as const;

/** Names of the flags that are set, in the order of their bits. */
export function flagNames(flags: number): string[] {
  return Object.entries(Flag)
    .filter(([, bit]) => (flags & bit) !== 0)
    .map(([name]) => name);
}
