import { expect, test } from 'vitest';
import { demoConfig, type DemoPlaces } from './configuration.ts';

const places: DemoPlaces = { data: '/srv/demo', httpPort: 8090, mqttPort: 1890, kafka: null };

test('has every place that was given, and those of the file where none was', async () => {
  const config = await demoConfig({
    ...places,
    opcua: 'opc.tcp://127.0.0.1:4999/plant',
    modbus: '127.0.0.1:1555',
    kafka: 'kafka.example.com:9092',
  });
  expect(config).toMatchObject({
    site: { name: 'demo' },
    data: '/srv/demo',
    http: { listen: { host: '127.0.0.1', port: 8090 } },
    connectors: [
      { kind: 'mqtt-broker', listen: { host: '127.0.0.1', port: 1890 } },
      { kind: 'opcua', endpoints: ['opc.tcp://127.0.0.1:4999/plant'] },
      { kind: 'modbus', bus: { tcp: { host: '127.0.0.1', port: 1555 } } },
    ],
    links: [{ name: 'cloud', to: { brokers: [{ host: 'kafka.example.com', port: 9092 }] } }],
  });
  const plain = await demoConfig(places);
  expect(plain.connectors).toMatchObject([{}, { endpoints: ['opc.tcp://127.0.0.1:4840'] }, { kind: 'modbus' }]);
  expect(plain.links[0]?.to).toBeUndefined();
});

test('gives each tag once; alarms and models are of tags that connectors give', async () => {
  const { connectors, alarms, models } = await demoConfig(places);
  const tags = connectors.flatMap((connector) => {
    if (connector.kind === 'opcua') return (connector.nodes ?? []).map(({ tag }) => tag);
    if (connector.kind === 'modbus')
      return connector.units.flatMap(({ asset, device }) =>
        Object.keys(device.points).map((name) => `${asset}/${name}`),
      );
    return connector.topics.flatMap(({ prefix, fields }) =>
      Object.values(fields ?? {}).map(({ tag }) => `${prefix}/${tag}`),
    );
  });
  expect(tags).toHaveLength(48);
  expect(new Set(tags).size).toBe(tags.length);
  expect(tags).toEqual(expect.arrayContaining(alarms.map(({ on }) => on)));
  for (const { asset, signals } of models)
    expect(tags).toEqual(expect.arrayContaining(signals.map((signal) => `${asset}/${signal}`)));
});

test.each([
  [{ kafka: 'localhost' }, '--kafka: "localhost" is not valid; expected HOST:PORT, such as kafka.example.com:9092.'],
  [{ kafka: '' }, '--kafka: "" is not valid; expected HOST:PORT'],
  [{ kafka: 'a:99999' }, '--kafka: "a:99999" is not valid'],
  [{ httpPort: 70_000 }, '--port: "127.0.0.1:70000" is not valid'],
  [{ mqttPort: 70_000 }, '--mqtt-port: "127.0.0.1:70000" is not valid'],
  [{ mqttPort: 8090 }, '--mqtt-port: 127.0.0.1:8090 is already used by http.listen'],
])('%j is refused, by the name of its option', async (members, detail) => {
  await expect(demoConfig({ ...places, ...members })).rejects.toMatchObject({
    code: 'usage',
    detail: expect.stringContaining(detail) as unknown,
  });
});
