import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatProblem } from '../config/problem.ts';
import { checkHubConfig, hubJsonSchema } from './config.ts';

const whole = `version: 1
http: { listen: 127.0.0.1:8090 }
kafka:
  brokers: [ "kafka.example.com:9093" ]
  group: millrace-hub
  tls: { ca: /etc/kafka/ca.pem }
  sasl: { mechanism: scram-sha-512, username: hub, password: { env: HUB_PASSWORD } }
sites:
  - { site: northmill, prefix: northmill. }
  - { site: southmill, prefix: southmill. }
questdb:
  http: "http://127.0.0.1:9000"
  pg: "postgres://admin@127.0.0.1:8812/qdb"
  password: { file: /run/secrets/questdb }
  lanes: 4
  table: all_sites
`;

/** The least, with something in the place of a line. */
function least(change: Record<string, string> = {}): string {
  const lines: Record<string, string> = {
    version: 'version: 1',
    kafka: 'kafka: { brokers: ["k:9092"] }',
    sites: 'sites: [{ site: north, prefix: north. }]',
    questdb: 'questdb: { http: "http://q:9000", pg: "postgres://admin@q:8812/qdb", password: { env: Q } }',
    ...change,
  };
  return `${Object.values(lines).join('\n')}\n`;
}

function problems(text: string): string[] {
  return (checkHubConfig(text, 'hub.yaml').problems ?? []).map(formatProblem);
}

test('a whole configuration is taken as it stands', () => {
  expect(checkHubConfig(whole, 'hub.yaml').config).toEqual({
    version: 1,
    http: { listen: { host: '127.0.0.1', port: 8090 } },
    kafka: {
      brokers: ['kafka.example.com:9093'],
      group: 'millrace-hub',
      tls: { ca: '/etc/kafka/ca.pem' },
      sasl: { mechanism: 'scram-sha-512', username: 'hub', password: { env: 'HUB_PASSWORD' } },
    },
    sites: [
      { site: 'northmill', prefix: 'northmill.' },
      { site: 'southmill', prefix: 'southmill.' },
    ],
    questdb: {
      http: 'http://127.0.0.1:9000',
      pg: 'postgres://admin@127.0.0.1:8812/qdb',
      password: { file: '/run/secrets/questdb' },
      lanes: 4,
      table: 'all_sites',
    },
  });
});

test('what is left out has a default', () => {
  expect(checkHubConfig(least(), 'hub.yaml').config).toMatchObject({
    http: { listen: { host: '127.0.0.1', port: 8090 } },
    kafka: { group: 'millrace-hub', tls: false },
    questdb: { lanes: 2, table: 'samples' },
  });
});

describe('each error says where it is, what is wrong and what was expected', () => {
  test.each<[string, Record<string, string>, string]>([
    [
      'an unknown key',
      { kafka: 'kafka: { broker: ["k:9092"], brokers: ["k:9092"] }' },
      'hub.yaml:2:10  kafka.broker  is not a known key  expected "brokers", the nearest known key',
    ],
    [
      'one prefix of two sites',
      { sites: 'sites: [{ site: a, prefix: p. }, { site: b, prefix: p. }]' },
      'hub.yaml:3:53  sites[1].prefix  "p." is already used by sites[0]  expected one of its own',
    ],
    [
      'one site twice',
      { sites: 'sites: [{ site: a, prefix: p. }, { site: a, prefix: q. }]' },
      'hub.yaml:3:42  sites[1].site  "a" is already used by sites[0]  expected one of its own',
    ],
    [
      'an address beyond loopback',
      { http: 'http: { listen: 0.0.0.0:8090 }' },
      'hub.yaml:5:17  http.listen  "0.0.0.0:8090" is not valid  expected 127.0.0.1:PORT, [::1]:PORT or localhost:PORT (this version listens on loopback addresses only)',
    ],
    [
      'a password in the file',
      { kafka: 'kafka: { brokers: ["k:9092"], sasl: { mechanism: plain, username: a, password: b } }' },
      'hub.yaml:2:80  kafka.sasl.password  "b" is not valid  expected `{ env: NAME }` or `{ file: PATH }`',
    ],
    [
      'a password in an address',
      { questdb: 'questdb: { http: "http://a:b@q:9000", pg: "postgres://a@q:8812/qdb", password: { env: Q } }' },
      'hub.yaml:4:18  questdb.http  "http://a:b@q:9000" is not valid  expected an address such as http://127.0.0.1:9000',
    ],
    [
      'nobody in the address of PostgreSQL',
      { questdb: 'questdb: { http: "http://q:9000", pg: "postgres://q:8812/qdb", password: { env: Q } }' },
      'hub.yaml:4:39  questdb.pg  "postgres://q:8812/qdb" is not valid  expected an address with a user, such as postgres://admin@127.0.0.1:8812/qdb',
    ],
    ['no site', { sites: 'sites: []' }, 'hub.yaml:3:8  sites  is an empty list  expected at least one site'],
  ])('%s', (_, change, expected) => {
    expect(problems(least(change))).toEqual([expected]);
  });
});

test('any text is a configuration or has problems, and never throws', () => {
  const piece = fc.constantFrom(...whole.split(/(?<=[\s{}:,[\]])/), '&a', '*a', '- ', '!!x', '\t', '0', '"');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece, { maxLength: 60 }).map((parts) => parts.join('')),
      ),
      (text) => {
        const { config, problems: found = [] } = checkHubConfig(text, 'hub.yaml');
        expect(config === undefined).toBe(found.length > 0);
      },
    ),
    { numRuns: 300 },
  );
});

test('every key has a description', () => {
  const missing: string[] = [];
  const look = (schema: ReturnType<typeof hubJsonSchema>, at: string): void => {
    for (const shape of schema.anyOf ?? []) look(shape, at);
    if (schema.items !== undefined) look(schema.items, `${at}[]`);
    for (const [key, value] of Object.entries(schema.properties ?? {})) {
      if (value.description === undefined) missing.push(`${at}.${key}`);
      look(value, `${at}.${key}`);
    }
  };
  look(hubJsonSchema(), '');
  expect(missing).toEqual([]);
});
