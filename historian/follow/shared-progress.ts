import { assert } from '../../edge/core/fault.ts';

/** What crosses threads to share the progress. */
export interface SharedProgressMemory {
  readonly memory: SharedArrayBuffer;
  readonly topics: readonly string[];
}

/** How far the historian has come, shared by its worker and the main thread: per topic the applied and the saved position, and the number of samples stored. */
export class SharedProgress {
  readonly shared: SharedProgressMemory;
  private readonly numbers: BigInt64Array;

  constructor(shared: SharedProgressMemory) {
    this.shared = shared;
    this.numbers = new BigInt64Array(shared.memory);
  }

  static create(topics: readonly string[]): SharedProgress {
    return new SharedProgress({ memory: new SharedArrayBuffer(8 + topics.length * 16), topics });
  }

  /** Samples that the historian has taken over, ever. */
  get samples(): number {
    return Number(Atomics.load(this.numbers, 0));
  }

  set samples(count: number) {
    Atomics.store(this.numbers, 0, BigInt(count));
  }

  /** Offset behind the last record that can be queried. */
  applied(topic: string): number {
    return Number(Atomics.load(this.numbers, this.slot(topic)));
  }

  /** Offset behind the last record that is durable in the historian: from here on the log must be kept. */
  saved(topic: string): number {
    return Number(Atomics.load(this.numbers, this.slot(topic) + 1));
  }

  /** Sets both positions of a topic. */
  publish(topic: string, applied: number, saved: number): void {
    Atomics.store(this.numbers, this.slot(topic), BigInt(applied));
    Atomics.store(this.numbers, this.slot(topic) + 1, BigInt(saved));
  }

  private slot(topic: string): number {
    const place = this.shared.topics.indexOf(topic);
    assert(place >= 0, `topic ${topic} has no progress`);
    return 1 + place * 2;
  }
}
