/** A longer pause between two questions counts as this much; µs. */
const maxPassedUs = 250_000;

/**
 * Which simulated time belongs to which wall time: begins in the past, runs `speed` times as fast until it has caught up with the wall clock, then stays with it.
 * After a pause of the machine it catches up at the same speed, never in one leap. A wall clock that is set back makes it stand still until the clock has come by again.
 */
export class Pacing {
  private readonly speed: number;
  private reachedUs: number;
  private lastUs: number | undefined;
  private caught = false;

  /** @param startUs simulated time when it is asked for the first time; µs since the epoch @param speed more than 1 */
  constructor(startUs: number, speed: number) {
    this.reachedUs = startUs;
    this.speed = speed;
  }

  /** Where simulated time should be by now, asked several times a second; never goes back. */
  targetUs(wallUs: number): number {
    const passed = Math.max(0, Math.min(maxPassedUs, wallUs - (this.lastUs ?? wallUs)));
    this.lastUs = wallUs;
    const next = Math.min(wallUs, this.reachedUs + passed * this.speed);
    this.reachedUs = Math.max(this.reachedUs, next);
    if (this.reachedUs >= wallUs) this.caught = true;
    return this.reachedUs;
  }

  /** Whether it was with the wall clock once. */
  get caughtUp(): boolean {
    return this.caught;
  }
}
