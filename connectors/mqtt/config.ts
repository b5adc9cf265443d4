import type { ListenAddress } from './listen-address.ts';
import type { MappingConfig } from '../payload/mapping-config.ts';

/** Configuration of the connector kind `mqtt-broker`. */
export interface MqttBrokerConfig {
  readonly kind: 'mqtt-broker';
  readonly name: string;
  /** Where devices connect; loopback only. */
  readonly listen: ListenAddress;
  /** `ingest`: times of devices are not used (the host's business). */
  readonly time?: 'device' | 'ingest' | undefined;
  /** The first mapping that matches a topic is used. */
  readonly topics: readonly MappingConfig[];
}
