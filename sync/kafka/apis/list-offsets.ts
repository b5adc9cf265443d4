import type { Api } from '../protocol/api.ts';
import type { Reader } from '../protocol/reader.ts';
import { decodePartitions } from './partitions.ts';

/** In place of a timestamp: the first offset that the partition still has. */
export const EARLIEST = -2;
/** In place of a timestamp: the offset after the last record (the high watermark). */
export const LATEST = -1;

export interface ListOffsetsRequest {
  topic: string;
  partition: number;
  /** ms since the epoch, `EARLIEST` or `LATEST`. */
  timestampMs: number;
}

export interface ListOffsetsResponse {
  topic: string;
  partition: number;
  errorCode: number;
  /** Timestamp of that record; -1 for `EARLIEST`, `LATEST`, and where no record is that young. */
  timestampMs: number;
  /** -1 where no record is that young. */
  offset: number;
  /** -1 before version 4. */
  leaderEpoch: number;
}

function decodePartition(reader: Reader, topic: string, version: number): ListOffsetsResponse {
  const response = {
    topic,
    partition: reader.int32(),
    errorCode: reader.int16(),
    timestampMs: reader.int64(),
    offset: reader.int64(),
    leaderEpoch: version >= 4 ? reader.int32() : -1,
  };
  reader.tags();
  return response;
}

/** Where a partition begins and ends, or the first offset whose record is at least as young as a time. */
export const listOffsets: Api<ListOffsetsRequest, ListOffsetsResponse[]> = {
  name: 'ListOffsets',
  key: 2,
  min: 1,
  max: 7,
  flexibleFrom: 6,
  encode(writer, request, version) {
    writer.int32(-1); // replica id: a client
    if (version >= 2) writer.int8(0); // read uncommitted
    writer.array([request], ({ topic, partition, timestampMs }) => {
      writer.string(topic);
      writer.array([partition], (index) => {
        writer.int32(index);
        if (version >= 4) writer.int32(-1); // current leader epoch: not known
        writer.int64(timestampMs);
        writer.tags();
      });
      writer.tags();
    });
    writer.tags();
  },
  decode(reader, version) {
    if (version >= 2) reader.int32(); // throttle time
    const partitions = decodePartitions(reader, (topic) => decodePartition(reader, topic, version));
    reader.tags();
    return partitions;
  },
};
