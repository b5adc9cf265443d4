import { BlockList, isIP } from 'node:net';
import { Fault } from '../../edge/core/fault.ts';

/** Where to listen. IPv6 addresses stand without brackets; port 0 is any free port. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** The address if it is of this machine alone, `localhost` as 127.0.0.1; else throws a Fault. The configuration is checked before: this is the last lock on the door. */
export function loopbackOnly({ host, port }: ListenAddress): ListenAddress {
  const family = isIP(host);
  if (family === 0 && host.toLowerCase() === 'localhost') return { host: '127.0.0.1', port };
  if (family === 0 || !loopback.check(host, family === 4 ? 'ipv4' : 'ipv6')) {
    throw new Fault('listen-not-loopback', host);
  }
  return { host, port };
}
