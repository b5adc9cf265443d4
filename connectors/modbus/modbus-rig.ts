import { onTestFinished, vi } from 'vitest';
import type { Batch, Message, RawValue, Reading, SourceEvent } from '../contract.ts';
import { ModbusClient } from './client.ts';
import type { BusConfig, DeviceConfig, ModbusConfig, PointConfig, UnitConfig } from './config.ts';
import { MODBUS_LIMITS, type ModbusLimits } from './limits.ts';

/** For tests: an open client with a host that reads all the time. Closed when the test ends. */
export interface ModbusRig {
  readonly client: ModbusClient;
  readonly readings: Reading[];
  messages(): Message[];
  events(): SourceEvent[];
  /** All values of a tag, in order. */
  values(tag: string): RawValue[];
  /** Waits until there are so many values of a tag. */
  until(tag: string, count: number): Promise<RawValue[]>;
  /** Waits until the last value of a tag is so. */
  untilLast(tag: string, last: Partial<RawValue>): Promise<void>;
  /** While true (as at the beginning) each batch is acknowledged at once. */
  acknowledging: boolean;
  acknowledge(): void;
  /** What ended the reading. */
  ended: unknown;
}

/** A device for tests, read every 20 ms. */
export function deviceConfig(points: Record<string, PointConfig>, parts: Partial<DeviceConfig> = {}): DeviceConfig {
  return {
    addressing: 'zero-based',
    wordOrder: 'big',
    byteOrder: 'big',
    maxRegisters: 100,
    maxBits: 1000,
    maxHole: 8,
    forbid: [],
    groups: { all: 20 },
    points,
    ...parts,
  };
}

export function configOf(port: number, units: readonly UnitConfig[], bus: Partial<BusConfig> = {}): ModbusConfig {
  return {
    kind: 'modbus',
    name: 'test',
    bus: { tcp: { host: '127.0.0.1', port }, framing: 'tcp', timeout: 1_000, turnaround: 0, retries: 1, ...bus },
    units,
  };
}

export async function startClient(config: ModbusConfig, limits: Partial<ModbusLimits> = {}): Promise<ModbusRig> {
  const client = new ModbusClient(config, { ...MODBUS_LIMITS, ...limits });
  await client.open(new AbortController().signal);
  const readings: Reading[] = [];
  const batches: Batch[] = [];
  const messages = (): Message[] => readings.filter((reading) => reading.type === 'message');
  const values = (tag: string): RawValue[] =>
    messages().flatMap((message) => message.values.filter((value) => value.tag === tag));
  const rig: ModbusRig = {
    client,
    readings,
    messages,
    events: () => readings.filter((reading) => reading.type === 'event'),
    values,
    async until(tag, count) {
      await vi.waitUntil(() => values(tag).length >= count, { timeout: 20_000, interval: 5 });
      return values(tag);
    },
    async untilLast(tag, last) {
      const isSo = (value: RawValue | undefined): boolean =>
        value !== undefined &&
        Object.entries(last).every(([key, wanted]) => Object.is(Reflect.get(value, key), wanted));
      await vi.waitUntil(() => isSo(values(tag).at(-1)), { timeout: 20_000, interval: 5 });
    },
    acknowledging: true,
    acknowledge: () => {
      for (const batch of batches.splice(0)) batch.acknowledge();
    },
    ended: undefined,
  };
  const host = (async (): Promise<void> => {
    for (;;) {
      const batch = await client.read();
      readings.push(...batch.readings);
      batches.push(batch);
      if (rig.acknowledging) rig.acknowledge();
    }
  })().catch((error: unknown) => {
    rig.ended = error;
  });
  onTestFinished(async () => {
    await client.close();
    await host;
  });
  return rig;
}
