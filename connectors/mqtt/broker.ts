import { type EventEmitter, once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Aedes } from 'aedes';
import { assert, errnoOf, Fault, messageOf } from '../../edge/core/fault.ts';
import type { Batch, Connector } from '../contract.ts';
import { abortError } from '../inbox.ts';
import { PayloadMap } from '../payload/payload-map.ts';
import type { MqttBrokerConfig } from './config.ts';
import { Connections } from './connections.ts';
import { BROKER_LIMITS, type BrokerLimits } from './limits.ts';
import { loopbackOnly } from './listen-address.ts';
import { Publishes } from './publishes.ts';
import { Room } from './room.ts';
import { SessionStore } from './session-store.ts';

/** The parts of an open broker. */
interface Open {
  readonly publishes: Publishes;
  readonly connections: Connections;
  readonly held: Room;
  readonly aedes: Aedes;
  readonly server: Server;
  /** The server has ended and so has every connection. */
  readonly serverClosed: Promise<void>;
  /** Ends the listening on the signal. */
  readonly forgetSignal: () => void;
}

/**
 * An MQTT broker, 3.1.1 and 3.1, to which devices connect. PUBACK and PUBREC go out when the host has acknowledged the batch; QoS 0 goes to the log all the same. Subscriptions
 * are served as by any broker, from memory: sessions, retained messages and wills do not outlive it.
 */
export class MqttBroker implements Connector {
  private readonly config: MqttBrokerConfig;
  private readonly limits: BrokerLimits;
  private parts: Open | undefined;

  constructor(config: MqttBrokerConfig, limits: BrokerLimits = BROKER_LIMITS) {
    this.config = config;
    this.limits = limits;
  }

  /** Where it listens, while it is open. */
  get address(): { readonly host: string; readonly port: number } | undefined {
    const address = this.parts?.server.address() as AddressInfo | null | undefined;
    return address === undefined || address === null ? undefined : { host: address.address, port: address.port };
  }

  /** Bytes of messages that are not through yet; at most `heldBytes`, and the last packet that was let in before. */
  get heldBytes(): number {
    return this.parts?.held.taken ?? 0;
  }

  /** Throws `config-invalid`, `listen-not-loopback`, `listen-failed`. When the signal aborts nothing is read any more; what was read can be acknowledged until `close`. */
  async open(signal: AbortSignal): Promise<void> {
    assert(this.parts === undefined, 'opened once');
    if (signal.aborted) throw abortError('aborted before it was opened');
    const map = PayloadMap.compile(this.config.topics);
    if (!(map instanceof PayloadMap)) throw new Fault('config-invalid', describe(map.problems));
    const { host, port } = loopbackOnly(this.config.listen);
    const held = new Room(this.limits.heldBytes);
    const onFailed = (error: unknown): void => publishes.inbox.end(error);
    const connections = new Connections({
      limits: this.limits,
      held,
      tell: (reading) => publishes.tell(reading),
      onFailed,
    });
    const store = new SessionStore(this.limits, {
      isConnected: (clientId) => connections.isConnected(clientId),
      isGranted: ({ id }, topic) => connections.isGranted(id, topic),
    });
    const publishes = new Publishes({ map, held, store, gateOf: (client) => connections.gateOf(client), onFailed });
    const aedes = await createAedes(this.limits, publishes, connections, store, onFailed);
    const server = createServer({ noDelay: true }, (socket) => connections.accept(socket, aedes));
    server.maxConnections = this.limits.connections;
    server.on('drop', (drop) => connections.dropped(`${drop?.remoteAddress ?? '?'}:${drop?.remotePort ?? 0}`));
    try {
      server.listen({ host, port });
      await once(server, 'listening');
    } catch (error) {
      aedes.close();
      throw new Fault('listen-failed', `${host}:${port}: ${errnoOf(error) ?? messageOf(error)}.`, {
        cause: error,
      });
    }
    server.on('error', onFailed);
    const serverClosed = new Promise<void>((resolve) => {
      server.once('close', resolve);
    });
    connections.open();
    const stop = (): void => this.stop('aborted');
    signal.addEventListener('abort', stop, { once: true });
    const forgetSignal = (): void => signal.removeEventListener('abort', stop);
    this.parts = { publishes, connections, held, aedes, server, serverClosed, forgetSignal };
    if (signal.aborted) this.stop('aborted');
  }

  read(): Promise<Batch> {
    if (this.parts === undefined) return Promise.reject(abortError('not open'));
    return this.parts.publishes.inbox.read();
  }

  async close(): Promise<void> {
    const { parts } = this;
    if (parts === undefined) return;
    this.stop('closed');
    parts.publishes.inbox.close(abortError('closed'));
    parts.forgetSignal();
    this.parts = undefined;
    // Acknowledgements that were written in this turn leave at its end.
    await nextTurn();
    await new Promise<void>((resolve) => {
      parts.aedes.close(resolve);
    });
    parts.connections.destroy();
    await parts.serverClosed;
  }

  /** Lets nobody in and reads nothing more. Connections stay, for acknowledgements of what was read. */
  private stop(why: string): void {
    if (this.parts === undefined) return;
    const { publishes, connections, server } = this.parts;
    publishes.inbox.end(abortError(why));
    connections.shut();
    server.close();
  }
}

async function createAedes(
  limits: BrokerLimits,
  publishes: Publishes,
  connections: Connections,
  store: SessionStore,
  onFailed: (error: unknown) => void,
): Promise<Aedes> {
  const aedes = await Aedes.createBroker({
    // Its queue of messages to deliver has no bound, and emptying it recurses: 0 does without. `Publishes` bounds what is under way.
    concurrency: 0,
    // `awaitedReleases` bounds them.
    maxInflightInbound: 0,
    connectTimeout: limits.connectMs,
    drainTimeout: limits.drainMs,
    persistence: store,
    preConnect: (client, packet, done) => connections.preConnect(client, packet, done),
    authenticate: (client, _user, _password, done) => connections.authenticate(client, done),
    authorizeSubscribe: (client, subscription, done) => connections.subscribe(client, subscription, done),
    authorizePublish: (client, packet, done) => {
      // What a client publishes when it is gone is its will.
      if (client?.closed === true) connections.ended(client);
      publishes.authorize(client, packet, done);
    },
    published: (packet, client, done) => publishes.published(packet, client, done),
  });
  aedes.on('client', (client) => connections.registered(client));
  aedes.on('clientReady', (client) => connections.ready(client));
  aedes.on('clientError', (client, error) => connections.failed(client, error));
  aedes.on('connectionError', (client, error) => connections.failed(client, error));
  aedes.on('unsubscribe', (topics, client) => connections.unsubscribed(topics, client));
  // Not among the events that its types know.
  const emitter: EventEmitter = aedes;
  emitter.on('error', onFailed);
  return aedes;
}

function describe(
  problems: readonly { readonly index: number; readonly key: readonly string[]; readonly detail: string }[],
): string {
  return problems.map(({ index, key, detail }) => `topics[${index}].${key.join('.')}: ${detail}.`).join(' ');
}
