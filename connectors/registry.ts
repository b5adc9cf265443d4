import type { Connector } from './contract.ts';
import { ModbusClient } from './modbus/client.ts';
import type { ModbusConfig } from './modbus/config.ts';
import { MqttBroker } from './mqtt/broker.ts';
import type { MqttBrokerConfig } from './mqtt/config.ts';
import type { OpcuaConfig } from './opcua/config.ts';
import { OpcuaConnector } from './opcua/connector.ts';

/** Configuration of a connector, by its kind. */
export type ConnectorConfig = MqttBrokerConfig | OpcuaConfig | ModbusConfig;

/** The connector of a configuration. Making one does nothing; `open` does. */
export function createConnector(config: ConnectorConfig): Connector {
  switch (config.kind) {
    case 'mqtt-broker':
      return new MqttBroker(config);
    case 'opcua':
      return new OpcuaConnector(config);
    case 'modbus':
      return new ModbusClient(config);
    default:
      throw new TypeError(`no connector of kind ${(config satisfies never as ConnectorConfig).kind}`);
  }
}
