import type { Socket } from 'node:net';
import type { Aedes, AuthenticateError, Client, ConnectPacket, Subscription } from 'aedes';
import { errnoOf } from '../../edge/core/fault.ts';
import type { Reading, SourceEvent } from '../contract.ts';
import { Gate, type RefusedPacket } from './gate.ts';
import type { BrokerLimits } from './limits.ts';
import { unfitTopic } from './publishes.ts';
import { Room } from './room.ts';

/** What the connections of a broker work with. */
export interface ConnectionsOptions {
  readonly limits: BrokerLimits;
  readonly held: Room;
  readonly tell: (reading: Reading) => void;
  readonly onFailed: (error: unknown) => void;
}

/** What aedes reports as an error of a client and is none of the client's packets: the connection ended, or nothing came any more. */
const ENDS = new Set(['connection closed', 'keep alive timeout', 'connect did not arrive in time', 'drain timeout']);
/** CONNACK: identifier rejected. */
const IDENTIFIER_REJECTED = 2;
const MAX_FILTER_LENGTH = 1024;
/** Share of the unfinished packets that large ones may take. */
const LARGE_SHARE = 0.75;
/** Connections beyond the bound are put on record at most so often. */
const DROP_RECORD_MS = 10_000;

/** The connections of a broker: their gates, who is behind them, and what is told of their coming and going. */
export class Connections {
  private readonly options: ConnectionsOptions;
  private readonly gates = new Set<Gate>();
  private readonly unfinished: { readonly large: Room; readonly small: Room };
  private readonly gatesOfClients = new WeakMap<Client, Gate>();
  /** The connection that has a client id now. */
  private readonly current = new Map<string, Gate>();
  /** Why a client will not be let in. */
  private readonly rejected = new WeakMap<Client, string>();
  private subscriptions = 0;
  private dropRecordMs = -Infinity;
  private silent = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(options: ConnectionsOptions) {
    this.options = options;
    const { unfinishedBytes } = options.limits;
    const large = Math.floor(unfinishedBytes * LARGE_SHARE);
    this.unfinished = { large: new Room(large), small: new Room(unfinishedBytes - large) };
  }

  /** Begins to look after unfinished packets. */
  open(): void {
    const check = (): void => {
      const nowMs = performance.now();
      for (const gate of this.gates) gate.checkProgress(nowMs);
    };
    this.timer = setInterval(check, Math.max(10, this.options.limits.unfinishedMs / 6)).unref();
  }

  gateOf(client: Client): Gate | undefined {
    return this.gatesOfClients.get(client);
  }

  isConnected(clientId: string): boolean {
    return this.current.has(clientId);
  }

  /** Whether the connection that has the client id now was granted the subscription. */
  isGranted(clientId: string, topic: string): boolean {
    return this.current.get(clientId)?.subscriptions.has(topic) === true;
  }

  /** A device connects. */
  accept(socket: Socket, aedes: Aedes): void {
    const { limits, held, onFailed } = this.options;
    const gate = new Gate(socket, {
      limits,
      held,
      unfinished: this.unfinished,
      onRefused: (which, refused) => this.refused(which, refused),
      onClosed: (which) => this.closed(which),
      onFailed,
    }).open();
    this.gates.add(gate);
    this.gatesOfClients.set(aedes.handle(socket), gate);
  }

  /** A device was not let in: there are as many connections as there may be. */
  dropped(address: string): void {
    const nowMs = performance.now();
    if (nowMs - this.dropRecordMs < DROP_RECORD_MS) return;
    this.dropRecordMs = nowMs;
    const reason = `more than ${this.options.limits.connections} connections`;
    this.options.tell({ type: 'event', event: 'disconnected', source: address, reason });
  }

  /** Nothing is read from any connection any more, and nothing told. */
  shut(): void {
    this.silent = true;
    clearInterval(this.timer);
    for (const gate of this.gates) gate.shut();
  }

  /** Ends all connections. */
  destroy(): void {
    for (const { socket } of this.gates) socket.destroy();
  }

  /** aedes' `preConnect`: looks at what CONNECT says. An error closes the connection without an answer. */
  preConnect(
    client: Client,
    { clientId, clean, will }: ConnectPacket,
    done: (error: Error | null, success: boolean) => void,
  ): void {
    const unfit = will === undefined ? undefined : unfitWill(will);
    if (unfit !== undefined) return done(new Error(`a will ${unfit}`), false);
    const { clientIdBytes } = this.options.limits;
    if (Buffer.byteLength(clientId) > clientIdBytes) {
      this.rejected.set(client, `client id longer than ${clientIdBytes} bytes`);
    }
    // The parser puts U+FFFD for what is no UTF-8: two such names would be one client.
    if (clientId.includes('\ufffd')) this.rejected.set(client, 'the client id is not valid UTF-8');
    // MQTT 3.1.1, section 3.1.3.1: who leaves the client id to the broker cannot come back to its session.
    if (clientId === '' && clean === false) this.rejected.set(client, 'persistent session without a client id');
    done(null, true);
  }

  /** aedes' `authenticate`. On loopback everybody may connect who says who he is. */
  authenticate(client: Client, done: (error: AuthenticateError | null, success: boolean | null) => void): void {
    const reason = this.rejected.get(client);
    if (reason === undefined) return done(null, true);
    const error: AuthenticateError = Object.assign(new Error(reason), { returnCode: IDENTIFIER_REJECTED });
    done(error, null);
  }

  /** aedes' `authorizeSubscribe`: null refuses. */
  subscribe(
    client: Client,
    subscription: Subscription,
    done: (error: null, subscription: Subscription | null) => void,
  ): void {
    const { limits } = this.options;
    const gate = this.gateOf(client);
    const { topic } = subscription;
    if (gate === undefined || topic.length > MAX_FILTER_LENGTH) return done(null, null);
    if (!gate.subscriptions.has(topic)) {
      const full =
        gate.subscriptions.size >= limits.subscriptionsPerClient || this.subscriptions >= limits.subscriptions;
      if (full) return done(null, null);
      gate.subscriptions.add(topic);
      this.subscriptions++;
    }
    done(null, subscription);
  }

  unsubscribed(topics: readonly string[], client: Client): void {
    const gate = this.gateOf(client);
    for (const topic of topics) if (gate?.subscriptions.delete(topic) === true && !gate.closed) this.subscriptions--;
  }

  /** A client was let in; whoever had its id before is out. */
  registered(client: Client): void {
    const gate = this.gateOf(client);
    if (gate === undefined || gate.closed) return;
    gate.clientId = client.id;
    const before = this.current.get(client.id);
    this.current.set(client.id, gate);
    if (before !== undefined)
      this.event('disconnected', before, { reason: 'another connection with the same client id' });
    this.event('connected', gate, { address: gate.address });
  }

  /** CONNACK is out. */
  ready(client: Client): void {
    this.gateOf(client)?.connected();
  }

  /** aedes found fault with a client, and has closed its connection. */
  failed(client: Client, error: Error): void {
    const gate = this.gateOf(client);
    if (gate === undefined || errnoOf(error) !== undefined || ENDS.has(error.message)) return;
    // Before CONNECT was answered it is no data that is refused.
    this.event(gate.clientId === undefined ? 'disconnected' : 'refused', gate, { reason: error.message });
  }

  private refused(gate: Gate, { reason, bytes, topic }: RefusedPacket): void {
    this.event('refused', gate, {
      reason,
      ...(bytes === undefined ? undefined : { bytes }),
      ...(topic === undefined ? undefined : { address: topic }),
    });
  }

  /** A client's will follows. Where its connection has ended the source is lost before that: the null that its tags then get must not stand over the will. */
  ended(client: Client): void {
    const gate = this.gateOf(client);
    if (gate !== undefined && (gate.socket.destroyed || gate.socket.readableEnded)) this.leave(gate);
  }

  private closed(gate: Gate): void {
    this.gates.delete(gate);
    this.subscriptions -= gate.subscriptions.size;
    this.leave(gate);
  }

  /** Whoever was behind the gate is gone. */
  private leave(gate: Gate): void {
    const { clientId } = gate;
    // Another connection may have taken the session over: then the source is still there.
    if (clientId === undefined || this.current.get(clientId) !== gate) return;
    this.current.delete(clientId);
    if (gate.goodbye) this.event('disconnected', gate, {});
    else if (!this.silent) this.options.tell({ type: 'lost', source: clientId });
  }

  private event(
    event: SourceEvent['event'],
    gate: Gate,
    more: Pick<SourceEvent, 'address' | 'bytes' | 'reason'>,
  ): void {
    if (!this.silent) this.options.tell({ type: 'event', event, source: gate.clientId ?? gate.address, ...more });
  }
}

/** What is wrong with a will; its topic is that of a PUBLISH. */
function unfitWill({ topic, qos }: NonNullable<ConnectPacket['will']>): string | undefined {
  if ((qos ?? 0) > 2) return 'with QoS 3';
  return topic === '' || /[+#]/.test(topic) ? 'without a topic to publish to' : unfitTopic(topic);
}
