import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

/** A response begins with its correlation id. */
export const CORRELATION_BYTES = 4;

/** One API of the protocol: its key, the versions that we speak, how its request is written and its response is read. */
export interface Api<Request, Response> {
  readonly name: string;
  readonly key: number;
  /** Oldest and newest version that `encode` and `decode` know. */
  readonly min: number;
  readonly max: number;
  /** First version in the flexible form (KIP-482). */
  readonly flexibleFrom: number;
  /** False where the response header never has tagged fields: ApiVersions alone. */
  readonly responseHeaderTags?: boolean;
  /** About how many bytes a request takes, so that large ones are not copied while they grow. */
  readonly sizeBytes?: (request: Request) => number;
  encode(writer: Writer, request: Request, version: number): void;
  decode(reader: Reader, version: number): Response;
}

/** The frame of a request: size, header (version 1, or 2 where flexible), body. */
export function encodeRequest<Request>(
  api: Api<Request, unknown>,
  version: number,
  correlationId: number,
  clientId: string,
  request: Request,
): Uint8Array {
  const writer = new Writer(version >= api.flexibleFrom, 256 + (api.sizeBytes?.(request) ?? 0));
  writer.int32(0);
  writer.int16(api.key);
  writer.int16(version);
  writer.int32(correlationId);
  writer.classicString(clientId);
  writer.tags();
  api.encode(writer, request, version);
  writer.view.setInt32(0, writer.length - 4);
  return writer.bytes.subarray(0, writer.length);
}

/** The response in a frame (without its size): header (version 0, or 1 where flexible), body. Throws `kafka-protocol`. */
export function decodeResponse<Response>(api: Api<never, Response>, version: number, frame: Uint8Array): Response {
  const reader = new Reader(frame, version >= api.flexibleFrom);
  reader.int32();
  if (api.responseHeaderTags !== false) reader.tags();
  const response = api.decode(reader, version);
  reader.finish();
  return response;
}

/** Correlation id of a response frame: its first four bytes. */
export function correlationIdOf(frame: Uint8Array): number {
  return new Reader(frame, false).int32();
}
