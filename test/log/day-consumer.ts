import type { Disk } from '../../edge/core/disk.ts';
import type { DurableEnds } from '../../edge/core/durable-ends.ts';
import { LogReader } from '../../edge/core/reader.ts';
import { RecordCursor } from '../../edge/core/record-cursor.ts';
import { type FoundRecord, knownRecord } from './known-batches.ts';

/** A gap as a consumer met it. */
export interface ConsumerGap {
  readonly topic: string;
  readonly first: number;
  readonly last: number;
  readonly reason: 'damage' | 'retention';
}

/** What becomes of what a consumer reads: records of known batches, and values of topic `events`. */
export interface DayVisitor {
  readonly record: (topic: string, record: FoundRecord) => void;
  readonly event: (value: Uint8Array) => void;
}

/** Reads topics of known records to their ends, again and again, and outlives the process that it reads in. Holds every record against what it must be. */
export class DayConsumer {
  readonly gaps: ConsumerGap[] = [];
  records = 0;
  private readonly topics: readonly string[];
  private readonly positions: Map<string, number>;
  private readonly cursor = new RecordCursor();

  constructor(topics: readonly string[], positions: Readonly<Record<string, number>> = {}) {
    this.topics = topics;
    this.positions = new Map(topics.map((topic) => [topic, positions[topic] ?? 0]));
  }

  /** Next offset of each topic. */
  get offsets(): Record<string, number> {
    return Object.fromEntries(this.positions);
  }

  /** Reads what is durable. */
  read(disk: Disk, logFolder: string, ends: DurableEnds, visit: DayVisitor): void {
    for (const topic of this.topics) {
      const reader = new LogReader({ logFolder, topic, ends, disk });
      try {
        reader.seek(this.positions.get(topic) ?? 0);
        for (let result = reader.read(); result.kind !== 'end'; result = reader.read()) {
          if (result.kind === 'gap')
            this.gaps.push({ topic, first: result.first, last: result.last, reason: result.reason });
          else this.take(topic, result.bytes, visit);
          this.positions.set(topic, reader.position);
        }
      } finally {
        reader.close();
      }
    }
  }

  private take(topic: string, bytes: Uint8Array, visit: DayVisitor): void {
    const { cursor } = this;
    let expected = this.positions.get(topic) ?? 0;
    for (let at = 0; at < bytes.length;) {
      at = cursor.open(bytes, at);
      while (cursor.next()) {
        if (cursor.offset < expected) continue;
        if (cursor.offset !== expected++)
          throw new Error(`${topic}: ${cursor.offset} stands where ${expected - 1} should`);
        this.records++;
        if (topic === 'events') visit.event(cursor.value() ?? new Uint8Array(0));
        else visit.record(topic, knownRecord(cursor));
      }
    }
  }
}
