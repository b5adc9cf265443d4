import { createDevice, type Device } from './device.ts';
import { faultNames, type FaultName, type FaultState } from './faults.ts';
import { Hall } from './hall.ts';
import { Mains } from './mains.ts';
import { pressDevices } from './press-devices.ts';
import { Pressing } from './pressing.ts';
import type { Signal } from './signal.ts';
import { stepsPerS, stepUs } from './time.ts';
import { waterDevices } from './water-devices.ts';
import { WaterLoop } from './water-loop.ts';

/** It has run this long when its story begins, so that everything is warm; s. */
const warmUpS = 3600;

/** The latest reading of each signal, in the order of `Plant.signals`; the arrays are the plant's own and change as it goes on. */
export interface Readings {
  /** By the device's clock; µs since the epoch. */
  readonly timesUs: Float64Array;
  /** NaN before the first reading. */
  readonly values: Float64Array;
}

/**
 * Two machines in one hall. What it reads is a function of seed, time since the beginning, and when which fault was there: to the bit, however it is cut into pieces.
 */
export class Plant {
  readonly seed: number;
  /** When its story begins; µs since the epoch. */
  readonly startUs: number;
  readonly devices: readonly Device[];
  readonly signals: readonly Signal[];
  readonly loop: WaterLoop;
  readonly pressing: Pressing;
  private readonly hall: Hall;
  private readonly mains: Mains;
  private readonly latest: Readings;
  private steps = 0;

  constructor(seed: number, startUs: number) {
    this.seed = seed;
    this.startUs = startUs;
    this.hall = new Hall(seed);
    this.mains = new Mains(seed);
    this.loop = new WaterLoop(seed);
    this.pressing = new Pressing(seed);
    this.devices = this.createDevices();
    this.signals = this.devices.flatMap(({ signals }) => signals);
    const count = this.signals.length;
    this.latest = { timesUs: new Float64Array(count), values: new Float64Array(count).fill(Number.NaN) };
    for (let step = 1; step <= warmUpS * stepsPerS; step++) this.stepPhysics(step);
    for (const device of this.devices) device.follow();
  }

  /** Simulated time; µs since the epoch. */
  get nowUs(): number {
    return this.startUs + this.steps * stepUs;
  }

  /** Goes on by whole steps up to a time, never beyond it; calls `onScan` after each reading of a device, in order of time. */
  advanceTo(timeUs: number, onScan?: (device: Device) => void): void {
    const until = Math.floor((timeUs - this.startUs) / stepUs);
    while (this.steps < until) {
      this.steps++;
      this.stepPhysics(this.steps + warmUpS * stepsPerS);
      this.scan(this.steps / stepsPerS, onScan);
    }
  }

  readings(): Readings {
    return this.latest;
  }

  /** The latest reading of one signal; throws for a path that the plant does not have. */
  reading(path: string): number {
    const value = this.latest.values[this.signals.findIndex((signal) => signal.path === path)];
    if (value === undefined) throw new Error(`the plant has no signal ${path}`);
    return value;
  }

  faults(): FaultState[] {
    return faultNames.map((name) => this.loop.faults[name].state);
  }

  /** Begins a fault now; without effect while it is there. */
  beginFault(name: FaultName): void {
    this.loop.faults[name].begin(this.nowUs);
  }

  /** Ends a fault now; its traces fade within seconds. */
  endFault(name: FaultName): void {
    this.loop.faults[name].end();
  }

  private createDevices(): Device[] {
    const devices: Device[] = [];
    let first = 0;
    const add = <Asset>(
      path: string,
      asset: Asset,
      kinds: readonly Parameters<typeof createDevice<Asset>>[2][],
    ): void => {
      for (const kind of kinds) {
        devices.push(createDevice(this.seed, { path, asset, first }, kind));
        first += kind.signals.length;
      }
    };
    add('water/loop1', this.loop, waterDevices(this.mains));
    add('pressing/press1', this.pressing, pressDevices(this.hall, this.mains));
    return devices;
  }

  private stepPhysics(step: number): void {
    const timeS = step / stepsPerS;
    this.hall.step(timeS);
    this.mains.step(this.loop.motor.electricPower + this.pressing.electricPower);
    this.loop.step(timeS, this.hall, this.mains);
    this.pressing.step(timeS, this.hall, this.mains);
  }

  private scan(timeS: number, onScan?: (device: Device) => void): void {
    const { timesUs, values } = this.latest;
    for (const device of this.devices) {
      device.follow();
      if (!device.due(timeS)) continue;
      const readUs = device.scan(values);
      timesUs.fill(this.startUs + readUs, device.first, device.first + device.signals.length);
      onScan?.(device);
    }
  }
}

/** A plant at the beginning of its story. @param startUs µs since the epoch; only moves the times, not what happens */
export function createPlant(seed: number, startUs = 0): Plant {
  return new Plant(seed, startUs);
}
