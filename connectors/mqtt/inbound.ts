/**
 * QoS 2 from a client to the broker (MQTT 3.1.1, section 4.3.3): a PUBLISH whose packet id was used before its PUBREL is a repeat and must not be taken in again.
 * Belongs to a session: lives on with a persistent one, and ends with the connection of a clean one. At most 65,535 packet ids.
 */
export class Inbound {
  /** Packet ids whose message is on its way to the log, with the repeats that wait for it. */
  private readonly pending = new Map<number, (() => void)[]>();
  /** Packet ids whose message is in the log, until their PUBREL. */
  private readonly logged = new Set<number>();
  /** Of these, the ones that the broker knows too: their PUBREC was sent and their message passed on to subscribers. */
  private readonly stored = new Set<number>();

  /**
   * A PUBLISH. `new`: to be logged, then `settle`. `known`: to be answered at once. `waits`: a repeat of one that is being logged; `answer` is called when that is done.
   */
  publish(packetId: number, answer: () => void): 'new' | 'known' | 'waits' {
    if (this.logged.has(packetId)) return 'known';
    const waiting = this.pending.get(packetId);
    if (waiting !== undefined) {
      waiting.push(answer);
      return 'waits';
    }
    this.pending.set(packetId, []);
    return 'new';
  }

  /** The message is in the log. Returns who waited for that. */
  settle(packetId: number): readonly (() => void)[] {
    const waiting = this.pending.get(packetId) ?? [];
    this.pending.delete(packetId);
    this.logged.add(packetId);
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
    const logged = this.logged.delete(packetId);
    return logged || this.stored.has(packetId);
  }

  /** The broker forgets the packet id too. */
  forget(packetId: number): void {
    this.stored.delete(packetId);
  }
}
