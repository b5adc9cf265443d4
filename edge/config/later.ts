import { LATER_BUS_KEYS } from './modbus-schema.ts';

/*
 * What the configuration will have and this version does not: errors of their own kind, so that nobody believes that a setting is in force.
 * Places are paths without list positions, such as `connectors[].topics[]`.
 */

/** Keys by place. */
export const LATER_KEYS: Readonly<Record<string, readonly string[]>> = {
  '': ['include', 'types', 'assets', 'tags', 'streams', 'kafka', 'writes'],
  http: ['tls', 'users', 'basePath', 'trustedProxies'],
  'connectors[]': ['maxSessions', 'tls', 'devices', 'url', 'path', 'match', 'map'],
  'connectors[].bus': LATER_BUS_KEYS,
  'connectors[].defaults': ['backfill'],
  'links[]': ['direction'],
  'links[].to': ['tls', 'sasl'],
};

/** Kinds of connectors. */
export const LATER_KINDS: readonly string[] = ['mqtt-client', 'http', 'folder'];

const values: Readonly<Record<string, RegExp>> = {
  'connectors[].topics[].payload': /^sparkplug$/,
  'links[].topics[]': /^curated\..+$/,
};

/** Keys that a later version will have at this place. */
export function laterKeys(place: string): readonly string[] {
  return LATER_KEYS[place] ?? [];
}

/** Whether a later version will take this value at this place. */
export function isLaterValue(place: string, value: string): boolean {
  return place === 'connectors[].kind' ? LATER_KINDS.includes(value) : (values[place]?.test(value) ?? false);
}
