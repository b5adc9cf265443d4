import type { Api } from '../protocol/api.ts';
import type { Reader } from '../protocol/reader.ts';

export interface CreateTopicRequest {
  name: string;
  partitions: number;
  /** -1: the broker's default (brokers from 2.4 on). */
  replicationFactor: number;
  configs: Readonly<Record<string, string>>;
  /** How long the broker may wait until the topic exists everywhere. */
  timeoutMs: number;
}

export interface CreateTopicResponse {
  name: string;
  /** null before version 7. */
  topicId: string | null;
  errorCode: number;
  errorMessage: string | null;
}

function decodeTopic(reader: Reader, version: number): CreateTopicResponse {
  const topic: CreateTopicResponse = {
    name: reader.string(),
    topicId: version >= 7 ? reader.uuid() : null,
    errorCode: reader.int16(),
    errorMessage: reader.nullableString(),
  };
  if (version >= 5) {
    reader.int32(); // partitions
    reader.int16(); // replication factor
    reader.array(() => {
      reader.string(); // name, value, read only, source, sensitive: DescribeConfigs tells
      reader.nullableString();
      reader.bool();
      reader.int8();
      reader.bool();
      reader.tags();
    });
  }
  reader.tags();
  return topic;
}

/** Creates one topic. Brokers in ZooKeeper mode want it at the controller. */
export const createTopics: Api<CreateTopicRequest, CreateTopicResponse[]> = {
  name: 'CreateTopics',
  key: 19,
  min: 2,
  max: 7,
  flexibleFrom: 5,
  encode(writer, request) {
    writer.array([request], (topic) => {
      writer.string(topic.name);
      writer.int32(topic.partitions);
      writer.int16(topic.replicationFactor);
      writer.array([], () => undefined); // assignments: the broker's choice
      writer.array(Object.entries(topic.configs), ([name, value]) => {
        writer.string(name);
        writer.nullableString(value);
        writer.tags();
      });
      writer.tags();
    });
    writer.int32(request.timeoutMs);
    writer.bool(false); // validate only
    writer.tags();
  },
  decode(reader, version) {
    reader.int32(); // throttle time
    const topics = reader.array(() => decodeTopic(reader, version));
    reader.tags();
    return topics;
  },
};
