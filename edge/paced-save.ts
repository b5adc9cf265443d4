import type { Clock } from './core/clock.ts';
import { messageOf } from './core/fault.ts';

/** Something is written so seldom that it costs at most 2 % of the main thread: it pauses this many times as long as it took. */
const PAUSE_FACTOR = 50;

/** Writes from time to time what the log could make again, such as the ledger's snapshot. */
export class PacedSave {
  private readonly name: string;
  private readonly what: { save(): void };
  private readonly clock: Pick<Clock, 'monotonicMs'>;
  private readonly logger: { error(text: string): void };
  private nextMs = -Infinity;
  private failing = false;

  /** `name` stands in the logger's line when it fails. */
  constructor(
    name: string,
    what: { save(): void },
    clock: Pick<Clock, 'monotonicMs'>,
    logger: { error(text: string): void },
  ) {
    this.name = name;
    this.what = what;
    this.clock = clock;
    this.logger = logger;
  }

  /** Writes it unless that would be too soon. A full disk must not end the gateway: what was written before still stands, and the log has the rest. */
  saveIfDue(): void {
    const startMs = this.clock.monotonicMs();
    if (startMs < this.nextMs) return;
    try {
      this.what.save();
      this.failing = false;
    } catch (error) {
      if (!this.failing) this.logger.error(`${this.name}, tried again: ${messageOf(error)}`);
      this.failing = true;
    }
    const endMs = this.clock.monotonicMs();
    this.nextMs = endMs + (endMs - startMs) * PAUSE_FACTOR;
  }
}
