import type { Api } from '../protocol/api.ts';
import type { Reader } from '../protocol/reader.ts';
import { decodePartitions } from './partitions.ts';

export interface ProduceRequest {
  /** How long the broker may wait for its followers before it answers error 7. */
  timeoutMs: number;
  topic: string;
  partition: number;
  /** One prepared record batch v2; a broker refuses several (error 87). */
  batch: Uint8Array;
}

interface RecordError {
  /** Position in the batch. */
  index: number;
  message: string | null;
}

export interface ProduceResponse {
  topic: string;
  partition: number;
  errorCode: number;
  /** Offset of the batch's first record; of a resent batch the one it already has. -1 on errors. */
  baseOffset: number;
  /** -1 where the topic uses CreateTime. */
  logAppendTimeMs: number;
  /** First offset that the partition still has; -1 before version 5. */
  logStartOffset: number;
  errorMessage: string | null;
  recordErrors: RecordError[];
}

function decodePartition(reader: Reader, topic: string, version: number): ProduceResponse {
  const response: ProduceResponse = {
    topic,
    partition: reader.int32(),
    errorCode: reader.int16(),
    baseOffset: reader.int64(),
    logAppendTimeMs: reader.int64(),
    logStartOffset: version >= 5 ? reader.int64() : -1,
    recordErrors: [],
    errorMessage: null,
  };
  if (version >= 8) {
    response.recordErrors = reader.array(() => {
      const error = { index: reader.int32(), message: reader.nullableString() };
      reader.tags();
      return error;
    });
    response.errorMessage = reader.nullableString();
  }
  reader.tags();
  return response;
}

/** One batch to one partition, acknowledged by all in-sync replicas. Up to version 12 by topic name. */
export const produce: Api<ProduceRequest, ProduceResponse[]> = {
  name: 'Produce',
  key: 0,
  min: 3,
  max: 12,
  flexibleFrom: 9,
  sizeBytes: (request) => request.topic.length * 3 + request.batch.length,
  encode(writer, request) {
    writer.nullableString(null); // not inside a transaction
    writer.int16(-1); // acks: all in-sync replicas
    writer.int32(request.timeoutMs);
    writer.array([request], ({ topic, partition, batch }) => {
      writer.string(topic);
      writer.array([batch], (records) => {
        writer.int32(partition);
        writer.byteArray(records);
        writer.tags();
      });
      writer.tags();
    });
    writer.tags();
  },
  decode(reader, version) {
    const partitions = decodePartitions(reader, (topic) => decodePartition(reader, topic, version));
    reader.int32(); // throttle time
    reader.tags();
    return partitions;
  },
};
