/** Time, injected: a test runs a day in a second. */
export interface Clock {
  /** Wall clock, ms since the epoch, UTC. */
  nowMs(): number;
  /** Wall clock, µs since the epoch, UTC; an integer. */
  nowUs(): number;
  /** Never goes back, ms; for intervals only. */
  monotonicMs(): number;
}

/** The clock of this machine. Microseconds come from the monotonic clock, anchored to the wall clock and anchored again when the two part by more than 1 ms. */
export function systemClock(): Clock {
  let anchorUs = 0;
  const nowUs = (): number => {
    const wallMs = Date.now();
    const us = Math.floor(anchorUs + performance.now() * 1000);
    if (Math.abs(us - wallMs * 1000 - 500) <= 1500) return us;
    anchorUs = wallMs * 1000 - performance.now() * 1000;
    return wallMs * 1000;
  };
  return { nowMs: () => Date.now(), nowUs, monotonicMs: () => performance.now() };
}
