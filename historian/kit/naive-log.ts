import type { LogSource } from '../store/replay.ts';

interface LoggedBatch {
  readonly base: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

/** For tests: a log that is a list of batches for each topic. */
export class NaiveLog implements LogSource {
  /** The first offset of every topic: what is before it is gone. */
  first = 0;
  private readonly topics = new Map<string, LoggedBatch[]>();

  /** Offset behind the last record of a topic. */
  end(topic: string): number {
    return this.topics.get(topic)?.at(-1)?.end ?? 0;
  }

  /** The ends of all topics. */
  get ends(): Map<string, number> {
    return new Map(Array.from(this.topics.keys(), (topic) => [topic, this.end(topic)]));
  }

  /** Adds a batch of so many records, which begins at the end. */
  append(topic: string, bytes: Uint8Array, records: number): void {
    const base = this.end(topic);
    const batches = this.topics.get(topic) ?? [];
    this.topics.set(topic, [...batches, { base, end: base + records, bytes }]);
  }

  /** The batches that have records from this offset on. */
  from(topic: string, offset: number): Uint8Array[] {
    return (this.topics.get(topic) ?? []).filter(({ end }) => end > offset).map(({ bytes }) => bytes);
  }

  start(): number {
    return this.first;
  }

  reader(topic: string): ReturnType<LogSource['reader']> {
    const batches = this.topics.get(topic) ?? [];
    let at = 0;
    return {
      read: () => {
        const batch = batches[at++];
        if (batch === undefined) return { kind: 'end' };
        return { kind: 'data', bytes: batch.bytes, baseOffset: batch.base, nextOffset: batch.end };
      },
      seek: (offset) => void (at = batches.findIndex(({ end }) => end > offset)),
      close: () => undefined,
    };
  }
}
