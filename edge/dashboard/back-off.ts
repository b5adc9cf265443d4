/* How long to wait before the next attempt. Pure. */

const FIRST_MS = 1000;
const LAST_MS = 30_000;

/** Pause before attempt `attempt` (from 0): doubles from a second to half a minute, and is spread so that not all pages come back at once. */
export function pauseBefore(attempt: number, random: () => number = Math.random): number {
  const pause = Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return Math.round(pause * (0.75 + random() * 0.25));
}
