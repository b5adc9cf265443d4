import type { Clock } from './core/clock.ts';
import { messageOf } from './core/fault.ts';

/** A snapshot is written so seldom that it costs at most 2 % of the main thread: it pauses this many times as long as it took. */
const PAUSE_FACTOR = 50;

/** Writes the ledger's snapshot from time to time. */
export class LedgerSnapshots {
  private readonly book: { save(): void };
  private readonly clock: Pick<Clock, 'monotonicMs'>;
  private readonly logger: { error(text: string): void };
  private nextMs = -Infinity;
  private failing = false;

  constructor(book: { save(): void }, clock: Pick<Clock, 'monotonicMs'>, logger: { error(text: string): void }) {
    this.book = book;
    this.clock = clock;
    this.logger = logger;
  }

  /** Writes it unless that would be too soon. A full disk must not end the gateway: the snapshot before this one still stands, and the log has the rest. */
  saveIfDue(): void {
    const startMs = this.clock.monotonicMs();
    if (startMs < this.nextMs) return;
    try {
      this.book.save();
      this.failing = false;
    } catch (error) {
      if (!this.failing) this.logger.error(`ledger snapshot, tried again: ${messageOf(error)}`);
      this.failing = true;
    }
    const endMs = this.clock.monotonicMs();
    this.nextMs = endMs + (endMs - startMs) * PAUSE_FACTOR;
  }
}
