import { Readable } from 'node:stream';
import type { AedesPublishPacket, Subscription } from 'aedes';
import { TopicTrie } from '../payload/topic-trie.ts';
import { type AwaitedReleases, Inbound } from './inbound.ts';
import type { BrokerLimits } from './limits.ts';
import { OutgoingQueue, type QueuedPacket } from './outgoing-queue.ts';
import { Retained } from './retained.ts';

/** What the store needs to know of a client; aedes' clients are such. */
export interface SessionOwner {
  readonly id: string;
  readonly clean?: boolean;
  readonly closed?: boolean;
}

/** What the store asks about clients. */
export interface SessionStoreOptions {
  readonly isConnected: (clientId: string) => boolean;
  /** Whether the client was granted the subscription. */
  readonly isGranted: (client: SessionOwner, topic: string) => boolean;
}

/** A subscription as aedes keeps it. */
type StoredSubscription = Pick<Subscription, 'topic' | 'qos' | 'rh' | 'rap' | 'nl'>;

/** A subscription of a session; by itself it is what the trie holds. */
interface Held {
  readonly session: Session;
  readonly subscription: StoredSubscription;
}

/** What a persistent session keeps (MQTT 3.1.1, section 3.1.2.4). */
interface Session {
  readonly id: string;
  readonly subscriptions: Map<string, Held>;
  readonly queue: OutgoingQueue;
  readonly inbound: Inbound;
}

/** A packet id, in a packet of any kind. */
interface Numbered {
  readonly cmd: string;
  readonly messageId?: number;
}

/**
 * Sessions and retained messages in memory, in the shape that aedes calls its persistence, with bounds. Nothing of it outlives the broker: clients with persistent sessions
 * subscribe again after a restart. A persistent session lives until its client connects with a clean one, or until it must make room.
 */
export class SessionStore {
  private readonly limits: BrokerLimits;
  private readonly options: SessionStoreOptions;
  private readonly retained: Retained;
  /** Persistent sessions, in the order in which they began. */
  private readonly sessions = new Map<string, Session>();
  /** Subscriptions of persistent sessions with QoS 1 or 2: for them messages wait. */
  private readonly waiting = new TopicTrie<Held>();
  private readonly queued = { bytes: 0 };
  private readonly awaited: AwaitedReleases;
  /** Subscriptions of all sessions. */
  private subscriptions = 0;
  /** SUBSCRIBE packets whose subscriptions are kept. */
  private readonly kept = new WeakSet<readonly Subscription[]>();
  /** Inbound of a connection: its own, or its session's at the time it was first asked for. */
  private readonly inbounds = new WeakMap<SessionOwner, Inbound>();

  constructor(limits: BrokerLimits, options: SessionStoreOptions) {
    this.limits = limits;
    this.options = options;
    this.awaited = { count: 0, max: limits.awaitedReleases };
    this.retained = new Retained(limits.retainedMessages, limits.retainedBytes);
  }

  /** QoS 2 state of a client's session. */
  inbound(client: SessionOwner): Inbound {
    let inbound = this.inbounds.get(client);
    if (inbound === undefined) {
      inbound = client.clean === false ? this.session(client.id).inbound : new Inbound(this.awaited);
      this.inbounds.set(client, inbound);
    }
    return inbound;
  }

  private session(id: string): Session {
    let session = this.sessions.get(id);
    if (session !== undefined) return session;
    if (this.sessions.size >= this.limits.sessions) this.makeRoom();
    session = {
      id,
      subscriptions: new Map(),
      queue: new OutgoingQueue(this.limits.queuedMessages, this.limits.queuedBytes, this.queued),
      inbound: new Inbound(this.awaited),
    };
    this.sessions.set(id, session);
    return session;
  }

  /** Forgets the session that was begun first and is not connected; false if there is none. */
  private makeRoom(): boolean {
    for (const id of this.sessions.keys()) {
      if (this.options.isConnected(id)) continue;
      this.forget(id);
      return true;
    }
    return false;
  }

  private forget(id: string): void {
    const session = this.sessions.get(id);
    if (session === undefined) return;
    for (const topic of session.subscriptions.keys()) this.unsubscribe(session, topic);
    session.queue.clear();
    session.inbound.end();
    this.sessions.delete(id);
  }

  private unsubscribe(session: Session, topic: string): void {
    const held = session.subscriptions.get(topic);
    if (held === undefined) return;
    session.subscriptions.delete(topic);
    this.subscriptions--;
    this.waiting.remove(topic, held);
  }

  // From here on: what aedes calls.

  async setup(): Promise<void> {}

  async storeRetained(packet: AedesPublishPacket): Promise<void> {
    this.retained.keep(packet);
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    return Readable.from(this.retained.matching(filters));
  }

  /** Called for each subscription of a packet that was granted, with all of the packet; when one of them has been asked for, so have all. */
  async addSubscriptions(client: SessionOwner, subscriptions: readonly Subscription[]): Promise<void> {
    await Promise.resolve();
    if (this.kept.has(subscriptions)) return;
    this.kept.add(subscriptions);
    const session = this.session(client.id);
    for (const { topic, qos, rh, rap, nl } of subscriptions) {
      if (!this.options.isGranted(client, topic)) continue;
      this.unsubscribe(session, topic);
      if (session.subscriptions.size >= this.limits.subscriptionsPerClient) continue;
      if (this.subscriptions >= this.limits.subscriptions && !this.makeRoom()) continue;
      this.subscriptions++;
      const held: Held = { session, subscription: { topic, qos, rh, rap, nl } as StoredSubscription };
      session.subscriptions.set(topic, held);
      if (qos > 0) this.waiting.add(topic, held);
    }
  }

  async removeSubscriptions(client: SessionOwner, topics: readonly string[]): Promise<void> {
    const session = this.sessions.get(client.id);
    if (session !== undefined) for (const topic of topics) this.unsubscribe(session, topic);
  }

  async subscriptionsByClient({ id }: SessionOwner): Promise<StoredSubscription[]> {
    return [...(this.sessions.get(id)?.subscriptions.values() ?? [])].map(({ subscription }) => subscription);
  }

  /** One of each session, the one with the highest QoS. */
  async subscriptionsByTopic(topic: string): Promise<(StoredSubscription & { readonly clientId: string })[]> {
    const found = this.waiting.match(topic.split('/'));
    if (found.length === 0) return [];
    const best = new Map<string, StoredSubscription>();
    for (const { session, subscription } of found) {
      if ((best.get(session.id)?.qos ?? -1) < subscription.qos) best.set(session.id, subscription);
    }
    return [...best].map(([clientId, subscription]) => ({ ...subscription, clientId }));
  }

  /** A client connects with a clean session: all that there was of it is forgotten. */
  async cleanSubscriptions({ id }: SessionOwner): Promise<void> {
    this.forget(id);
  }

  async outgoingEnqueue({ clientId }: { readonly clientId: string }, packet: QueuedPacket): Promise<void> {
    this.sessions.get(clientId)?.queue.push(packet);
  }

  async outgoingEnqueueCombi(
    subscriptions: readonly { readonly clientId: string; readonly qos: number }[],
    packet: QueuedPacket,
  ): Promise<void> {
    for (const { clientId, qos } of subscriptions) this.sessions.get(clientId)?.queue.push(packet, qos);
  }

  /** A message was given a packet id, or its PUBREC arrived. One that did not fit the queue is delivered all the same, and not again. */
  async outgoingUpdate({ id }: SessionOwner, packet: QueuedPacket): Promise<void> {
    this.sessions.get(id)?.queue.update(packet);
  }

  async outgoingClearMessageId({ id }: SessionOwner, { messageId }: QueuedPacket): Promise<QueuedPacket | undefined> {
    return this.sessions.get(id)?.queue.remove(messageId);
  }

  outgoingStream({ id }: SessionOwner): Readable {
    return Readable.from(this.sessions.get(id)?.queue.snapshot() ?? []);
  }

  async incomingStorePacket(client: SessionOwner, { messageId }: Numbered): Promise<void> {
    if (messageId !== undefined) this.inbound(client).store(messageId);
  }

  /** Rejects where there is none. Called for a PUBREL as soon as that is read: a PUBLISH right behind it is a new one. */
  async incomingGetPacket(client: SessionOwner, { cmd, messageId }: Numbered): Promise<Numbered> {
    const inbound = this.inbound(client);
    const found =
      messageId !== undefined && (cmd === 'pubrel' ? inbound.release(messageId) : inbound.isStored(messageId));
    if (!found) throw new Error('no such packet');
    return { cmd: 'publish', messageId };
  }

  async incomingDelPacket(client: SessionOwner, { messageId }: Numbered): Promise<void> {
    if (messageId !== undefined) this.inbound(client).forget(messageId);
  }

  /** A clean session begins or ends. */
  async cleanIncoming(client: SessionOwner): Promise<void> {
    if (client.closed === true) this.inbounds.get(client)?.end();
  }

  // A will stays with its client, and there are no other brokers whose wills could be left.

  async putWill(): Promise<void> {}

  async delWill(): Promise<void> {}

  streamWill(): Readable {
    return Readable.from([]);
  }
}
