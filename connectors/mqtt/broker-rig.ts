import { onTestFinished } from 'vitest';
import type { Batch, Message, Reading } from '../contract.ts';
import type { MappingConfig } from '../payload/mapping-config.ts';
import { MqttBroker } from './broker.ts';
import { BROKER_LIMITS, type BrokerLimits } from './limits.ts';

/** For tests: an open broker on a free port, with a host that reads all the time. Closed when the test ends. */
export interface BrokerRig {
  readonly broker: MqttBroker;
  readonly port: number;
  /** Everything that was read, in order. */
  readonly readings: Reading[];
  messages(): Message[];
  /** While true (as at the beginning) each batch is acknowledged at once. */
  acknowledging: boolean;
  /** Acknowledges what was read and is not acknowledged. */
  acknowledge(): void;
  /** What ended the reading. */
  ended: unknown;
}

export async function startBroker(
  topics: readonly MappingConfig[] = [{ match: '#' }],
  limits: Partial<BrokerLimits> = {},
): Promise<BrokerRig> {
  const broker = new MqttBroker(
    { kind: 'mqtt-broker', name: 'test', listen: { host: '127.0.0.1', port: 0 }, topics },
    { ...BROKER_LIMITS, ...limits },
  );
  await broker.open(new AbortController().signal);
  const readings: Reading[] = [];
  const batches: Batch[] = [];
  const rig: BrokerRig = {
    broker,
    port: broker.address?.port ?? 0,
    readings,
    messages: () => readings.filter((reading) => reading.type === 'message'),
    acknowledging: true,
    acknowledge: () => {
      for (const batch of batches.splice(0)) batch.acknowledge();
    },
    ended: undefined,
  };
  const host = (async (): Promise<void> => {
    for (;;) {
      const batch = await broker.read();
      readings.push(...batch.readings);
      batches.push(batch);
      if (rig.acknowledging) rig.acknowledge();
    }
  })().catch((error: unknown) => {
    rig.ended = error;
  });
  onTestFinished(async () => {
    await broker.close();
    await host;
  });
  return rig;
}

/** The payloads of messages as text. */
export function textsOf(messages: readonly Message[]): string[] {
  return messages.map(({ original }) => Buffer.from(original).toString());
}
