import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../edge/core/clock.ts';
import { SLICE_MS } from './limits.ts';

/** Does short pieces of work one after the other and lets the rest of the thread go on after each 10 ms of them, however many there are. A piece throws nothing. */
export class Turns {
  private readonly clock: Pick<Clock, 'monotonicMs'>;
  private readonly waiting: (() => void)[] = [];
  private working = false;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.clock = clock;
  }

  /** Does it at once if there is time, else when its turn comes. */
  add(work: () => void): void {
    this.waiting.push(work);
    if (!this.working) void this.run();
  }

  private async run(): Promise<void> {
    this.working = true;
    while (this.waiting.length > 0) {
      const endMs = this.clock.monotonicMs() + SLICE_MS;
      for (let work = this.waiting.shift(); work !== undefined; work = this.waiting.shift()) {
        work();
        if (this.clock.monotonicMs() >= endMs) break;
      }
      await nextTurn();
    }
    this.working = false;
  }
}
