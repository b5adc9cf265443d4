import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { checkConfig } from './check.ts';
import { LATER_KEYS, LATER_KINDS } from './later.ts';
import { formatProblem } from './problem.ts';
import type { ParsedConfig } from './schema.ts';

function check(text: string): ReturnType<typeof checkConfig> {
  return checkConfig(text, 'millrace.yaml', '/srv/plant');
}

/** The problems as they are printed, without the name of the file. */
function linesOf(text: string): string[] {
  return (check(text).problems ?? []).map((problem) => formatProblem(problem).slice('millrace.yaml:'.length));
}

function configOf(text: string): ParsedConfig {
  const { config, problems } = check(text);
  expect(problems).toBeUndefined();
  if (config === undefined) throw new Error('no configuration');
  return config;
}

const minimal = 'version: 1\nsite: northmill\n';
const MIRRORED =
  'one of samples, samples.critical, samples.bulk, derived, events, quarantine, tags, audit, or how some begin and a *, such as samples*';
function topic(keys: string): string {
  return `${minimal}connectors: [{ name: a, kind: mqtt-broker, topics: [{ match: "#", ${keys} }] }]\n`;
}

const floor = '{ name: floor, kind: mqtt-broker, topics: [{ match: "#" }] }';

describe('what is right', () => {
  test('everything has a default but version and site', () => {
    expect(configOf(minimal)).toEqual({
      version: 1,
      site: { name: 'northmill', timezone: 'UTC' },
      data: '/srv/plant/data',
      http: { listen: { host: '127.0.0.1', port: 8080 } },
      log: { budget: 20 * 2 ** 30, topics: {} },
      historian: { retention: 400 * 86_400_000, topics: {}, rollups: {}, counters: [] },
      clock: { ahead: 300_000 },
      connectors: [],
      alarms: [],
      models: [],
      links: [],
    });
  });

  test('sizes become bytes, times ms, addresses host and port, data absolute', () => {
    const config = configOf(`version: 1
site: { name: northmill }
data: /var/lib/millrace
http: { listen: "[::1]:9000" }
log: { budget: 512MiB, reserve: 100MB, topics: { samples: { retention: 14d }, samples.bulk: { retention: 12h } } }
clock: { ahead: 30s }
connectors: [${floor}]
links: [{ name: cloud, to: { brokers: ["k1:9092", "10.0.0.1:9093"] }, prefix: northmill. }]
`);
    expect(config.data).toBe('/var/lib/millrace');
    expect(config.http.listen).toEqual({ host: '::1', port: 9000 });
    expect(config.clock.ahead).toBe(30_000);
    const topics = { samples: { retention: 14 * 86_400_000 }, 'samples.bulk': { retention: 43_200_000 } };
    expect(config.log).toEqual({ budget: 512 * 2 ** 20, reserve: 100_000_000, topics });
    expect(config.connectors[0]).toMatchObject({ name: 'floor', listen: { host: '127.0.0.1', port: 1883 } });
    expect(config.links[0]).toEqual({
      name: 'cloud',
      to: {
        brokers: [
          { host: 'k1', port: 9092 },
          { host: '10.0.0.1', port: 9093 },
        ],
      },
      topics: ['samples'],
      prefix: 'northmill.',
    });
  });

  test.each([
    ['samples*', ['samples', 'samples.critical', 'samples.bulk']],
    ['samples.*', ['samples.critical', 'samples.bulk']],
    ['*', ['samples', 'samples.critical', 'samples.bulk', 'derived', 'events', 'quarantine', 'tags', 'audit']],
    ['d*', ['derived']],
    ['samples.bulk', ['samples.bulk']],
  ])('a link mirrors %s', (entry, topics) => {
    expect(configOf(`${minimal}links: [{ name: a, topics: ["${entry}"] }]\n`).links[0]?.topics).toEqual(topics);
  });

  test('a link mirrors each topic once, however often it is named', () => {
    const { links } = configOf(`${minimal}links: [{ name: a, topics: [events, "samples.*", samples.bulk, "s*"] }]\n`);
    expect(links[0]?.topics).toEqual(['events', 'samples.critical', 'samples.bulk', 'samples']);
  });

  test('a tag has a class wherever it is named; left out, nothing is said', () => {
    const { connectors } = configOf(`${minimal}connectors:
  - name: floor
    kind: mqtt-broker
    topics:
      - { match: a, class: critical }
      - { match: b, class: bulk, fields: { $.x: { tag: x, class: standard }, $.y: { tag: y } } }
  - name: press
    kind: opcua
    endpoints: ["opc.tcp://k:1"]
    nodes: [{ id: "nsu=u;s=F", tag: p/f, class: critical }, { id: "nsu=u;s=G", tag: p/g }]
    browse: { class: bulk }
  - { name: pumps, kind: modbus, bus: { tcp: "k:1" }, units: [{ id: 1, device: p.yaml, asset: p, class: bulk }] }
`);
    expect(connectors).toMatchObject([
      { topics: [{ class: 'critical' }, { class: 'bulk', fields: { '$.x': { class: 'standard' }, '$.y': {} } }] },
      { nodes: [{ class: 'critical' }, {}], browse: { class: 'bulk' } },
      { units: [{ class: 'bulk' }] },
    ]);
    expect(JSON.stringify(connectors).match(/"class"/g)).toHaveLength(6);
  });

  test('localhost is 127.0.0.1', () => {
    expect(configOf(`${minimal}http: { listen: localhost:8080 }\n`).http.listen.host).toBe('127.0.0.1');
  });

  test('connectors may share port 0', () => {
    const config = `${minimal}http: { listen: 127.0.0.1:0 }
connectors:
  - { name: a, kind: mqtt-broker, listen: 127.0.0.1:0, topics: [{ match: "#" }] }
  - { name: b, kind: mqtt-broker, listen: 127.0.0.1:0, topics: [{ match: "#" }] }
`;
    expect(configOf(config).connectors).toHaveLength(2);
  });
});

describe('what is wrong', () => {
  test.each([
    [
      'a JSON path that is none',
      topic('value: "$.a["'),
      '3:74  connectors[0].topics[0].value  not understood from character 4 on: [  expected a JSON path, such as $.value',
    ],
    [
      'a wildcard that the filter does not have',
      topic('tag: "{1}/{3}"'),
      '3:72  connectors[0].topics[0].tag  `{3}`, but the topic filter has 1 wildcard  expected a tag path below the site, such as {1}/{2}/temperature',
    ],
    [
      'a time zone that is none',
      topic('time: $.t, timezone: Mars/Crater'),
      '3:88  connectors[0].topics[0].timezone  there is no time zone "Mars/Crater"  expected a time zone, such as Europe/Berlin',
    ],
    [
      'a key that says nothing without another',
      topic('timeFormat: ms'),
      '3:79  connectors[0].topics[0].timeFormat  without `time`  expected keys that go together',
    ],
    [
      'a path of fields',
      topic('fields: { temp: { tag: t } }'),
      '3:77  connectors[0].topics[0].fields.temp  a path begins with `$`  expected a JSON path, such as $.value',
    ],
    [
      'a field without tag',
      topic('fields: { $.temp: { tga: t } }'),
      '3:85  connectors[0].topics[0].fields["$.temp"].tag  is missing  expected a tag path below the site, such as {1}/{2}/temperature\n3:87  connectors[0].topics[0].fields["$.temp"].tga  is not a known key  expected "tag", the nearest known key',
    ],
    [
      'a type that is none',
      topic('type: int'),
      '3:73  connectors[0].topics[0].type  "int" is not valid  expected one of boolean, long, float, double, string, bytes, uint64, array, int8, uint8, int16, uint16, int32, uint32',
    ],
    ['an empty file', '', '1:1  (file)  is empty  expected a mapping with `version` and `site`'],
    [
      'a missing key',
      'version: 1\n',
      '1:1  site  is missing  expected a name that can be the first level of a tag, such as northmill',
    ],
    ['another version', 'version: 2\nsite: a\n', '1:10  version  is the number 2  expected 1'],
    [
      'a site that is no level of a tag',
      'version: 1\nsite: a/b\n',
      '2:7  site  "a/b" is not valid  expected a name that can be the first level of a tag, such as northmill',
    ],
    [
      'a number where a name must be',
      'version: 1\nsite: { name: 7 }\n',
      '2:15  site.name  is the number 7  expected a name that can be the first level of a tag, such as northmill',
    ],
    [
      'an unknown key',
      `${minimal}conectors: []\n`,
      '3:1  conectors  is not a known key  expected "connectors", the nearest known key',
    ],
    [
      'an unknown key near one of later',
      `${minimal}wrties: {}\n`,
      '3:1  wrties  is not a known key  expected "writes", the nearest known key (not supported in this version)',
    ],
    [
      'an unknown key below',
      `${minimal}http: { lisen: 127.0.0.1:1 }\n`,
      '3:9  http.lisen  is not a known key  expected "listen", the nearest known key',
    ],
    [
      'a key of later',
      `${minimal}writes: []\n`,
      '3:1  writes  is not supported in this version  expected one of version, site, data, http, log, historian, clock, connectors, alarms, models, links',
    ],
    [
      'a key of later below',
      `${minimal}http: { tls: {} }\n`,
      '3:9  http.tls  is not supported in this version  expected listen',
    ],
    [
      'an address for everybody',
      `${minimal}http: { listen: 0.0.0.0:8080 }\n`,
      '3:17  http.listen  "0.0.0.0:8080" is not a loopback address  expected 127.0.0.1:PORT, [::1]:PORT or localhost:PORT (this version listens on loopback addresses only)',
    ],
    [
      'a port alone',
      `${minimal}http: { listen: 8080 }\n`,
      '3:17  http.listen  is the number 8080  expected 127.0.0.1:PORT, [::1]:PORT or localhost:PORT (this version listens on loopback addresses only)',
    ],
    [
      'a size without unit',
      `${minimal}log: { budget: 1000000000 }\n`,
      '3:16  log.budget  is the number 1000000000  expected a size of at least 64MiB, such as 20GiB',
    ],
    [
      'a topic that the log does not have, under `log`',
      `${minimal}log: { topics: { sample: { retention: 14d } } }\n`,
      '3:18  log.topics.sample  is not a known key  expected "samples", the nearest known key',
    ],
    [
      'a topic that is never given up',
      `${minimal}log: { topics: { tags: { retention: 14d } } }\n`,
      '3:18  log.topics.tags  is not a known key  expected "samples", the nearest known key',
    ],
    [
      'a retention that is too short',
      `${minimal}log: { topics: { samples: { retention: 5s } } }\n`,
      '3:40  log.topics.samples.retention  "5s" is not valid  expected a time of at least 1m, such as 14d',
    ],
    [
      'a size that is too small',
      `${minimal}log: { budget: 1MiB }\n`,
      '3:16  log.budget  "1MiB" is not valid  expected a size of at least 64MiB, such as 20GiB',
    ],
    [
      'a time with a wrong unit',
      `${minimal}clock: { ahead: 5min }\n`,
      '3:17  clock.ahead  "5min" is not valid  expected a time such as 30s or 5m',
    ],
    [
      'a list that is none',
      `${minimal}connectors: {}\n`,
      '3:13  connectors  is a mapping  expected a list of connectors',
    ],
    [
      'a connector without kind',
      `${minimal}connectors: [{ name: a }]\n`,
      '3:14  connectors[0].kind  is missing  expected mqtt-broker, opcua or modbus',
    ],
    [
      'a connector that is text',
      `${minimal}connectors: [floor]\n`,
      '3:14  connectors[0]  is the text "floor"  expected a mapping with `name` and `kind`',
    ],
    [
      'no topics',
      `${minimal}connectors: [{ name: a, kind: mqtt-broker, topics: [] }]\n`,
      '3:52  connectors[0].topics  is an empty list  expected a list of at least one MQTT topic mapping',
    ],
    [
      'a filter that is none',
      `${minimal}connectors: [{ name: a, kind: mqtt-broker, topics: [{ match: "a/#/b" }] }]\n`,
      '3:62  connectors[0].topics[0].match  `#` may only be the last level  expected an MQTT topic filter, such as plant/+/state or plant/#',
    ],
    [
      'a payload of later',
      `${minimal}connectors: [{ name: a, kind: mqtt-broker, topics: [{ match: "#", payload: sparkplug }] }]\n`,
      '3:76  connectors[0].topics[0].payload  "sparkplug" is not supported in this version  expected `json` or `text`',
    ],
    [
      'a broker without port',
      `${minimal}links: [{ name: a, to: { brokers: [kafka] } }]\n`,
      '3:36  links[0].to.brokers[0]  "kafka" is not valid  expected HOST:PORT, such as kafka.example.com:9092',
    ],
    [
      'a topic that the log does not have',
      `${minimal}links: [{ name: a, to: { brokers: ["k:1"] }, topics: [sample] }]\n`,
      `3:55  links[0].topics[0]  "sample" is not valid  expected ${MIRRORED}`,
    ],
    [
      'a topic of later',
      `${minimal}links: [{ name: a, to: { brokers: ["k:1"] }, topics: ["curated.*"] }]\n`,
      `3:55  links[0].topics[0]  "curated.*" is not supported in this version  expected ${MIRRORED}`,
    ],
    [
      'the beginning of no topic',
      `${minimal}links: [{ name: a, to: { brokers: ["k:1"] }, topics: ["sample-*", "derived.*"] }]\n`,
      `3:55  links[0].topics[0]  "sample-*" is not valid  expected ${MIRRORED}
3:67  links[0].topics[1]  "derived.*" is not valid  expected ${MIRRORED}`,
    ],
    [
      'a class that there is not',
      `${minimal}connectors: [{ name: a, kind: mqtt-broker, topics: [{ match: "#", class: urgent }] }]\n`,
      '3:74  connectors[0].topics[0].class  "urgent" is not valid  expected one of critical, standard, bulk',
    ],
    [
      'a repeated name',
      `${minimal}connectors: [${floor}, ${floor.replace('topics', 'listen: 127.0.0.1:1884, topics')}]\n`,
      '3:84  connectors[1].name  "floor" is already used by connectors[0].name  expected a name of its own',
    ],
    [
      'a taken address',
      `${minimal}http: { listen: localhost:1883 }\nconnectors: [${floor}]\n`,
      '4:14  connectors[0].listen  127.0.0.1:1883 is already used by http.listen  expected an address of its own',
    ],
    [
      'a shared destination',
      `${minimal}links:\n  - { name: a, to: { brokers: ["k:1"] } }\n  - { name: b, to: { brokers: ["j:1", "k:1"] }, topics: [samples] }\n`,
      '5:58  links[1].topics[0]  the destination "samples" is already used by links[0].topics[0]  expected one of its own',
    ],
    [
      'a shared destination behind a *',
      `${minimal}links:\n  - { name: a, to: { brokers: ["k:1"] }, topics: ["samples*"] }\n  - { name: b, to: { brokers: ["k:1"] }, topics: [events, samples.bulk] }\n`,
      '5:59  links[1].topics[1]  the destination "samples.bulk" is already used by links[0].topics[0]  expected one of its own',
    ],
    ['a repeated key', `${minimal}site: b\n`, '3:1  (file)  "site" stands twice  expected each key once'],
  ])('%s', (_name, text, line) => {
    expect(linesOf(text)).toEqual(line.split('\n'));
  });

  test('all at once, in the order of the file', () => {
    const lines = linesOf(`version: 2
site: a+b
htp: {}
http: { listen: 192.168.0.1:80, users: {} }
log: { budget: much }
connectors:
  - { name: Floor, kind: mqtt-broker, topics: [{}] }
  - { name: press, kind: http, endpoints: [] }
  - { name: press, kind: mqtt-broker, topics: [{ match: x, tiem: $.t }] }
`);
    expect(lines.map((line) => line.split('  ').slice(0, 2).join(' '))).toEqual([
      '1:10 version',
      '2:7 site',
      '3:1 htp',
      '4:17 http.listen',
      '4:33 http.users',
      '5:16 log.budget',
      '7:13 connectors[0].name',
      '7:48 connectors[0].topics[0].match',
      '8:26 connectors[1].kind',
      '9:5 connectors[2].listen',
      '9:13 connectors[2].name',
      '9:60 connectors[2].topics[0].tiem',
    ]);
  });

  test('broken syntax is said alone: what is missing behind it is unknown', () => {
    const lines = linesOf('version: 1\nsite: [\n');
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.every((line) => line.includes('is not YAML'))).toBe(true);
  });

  test.each(Object.entries(LATER_KEYS).flatMap(([place, keys]) => keys.map((key) => [place, key] as const)))(
    'in %j the key %s is not supported in this version',
    (place, key) => {
      const broker = { name: 'c', kind: 'mqtt-broker', topics: [{ match: '#' }] };
      const opcua = { name: 'o', kind: 'opcua', endpoints: ['opc.tcp://a:1'], defaults: {}, browse: {} };
      const units = [{ id: 1, device: 'a.yaml', asset: 'a/b' }];
      const modbus = { name: 'm', kind: 'modbus', bus: { tcp: 'a:502' }, units };
      const link = { name: 'l', to: { brokers: ['k:1'] } };
      const connectors = [broker, opcua, modbus];
      const document = { version: 1, site: { name: 'a' }, http: {}, log: {}, historian: {}, connectors, links: [link] };
      const holders: Record<string, object> = {
        '': document,
        site: document.site,
        http: document.http,
        log: document.log,
        historian: document.historian,
        'connectors[]': broker,
        'connectors[].defaults': opcua.defaults,
        'connectors[].bus': modbus.bus,
        'links[]': link,
        'links[].to': link.to,
      };
      Object.assign(holders[place] ?? {}, { [key]: {} });
      const lines = linesOf(stringify(document));
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain(`${key}  is not supported in this version`);
    },
  );

  test.each(LATER_KINDS)('a connector of kind %s is not supported in this version', (kind) => {
    const lines = linesOf(`${minimal}connectors: [{ name: a, kind: ${kind}, whatever: it, has: 1 }]\n`);
    expect(lines).toEqual([
      `3:31  connectors[0].kind  "${kind}" is not supported in this version  expected mqtt-broker, opcua or modbus`,
    ]);
  });
});
