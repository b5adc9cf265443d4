import type { SensorKind } from './sensor.ts';

/** One measured thing of an asset: how it is called, what reads it, and where its truth comes from. */
export interface SignalKind<Asset> {
  readonly name: string;
  /** UCUM code. */
  readonly unit: string;
  /** `counter` is exact: no instrument between truth and reading. */
  readonly sensor: SensorKind | 'counter';
  readonly of: (asset: Asset) => number;
}

export type Protocol = 'mqtt' | 'opcua' | 'modbus';

/** A box with a clock of its own that reads several signals at once. */
export interface DeviceKind<Asset> {
  readonly name: string;
  readonly protocol: Protocol;
  readonly signals: readonly SignalKind<Asset>[];
  /** How far its readings are scattered around its own second; s. */
  readonly jitterS: number;
  /** How far its clock may be off, ± s, and how fast it may run, ± parts per million. It asks for the time once an hour. */
  readonly clock: { readonly offsetS: number; readonly driftPpm: number };
}

/** What the outside sees of a signal. */
export interface Signal {
  /** Below the site: `water/loop1/flow`. */
  readonly path: string;
  readonly asset: string;
  readonly name: string;
  readonly unit: string;
  readonly protocol: Protocol;
  readonly device: string;
}
