import { connect as connectTcp, type LookupFunction } from 'node:net';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { Fault, messageOf } from '../../edge/core/fault.ts';

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

/** Of a name with several addresses, one gets so long before the next is tried: Node's 250 ms are less than a round trip over a satellite. */
const ADDRESS_MS = 2000;

/** Plain TCP; `lookup` in the place of the system's resolver. */
export function tcpBy(lookup?: LookupFunction): Connect {
  return async (address, signal) => {
    const socket = connectTcp({
      ...address,
      ...(lookup === undefined ? {} : { lookup }),
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
      autoSelectFamilyAttemptTimeout: ADDRESS_MS,
    });
    try {
      await once(socket, 'connect', { signal });
      return socket;
    } catch (error) {
      socket.destroy();
      // Of several addresses each has its own reason, and the whole has no text.
      if (!(error instanceof AggregateError)) throw error;
      throw new Error(error.errors.map(messageOf).join(', '), { cause: error });
    }
  };
}

/** Plain TCP. */
export const tcp = tcpBy();
