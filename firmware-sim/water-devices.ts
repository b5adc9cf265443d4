import type { Mains } from './mains.ts';
import { meterSignals } from './meter-signals.ts';
import type { DeviceKind, SignalKind } from './signal.ts';
import { heatPerVolume } from './water.ts';
import type { WaterLoop } from './water-loop.ts';

const toHour = 3600;

const plc: readonly SignalKind<WaterLoop>[] = [
  {
    name: 'flow',
    unit: 'm3/h',
    sensor: { noise: 0.12, resolution: 100, lagS: 0.6, memoryS: 1, range: [0, 120] },
    of: (loop) => loop.flow * toHour,
  },
  {
    name: 'suction-pressure',
    unit: 'bar',
    sensor: { noise: 0.004, resolution: 1000, lagS: 0.2, range: [0, 4] },
    of: (loop) => loop.suctionPressure,
  },
  {
    name: 'discharge-pressure',
    unit: 'bar',
    sensor: { noise: 0.008, resolution: 1000, lagS: 0.2, range: [0, 10] },
    of: (loop) => loop.dischargePressure + loop.dischargeDrift,
  },
  {
    name: 'pump-speed',
    unit: '1/min',
    sensor: { noise: 1, resolution: 1, range: [0, 3600] },
    of: (loop) => loop.motor.speed,
  },
  {
    name: 'valve-position',
    unit: '%',
    sensor: { noise: 0.06, resolution: 20, range: [0, 100] },
    of: (loop) => 100 * loop.valve.reported,
  },
  {
    name: 'supply-temperature',
    unit: 'Cel',
    sensor: { noise: 0.02, resolution: 100, lagS: 3, range: [-20, 120] },
    of: (loop) => loop.exchanger.supply,
  },
  {
    name: 'return-temperature',
    unit: 'Cel',
    sensor: { noise: 0.02, resolution: 100, lagS: 3, range: [-20, 120] },
    of: (loop) => loop.returnTemperature,
  },
  {
    name: 'tank-level',
    unit: '%',
    sensor: { noise: 0.05, resolution: 100, lagS: 1, memoryS: 3, range: [0, 100] },
    of: (loop) => 100 * loop.tank.level,
  },
  {
    // The PLC works it out: water flow times the rise of its temperature.
    name: 'heat-load',
    unit: 'kW',
    sensor: { noise: 1.5, resolution: 10, lagS: 3, memoryS: 2, range: [-100, 1000] },
    of: (loop) => (heatPerVolume * loop.flow * (loop.returnTemperature - loop.exchanger.supply)) / 1000,
  },
  {
    name: 'speed-setpoint',
    unit: '1/min',
    sensor: 'counter',
    of: (loop) => loop.demand.speedSetpoint,
  },
];

const vibrationBox: readonly SignalKind<WaterLoop>[] = [
  {
    name: 'vibration-de',
    unit: 'mm/s',
    sensor: { noise: 0.03, resolution: 100, lagS: 0.8, memoryS: 1.5, range: [0, 50] },
    of: (loop) => loop.vibration.driveEnd,
  },
  {
    name: 'vibration-nde',
    unit: 'mm/s',
    sensor: { noise: 0.025, resolution: 100, lagS: 0.8, memoryS: 1.5, range: [0, 50] },
    of: (loop) => loop.vibration.nonDriveEnd,
  },
  {
    name: 'vibration-peak',
    unit: '[g]',
    sensor: { noise: 0.06, resolution: 100, lagS: 0.3, range: [0, 50] },
    of: (loop) => loop.vibration.peak,
  },
  {
    name: 'noise-level',
    unit: 'dB',
    sensor: { noise: 0.25, resolution: 10, lagS: 0.5, memoryS: 1.5, range: [30, 130] },
    of: (loop) => loop.vibration.noise,
  },
];

const motorBox: readonly SignalKind<WaterLoop>[] = [
  {
    name: 'bearing-temperature',
    unit: 'Cel',
    sensor: { noise: 0.05, resolution: 20, lagS: 5, range: [-40, 150] },
    of: (loop) => loop.motor.bearing,
  },
  {
    name: 'motor-temperature',
    unit: 'Cel',
    sensor: { noise: 0.08, resolution: 20, lagS: 5, range: [-40, 200] },
    of: (loop) => loop.motor.winding,
  },
];

/** Everything that reads `water/loop1`. */
export function waterDevices(mains: Mains): readonly DeviceKind<WaterLoop>[] {
  return [
    { name: 'plc', protocol: 'opcua', signals: plc, jitterS: 0.002, clock: { offsetS: 0.02, driftPpm: 5 } },
    {
      name: 'vibration',
      protocol: 'mqtt',
      signals: vibrationBox,
      jitterS: 0.015,
      clock: { offsetS: 0.06, driftPpm: 30 },
    },
    { name: 'motor', protocol: 'mqtt', signals: motorBox, jitterS: 0.03, clock: { offsetS: 0.06, driftPpm: 40 } },
    { name: 'power', protocol: 'modbus', signals: meterSignals(mains), jitterS: 0, clock: { offsetS: 0, driftPpm: 0 } },
  ];
}
