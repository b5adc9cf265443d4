import { expect, test } from 'vitest';
import { demoConfig } from './demo/configuration.ts';
import { connectorAddress, connectorConfigs } from './connector-configs.ts';

const config = await demoConfig({ data: '/srv/demo', httpPort: 8080, mqttPort: 1883, kafka: null });

test('OPC UA keeps its certificates in the data folder; the others are as they are configured', () => {
  const [mqtt, opcua, modbus] = connectorConfigs(config);
  expect([mqtt, modbus]).toEqual([config.connectors[0], config.connectors[2]]);
  expect(opcua).toEqual({ ...config.connectors[1], pki: '/srv/demo/pki/opcua' });
});

test('people see where a connector listens or connects', () => {
  expect(config.connectors.map(connectorAddress)).toEqual([
    '127.0.0.1:1883',
    'opc.tcp://127.0.0.1:4840',
    '127.0.0.1:1502',
  ]);
});
