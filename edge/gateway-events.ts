import type { Clock } from './core/clock.ts';
import type { Log } from './core/log.ts';
import type { Producer } from './core/producer.ts';
import { BatchEncoder } from './core/record-batch.ts';
import { SAMPLE_TOPICS } from './core/topics.ts';
import type { LedgerBook } from './ledger/book.ts';

/** Puts the gateway's own events on record in topic `events` (FORMAT.md, "Topics"). */
export class GatewayEvents {
  private readonly producer: Producer;
  private readonly clock: Clock;
  private readonly book: Pick<LedgerBook, 'cover'>;
  private readonly onFault: (error: unknown) => void;
  private readonly text = new TextEncoder();

  constructor(producer: Producer, clock: Clock, book: Pick<LedgerBook, 'cover'>, onFault: (error: unknown) => void) {
    this.producer = producer;
    this.clock = clock;
    this.book = book;
    this.onFault = onFault;
  }

  /** Appends one event; resolves when it is durable. A log that writes no more is told to `onFault`, not thrown. */
  async add(key: string, type: string, members: Record<string, unknown>): Promise<void> {
    await this.record('events', key, { type, ...members });
  }

  /** Appends a record of `events` or `audit` (FORMAT.md, "Topics"); resolves with its offset when it is durable. As `add`, and then with undefined. */
  async record(topic: 'events' | 'audit', key: string, members: Record<string, unknown>): Promise<number | undefined> {
    const encoder = new BatchEncoder();
    const value = { v: 1, at: this.clock.nowUs(), ...members };
    encoder.addRecord(this.text.encode(key), this.text.encode(JSON.stringify(value)));
    try {
      const offset = await this.producer.append(topic, encoder.finish(this.clock.nowMs()), 1);
      this.book.cover(topic, offset, offset);
      return offset;
    } catch (error) {
      this.onFault(error);
      return undefined;
    }
  }

  /**
   * What the recovery of the log found: gaps that everybody downstream must be able to see. All of it is given to the log before this returns, and so before anything that comes
   * in later; resolves when it is durable.
   */
  async addRecovery(log: Log): Promise<void> {
    await Promise.all(recoveryEvents(log).map(({ topic, type, members }) => this.add(`topic/${topic}`, type, members)));
  }
}

/** An event about a topic of the log. */
export interface TopicEvent {
  readonly topic: string;
  readonly type: 'gap' | 'repaired';
  readonly members: Record<string, unknown>;
}

/** What the recovery of the log found, as events. */
export function recoveryEvents(log: Log): TopicEvent[] {
  return Object.entries(log.state.reports).flatMap(([topic, { damage, cut, repaired, rewrittenBytes }]) => {
    const events: TopicEvent[] = damage.map(({ first, last, fromMs, toMs }) => {
      return { topic, type: 'gap', members: { topic, first, last, fromMs, toMs, reason: 'damage' } };
    });
    if (cut !== undefined) {
      const { offset, bytes, file } = cut;
      events.push({
        topic,
        type: 'gap',
        members: { topic, first: offset, last: offset - 1, bytes, file, reason: 'cut' },
      });
    }
    if (repaired > 0) events.push({ topic, type: 'repaired', members: { topic, batches: repaired, rewrittenBytes } });
    return events;
  });
}

/** Samples that the recovery of the log found damaged. */
export function damagedSamples(log: Log): number {
  const damage = SAMPLE_TOPICS.flatMap((topic) => log.state.reports[topic]?.damage ?? []);
  return damage.reduce((sum, { first, last }) => sum + last - first + 1, 0);
}
