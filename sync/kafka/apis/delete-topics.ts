import type { Api } from '../protocol/api.ts';

export interface DeleteTopicRequest {
  name: string;
  /** How long the broker may wait until the topic is gone everywhere. */
  timeoutMs: number;
}

export interface DeleteTopicResponse {
  name: string;
  errorCode: number;
  /** null before version 5. */
  errorMessage: string | null;
}

/** Deletes one topic with all its records. Up to version 5 by name. */
export const deleteTopics: Api<DeleteTopicRequest, DeleteTopicResponse[]> = {
  name: 'DeleteTopics',
  key: 20,
  min: 1,
  max: 5,
  flexibleFrom: 4,
  encode(writer, { name, timeoutMs }) {
    writer.array([name], (topic) => writer.string(topic));
    writer.int32(timeoutMs);
    writer.tags();
  },
  decode(reader, version) {
    reader.int32(); // throttle time
    const topics = reader.array(() => {
      const topic: DeleteTopicResponse = {
        name: reader.string(),
        errorCode: reader.int16(),
        errorMessage: version >= 5 ? reader.nullableString() : null,
      };
      reader.tags();
      return topic;
    });
    reader.tags();
    return topics;
  },
};
