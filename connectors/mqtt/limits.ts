/** Bounds of the broker. Each has a named behaviour, said where it is used. */
export interface BrokerLimits {
  /** Connections at a time; further ones are closed at once. */
  readonly connections: number;
  /** Time for CONNECT to arrive, ms; then the connection is closed. */
  readonly connectMs: number;
  /** Length of a client id, bytes; a longer one is refused (CONNACK 2). */
  readonly clientIdBytes: number;
  /** Remaining length of a PUBLISH, bytes; above it the connection is closed at the fixed header. */
  readonly publishBytes: number;
  /** Remaining length of any other packet, bytes; the same. */
  readonly controlBytes: number;
  /**
   * Messages that are not through yet (unread, unacknowledged, or not yet with all subscribers), bytes; at it no connection is read from. Beyond it there may be the packet
   * that reached it, and what lies in the sockets' own buffers: at most 128 KiB each.
   */
  readonly heldBytes: number;
  /** Packets that have begun and not ended, over all connections, bytes; a connection that cannot reserve its packet waits unread. */
  readonly unfinishedBytes: number;
  /** In this time an unfinished packet must grow by a twentieth of its length, ms; else its connection is closed. */
  readonly unfinishedMs: number;
  /**
   * Subscriptions of a client and of all clients; a further one is refused (SUBACK 0x80). Also of all persistent sessions: for a further one the session that was begun first
   * and is not connected is forgotten.
   */
  readonly subscriptionsPerClient: number;
  readonly subscriptions: number;
  /**
   * Packet ids of QoS 2 whose PUBREL is awaited, of all sessions; a message with a further one is not taken in, and its connection is closed. One session may have all of
   * its 65,535: clients send their whole backlog when they come back.
   */
  readonly awaitedReleases: number;
  /** Time for a subscriber to take what is written to it, ms; then its connection is closed. */
  readonly drainMs: number;
  /** Persistent sessions; for a further one the one that was begun first and is not connected is forgotten. */
  readonly sessions: number;
  /** Messages that wait for one persistent session, and bytes that wait for all; further ones do not wait. */
  readonly queuedMessages: number;
  readonly queuedBytes: number;
  /** Retained messages, number and bytes; further ones are passed on but not kept. */
  readonly retainedMessages: number;
  readonly retainedBytes: number;
}

const MiB = 1024 * 1024;

export const BROKER_LIMITS: BrokerLimits = {
  connections: 10_000,
  connectMs: 10_000,
  clientIdBytes: 256,
  publishBytes: 16 * MiB,
  controlBytes: 256 * 1024,
  heldBytes: 64 * MiB,
  unfinishedBytes: 64 * MiB,
  unfinishedMs: 30_000,
  subscriptionsPerClient: 1_000,
  subscriptions: 50_000,
  awaitedReleases: 500_000,
  drainMs: 10_000,
  sessions: 10_000,
  queuedMessages: 1_000,
  queuedBytes: 64 * MiB,
  retainedMessages: 100_000,
  retainedBytes: 64 * MiB,
};
