/** A message on its way to the log, with the repeats that wait for it. */
export interface Pending {
  readonly packetId: number;
  readonly content: string;
  readonly waiting: (() => void)[];
}

/** Packet ids whose PUBREL is awaited, of all sessions, and how many there may be. */
export interface AwaitedReleases {
  count: number;
  readonly max: number;
}

/**
 * QoS 2 from a client to the broker (MQTT 3.1.1, section 4.3.3): a PUBLISH whose packet id was used before its PUBREL is a repeat and must not be taken in again. With another
 * content it is none: a device that forgot its state when it started again counts from 1, and what it sends would be answered and lost.
 * Belongs to a session: lives on with a persistent one, and ends with the connection of a clean one. At most 65,535 packet ids.
 */
export class Inbound {
  /** By packet id: the last message that is on its way to the log. */
  private readonly pending = new Map<number, Pending>();
  /** Packet ids whose message is in the log, until their PUBREL, with its content. */
  private readonly logged = new Map<number, string>();
  /** Of these, the ones that the broker knows too: their PUBREC was sent and their message passed on to subscribers. */
  private readonly stored = new Set<number>();
  private readonly awaited: AwaitedReleases;
  private ended = false;

  constructor(awaited: AwaitedReleases) {
    this.awaited = awaited;
  }

  /**
   * A PUBLISH, and what tells its content from another. A `Pending`: it is new, to be logged, then `settle`. `known`: to be answered at once. `waits`: a repeat of one that is
   * being logged; `answer` is called when that is done. `full`: there is no room for one more.
   */
  publish(packetId: number, content: string, answer: () => void): Pending | 'known' | 'waits' | 'full' {
    const before = this.pending.get(packetId);
    if (before?.content === content) {
      before.waiting.push(answer);
      return 'waits';
    }
    if (before === undefined && this.logged.get(packetId) === content) return 'known';
    if (this.awaited.count >= this.awaited.max) return 'full';
    this.drop(packetId);
    const pending: Pending = { packetId, content, waiting: [] };
    this.pending.set(packetId, pending);
    return pending;
  }

  /** The message is in the log. Returns who waited for that. */
  settle(pending: Pending): readonly (() => void)[] {
    const { packetId, content, waiting } = pending;
    if (this.pending.get(packetId) === pending) this.pending.delete(packetId);
    if (!this.ended) {
      this.drop(packetId);
      this.logged.set(packetId, content);
      this.awaited.count++;
    }
    // What the broker knows under the id is another message: this one is to be passed on, too.
    this.stored.delete(packetId);
    return waiting;
  }

  /** The broker passes the message on. */
  store(packetId: number): void {
    this.stored.add(packetId);
  }

  isStored(packetId: number): boolean {
    return this.stored.has(packetId);
  }

  /** PUBREL: the packet id is free. Returns whether it was taken. */
  release(packetId: number): boolean {
    return this.drop(packetId) || this.stored.has(packetId);
  }

  /** The session is over: nothing is awaited any more. */
  end(): void {
    this.ended = true;
    this.awaited.count -= this.logged.size;
    this.logged.clear();
  }

  private drop(packetId: number): boolean {
    const dropped = this.logged.delete(packetId);
    if (dropped) this.awaited.count--;
    return dropped;
  }

  /** The broker forgets the packet id too. */
  forget(packetId: number): void {
    this.stored.delete(packetId);
  }
}
