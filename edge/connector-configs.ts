import path from 'node:path';
import type { ConnectorConfig } from '../connectors/registry.ts';
import { formatAddress } from './config/address.ts';
import type { Config } from './config/schema.ts';

type Configured = Config['connectors'][number];

/** What the connectors are made with: their part of the configuration, and what the gateway adds. */
export function connectorConfigs({ connectors, data }: Pick<Config, 'connectors' | 'data'>): ConnectorConfig[] {
  return connectors.map((connector) =>
    connector.kind === 'opcua' ? { ...connector, pki: path.join(data, 'pki', 'opcua') } : connector,
  );
}

/** Where a connector listens or connects, for people. */
export function connectorAddress(connector: Configured): string {
  switch (connector.kind) {
    case 'mqtt-broker':
      return formatAddress(connector.listen);
    case 'opcua':
      return connector.endpoints[0] ?? '';
    case 'modbus':
      return formatAddress(connector.bus.tcp);
  }
}
