import { connect as connectTcp } from 'node:net';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { Fault } from '../../edge/core/fault.ts';

/** Where a broker listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Makes the stream to a broker, ready to be written. Whoever wants TLS (and SASL, before anything else is sent) gives another one.
 * Rejects when there is no connection, or when the signal is aborted.
 */
export type Connect = (address: Address, signal: AbortSignal) => Promise<Duplex>;

/** `host:port`, `[v6 address]:port`. */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new Fault('config-invalid', `"${text}" is not the address of a broker: host:port.`);
  }
  return { host, port };
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Plain TCP. */
export const tcp: Connect = async (address, signal) => {
  const socket = connectTcp({ ...address, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 });
  try {
    await once(socket, 'connect', { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
};
