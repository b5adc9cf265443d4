import { Fault } from '../../edge/core/fault.ts';
import { type Connect, tcp } from './address.ts';
import { createTopics } from './apis/create-topics.ts';
import { deleteTopics } from './apis/delete-topics.ts';
import { type ConfigEntry, describeConfigs } from './apis/describe-configs.ts';
import { fetch, type FetchRequest } from './apis/fetch.ts';
import { initProducerId } from './apis/init-producer-id.ts';
import { listOffsets } from './apis/list-offsets.ts';
import type { MetadataResponse, TopicMetadata } from './apis/metadata.ts';
import { produce, type ProduceRequest } from './apis/produce.ts';
import { Cluster, type ClusterOptions, type Lane } from './cluster.ts';
import { type Call, Deadline } from './deadline.ts';
import { type Answer, isCoordinatorMoved, kafkaError } from './errors.ts';
import type { Producer } from './patch.ts';
import type { Api } from './protocol/api.ts';
import { Turns } from './turns.ts';

export interface KafkaClientOptions extends Omit<ClusterOptions, 'connect'> {
  /** Plain TCP by default. */
  readonly connect?: Connect;
}

/** A partition of a topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface Produced {
  /** Offset of the batch's first record; of a batch that the broker had already, the offset it has there. */
  baseOffset: number;
  /** -1 where the topic uses CreateTime. */
  logAppendTimeMs: number;
  logStartOffset: number;
}

export interface Fetched {
  /** See `splitBatches`: the first batch can begin below the offset that was asked for, the last can be cut short. */
  records: Uint8Array;
  highWatermark: number;
  logStartOffset: number;
}

export interface FetchLimits {
  /** How long the broker may wait for the first record; 0 by default. */
  readonly maxWaitMs?: number;
  /** 1 MiB by default; a first batch that is larger comes whole all the same. */
  readonly maxBytes?: number;
}

/** A broker waits this share of the time that is left, so that its own answer still reaches us. */
const BROKERS_SHARE = 0.8;
const FETCH_BYTES = 1024 * 1024;
/** Of transactions, which nobody begins here; a broker wants it above 0 and at most 15 minutes. */
const TRANSACTION_TIMEOUT_MS = 60_000;

/**
 * A small Kafka client for links. It finds brokers, leaders and coordinators; it never sends a request that changes something twice.
 * An error that a broker answered comes back as a value, and the caller decides; after one that says that a leader or coordinator moved, the next
 * call looks it up again. Thrown are Faults: `kafka-unreachable`, `kafka-timeout`, `kafka-disconnected` (in all three what was sent may have
 * taken effect), `kafka-protocol`, `kafka-refused`; and the reason of the call's signal.
 * Batches for one partition go out in the order of the calls, also when several are under way.
 */
export class KafkaClient {
  private readonly cluster: Cluster;
  private readonly turns = new Turns();

  constructor(options: KafkaClientOptions) {
    this.cluster = new Cluster({ connect: tcp, ...options });
  }

  /** Ends all connections. Calls under way fail with `kafka-disconnected`. */
  close(): void {
    this.cluster.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Brokers, cluster id and controller; proves that the cluster can be reached. */
  async describeCluster(call: Call): Promise<Omit<MetadataResponse, 'topics'>> {
    return this.cluster.lookUp([], new Deadline(call, 'the metadata of the cluster'));
  }

  /** A topic as it is now, with its id. Never creates it: then error 3. */
  async describeTopic(topic: string, call: Call): Promise<Answer<{ topic: TopicMetadata }>> {
    const { topics } = await this.cluster.lookUp([topic], new Deadline(call, `the metadata of ${topic}`));
    const [found] = topics;
    if (found === undefined) throw new Fault('kafka-protocol', `Metadata: nothing about ${topic}.`);
    return found.errorCode === 0 ? { ok: true, topic: found } : { ok: false, error: kafkaError(found.errorCode) };
  }

  /** The settings of a topic that are in force, by name; `names` left out: all. */
  async describeConfigs(
    topic: string,
    call: Call,
    names: readonly string[] | null = null,
  ): Promise<Answer<{ configs: ReadonlyMap<string, ConfigEntry> }>> {
    const deadline = new Deadline(call, `the settings of ${topic}`);
    const found = only(describeConfigs, await this.cluster.ask(describeConfigs, { topic, names }, deadline));
    if (found.errorCode !== 0) return { ok: false, error: kafkaError(found.errorCode, found.errorMessage) };
    return { ok: true, configs: new Map(found.configs.map((entry) => [entry.name, entry])) };
  }

  /** Creates a topic; `replicationFactor` left out: the broker's default. Error 36: it exists. Its leader may take a moment (error 5). */
  async createTopic(
    wanted: {
      name: string;
      partitions: number;
      replicationFactor?: number;
      configs?: Readonly<Record<string, string>>;
    },
    call: Call,
  ): Promise<Answer<{ topicId: string | null }>> {
    const deadline = new Deadline(call, `creating ${wanted.name}`);
    const connection = await this.cluster.connection(await this.cluster.controller(deadline), 'main', deadline);
    const request = { replicationFactor: -1, configs: {}, ...wanted, timeoutMs: brokersShare(deadline) };
    const created = only(createTopics, await connection.request(createTopics, request, deadline.step()));
    if (created.errorCode !== 0) return { ok: false, error: kafkaError(created.errorCode, created.errorMessage) };
    return { ok: true, topicId: created.topicId };
  }

  /** Deletes a topic with all its records. Error 3: there is none. */
  async deleteTopic(name: string, call: Call): Promise<Answer<{ name: string }>> {
    const deadline = new Deadline(call, `deleting ${name}`);
    const connection = await this.cluster.connection(await this.cluster.controller(deadline), 'main', deadline);
    const request = { name, timeoutMs: brokersShare(deadline) };
    const deleted = only(deleteTopics, await connection.request(deleteTopics, request, deadline.step()));
    if (deleted.errorCode !== 0) return { ok: false, error: kafkaError(deleted.errorCode, deleted.errorMessage) };
    return { ok: true, name };
  }

  /**
   * A producer id and epoch. Every earlier owner of the transactional id is fenced: what it sends gets error 47 or 90 once the new owner has written.
   * Errors 14 and 51 (a broker that has just started; an owner that is being fenced): ask again.
   */
  async initProducerId(transactionalId: string, call: Call): Promise<Answer<{ producer: Producer }>> {
    const deadline = new Deadline(call, `a producer id for ${transactionalId}`);
    const coordinator = await this.cluster.coordinator(transactionalId, deadline);
    if (!coordinator.ok) return coordinator;
    try {
      const connection = await this.cluster.connection(coordinator.address, 'main', deadline);
      const request = { transactionalId, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS };
      const { errorCode, producerId, producerEpoch } = await connection.request(
        initProducerId,
        request,
        deadline.step(),
      );
      if (isCoordinatorMoved(errorCode)) this.cluster.forgetCoordinator(transactionalId);
      if (errorCode !== 0) return { ok: false, error: kafkaError(errorCode) };
      if (producerId < 0n) throw new Fault('kafka-protocol', `InitProducerId: producer id ${producerId}.`);
      return { ok: true, producer: { id: producerId, epoch: producerEpoch } };
    } catch (error) {
      this.cluster.forgetCoordinator(transactionalId);
      throw error;
    }
  }

  /**
   * One prepared batch (base offset 0, see `placeBatch` and `setProducer`), acknowledged by all in-sync replicas. Its bytes must stay as they are
   * until the answer is here.
   */
  async produce(to: TopicPartition, batch: Uint8Array, call: Call): Promise<Answer<Produced>> {
    const deadline = new Deadline(call, `writing to ${to.topic}`);
    const request = (): ProduceRequest => ({ ...to, batch, timeoutMs: brokersShare(deadline) });
    const answer = await this.atLeader(produce, to, 'main', request, deadline);
    if (!answer.ok) return answer;
    const { errorCode, errorMessage, recordErrors, baseOffset, logAppendTimeMs, logStartOffset } = answer.response;
    if (errorCode === 0) return { ok: true, baseOffset, logAppendTimeMs, logStartOffset };
    return { ok: false, error: kafkaError(errorCode, errorMessage ?? recordErrors[0]?.message ?? null) };
  }

  /** `EARLIEST`, `LATEST`, or the first record that is at least as young as a time (ms): its offset, -1 where there is none. */
  async listOffset(
    of: TopicPartition,
    timestampMs: number,
    call: Call,
  ): Promise<Answer<{ offset: number; timestampMs: number; leaderEpoch: number }>> {
    const deadline = new Deadline(call, `the offsets of ${of.topic}`);
    const answer = await this.atLeader(listOffsets, of, 'main', () => ({ ...of, timestampMs }), deadline);
    if (!answer.ok) return answer;
    const { response } = answer;
    if (response.errorCode !== 0) return { ok: false, error: kafkaError(response.errorCode) };
    return {
      ok: true,
      offset: response.offset,
      timestampMs: response.timestampMs,
      leaderEpoch: response.leaderEpoch,
    };
  }

  /** Record batches from `offset` on, as they lie on the broker's disk; none at the end of the partition. Error 1: out of its range. */
  async fetch(
    from: TopicPartition,
    offset: number,
    call: Call,
    { maxWaitMs = 0, maxBytes = FETCH_BYTES }: FetchLimits = {},
  ): Promise<Answer<Fetched>> {
    const deadline = new Deadline(call, `reading ${from.topic}`);
    const request = (): FetchRequest => {
      const waitMs = Math.min(maxWaitMs, brokersShare(deadline));
      return { ...from, offset, maxBytes, minBytes: waitMs > 0 ? 1 : 0, maxWaitMs: waitMs };
    };
    const answer = await this.atLeader(fetch, from, 'fetch', request, deadline);
    if (!answer.ok) return answer;
    const { errorCode, records, highWatermark, logStartOffset } = answer.response;
    if (errorCode !== 0) return { ok: false, error: kafkaError(errorCode) };
    return { ok: true, records, highWatermark, logStartOffset };
  }

  /** A request about one partition, at its leader. Requests of one partition are sent in the order of the calls. */
  private async atLeader<Request, Response extends TopicPartition & { errorCode: number }>(
    api: Api<Request, Response[]>,
    { topic, partition }: TopicPartition,
    lane: Lane,
    request: () => Request,
    deadline: Deadline,
  ): Promise<Answer<{ response: Response }>> {
    const send = async (): Promise<Answer<{ responses: () => Promise<Response[]> }>> => {
      const leader = await this.cluster.leader(topic, partition, deadline);
      if (!leader.ok) return leader;
      const connection = await this.cluster.connection(leader.address, lane, deadline);
      const responses = connection.request(api, request(), deadline.step());
      responses.catch(() => undefined); // the caller may have given up by now
      return { ok: true, responses: () => responses };
    };
    try {
      const sent = await deadline.wait(this.turns.take(`${lane} ${topic} ${partition}`, send));
      if (!sent.ok) return sent;
      const response = only(api, await sent.responses());
      if (response.topic !== topic || response.partition !== partition) {
        throw new Fault(
          'kafka-protocol',
          `${api.name}: asked for ${topic}-${partition}, got ${response.topic}-${response.partition}.`,
        );
      }
      this.cluster.leaderSaid(topic, response.errorCode);
      return { ok: true, response };
    } catch (error) {
      if (error instanceof Fault) this.cluster.leaderSaid(topic, 'nothing');
      throw error;
    }
  }
}

/** The one answer to a question about one thing. */
function only<Response>({ name }: Api<never, Response[]>, responses: readonly Response[]): Response {
  const [response] = responses;
  if (response === undefined || responses.length > 1) {
    throw new Fault('kafka-protocol', `${name}: ${responses.length} answers to one question.`);
  }
  return response;
}

function brokersShare(deadline: Deadline): number {
  return Math.max(1, Math.floor(deadline.leftMs() * BROKERS_SHARE));
}
