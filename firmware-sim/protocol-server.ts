import type { Device } from './device.ts';
import type { Readings } from './plant.ts';

/** One way from the plant to the outside. Outages are made by stopping and starting it; what is read meanwhile does not get out. */
export interface ProtocolServer {
  /** Where it is found: an address that stays the same over stops and starts. */
  readonly address: string;
  readonly running: boolean;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Takes over what a device has just read. Never waits: what cannot go out now is kept within a bound, or left behind and counted. */
  take(device: Device, readings: Readings): void;
}
