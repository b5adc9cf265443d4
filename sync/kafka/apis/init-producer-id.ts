import type { Api } from '../protocol/api.ts';

export interface InitProducerIdRequest {
  /** Fences every earlier owner of the same id; null asks for a producer id that nobody can fence. */
  transactionalId: string | null;
  transactionTimeoutMs: number;
}

export interface InitProducerIdResponse {
  errorCode: number;
  producerId: bigint;
  producerEpoch: number;
}

/** A producer id and epoch. With a transactional id it must go to that id's transaction coordinator. */
export const initProducerId: Api<InitProducerIdRequest, InitProducerIdResponse> = {
  name: 'InitProducerId',
  key: 22,
  min: 0,
  max: 4,
  flexibleFrom: 2,
  encode(writer, request, version) {
    writer.nullableString(request.transactionalId);
    writer.int32(request.transactionTimeoutMs);
    if (version >= 3) {
      writer.int64(-1); // no producer id to go on with
      writer.int16(-1);
    }
    writer.tags();
  },
  decode(reader) {
    reader.int32(); // throttle time
    const response = { errorCode: reader.int16(), producerId: reader.int64Big(), producerEpoch: reader.int16() };
    reader.tags();
    return response;
  },
};
