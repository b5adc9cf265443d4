import { existsSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { buffer, text } from 'node:stream/consumers';
import { catalogue } from '../core/fault-catalogue.ts';
import { errnoOf, Fault, type FaultCode, messageOf } from '../core/fault.ts';
import { SOCKET_NAME } from './data-lock.ts';
import { listens } from './liveness.ts';
import { shortFolder, type ShortFolder } from './socket-path.ts';

/** A request to the running gateway. */
export interface GatewayRequest {
  readonly method?: 'GET' | 'POST';
  readonly accept?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as they are, in place of `body`. */
  readonly bytes?: Uint8Array;
  readonly signal?: AbortSignal | undefined;
  /** Statuses from 300 on that are an answer like any other. */
  readonly allow?: readonly number[];
  /** Told of the trailers when the whole answer has come. */
  readonly onTrailers?: (trailers: Readonly<Record<string, string | undefined>>) => void;
}

/** The running gateway of a data folder, over its socket. */
export class GatewayClient {
  private readonly folder: ShortFolder;

  constructor(folder: ShortFolder) {
    this.folder = folder;
  }

  /** An answer in JSON. Throws the Fault that the gateway names, or `gateway-failed`. */
  async json(path: string, options: GatewayRequest = {}): Promise<unknown> {
    const answer = await this.stream(path, { accept: 'application/json', ...options });
    return JSON.parse(await text(answer)) as unknown;
  }

  /** The bytes of an answer, as they come. Throws like `json`; `gateway-failed` also if the answer breaks off. */
  async stream(path: string, options: GatewayRequest = {}): Promise<AsyncIterable<Uint8Array>> {
    const answer = await this.send(path, options);
    const { statusCode = 500 } = answer;
    if (statusCode < 300 || options.allow?.includes(statusCode) === true) return wholeBody(answer, path, options);
    throw problemOf(await buffer(answer), statusCode);
  }

  /** Ends the client; requests under way are not ended. */
  close(): void {
    this.folder.close();
  }

  private send(
    path: string,
    { method = 'GET', accept = '*/*', body, bytes, signal }: GatewayRequest,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const socketPath = this.folder.addressOf(SOCKET_NAME);
      const json = body === undefined ? undefined : JSON.stringify(body);
      const ofBody =
        json === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json) };
      const ofBytes =
        bytes === undefined ? {} : { 'content-type': 'application/octet-stream', 'content-length': bytes.length };
      const headers = { accept, host: 'localhost', ...ofBody, ...ofBytes };
      const sent = request({ socketPath, path, method, headers, agent: false, ...(signal ? { signal } : {}) }, resolve);
      sent.once('error', (error) => {
        const code = errnoOf(error);
        const gone = code === 'ECONNREFUSED' || code === 'ENOENT';
        const fault = gone ? 'gateway-not-running' : 'gateway-failed';
        const detail = `${method} ${path}: ${messageOf(error)}`;
        reject(code === 'ABORT_ERR' ? error : new Fault(fault, detail, { cause: error }));
      });
      sent.end(bytes ?? json);
    });
  }
}

async function* wholeBody(
  answer: IncomingMessage,
  path: string,
  { onTrailers }: GatewayRequest,
): AsyncGenerator<Uint8Array> {
  try {
    yield* answer as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw new Fault('gateway-failed', `${path}: the answer broke off.`, { cause: error });
  }
  onTrailers?.(answer.trailers);
}

/** The gateway that runs on this data folder, or undefined. Close the client after use. */
export async function gatewayAt(dataFolder: string): Promise<GatewayClient | undefined> {
  if (!existsSync(dataFolder)) return undefined;
  const folder = shortFolder(dataFolder, SOCKET_NAME.length);
  try {
    if (await listens(folder.addressOf(SOCKET_NAME))) return new GatewayClient(folder);
  } catch (error) {
    folder.close();
    const whose = errnoOf(error) === 'EACCES' ? '; run this as the user whose gateway it is' : '';
    throw new Fault('data-unreadable', `${dataFolder}: ${messageOf(error)}${whose}`, { cause: error });
  }
  folder.close();
  return undefined;
}

/** The fault behind a problem document (RFC 9457). */
function problemOf(body: Uint8Array, status: number): Fault {
  let problem: { type?: unknown; detail?: unknown } = {};
  try {
    problem = (JSON.parse(new TextDecoder().decode(body)) ?? {}) as typeof problem;
  } catch (error) {
    return new Fault('gateway-failed', `It answered with status ${status}.`, { cause: error });
  }
  const code = typeof problem.type === 'string' ? (problem.type.split(':').at(-1) ?? '') : '';
  const detail = typeof problem.detail === 'string' ? problem.detail : `Status ${status}.`;
  return code in catalogue ? new Fault(code as FaultCode, detail) : new Fault('gateway-failed', detail);
}
