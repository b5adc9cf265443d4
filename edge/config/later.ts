/**
 * What the configuration will have and this version does not: keys by the place where they stand (list positions as `[]`), and kinds of connectors.
 * They are errors of their own kind, so that nobody believes that a setting is in force.
 */
export const LATER_KEYS: Readonly<Record<string, readonly string[]>> = {
  '': ['include', 'types', 'assets', 'tags', 'historian', 'alarms', 'models', 'streams', 'kafka', 'writes'],
  site: ['timezone', 'shifts'],
  http: ['tls', 'users', 'basePath', 'trustedProxies'],
  log: ['topics'],
  'connectors[]': [
    'endpoints',
    'endpointHost',
    'channel',
    'identity',
    'maxSessions',
    'defaults',
    'nodes',
    'browse',
    'tls',
    'devices',
    'url',
    'bus',
    'units',
    'path',
    'match',
    'map',
  ],
  'links[]': ['direction'],
  'links[].to': ['tls', 'sasl'],
};

/** Kinds of connectors that this version does not have. */
export const LATER_KINDS: readonly string[] = ['opcua', 'mqtt-client', 'modbus', 'http', 'folder'];

/** Topics of links that this version does not have. */
export const LATER_TOPICS = /^(samples\.(critical|bulk)|derived|curated\..+)$/;

/** Payloads of topic mappings that this version does not read. */
export const LATER_PAYLOADS: readonly string[] = ['sparkplug'];
