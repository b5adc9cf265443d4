import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../config/load.ts';
import { demoConfig, type DemoPlaces, demoText, isDemoFile, mustBeDemoFile, writeDemoFile } from './configuration.ts';

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

test('its file, in the data folder, is the configuration that it runs with, and names none of its own folders', async () => {
  const data = temporaryFolder();
  const file = path.join(data, 'millrace.yaml');
  const given = { ...places, data, opcua: 'opc.tcp://127.0.0.1:4999/plant', modbus: '127.0.0.1:1555', kafka: 'k:9092' };
  writeDemoFile(file, demoText(given));
  expect((await loadConfig(file)).config).toEqual(await demoConfig(given));
  expect(readFileSync(file, 'utf8')).not.toContain(data);
  expect(readFileSync(file, 'utf8').match(/^#/gm)).toHaveLength(2);
});

test('its file is written again and again, but one of somebody else is never replaced', () => {
  const data = temporaryFolder();
  const file = path.join(data, 'millrace.yaml');
  mustBeDemoFile(file);
  writeDemoFile(file, demoText(places));
  expect(isDemoFile(file)).toBe(true);
  mustBeDemoFile(file);
  writeFileSync(file, 'version: 1\nsite: mine\n');
  expect(isDemoFile(file)).toBe(false);
  expect(() => mustBeDemoFile(file)).toThrow(/file exists already.*is not the demo's/);
  mkdirSync(path.join(data, 'folder'));
  expect(() => mustBeDemoFile(path.join(data, 'folder'))).toThrow('file exists already');
  expect(() => writeDemoFile(path.join(data, 'no', 'folder'), '')).toThrow('cannot be written');
});

function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-demo-file-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}
