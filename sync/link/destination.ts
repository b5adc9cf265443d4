import { Fault } from '../../edge/core/fault.ts';
import { EARLIEST, LATEST } from '../kafka/apis/list-offsets.ts';
import type { TopicMetadata } from '../kafka/apis/metadata.ts';
import type { Fetched, KafkaClient, TopicPartition } from '../kafka/client.ts';
import type { Call } from '../kafka/deadline.ts';
import { ErrorCode } from '../kafka/errors.ts';
import type { Producer } from '../kafka/patch.ts';
import { faultOf, valuesOf } from './answers.ts';
import { PARTITION } from './link-config.ts';
import { EXAMINED_CONFIGS, judgeTopic, MIRROR_CONFIGS } from './topic-fitness.ts';

/** Not enough brokers are up for the replicas that are wanted: it passes when they come back. */
const INVALID_REPLICATION_FACTOR = 38;

/** A destination topic that is fit for a mirror. */
export interface Prepared {
  /** undefined: the broker does not tell. */
  readonly topicId: string | undefined;
  readonly warnings: readonly string[];
}

/** The destination of one mirror: its topic, asked about and read through a client. What a broker answers with an error is thrown as a Fault. */
export class Destination {
  readonly at: TopicPartition;
  private readonly client: KafkaClient;
  private readonly call: Call;

  /** `call`: time and signal of each call. */
  constructor(client: KafkaClient, topic: string, call: Call) {
    this.client = client;
    this.at = { topic, partition: PARTITION };
    this.call = call;
  }

  /** The topic as it is now, or undefined if there is none. */
  async describe(): Promise<TopicMetadata | undefined> {
    const answer = await this.client.describeTopic(this.at.topic, this.call);
    if (answer.ok) return answer.topic;
    if (answer.error.code === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) return undefined;
    throw faultOf(answer.error, this.at.topic);
  }

  /** Creates the topic; does nothing if somebody was quicker. Its settings and leader are looked at by the next attempt, when all brokers know it. */
  async create(): Promise<void> {
    const wanted = { name: this.at.topic, partitions: 1, configs: MIRROR_CONFIGS };
    const answer = await this.client.createTopic(wanted, this.call);
    if (answer.ok || answer.error.code === ErrorCode.TOPIC_ALREADY_EXISTS) return;
    const passes = answer.error.retriable || answer.error.code === INVALID_REPLICATION_FACTOR;
    throw faultOf({ ...answer.error, retriable: passes }, `Creating ${this.at.topic}`);
  }

  /** Refuses a topic whose settings would break the mirror (`link-topic-unfit`). */
  async judge(topic: TopicMetadata): Promise<Prepared> {
    const answer = await this.client.describeConfigs(topic.name, this.call, EXAMINED_CONFIGS);
    const { configs } = valuesOf(answer, `The settings of ${topic.name}`);
    const { unfit, warnings } = judgeTopic(topic.partitions.length, configs);
    if (unfit.length > 0) throw new Fault('link-topic-unfit', `${topic.name}: ${unfit.join('; ')}.`);
    return { topicId: topic.topicId ?? undefined, warnings };
  }

  /** A producer of our own. From its first record on, every earlier owner of the id is fenced. */
  async initProducer(transactionalId: string): Promise<Producer> {
    const answer = await this.client.initProducerId(transactionalId, this.call);
    return valuesOf(answer, `A producer id for ${this.at.topic}`).producer;
  }

  /** Offset of the first record that it still has. */
  async start(): Promise<number> {
    return this.offset(EARLIEST);
  }

  /** Offset behind the last record that all in-sync replicas have. */
  async end(): Promise<number> {
    return this.offset(LATEST);
  }

  private async offset(which: number): Promise<number> {
    const { topic } = this.at;
    const { offset } = valuesOf(await this.client.listOffset(this.at, which, this.call), topic);
    if (offset < 0) throw new Fault('kafka-protocol', `${topic} has the offset ${offset}.`);
    return offset;
  }

  /** Record batches from an offset on. Throws `link-unsettled` if it is out of range: the topic was cut off or recreated since it was asked. */
  async fetch(offset: number, maxBytes: number): Promise<Fetched> {
    const answer = await this.client.fetch(this.at, offset, this.call, { maxBytes });
    if (answer.ok) return answer;
    if (answer.error.code === ErrorCode.OFFSET_OUT_OF_RANGE) {
      throw new Fault('link-unsettled', `${this.at.topic} no longer has offset ${offset}.`);
    }
    throw faultOf(answer.error, `Reading ${this.at.topic}`);
  }
}
