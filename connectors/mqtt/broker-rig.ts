import type { Message } from '../contract.ts';
import { type HostRig, startHost } from '../host-kit.ts';
import type { MappingConfig } from '../payload/mapping-config.ts';
import { MqttBroker } from './broker.ts';
import { BROKER_LIMITS, type BrokerLimits } from './limits.ts';

/** For tests: an open broker on a free port, with a host that reads all the time. Closed when the test ends. */
export interface BrokerRig extends HostRig {
  readonly broker: MqttBroker;
  readonly port: number;
}

export async function startBroker(
  topics: readonly MappingConfig[] = [{ match: '#' }],
  limits: Partial<BrokerLimits> = {},
): Promise<BrokerRig> {
  const broker = new MqttBroker(
    { kind: 'mqtt-broker', name: 'test', listen: { host: '127.0.0.1', port: 0 }, topics },
    { ...BROKER_LIMITS, ...limits },
  );
  const host = await startHost(broker);
  return Object.assign(host, { broker, port: broker.address?.port ?? 0 });
}

/** The payloads of messages as text. */
export function textsOf(messages: readonly Message[]): string[] {
  return messages.map(({ original }) => Buffer.from(original).toString());
}
