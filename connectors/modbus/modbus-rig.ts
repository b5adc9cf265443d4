import { vi } from 'vitest';
import type { RawValue } from '../contract.ts';
import { type HostRig, startHost } from '../host-kit.ts';
import { ModbusClient } from './client.ts';
import type { BusConfig, DeviceConfig, ModbusConfig, PointConfig, UnitConfig } from './config.ts';
import { MODBUS_LIMITS, type ModbusLimits } from './limits.ts';

/** For tests: an open client with a host that reads all the time. Closed when the test ends. */
export interface ModbusRig extends HostRig {
  readonly client: ModbusClient;
  /** Waits until the last value of a tag is so. */
  untilLast(tag: string, last: Partial<RawValue>): Promise<void>;
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
  const host = await startHost(client);
  return Object.assign(host, {
    client,
    async untilLast(tag: string, last: Partial<RawValue>): Promise<void> {
      const isSo = (value: RawValue | undefined): boolean =>
        value !== undefined &&
        Object.entries(last).every(([key, wanted]) => Object.is(Reflect.get(value, key), wanted));
      await vi.waitUntil(() => isSo(host.values(tag).at(-1)), { timeout: 20_000, interval: 5 });
    },
  });
}
