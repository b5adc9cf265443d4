import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { PROBLEM_MEDIA_TYPE, problemOf } from '../api/problem.ts';
import { Fault, fromFaultMessage, toFaultMessage } from '../core/fault.ts';
import { decodeChunk, IMPORT_PATH, type ImportAnswer, type ImportChunk, MAX_CHUNK_BYTES } from './chunk.ts';

/** Who takes chunks in. */
interface Taker {
  take(chunk: ImportChunk): Promise<ImportAnswer>;
}

/**
 * Answers `POST /import` with what became of the chunk, and hands everything else on. For the gateway's own socket, which only its own user can open: whoever can write there could write the files themselves.
 */
export function importDoor(taker: Taker, otherwise: RequestListener): RequestListener {
  return (request, response) => {
    if (request.method === 'POST' && request.url === IMPORT_PATH) void answer(taker, request, response);
    else otherwise(request, response);
  };
}

async function answer(taker: Taker, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const chunk = decodeChunk(await bodyOf(request));
    send(response, 200, 'application/json', await taker.take(chunk));
  } catch (error) {
    const problem = problemOf(error instanceof Fault ? error : fromFaultMessage(toFaultMessage(error)));
    send(response, problem.status, PROBLEM_MEDIA_TYPE, problem);
  }
}

function send(response: ServerResponse, status: number, mediaType: string, value: unknown): void {
  // Who asked may have been killed.
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': mediaType, connection: 'close' });
  response.end(`${JSON.stringify(value)}\n`);
}

async function bodyOf(request: IncomingMessage): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Uint8Array>) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > MAX_CHUNK_BYTES) throw new Fault('request-invalid', `A chunk has at most ${MAX_CHUNK_BYTES} bytes.`);
  }
  return Buffer.concat(pieces);
}
