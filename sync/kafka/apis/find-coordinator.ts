import type { Api } from '../protocol/api.ts';

const TRANSACTION_KEY = 1;

export interface FindCoordinatorResponse {
  errorCode: number;
  errorMessage: string | null;
  nodeId: number;
  host: string;
  port: number;
}

/** Which broker coordinates a transactional id. */
export const findCoordinator: Api<{ transactionalId: string }, FindCoordinatorResponse[]> = {
  name: 'FindCoordinator',
  key: 10,
  min: 1,
  max: 4,
  flexibleFrom: 3,
  encode(writer, { transactionalId }, version) {
    if (version < 4) writer.string(transactionalId);
    writer.int8(TRANSACTION_KEY);
    if (version >= 4) writer.array([transactionalId], (key) => writer.string(key));
    writer.tags();
  },
  decode(reader, version) {
    reader.int32(); // throttle time
    if (version < 4) {
      const errorCode = reader.int16();
      const errorMessage = reader.nullableString();
      const coordinator = { nodeId: reader.int32(), host: reader.string(), port: reader.int32() };
      reader.tags();
      return [{ errorCode, errorMessage, ...coordinator }];
    }
    const coordinators = reader.array(() => {
      reader.string(); // key
      const coordinator = { nodeId: reader.int32(), host: reader.string(), port: reader.int32() };
      const errorCode = reader.int16();
      const errorMessage = reader.nullableString();
      reader.tags();
      return { errorCode, errorMessage, ...coordinator };
    });
    reader.tags();
    return coordinators;
  },
};
