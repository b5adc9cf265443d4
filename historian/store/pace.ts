import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../edge/core/clock.ts';
import { SLICE_MS } from '../limits.ts';

/** Share of the thread that rewriting of files takes at most while nobody waits for it. */
const SHARE = 0.25;
/** A clock that jumps must not put it to sleep. */
const MAX_REST_MS = 10 * SLICE_MS;

/** Lets others have the thread after each 10 ms of work in the background, and rests three times as long as it worked unless somebody waits for it. */
export class Pace {
  private readonly clock: Pick<Clock, 'monotonicMs'>;
  private readonly isWaitedFor: () => boolean;
  private sinceMs: number;

  constructor(clock: Pick<Clock, 'monotonicMs'>, isWaitedFor: () => boolean = () => true) {
    this.clock = clock;
    this.isWaitedFor = isWaitedFor;
    this.sinceMs = clock.monotonicMs();
  }

  /** To be called after each piece of work. Rejects when the signal is aborted. */
  async breathe(signal?: AbortSignal): Promise<void> {
    const workedMs = this.clock.monotonicMs() - this.sinceMs;
    if (workedMs < SLICE_MS) return;
    signal?.throwIfAborted();
    if (this.isWaitedFor()) await nextTurn();
    else
      await pause(Math.min(workedMs * (1 / SHARE - 1), MAX_REST_MS), undefined, signal === undefined ? {} : { signal });
    signal?.throwIfAborted();
    this.sinceMs = this.clock.monotonicMs();
  }
}
