import { Fault } from '../../edge/core/fault.ts';
import { type Address, type Connect, formatAddress } from './address.ts';
import { findCoordinator } from './apis/find-coordinator.ts';
import { metadata, type MetadataResponse, type TopicMetadata } from './apis/metadata.ts';
import { Connection } from './connection.ts';
import { Deadline } from './deadline.ts';
import { type Answer, ErrorCode, isLeaderMoved, kafkaError } from './errors.ts';
import type { Api } from './protocol/api.ts';

export interface ClusterOptions {
  /** Brokers to begin with; any one that answers names the others. */
  readonly brokers: readonly Address[];
  readonly connect: Connect;
  /** Stands in the brokers' logs and quotas. */
  readonly clientId: string;
  /** Ours, told to the brokers; digits, letters, `.` and `-`. */
  readonly softwareVersion: string;
  /** Requests without an answer at a time and connection; 5 by default, the most for which a broker remembers sequences. */
  readonly maxInFlight?: number;
}

/** To make a connection, and for one broker to answer a look-up, before the next broker is asked. */
const STEP_MS = 10_000;
/** To make a connection, also where many brokers share the time of a call. */
const LEAST_CONNECT_MS = 2000;
/** Topics whose leaders are remembered; beyond it the oldest is forgotten and looked up again. */
const MAX_TOPICS = 10_000;
/** Fetches may be held back by the broker for a while: they have their own connection, so that nothing else waits behind them. */
export type Lane = 'main' | 'fetch';

/** Who is who in a Kafka cluster: its brokers, the connections to them, leaders and coordinators. Nothing is connected before it is needed. */
export class Cluster {
  private readonly options: ClusterOptions;
  private readonly life = new AbortController();
  private readonly connections = new Map<string, { connection: Connection; opened: Promise<Connection> }>();
  private readonly nodes = new Map<number, Address>();
  private readonly topics = new Map<string, TopicMetadata>();
  private readonly lookups = new Map<string, Promise<TopicMetadata>>();
  private readonly coordinators = new Map<string, Address>();
  private controllerId = -1;

  constructor(options: ClusterOptions) {
    this.options = options;
  }

  /** Ends every connection; calls that wait fail with `kafka-disconnected`. */
  close(): void {
    this.life.abort(new Fault('kafka-disconnected', 'The client is closed.'));
    for (const { connection } of this.connections.values()) connection.close();
    this.connections.clear();
  }

  /** The connection to a broker: the one there is, the one that is being made, or a new one. */
  async connection(address: Address, lane: Lane, deadline: Deadline): Promise<Connection> {
    this.life.signal.throwIfAborted();
    const key = `${formatAddress(address)} ${lane}`;
    const known = this.connections.get(key);
    if (known?.connection.alive === true) return deadline.wait(known.opened);
    for (const [other, { connection }] of this.connections) if (!connection.alive) this.connections.delete(other);
    const connection = new Connection({ ...this.options, address });
    const opened = connection.open({ timeoutMs: STEP_MS, signal: this.life.signal }).then(() => connection);
    this.connections.set(key, { connection, opened });
    opened.catch(() => undefined); // whoever still waits for it gets the fault
    return deadline.wait(opened);
  }

  /** Asks one broker after the other until one answers: for look-ups, which change nothing. Throws `kafka-unreachable` with what each one said. */
  async ask<Request, Response>(api: Api<Request, Response>, request: Request, deadline: Deadline): Promise<Response> {
    const candidates = this.candidates();
    const failures: string[] = [];
    for (const [index, address] of candidates.entries()) {
      try {
        // One share stays over, to say what each of them did.
        const share = deadline.leftMs() / (candidates.length - index + 1);
        const step = deadline.step(Math.min(STEP_MS, Math.max(share, LEAST_CONNECT_MS)));
        const connecting = new Deadline(step, `a connection to ${formatAddress(address)}`);
        const connection = await this.connection(address, 'main', connecting);
        return await connection.request(api, request, deadline.step(STEP_MS));
      } catch (error) {
        deadline.leftMs(); // no time, or aborted: no further one
        if (!(error instanceof Fault)) throw error;
        this.life.signal.throwIfAborted();
        failures.push(error.detail);
      }
    }
    throw new Fault('kafka-unreachable', failures.join(' '));
  }

  /** Fresh metadata of topics; remembers brokers, controller and leaders. */
  async lookUp(topics: readonly string[], deadline: Deadline): Promise<MetadataResponse> {
    const answer = await this.ask(metadata, { topics }, deadline);
    if (answer.brokers.length > 0) this.nodes.clear();
    for (const { nodeId, host, port } of answer.brokers) this.nodes.set(nodeId, { host, port });
    this.controllerId = answer.controllerId;
    for (const topic of answer.topics) this.remember(topic);
    return answer;
  }

  /** Address of the partition's leader, remembered or looked up. */
  async leader(topic: string, partition: number, deadline: Deadline): Promise<Answer<{ address: Address }>> {
    const known = this.topics.get(topic) ?? (await this.topic(topic, deadline));
    if (known.errorCode !== 0) return { ok: false, error: kafkaError(known.errorCode) };
    const found = known.partitions.find(({ index }) => index === partition);
    const address = this.nodes.get(found?.leaderId ?? -1);
    if (address !== undefined) return { ok: true, address };
    this.topics.delete(topic);
    const code = found === undefined ? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION : ErrorCode.LEADER_NOT_AVAILABLE;
    return { ok: false, error: kafkaError(found?.errorCode || code) };
  }

  /** What a topic's leader answered, or that it could not be asked: when the leadership may have moved, it is looked up again next time. */
  leaderSaid(topic: string, code: number | 'nothing'): void {
    if (code === 'nothing' || isLeaderMoved(code)) this.topics.delete(topic);
  }

  /** Address of the coordinator of a transactional id, remembered or looked up. */
  async coordinator(transactionalId: string, deadline: Deadline): Promise<Answer<{ address: Address }>> {
    const known = this.coordinators.get(transactionalId);
    if (known !== undefined) return { ok: true, address: known };
    const [found] = await this.ask(findCoordinator, { transactionalId }, deadline);
    if (found === undefined) throw new Fault('kafka-protocol', 'FindCoordinator: an empty answer.');
    if (found.errorCode !== 0) return { ok: false, error: kafkaError(found.errorCode, found.errorMessage) };
    const address = { host: found.host, port: found.port };
    bound(this.coordinators);
    this.coordinators.set(transactionalId, address);
    return { ok: true, address };
  }

  /** The coordinator is another one, or could not be asked: it is looked up again next time. */
  forgetCoordinator(transactionalId: string): void {
    this.coordinators.delete(transactionalId);
  }

  /** Address of the controller as it was last seen. */
  async controller(deadline: Deadline): Promise<Address> {
    await this.lookUp([], deadline);
    const address = this.nodes.get(this.controllerId);
    if (address === undefined) throw new Fault('kafka-unreachable', 'The cluster has no controller just now.');
    return address;
  }

  /** The metadata of a topic; callers that come while it is being asked for share the answer. */
  private async topic(name: string, deadline: Deadline): Promise<TopicMetadata> {
    let asked = this.lookups.get(name);
    if (asked === undefined) {
      // Its own deadline: the others go on waiting when the first caller gives up.
      const shared = new Deadline({ timeoutMs: 3 * STEP_MS, signal: this.life.signal }, `the leaders of ${name}`);
      asked = this.lookUp([name], shared)
        .then(({ topics }) => {
          const [topic] = topics;
          if (topic === undefined) throw new Fault('kafka-protocol', `Metadata: nothing about ${name}.`);
          return topic;
        })
        .finally(() => this.lookups.delete(name));
      this.lookups.set(name, asked);
    }
    return deadline.wait(asked);
  }

  private remember(topic: TopicMetadata): void {
    this.topics.delete(topic.name);
    if (topic.errorCode !== 0) return;
    bound(this.topics);
    this.topics.set(topic.name, topic);
  }

  /** Brokers to ask, those with a connection first, then the others that are known, then those to begin with. */
  private candidates(): Address[] {
    const addresses = new Map<string, Address>();
    for (const address of [...this.nodes.values(), ...this.options.brokers])
      addresses.set(formatAddress(address), address);
    const connected = (text: string): number =>
      this.connections.get(`${text} main`)?.connection.alive === true ? 0 : 1;
    return [...addresses.keys()]
      .toSorted((a, b) => connected(a) - connected(b))
      .flatMap((text) => addresses.get(text) ?? []);
  }
}

/** Makes room for one more entry. */
function bound(map: Map<string, unknown>): void {
  for (const oldest of map.keys()) {
    if (map.size < MAX_TOPICS) return;
    map.delete(oldest);
  }
}
