import { isLoopback } from '../config/address.ts';
import { Fault } from '../core/fault.ts';

/**
 * Refuses requests that a page of another origin made a browser send. Host must name this machine: with DNS rebinding it names the attacker's domain. Origin, where a
 * browser sends one, must be the page that this gateway served. Any port passes, for tunnels. Throws `host-refused`.
 */
export function checkHost(host: string | undefined, origin: string | undefined, configuredHost: string): void {
  const name = hostName(host);
  if (name === undefined || (name !== configuredHost.toLowerCase() && !isLoopback(name))) {
    throw new Fault('host-refused', `Host is ${JSON.stringify(host ?? '')}.`);
  }
  if (origin === undefined) return;
  if (origin === `http://${host}` || origin === `https://${host}`) return;
  throw new Fault('host-refused', `Origin is ${JSON.stringify(origin)}.`);
}

/**
 * Refuses what a page of another origin made a browser load without an Origin, as for an image (Fetch Metadata, `Sec-Fetch-Site`). To follow a link to the gateway is no
 * such thing. Programs send no such header. Throws `host-refused`.
 */
export function checkFetchSite(site: string | undefined, mode: string | undefined, method: string): void {
  if (site === undefined || site === 'same-origin' || site === 'none') return;
  if (mode === 'navigate' && method === 'GET') return;
  throw new Fault('host-refused', `A page of another origin asked (Sec-Fetch-Site: ${site.slice(0, 40)}).`);
}

/** The name in a Host header, without port and brackets; undefined if it is none. */
function hostName(host: string | undefined): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s/@]+))(?::\d{1,5})?$/i.exec(host ?? '');
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}
