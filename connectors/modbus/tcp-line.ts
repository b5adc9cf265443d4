import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { errnoOf, Fault, messageOf } from '../../edge/core/fault.ts';
import { abortError } from '../inbox.ts';
import type { Line } from './line.ts';

const KEEP_ALIVE_MS = 10_000;

/** A line over TCP. Throws `modbus-unreachable`, or an AbortError when the signal comes first. */
export async function connectTcp(
  address: { readonly host: string; readonly port: number },
  connectMs: number,
  signal: AbortSignal,
): Promise<Line> {
  const { host, port } = address;
  const name = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const socket = connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
  const limit = AbortSignal.timeout(connectMs);
  try {
    await once(socket, 'connect', { signal: AbortSignal.any([signal, limit]) });
  } catch (error) {
    socket.on('error', ignore);
    socket.destroy();
    if (signal.aborted) throw abortError('aborted while it was opened');
    const why = limit.aborted ? `no connection within ${connectMs} ms` : (errnoOf(error) ?? messageOf(error));
    throw new Fault('modbus-unreachable', `${name}: ${why}.`, { cause: error });
  }
  return new TcpLine(name, socket);
}

/** The fault of an attempt that was given up already. */
const ignore = (): void => undefined;

class TcpLine implements Line {
  readonly name: string;
  readonly lost: Promise<Fault>;
  onBytes: (chunk: Uint8Array) => void = ignore;
  private readonly socket: Socket;
  private closing = false;

  constructor(name: string, socket: Socket) {
    this.name = name;
    this.socket = socket;
    let why: unknown;
    socket.on('error', (error) => (why = error));
    socket.on('data', (chunk: Uint8Array) => this.onBytes(chunk));
    this.lost = new Promise((resolve) => {
      const lose = (): void => {
        if (this.closing) return;
        const detail = why === undefined ? 'closed by the other end' : (errnoOf(why) ?? messageOf(why));
        resolve(new Fault('modbus-lost', `${name}: ${detail}.`, { cause: why }));
        socket.destroy();
      };
      socket.once('end', lose);
      socket.once('close', lose);
    });
  }

  write(bytes: Uint8Array): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  async close(): Promise<void> {
    this.closing = true;
    if (this.socket.closed) return;
    const closed = once(this.socket, 'close');
    this.socket.destroy();
    await closed;
  }
}
