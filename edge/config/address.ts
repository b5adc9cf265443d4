import { isIPv4, isIPv6 } from 'node:net';

/** Where something listens, or is reached. IPv6 addresses stand without brackets. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** An address such as `127.0.0.1:8080`, `[::1]:8080` or `localhost:8080`; undefined if the text is none. Port 0: any free port. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, bracketed, plain = '', digits = ''] = match;
  const port = Number(digits);
  if (port > 65_535) return undefined;
  if (bracketed !== undefined) return isIPv6(bracketed) ? { host: bracketed, port } : undefined;
  return isIPv4(plain) || isHostName(plain) ? { host: plain, port } : undefined;
}

/** The address as text; IPv6 in brackets. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only this machine can reach the host: 127.0.0.0/8, ::1, `localhost`. */
export function isLoopback(host: string): boolean {
  if (isIPv4(host)) return host.startsWith('127.');
  if (isIPv6(host)) return new URL(`http://[${host}]`).hostname === '[::1]';
  return host.toLowerCase() === 'localhost';
}

/** RFC 1123, section 2.1. A name whose last label is all digits would be a mistyped address. */
function isHostName(text: string): boolean {
  if (text.length > 253) return false;
  const labels = text.split('.');
  if (/^\d+$/.test(labels.at(-1) ?? '')) return false;
  return labels.every((label) => /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label));
}
