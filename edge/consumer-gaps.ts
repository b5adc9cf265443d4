import type { DurableEnds } from './core/durable-ends.ts';
import { LogReader, type TopicGap } from './core/reader.ts';
import { readBatchHeader } from './core/record-batch.ts';
import { tailEvents } from './event-tail.ts';
import type { GatewayEvents } from './gateway-events.ts';

/** What it stands on. */
export interface ConsumerGapsOptions {
  readonly logFolder: string;
  readonly ends: DurableEnds;
  readonly events: Pick<GatewayEvents, 'add'>;
}

/** A consumer that was lost meets its last gaps again: minutes of them, and so many events are hours. */
const REMEMBERED_EVENTS = 10_000;

/**
 * Puts on record, under its name, what a consumer of the log could not have: event `gap` (FORMAT.md, "Topics"), each record once for each consumer, however often it goes back
 * after a restart.
 */
export class ConsumerGaps {
  private readonly options: ConsumerGapsOptions;
  /** By consumer and topic the offset up to which gaps were told. */
  private readonly told = new Map<string, number>();

  constructor(options: ConsumerGapsOptions) {
    this.options = options;
  }

  /** Looks up what earlier lives have told. */
  open(): void {
    const { logFolder, ends } = this.options;
    for (const { value } of tailEvents(logFolder, ends, REMEMBERED_EVENTS)) {
      const { type, consumer, topic, last } = value;
      if (type !== 'gap' || typeof consumer !== 'string') continue;
      if (typeof topic === 'string' && typeof last === 'number') this.note(keyOf(consumer, topic), last);
    }
  }

  /** A consumer passes over records that are not to be had. Resolves when that is on record. */
  async tell(consumer: string, gap: TopicGap): Promise<void> {
    const { topic, last, reason } = gap;
    const key = keyOf(consumer, topic);
    const first = Math.max(gap.first, this.told.get(key) ?? 0);
    if (first > last) return;
    this.note(key, last);
    const times = { fromMs: this.arrivalMs(topic, first - 1), toMs: this.arrivalMs(topic, last + 1) };
    await this.options.events.add(`topic/${topic}`, 'gap', { topic, first, last, ...times, reason, consumer });
  }

  private note(key: string, last: number): void {
    this.told.set(key, Math.max(this.told.get(key) ?? 0, last + 1));
  }

  /** When the record beside a gap arrived, ms; null: it is not to be had either, or not there yet. */
  private arrivalMs(topic: string, offset: number): number | null {
    const { logFolder, ends } = this.options;
    if (offset < ends.start(topic) || offset >= ends.end(topic)) return null;
    const reader = new LogReader({ logFolder, topic, ends });
    try {
      reader.seek(offset);
      const result = reader.read(1);
      if (result.kind !== 'data') return null;
      const { buffer, byteOffset } = result.bytes;
      return readBatchHeader(new DataView(buffer, byteOffset), 0).maxTimestampMs;
    } finally {
      reader.close();
    }
  }
}

function keyOf(consumer: string, topic: string): string {
  return `${consumer}\n${topic}`;
}
