const FIRST_MS = 200;
const LAST_MS = 30_000;
/** Small enough that a broker which restarts within 5 s is found again within 2 s. */
const GROWTH = 1.5;

/** Pauses between attempts: 200 ms growing to 30 s, half of each random so that many links do not knock at once. */
export class BackOff {
  private readonly random: () => number;
  private nextMs = FIRST_MS;

  /** `random`: at least 0, below 1. */
  constructor(random: () => number) {
    this.random = random;
  }

  /** ms until the next attempt. */
  pause(): number {
    const pauseMs = this.nextMs * (0.5 + this.random() / 2);
    this.nextMs = Math.min(this.nextMs * GROWTH, LAST_MS);
    return pauseMs;
  }

  /** All is well again. */
  reset(): void {
    this.nextMs = FIRST_MS;
  }
}
