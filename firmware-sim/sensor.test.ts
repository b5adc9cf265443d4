import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Sensor } from './sensor.ts';

describe('an instrument', () => {
  test('shows whole steps of its resolution inside its range, whatever the truth', () => {
    const truth = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(truth, fc.constantFrom(1, 10, 20, 100, 1000), fc.integer(), (value, resolution, seed) => {
        const sensor = new Sensor(seed, 'x', { noise: 0.5, resolution, range: [-100, 100] });
        sensor.follow(value);
        const shown = sensor.read();
        expect(shown).toBeGreaterThanOrEqual(-100);
        expect(shown).toBeLessThanOrEqual(100);
        expect(shown).toBe(Math.round(shown * resolution) / resolution);
      }),
    );
  });

  test('follows a step with its time constant', () => {
    const sensor = new Sensor(1, 'x', { noise: 0, resolution: 1e6, lagS: 2, range: [0, 10] });
    sensor.follow(0);
    for (let step = 0; step < 20; step++) sensor.follow(1);
    expect(sensor.read()).toBeCloseTo(1 - Math.exp(-1), 5);
  });

  test('has noise of the stated size, white or with a memory', () => {
    const deviations = [0, 5].map((memoryS) => {
      const sensor = new Sensor(1, 'x', { noise: 2, resolution: 1000, memoryS, range: [-100, 100] });
      sensor.follow(0);
      const values = Array.from({ length: 20_000 }, () => sensor.read());
      const square = values.reduce((sum, value) => sum + value * value, 0) / values.length;
      const lagged = values.slice(1).reduce((sum, value, nr) => sum + value * (values[nr] ?? 0), 0) / values.length;
      return { size: Math.sqrt(square), memory: lagged / square };
    });
    expect(deviations[0]?.size).toBeCloseTo(2, 1);
    expect(deviations[0]?.memory).toBeCloseTo(0, 1);
    expect(deviations[1]?.size).toBeCloseTo(2, 0);
    expect(deviations[1]?.memory).toBeCloseTo(Math.exp(-1 / 5), 1);
  });
});
