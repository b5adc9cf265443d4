import type { Mains } from './mains.ts';
import type { PowerMeter } from './power-meter.ts';
import type { SensorKind } from './sensor.ts';
import type { SignalKind } from './signal.ts';

interface Metered {
  readonly meter: PowerMeter;
}

const volts: SensorKind = { noise: 0.12, resolution: 10, range: [0, 500] };
const amperes: SensorKind = { noise: 0.02, resolution: 1000, range: [0, 200] };

/** The ten values of a power meter; class 0.5 (IEC 61557-12). */
export function meterSignals(mains: Mains): readonly SignalKind<Metered>[] {
  const phases = [0, 1, 2];
  return [
    ...phases.map((phase) => ({
      name: `voltage-l${phase + 1}`,
      unit: 'V',
      sensor: volts,
      of: () => mains.voltages[phase] ?? 0,
    })),
    ...phases.map((phase) => ({
      name: `current-l${phase + 1}`,
      unit: 'A',
      sensor: amperes,
      of: ({ meter }: Metered) => meter.currents[phase] ?? 0,
    })),
    {
      name: 'power',
      unit: 'kW',
      sensor: { noise: 0.008, resolution: 1000, range: [0, 200] },
      of: ({ meter }) => meter.power / 1000,
    },
    {
      name: 'power-factor',
      unit: '1',
      sensor: { noise: 0.001, resolution: 1000, range: [-1, 1] },
      of: ({ meter }) => meter.powerFactor,
    },
    {
      name: 'frequency',
      unit: 'Hz',
      sensor: { noise: 0.006, resolution: 100, range: [40, 70] },
      of: () => mains.frequency,
    },
    { name: 'energy', unit: 'kW.h', sensor: 'counter', of: ({ meter }) => meter.energy / 100 },
  ];
}
