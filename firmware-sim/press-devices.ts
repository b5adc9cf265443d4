import type { Hall } from './hall.ts';
import type { Mains } from './mains.ts';
import { meterSignals } from './meter-signals.ts';
import type { Pressing } from './pressing.ts';
import type { DeviceKind, SignalKind } from './signal.ts';

const plc: readonly SignalKind<Pressing>[] = [
  {
    name: 'force',
    unit: 'kN',
    sensor: { noise: 0.8, resolution: 10, range: [-50, 1200] },
    of: ({ press }) => press.force / 1000,
  },
  {
    name: 'ram-position',
    unit: 'mm',
    sensor: { noise: 0.02, resolution: 100, range: [-5, 500] },
    of: ({ press }) => press.position * 1000,
  },
  {
    name: 'ram-speed',
    unit: 'mm/s',
    sensor: { noise: 0.3, resolution: 10, range: [-600, 600] },
    of: ({ press }) => press.speed * 1000,
  },
  {
    name: 'oil-pressure',
    unit: 'bar',
    sensor: { noise: 0.3, resolution: 10, lagS: 0.05, range: [0, 400] },
    of: ({ press }) => press.pressure / 1e5,
  },
  {
    name: 'oil-temperature',
    unit: 'Cel',
    sensor: { noise: 0.03, resolution: 50, lagS: 6, range: [-20, 150] },
    of: ({ heat }) => heat.oil,
  },
  { name: 'strokes', unit: '1', sensor: 'counter', of: ({ press }) => press.strokes },
];

const frameBox: readonly SignalKind<Pressing>[] = [
  {
    name: 'vibration',
    unit: 'mm/s',
    sensor: { noise: 0.04, resolution: 100, memoryS: 1, range: [0, 100] },
    of: (asset) => asset.vibration,
  },
  {
    name: 'die-temperature',
    unit: 'Cel',
    sensor: { noise: 0.08, resolution: 20, lagS: 4, range: [-20, 300] },
    of: ({ heat }) => heat.die,
  },
  {
    name: 'noise-level',
    unit: 'dB',
    sensor: { noise: 0.3, resolution: 10, range: [30, 130] },
    of: (asset) => asset.noise,
  },
];

const cabinetBox = (hall: Hall): readonly SignalKind<Pressing>[] => [
  {
    name: 'oil-level',
    unit: '%',
    sensor: { noise: 0.06, resolution: 20, lagS: 1, range: [0, 100] },
    of: (asset) => asset.oilLevel,
  },
  {
    name: 'cabinet-temperature',
    unit: 'Cel',
    sensor: { noise: 0.05, resolution: 20, lagS: 5, range: [-40, 100] },
    of: ({ heat }) => heat.cabinet,
  },
  {
    name: 'humidity',
    unit: '%',
    sensor: { noise: 0.12, resolution: 10, lagS: 8, range: [0, 100] },
    of: () => hall.humidity,
  },
];

/** Everything that reads `pressing/press1`. */
export function pressDevices(hall: Hall, mains: Mains): readonly DeviceKind<Pressing>[] {
  return [
    { name: 'plc', protocol: 'opcua', signals: plc, jitterS: 0.002, clock: { offsetS: 0.02, driftPpm: 5 } },
    { name: 'frame', protocol: 'mqtt', signals: frameBox, jitterS: 0.015, clock: { offsetS: 0.06, driftPpm: 30 } },
    {
      name: 'cabinet',
      protocol: 'mqtt',
      signals: cabinetBox(hall),
      jitterS: 0.03,
      clock: { offsetS: 0.06, driftPpm: 40 },
    },
    { name: 'power', protocol: 'modbus', signals: meterSignals(mains), jitterS: 0, clock: { offsetS: 0, driftPpm: 0 } },
  ];
}
