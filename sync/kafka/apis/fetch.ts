import type { Api } from '../protocol/api.ts';
import type { Reader } from '../protocol/reader.ts';
import { decodePartitions } from './partitions.ts';

export interface FetchRequest {
  topic: string;
  partition: number;
  offset: number;
  /** How long the broker may wait for `minBytes`. */
  maxWaitMs: number;
  minBytes: number;
  /** Bound of the records; a first batch that is larger comes whole all the same. */
  maxBytes: number;
}

export interface FetchResponse {
  topic: string;
  partition: number;
  errorCode: number;
  /** Offset after the last record that all in-sync replicas have. */
  highWatermark: number;
  /** -1 before version 5. */
  logStartOffset: number;
  /**
   * Record batches as they lie on the broker's disk, a view into the response. The first can begin below the offset that was asked for and the
   * last can be cut short: see `splitBatches`.
   */
  records: Uint8Array;
}

const noRecords = new Uint8Array(0);

function decodePartition(reader: Reader, topic: string, version: number): FetchResponse {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64();
  reader.int64(); // last stable offset
  const logStartOffset = version >= 5 ? reader.int64() : -1;
  reader.array(() => {
    reader.int64Big(); // aborted transactions: producer id, first offset
    reader.int64();
    reader.tags();
  });
  if (version >= 11) reader.int32(); // preferred read replica
  const records = reader.nullableBytes() ?? noRecords;
  reader.tags();
  return { topic, partition, errorCode, highWatermark, logStartOffset, records };
}

/** Record batches of one partition from an offset on, without a fetch session. Up to version 12 by topic name. */
export const fetch: Api<FetchRequest, FetchResponse[]> = {
  name: 'Fetch',
  key: 1,
  min: 4,
  max: 12,
  flexibleFrom: 12,
  encode(writer, request, version) {
    writer.int32(-1); // replica id: a client
    writer.int32(request.maxWaitMs);
    writer.int32(request.minBytes);
    writer.int32(request.maxBytes);
    writer.int8(0); // read uncommitted
    if (version >= 7) {
      writer.int32(0); // no session
      writer.int32(-1);
    }
    writer.array([request], ({ topic, partition, offset, maxBytes }) => {
      writer.string(topic);
      writer.array([partition], (index) => {
        writer.int32(index);
        if (version >= 9) writer.int32(-1); // current leader epoch: not known
        writer.int64(offset);
        if (version >= 12) writer.int32(-1); // last fetched epoch: not known
        if (version >= 5) writer.int64(-1); // log start offset: of followers only
        writer.int32(maxBytes);
        writer.tags();
      });
      writer.tags();
    });
    if (version >= 7) writer.array([], () => undefined); // forgotten topics
    if (version >= 11) writer.string(''); // rack
    writer.tags();
  },
  decode(reader, version) {
    reader.int32(); // throttle time
    const errorCode = version >= 7 ? reader.int16() : 0;
    if (version >= 7) reader.int32(); // session id
    const partitions = decodePartitions(reader, (topic) => decodePartition(reader, topic, version));
    reader.tags();
    if (errorCode !== 0) for (const partition of partitions) partition.errorCode ||= errorCode;
    return partitions;
  },
};
