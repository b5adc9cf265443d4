import { assert } from './fault.ts';

/** What crosses threads to share the durable ends. */
export interface SharedEnds {
  readonly memory: SharedArrayBuffer;
  readonly topics: readonly string[];
}

/**
 * How far each topic is durable, shared by all threads: a generation counter, and per topic a start and an end offset as BigInt64, and how often something was erased in its
 * segments. The log writer publishes, everybody else reads and waits. An end never decreases.
 */
export class DurableEnds {
  readonly shared: SharedEnds;
  private readonly generation: Int32Array;
  private readonly offsets: BigInt64Array;
  private readonly erased: Int32Array;
  private readonly slots: ReadonlyMap<string, number>;
  /** Who waits in this thread. */
  private waiting: PromiseWithResolvers<void> | undefined;
  /** A notice wakes this thread; such a waiter stays, also after a `wake`, until there is one. */
  private hasWaiter = false;

  constructor(shared: SharedEnds) {
    this.shared = shared;
    this.generation = new Int32Array(shared.memory, 0, 2);
    const topics = shared.topics.length;
    this.offsets = new BigInt64Array(shared.memory, 8, topics * 2);
    this.erased = new Int32Array(shared.memory, 8 + topics * 16, topics);
    this.slots = new Map(shared.topics.map((topic, slot) => [topic, slot]));
  }

  /** New memory for these topics, all empty. Made by the main thread, which owns it. */
  static create(topics: readonly string[]): DurableEnds {
    return new DurableEnds({ memory: new SharedArrayBuffer(8 + topics.length * 20), topics });
  }

  get topics(): readonly string[] {
    return this.shared.topics;
  }

  /** Offset behind the last durable record. */
  end(topic: string): number {
    return Number(Atomics.load(this.offsets, this.slot(topic) * 2 + 1));
  }

  /** The ends of all topics. */
  all(): Map<string, number> {
    return new Map(this.topics.map((topic) => [topic, this.end(topic)]));
  }

  /** Offset of the oldest record that the log still holds. */
  start(topic: string): number {
    return Number(Atomics.load(this.offsets, this.slot(topic) * 2));
  }

  /** Sets a topic's end, and its start where given. Call `notify` when all topics of a commit are set. */
  publish(topic: string, end: number, start?: number): void {
    const slot = this.slot(topic) * 2;
    assert(BigInt(end) >= Atomics.load(this.offsets, slot + 1), `durable end of ${topic} decreases to ${end}`);
    if (start !== undefined) Atomics.store(this.offsets, slot, BigInt(start));
    Atomics.store(this.offsets, slot + 1, BigInt(end));
  }

  /** A segment of a topic was replaced by one in which something is erased: who has the old one open must not read on in it. */
  noteErased(topic: string): void {
    Atomics.add(this.erased, this.slot(topic), 1);
  }

  /** How often that has happened. */
  erasures(topic: string): number {
    return Atomics.load(this.erased, this.slot(topic));
  }

  /** Wakes all who wait. */
  notify(): void {
    Atomics.add(this.generation, 0, 1);
    Atomics.notify(this.generation, 0);
  }

  /** The generation to give to `changed`: load it, then look at the ends, then wait. */
  current(): number {
    return Atomics.load(this.generation, 0);
  }

  /**
   * Resolves when the generation is no longer `seen`, or `until` is aborted and somebody has called `wake`. One waiter per worker, without a time-out, shared by all callers: each
   * waiter with a time-out would leave memory behind. Does not keep the worker alive.
   */
  async changed(seen: number, until?: { readonly aborted: boolean }): Promise<void> {
    for (;;) {
      if (this.current() !== seen || until?.aborted === true) return;
      const { promise } = (this.waiting ??= Promise.withResolvers());
      this.wait(seen);
      await promise;
    }
  }

  /** Has all who wait in this thread look again: after an abort of what they wait with. */
  wake(): void {
    const { waiting } = this;
    this.waiting = undefined;
    waiting?.resolve();
  }

  /** Sees to it that a notice wakes. */
  private wait(seen: number): void {
    if (this.hasWaiter) return;
    const outcome = Atomics.waitAsync(this.generation, 0, seen);
    // A notice came first.
    if (!outcome.async) return this.wake();
    this.hasWaiter = true;
    void this.wakeAfter(outcome.value);
  }

  private async wakeAfter(notice: Promise<unknown>): Promise<void> {
    await notice;
    this.hasWaiter = false;
    this.wake();
  }

  private slot(topic: string): number {
    const slot = this.slots.get(topic);
    assert(slot !== undefined, `topic ${topic} has no durable end`);
    return slot;
  }
}
