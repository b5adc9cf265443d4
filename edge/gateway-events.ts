import type { Clock } from './core/clock.ts';
import type { Log } from './core/log.ts';
import type { Producer } from './core/producer.ts';
import { BatchEncoder } from './core/record-batch.ts';
import type { LedgerBook } from './ledger/book.ts';

/** Puts the gateway's own events on record in topic `events` (FORMAT.md, "Topics"). */
export class GatewayEvents {
  private readonly producer: Producer;
  private readonly clock: Clock;
  private readonly book: LedgerBook;
  private readonly onFault: (error: unknown) => void;
  private readonly text = new TextEncoder();

  constructor(producer: Producer, clock: Clock, book: LedgerBook, onFault: (error: unknown) => void) {
    this.producer = producer;
    this.clock = clock;
    this.book = book;
    this.onFault = onFault;
  }

  /** Appends one event; resolves when it is durable. A log that writes no more is told to `onFault`, not thrown. */
  async add(key: string, type: string, members: Record<string, unknown>): Promise<void> {
    const encoder = new BatchEncoder();
    const value = { v: 1, at: this.clock.nowUs(), type, ...members };
    encoder.addRecord(this.text.encode(key), this.text.encode(JSON.stringify(value)));
    try {
      const offset = await this.producer.append('events', encoder.finish(this.clock.nowMs()), 1);
      this.book.cover('events', offset, offset);
    } catch (error) {
      this.onFault(error);
    }
  }

  /** What the recovery of the log found: gaps that everybody downstream must be able to see. */
  async addRecovery(log: Log): Promise<void> {
    for (const [topic, { damage, cut, repaired, rewrittenBytes }] of Object.entries(log.state.reports)) {
      const key = `topic/${topic}`;
      for (const { first, last, fromMs, toMs } of damage)
        await this.add(key, 'gap', { topic, first, last, fromMs, toMs, reason: 'damage' });
      if (cut !== undefined) {
        const { offset, bytes, file } = cut;
        await this.add(key, 'gap', { topic, first: offset, last: offset - 1, bytes, file, reason: 'cut' });
      }
      if (repaired > 0) await this.add(key, 'repaired', { topic, batches: repaired, rewrittenBytes });
    }
  }
}
