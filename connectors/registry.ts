import type { Connector } from './contract.ts';
import { MqttBroker } from './mqtt/broker.ts';
import type { MqttBrokerConfig } from './mqtt/config.ts';

/** Configuration of a connector, by its kind. */
export type ConnectorConfig = MqttBrokerConfig;
type ConnectorKind = ConnectorConfig['kind'];

/** What makes a connector of each kind. Making one does nothing; `open` does. */
const creators: { readonly [K in ConnectorKind]: (config: Extract<ConnectorConfig, { kind: K }>) => Connector } = {
  'mqtt-broker': (config) => new MqttBroker(config),
};

/** The connector of a configuration. */
export function createConnector(config: ConnectorConfig): Connector {
  return creators[config.kind](config);
}
