import type { Api } from '../protocol/api.ts';
import type { Reader } from '../protocol/reader.ts';

export interface MetadataRequest {
  /** Topics by name; none asks for the brokers alone. Never creates a topic. */
  topics: readonly string[];
}

interface BrokerMetadata {
  nodeId: number;
  host: string;
  port: number;
}

interface PartitionMetadata {
  errorCode: number;
  index: number;
  /** Node id of the leader, -1 where there is none. */
  leaderId: number;
  /** -1 before version 7. */
  leaderEpoch: number;
  replicas: number[];
  inSyncReplicas: number[];
}

export interface TopicMetadata {
  errorCode: number;
  name: string;
  /** Kafka's text form (base64url); null before version 10. Another id under the same name: the topic was deleted and created again. */
  topicId: string | null;
  internal: boolean;
  partitions: PartitionMetadata[];
}

export interface MetadataResponse {
  brokers: BrokerMetadata[];
  clusterId: string | null;
  controllerId: number;
  topics: TopicMetadata[];
}

function decodePartition(reader: Reader, version: number): PartitionMetadata {
  const partition: PartitionMetadata = {
    errorCode: reader.int16(),
    index: reader.int32(),
    leaderId: reader.int32(),
    leaderEpoch: version >= 7 ? reader.int32() : -1,
    replicas: reader.array(() => reader.int32()),
    inSyncReplicas: reader.array(() => reader.int32()),
  };
  if (version >= 5) reader.array(() => reader.int32()); // offline replicas
  reader.tags();
  return partition;
}

function decodeTopic(reader: Reader, version: number): TopicMetadata {
  const topic: TopicMetadata = {
    errorCode: reader.int16(),
    name: reader.nullableString() ?? '',
    topicId: version >= 10 ? reader.uuid() : null,
    internal: reader.bool(),
    partitions: reader.array(() => decodePartition(reader, version)),
  };
  if (version >= 8) reader.int32(); // authorized operations
  reader.tags();
  return topic;
}

/** Brokers, and the leader of each partition of the topics that are named. */
export const metadata: Api<MetadataRequest, MetadataResponse> = {
  name: 'Metadata',
  key: 3,
  min: 4,
  max: 12,
  flexibleFrom: 9,
  encode(writer, request, version) {
    writer.array(request.topics, (name) => {
      if (version >= 10) writer.raw(new Uint8Array(16)); // topic id: by name
      writer.nullableString(name);
      writer.tags();
    });
    writer.bool(false); // allow auto topic creation
    if (version >= 8 && version <= 10) writer.bool(false); // include cluster authorized operations
    if (version >= 8) writer.bool(false); // include topic authorized operations
    writer.tags();
  },
  decode(reader, version) {
    reader.int32(); // throttle time
    const brokers = reader.array(() => {
      const broker = { nodeId: reader.int32(), host: reader.string(), port: reader.int32() };
      reader.nullableString(); // rack
      reader.tags();
      return broker;
    });
    const clusterId = reader.nullableString();
    const controllerId = reader.int32();
    const topics = reader.array(() => decodeTopic(reader, version));
    if (version >= 8 && version <= 10) reader.int32(); // cluster authorized operations
    reader.tags();
    return { brokers, clusterId, controllerId, topics };
  },
};
